# What bash has beyond other shells: process substitution, pipefail, arrays, wait -n, coproc.
diff <(seq 3) <(seq 2 4)
echo "status $?"
paste <(seq 3) <(seq 4 6) <(seq 7 9)
touch sorted; seq 5 > >(sort -rn > sorted); while [ "$(wc -l < sorted)" -lt 5 ]; do sleep 0.01; done
cat sorted
seq 100 | tee >(wc -l > counted) >/dev/null
while ! [ -s counted ]; do sleep 0.01; done
cat counted
set -o pipefail
false | true
echo "pipefail $?"
(exit 3) | (exit 4) | true
echo "${PIPESTATUS[@]}"
set +o pipefail
coproc DOUBLER { while read -r number; do echo $((number * 2)); done; }
for number in 4 5 6; do
    echo $number >&"${DOUBLER[1]}"
    read -r answer <&"${DOUBLER[0]}"
    echo "$answer"
done
pid=$DOUBLER_PID
eval "exec ${DOUBLER[1]}>&-"
wait "$pid"
echo "coproc $?"
(sleep 0.2; exit 1) & (exit 2) &
wait -n
echo "first to end $?"
wait -n
echo "next $?"
mapfile -t lines < words
echo "${#lines[@]} ${lines[7]}"
declare -A table=([one]=1 [two]=2)
for key in $(printf '%s\n' "${!table[@]}" | sort); do echo "$key=${table[$key]}"; done
[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo "${BASH_REMATCH[1]}-${BASH_REMATCH[2]}"
read -r -t 0.05 line < <(sleep 0.2)
[ $? -gt 128 ] && echo "read timed out"
trap 'echo "error on line of false"' ERR
false
trap - ERR
bash -c 'trap "echo child ended" CHLD; (exit 0) & wait; :' | uniq
exec {descriptor}<words
read -r line <&"$descriptor"
echo "$line"
exec {descriptor}<&-
cat <<< "here string"
shopt -s globstar nullglob extglob
echo **/*.txt none* !(words|other|*.*|sorted|counted)
printf -v padded '%05d' 42
echo "$padded ${padded/0/x} ${padded#00}"
for ((i = 0; i < 3; i++)); do echo -n "$i "; done; echo
timeout 0.1 sleep 5
echo "timeout $?"
{ timeout -s KILL 0.1 sleep 5; } 2>/dev/null
echo "timeout $?"
exec 5>&2 2>/dev/null
set -m
sleep 5 & first=$!
sleep 6 & second=$!
jobs | sed 's/ *&$//'
kill %2
wait $second 2>/dev/null
echo "second $?"
kill -STOP %1
wait %1 2>/dev/null
echo "stopped $?"
jobs
kill -CONT %1
disown %1
kill $first
jobs
exec 2>&5 5>&-
trap 'echo at exit' EXIT
bash -c 'trap "echo inner" EXIT; kill -TERM $$; echo not reached'
echo "status $?"
time_format=$TIMEFORMAT; TIMEFORMAT=timed; time true; TIMEFORMAT=$time_format
set -e
(false; echo not reached) || echo "false in a list goes on"

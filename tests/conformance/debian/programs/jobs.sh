# Background jobs, wait, traps, stopping and groups, in any shell.
sleep 0.05 & first=$!
(exit 3) & second=$!
wait $second
echo second $?
wait $first
echo first $?
wait 12345 2>/dev/null
echo not a child $?
for number in 1 2 3 4 5 6 7 8; do (exit $number) & done
wait
echo all $?
sleep 10 & victim=$!
kill $victim
wait $victim 2>/dev/null
echo killed $?
sleep 10 & victim=$!
kill -KILL $victim
wait $victim 2>/dev/null
echo killed $?
kill -0 $victim 2>/dev/null || echo gone
trap 'echo caught USR1' USR1
kill -USR1 $$
(until [ "$(cut -d ' ' -f 3 /proc/$$/stat)" = S ]; do sleep 0.01; done
 kill -USR1 $$; sleep 0.2) & sender=$!
wait $sender
status=$?
[ $status -gt 128 ] && echo interrupted && wait $sender
wait
trap - USR1
trap '' TERM
kill -TERM $$
echo ignored TERM
sh -c 'kill -TERM $$; echo so does its child'
trap - TERM
(trap 'echo end of subshell' EXIT; exit 4)
echo status $?
{ sh -c 'kill -SEGV $$'; } 2>/dev/null
echo signal $?
(trap 'echo hup; exit 9' HUP; kill -HUP "$(sh -c 'echo $PPID')"; echo not reached)
echo status $?
sleep 10 & job=$!
kill -STOP $job
while [ "$(cut -d ' ' -f 3 /proc/$job/stat)" != T ]; do sleep 0.01; done
echo stopped
kill -CONT $job
while [ "$(cut -d ' ' -f 3 /proc/$job/stat)" = T ]; do sleep 0.01; done
echo continued
kill $job
wait $job 2>/dev/null
echo job $?
exec 5>&2 2>/dev/null
setsid sh -c 'trap "" TERM; sleep 10 & sleep 10 & echo $! $$ > group; wait' & leader=$!
while ! [ -s group ]; do sleep 0.01; done
read -r member group < group
rm group
kill -9 "-$group"
while kill -0 $member 2>/dev/null; do sleep 0.01; done
wait $leader
echo group $?
exec 2>&5 5>&-
umask 027
umask
ulimit -n 100
ulimit -n
count=0
while [ $count -lt 50 ]; do count=$((count + 1)); (exit $count); done
echo $count $?
( (sleep 0.02; echo grandchild > late) & )
while ! [ -s late ]; do sleep 0.01; done
cat late
(echo first; exec echo replaced; echo not reached)
exec 3</dev/null
sh -c 'read x <&3; echo inherited $?'
trap 'echo bye; exit 6' EXIT
exit 1

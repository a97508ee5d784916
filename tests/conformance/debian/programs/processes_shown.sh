# What programs say about processes. needs: ps pgrep pkill pidof pwdx pmap top free vmstat uptime
# What depends on the machine is left out: of the rest every byte is compared.
exec 2>/dev/null    # how children end: shells say so early or late
cp /bin/sleep ./napper
./napper 30 &
first=$!
nice -n 5 ./napper 30 &
second=$!
until [ "$(cat /proc/$first/comm /proc/$second/comm | xargs)" = 'napper napper' ]; do
    sleep 0.01
done
echo "-- ps"
ps -o comm,ni,cls,rtprio,nlwp,user,ruser,uid,gid,egroup,args,tty -p $first,$second
ps -o ppid= -p $first | grep -c "^ *$$\$"
ps -o stat= -p $first,$second | cut -c1
ps -o pgid=,sid= -p $first | awk '{print NF}'
ps -o comm= --ppid $$ | grep -c napper
ps -C napper -o comm=,ni= | sort
ps --no-headers -o label -p $first
ps -o pid= -p 999999; echo $?
for form in -ef aux -eLf axjf; do ps $form | head -1 | tr -s ' '; done
ps -p $$ -o etimes= | grep -cE '^ *[0-9]+$'
echo "-- pgrep"
pgrep -P $$ -x napper | wc -l
pgrep -P $$ -lf 'napper 30' | cut -d' ' -f2-
pgrep -P $$ -n napper | grep -c "^$second\$"
pgrep -P $$ -o napper | grep -c "^$first\$"
pgrep no-such-program; echo $?
pidof ./napper | wc -w
echo "-- pwdx"
test "$(pwdx $first)" = "$first: $(pwd)" && echo "the same"
pwdx 999999; echo $?
echo "-- pmap"
pmap $first | grep -q napper && echo mapped
pmap -x $first | sed -n 2p
pmap $first | tail -1 | sed 's/[0-9][0-9]*K/nK/'
echo "-- top"
top -b -n1 -p $first | sed -n '2p;7p' | tr -s ' '
top -b -n1 -p $second | tail -1 | awk '{print $2, $3, $4, $8, $12}'
echo "-- free, vmstat, uptime"
free | awk '{print $1, NF}'
free -h -t | awk '{print $1, NF}'
vmstat | head -2
vmstat -s | sed 's/^ *[0-9]* *//' | sort
vmstat 1 2 | awk 'NR > 2 {print NF}'
uptime | grep -cE '^ [0-9:]{8} up .* user[s]?,  load average: [0-9.]+, [0-9.]+, [0-9.]+$'
uptime -p | cut -c1-3
echo "-- pkill"
pkill -P $$ -STOP -x napper
until grep -q '^State:.T' /proc/$first/status; do sleep 0.01; done
ps -o stat= -p $first | cut -c1
pkill -P $$ -CONT -x napper
pkill -P $$ -x napper; echo $?
wait $first; echo $?
wait $second; echo $?
pkill -P $$ -x napper; echo $?
rm napper

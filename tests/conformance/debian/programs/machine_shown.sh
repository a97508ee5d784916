# What programs say about the machine and who uses files.
# needs: lscpu nproc taskset findmnt df mount lsof pstree killall fuser prlimit chrt
exec 2>/dev/null    # how children end: shells say so early or late
echo "-- processors"
taskset -c 0 nproc
taskset -c 0 sh -c 'taskset -p $$' | sed 's/pid [0-9]*/pid/'
taskset -c 0 sh -c 'taskset -cp $$' | sed 's/pid [0-9]*/pid/'
taskset -c 0 python3 -c 'import os; print(os.sched_getaffinity(0))'
taskset -c 99 true; echo $?
test "$(nproc --all)" = "$(getconf _NPROCESSORS_CONF)" && echo "as many"
test "$(nproc)" = "$(grep -c ^processor /proc/cpuinfo)" && echo "as many"
test "$(nproc)" = "$(lscpu -p=cpu | grep -vc '#')" && echo "as many"
lscpu | grep -E '^(Architecture|CPU op-mode|Byte Order)' | tr -s ' '
echo "-- filesystems"
findmnt -no FSTYPE /proc
findmnt -no FSTYPE /dev/shm | tail -1
findmnt -no FSTYPE,TARGET /sys
mount | grep -c ' on / '
mount -t proc | cut -d' ' -f1-5
df --output=target /dev/shm
df /proc | head -1
df -P /nowhere; echo $?
grep -cE '(sysfs|proc|tmpfs)$' /proc/filesystems
echo "-- open files"
cp /bin/sleep ./napper
exec 3>opened
./napper 30 &
pid=$!
until grep -q napper /proc/$pid/comm; do sleep 0.01; done
lsof -w -p $pid -a -d cwd,txt,3 -F ftn | tail -n +2 | sed "s,$(pwd),HERE,"
lsof -w -t "$(pwd)/opened" | sort -n | grep -c "^$pid\$"
fuser "$(pwd)/opened" 2>/dev/null | wc -w
exec 3>&-
echo "-- trees"
pstree -T $pid
pstree -A $$ | grep -c napper
killall -q no-such-program; echo $?
killall -s USR1 napper
wait $pid; echo $?
echo "-- limits"
prlimit --nofile=100:200 prlimit --nofile
prlimit --nofile=100:200 sh -c 'ulimit -n; ulimit -Hn'
prlimit --core=0 --cpu=5:6 prlimit --cpu --core
prlimit --fsize=1000 sh -c 'head -c 2000 /dev/zero > big; ls -l big | cut -d" " -f5' 2>/dev/null
prlimit --pid $$ --nofile=150:200; ulimit -n
(ulimit -v 100000; python3 -c 'x = bytearray(1 << 30)' 2>&1 | tail -1)
echo "-- scheduling"
chrt -p $$ | sed 's/pid [0-9]*/pid/'
chrt -b 0 chrt -p 0 2>&1 | sed 's/pid [0-9]*/pid/' | head -1
chrt -f 5 sh -c 'chrt -p $$' | sed 's/pid [0-9]*/pid/'
chrt -f 100 true; echo $?
nice -n 3 nice
renice -n 4 -p $$ >/dev/null; nice
rm napper opened

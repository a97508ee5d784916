# Other users: their ids, what they may do, set-user-id programs. needs: setpriv su chgrp install
exec 2>/dev/null    # how children end: shells say so early or late
umask 022
chmod 755 .
id
setpriv --reuid=1234 --regid=2345 --clear-groups id
setpriv --reuid=1234 --regid=2345 --groups=5,6 id -G
setpriv --reuid=1234 --regid=2345 --clear-groups sh -c 'echo x > new; echo $?' 2>&1
setpriv --reuid=1234 --regid=2345 --clear-groups \
    grep -E "^(Uid|Gid|Groups|CapEff)" /proc/self/status
su -s /bin/sh nobody -c 'id -un; id -gn; cd /; touch /x 2>&1; echo $?'
echo "-- permissions"
echo secret > private; chmod 600 private
echo mine > theirs; chown 1234:2345 theirs; chmod 640 theirs
as() { setpriv --reuid=$1 --regid=$2 --clear-groups sh -c "$3" 2>&1; }
as 1234 2345 'cat private; cat theirs; echo more >> theirs; chmod 600 private; rm private'
as 4321 2345 'cat theirs; echo more >> theirs; mv theirs x'
as 4321 4321 'cat theirs; test -r theirs; echo $?; test -w private; echo $?'
as 1234 2345 'chown 0 theirs; chgrp 0 theirs; chmod 4755 theirs; stat -c %a theirs'
mkdir -m 1777 sticky; touch sticky/roots; as 1234 2345 'touch sticky/mine; rm sticky/roots'
as 4321 4321 'rm -f sticky/mine; touch sticky/mine; mv sticky/mine sticky/x'
mkdir -m 2775 group; chgrp 2345 group; touch group/file; mkdir group/sub; stat -c '%a %g' group/*
mkdir -m 711 hidden; echo found > hidden/file
as 1234 2345 'ls hidden; cat hidden/file; echo > hidden/other'
echo "-- set-user-id"
install -m 4755 -o 1234 -g 2345 /usr/bin/id own-id
./own-id
as 4321 4321 './own-id'
setpriv --reuid=4321 --regid=4321 --clear-groups --no-new-privs ./own-id
install -m 6755 -o 0 -g 2345 /usr/bin/id root-id
as 4321 4321 './root-id; cat private'
chown 1234 root-id; stat -c %a root-id
chmod 6755 root-id
as 1234 2345 'cat /dev/null >> root-id; stat -c %a root-id; echo x >> root-id; stat -c %a root-id'
install -m 4755 /usr/bin/python3 root-python
cat > change.py <<'END'
import os
print(os.getresuid())
os.setresuid(-1, 4321, -1)
print(os.getresuid())
os.seteuid(0)
print(os.getresuid(), os.access("private", os.R_OK))
END
as 4321 4321 './root-python change.py'
rm own-id root-id root-python
echo "-- signals"
sleep 30 & victim=$!
as 1234 2345 "kill $victim; kill -0 $victim"
kill $victim; wait $victim; echo $?
setpriv --reuid=1234 --regid=2345 --clear-groups sleep 30 & victim=$!
until grep -q '^Uid:.1234' /proc/$victim/status; do sleep 0.01; done
as 1234 2345 "kill $victim; echo \$?"; wait $victim; echo $?
echo "-- python"
python3 - <<'END'
import os, threading, ctypes
libc = ctypes.CDLL(None, use_errno=True)
seen = []
def look(begin, go_on):
    begin.set(); go_on.wait(); seen.append(os.getresuid())
begin, go_on = threading.Event(), threading.Event()
thread = threading.Thread(target=look, args=(begin, go_on)); thread.start(); begin.wait()
if os.fork() == 0: os._exit(0)
os.wait()
os.setgroups([7, 8]); os.setresgid(5, 6, 7); os.setresuid(1, 2, 3)
go_on.set(); thread.join()
print(seen, os.getgroups(), os.getresgid())
try: os.setuid(9)
except PermissionError as error: print(error)
END

# needs: unshare nsenter findmnt ipcs ps
# Namespaces, by the programs of util-linux; in one of mounts, so that the host's stay as they are.
if test -z "$APART"; then
    APART=1
    export APART
    exec unshare --mount --propagation private sh "$0"
fi

before=$(uname -n)
unshare --uts sh -c 'echo inside > /proc/sys/kernel/hostname; uname -n'
test "$before" = "$(uname -n)" && echo 'unchanged'

unshare --mount --pid --fork --mount-proc sh -c 'echo $$; ps -o pid,comm; ls -d /proc/[0-9]*'
unshare --ipc ipcs -m | grep -c 0x

mkdir place
unshare --mount sh -c 'mount -t tmpfs none place && touch place/file && ls place
                       findmnt -n -o FSTYPE place; df --output=fstype place'
ls place
rmdir place

unshare --uts --ipc --net --mount sh -c 'echo other > /proc/sys/kernel/hostname; exec sleep 1000' &
other=$!
until test "$(cat /proc/$other/comm)" = sleep; do
    sleep 0.01
done
nsenter --target $other --uts uname -n
nsenter --target $other --all uname -n
test "$(readlink /proc/$other/ns/uts)" != "$(readlink /proc/self/ns/uts)" && echo 'another one'
test "$(readlink /proc/$other/ns/pid)" = "$(readlink /proc/self/ns/pid)" && echo 'the same one'
touch names
mount --bind /proc/$other/ns/uts names
exec 2>/dev/null    # how children end: shells say so early or late
kill $other
wait $other
nsenter --uts=names uname -n
umount names
rm names

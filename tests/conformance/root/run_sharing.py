#!/usr/bin/env python3
"""Roots whose changes reach the host: --root-rw, --bind and --save-changes; and --root, whose
changes do not.  The same script runs in a directory of the host and inside; then the trees are
compared."""
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from roots import BUSYBOX, IS_QEMU, common, describe, expect, finish, inside, make_root

# Runs in the directory `files`; every command must do the same on both sides.
SCRIPT = """
exec 2>&1
cd files
echo new > new; echo more >> dir/file; printf over > dir/longer; rm dir/gone; rm -r tree
mkdir tree; echo again > tree/again; mkdir -p made/deep/er
ln -s ../dir made/link; ln -s /a/b made/l2
ln dir/file dir/file2; mv below/there below/moved; mv dir/longer made/deep/renamed; mv -f one two
chmod 640 mode; chmod 1750 dir; touch -d '2001-02-03 04:05:06' made/deep/er made/link new
mkfifo made/fifo; rm link; ln -s elsewhere link; mkdir -p x/y/z; mv x/y x/q; rmdir x/q/z
dd if=/dev/zero of=zeroes bs=64k count=5 2>/dev/null; truncate -s 70000 zeroes; echo end >> zeroes
truncate -s 3 short; : > emptied; rm pair1; echo pair >> pair2
touch 'a name
of two lines' ; mkdir absent/dir; rmdir dir; cat absent; ls made/deep
(cat made/fifo & echo thru > made/fifo; wait)
umask 077; mkdir tight; : > tight/file; cat dir/file two link; chmod 0 tight/file; wc -c < zeroes
"""


def make_work(directory):
    """What the script finds."""
    for name in ("dir", "tree/deep", "below/there/deep"):
        os.makedirs(os.path.join(directory, "files", name))
    contents = {"dir/file": "file\n", "dir/longer": "something longer\n", "dir/gone": "",
                "one": "1\n", "two": "2\n", "mode": "m", "short": "short ones", "emptied": "full",
                "pair1": "p\n",
                "tree/deep/file": "deep", "below/there/deep/file": "below\n", "untouched": "same"}
    for name, text in contents.items():
        with open(os.path.join(directory, "files", name), "w", encoding="ascii") as file:
            file.write(text)
    os.link(os.path.join(directory, "files/pair1"), os.path.join(directory, "files/pair2"))
    os.symlink("dir/file", os.path.join(directory, "files/link"))


def without_times_of_now(lines):
    """Descriptions without times but those that the script sets."""
    return [line if "981173106" in line else " ".join(
        word for word in line.split(" ") if not (word.isdigit() and len(word) == 19))
        for line in lines]


def tree(directory):
    return without_times_of_now(describe(os.path.join(directory, "files")))


def natively(directory):
    environment = {"PATH": os.path.join(directory, "bin")}
    saved = dict(common.ENVIRONMENT)
    common.ENVIRONMENT.update(environment)
    try:
        return common.execute([BUSYBOX, "sh", "-c", SCRIPT], directory)
    finally:
        common.ENVIRONMENT.clear()
        common.ENVIRONMENT.update(saved)


def apply_changes(changes, target):
    """What a saved directory means, to a copy of the root."""
    for name in sorted(os.listdir(changes)):
        path = os.path.join(changes, name)
        if name.startswith(".wh..wh."):
            for old in os.listdir(target):
                remove(os.path.join(target, old))
    for name in sorted(os.listdir(changes)):
        path, place = os.path.join(changes, name), os.path.join(target, name)
        if name.startswith(".wh."):
            if not name.startswith(".wh..wh."):
                remove(os.path.join(target, name[4:]))
        elif os.path.isdir(path) and not os.path.islink(path):
            if os.path.islink(place) or (os.path.exists(place) and not os.path.isdir(place)):
                os.unlink(place)
            os.makedirs(place, exist_ok=True)
            apply_changes(path, place)
            shutil.copystat(path, place)
        else:
            if os.path.lexists(place):
                remove(place)
            os.link(path, place, follow_symlinks=False)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def compare_trees(expected, found):
    return [f"- {line}" for line in expected if line not in found] + \
        [f"+ {line}" for line in found if line not in expected]


def check_tree(suite, base):
    """The script, with all ways to keep what it does."""
    reference = os.path.join(base, "reference")
    shutil.copytree(os.path.join(base, "start"), reference, symlinks=True)
    relink(reference)
    native = natively(reference)
    wanted = tree(reference)
    command = ["/bin/sh", "-c", SCRIPT]
    for name, cpus in (("root_rw", 1), ("root_rw_4_cpus", 4), ("bind", 1), ("save", 1),
                       ("save_4_cpus", 4)):
        place = os.path.join(base, name)
        shutil.copytree(os.path.join(base, "start"), place, symlinks=True)
        relink(place)
        before = describe(place)
        options = [f"--cpus={cpus}", "--cwd=/"]
        if name.startswith("root_rw"):
            options += ["--root-rw", place]
        elif name == "bind":
            options += ["--root", os.path.join(base, "start"), f"--bind={place}/files:/files"]
        else:
            options += ["--root", place, "--save-changes", os.path.join(base, name + "_saved")]
        hosted = inside(options, command)
        suite.check(f"share_{name}_output", common.differences(native, hosted))
        if name.startswith("save"):
            suite.check(f"share_{name}_host_unchanged", compare_trees(before, describe(place)))
            apply_changes(os.path.join(base, name + "_saved"), place)
        suite.check(f"share_{name}_tree", compare_trees(wanted, tree(place)))


def relink(directory):
    """Copying makes two files of two names of one."""
    os.unlink(os.path.join(directory, "files/pair2"))
    os.link(os.path.join(directory, "files/pair1"), os.path.join(directory, "files/pair2"))


def check_copied(suite, base):
    """--root alone: nothing of it reaches the host."""
    start = os.path.join(base, "start")
    before = describe(start)
    inside(["--root", start], ["/bin/sh", "-c", SCRIPT])
    suite.check("share_root_host_unchanged", compare_trees(before, describe(start)))


def check_bind(suite, base):
    start, other = os.path.join(base, "start"), os.path.join(base, "other")
    os.makedirs(os.path.join(other, "sub"))
    for name in ("file", "sub/file"):
        with open(os.path.join(other, name), "w", encoding="ascii") as file:
            file.write(name + "\n")
    before = describe(other)
    script = """exec 2>&1; cat /ro/file /deep/er/file /one
for what in '> /ro/file' '> /ro/new' '>> /one'; do eval "echo x $what"; done
rm /ro/file; mkdir /ro/dir; mv /ro/file /ro/b; chmod 1 /ro/file; ln /ro/file /ro/l
ln -s a /ro/s; touch /ro/file; truncate -s 0 /one; rmdir /ro; rm /one
ls / | grep -c one; mv /ro /rx; ls /ro/sub"""
    result = inside(["--root", start, f"--bind={other}:/ro:ro", f"--bind={other}:/deep/er:ro",
                     f"--bind={other}/file:/one:ro"], ["/bin/sh", "-c", script])
    refused = [line for line in result.output.splitlines() if "Read-only file system" in line]
    busy = [line for line in result.output.splitlines() if "resource busy" in line]
    problems = [] if len(refused) == 11 and len(busy) == 3 else [
        f"{len(refused)} of 11 read-only, {len(busy)} of 3 busy", *result.output.splitlines()]
    problems += [] if result.output.startswith("file\nfile\nfile\n") else ["not what is bound"]
    suite.check("bind_read_only", problems + compare_trees(before, describe(other)))
    script = "echo more >> /one; cat /two/file; rm /two/sub/file; : > /two/again"
    result = inside(["--root", start, f"--bind={other}:/two", f"--bind={other}/file:/one",
                     f"--bind={other}:/x/y"], ["/bin/sh", "-c", script])
    found = [line.split()[0] for line in describe(other)]
    suite.check("bind_writes", expect(result, "file\nmore\n") +
                ([] if found == ["again", "file", "sub"] else [str(found)]))
    result = inside([f"--bind={other}:/data", f"--bind={BUSYBOX}:/tmp/cat:ro"], [BUSYBOX, "sh",
                    "-c", "cat /data/file; /tmp/cat /data/file"])
    suite.check("bind_without_root", expect(result, "file\nmore\nfile\nmore\n"))
    for name, value, errors in (
            ("empty", "", "is not HOST:GUEST"), ("no_guest", other, "is not HOST:GUEST"),
            ("relative", f"{other}:x", "is not HOST:GUEST"),
            ("mode", f"{other}:/x:rx", "is not"),
            ("root", f"{other}:/", "GUEST must be below /"),
            ("absent", "/absent:/x", "cannot open"),
            ("dots", f"{other}:/..", "GUEST must be below /"),
            ("device", "/dev/null:/x", "neither a directory nor a regular file"),
            ("under_a_file", f"{other}:/bin/busybox/x", "cannot show")):
        result = inside(["--root", start, "--bind=" + value], ["/bin/true"])
        suite.check("bind_bad_" + name, expect(result, "", 2, errors))
    result = inside(["--root", start, *[f"--bind={other}:/b{n}" for n in range(33)]], ["/bin/pwd"])
    suite.check("bind_too_many", expect(result, "", 2, "too many --bind"))


def check_save(suite, base):
    start, place = os.path.join(base, "start"), os.path.join(base, "new")
    script = "mknod /node c 1 3; : > /.wh.x; echo a > /dev/shm/not; exit 7"
    result = inside(["--root", start, "--save-changes", place], ["/bin/sh", "-c", script])
    suite.check("save_keeps_the_status", expect(result, "", 7, "node is a device"))
    suite.check("save_leaves_out", [str(found) for found in [os.listdir(place)] if found])
    result = inside(["--root", start, "--save-changes", place], ["/bin/sh", "-c", "kill -9 $$"])
    suite.check("save_of_nothing", expect(result, "", 137, "killed by signal"))
    os.mkdir(os.path.join(place, "something"))
    cases = {
        "not_empty": (["--root", start, "--save-changes", place], "there is something in it"),
        "no_parent": (["--root", start, "--save-changes", "/absent/x"], "cannot make it"),
        "file": (["--root", start, "--save-changes", BUSYBOX], "Not a directory"),
        "no_root": (["--save-changes", place], "give --root as well"),
        "root_rw": (["--root-rw", start, "--save-changes", place], "give --root as well"),
        "both_roots": (["--root-rw", start, "--root", start], "cannot be given together"),
        "seed": (["--root-rw", start, "--seed=1"], "not for runs that repeat"),
        "bind_seed": (["--root", start, "--seed=1", f"--bind={start}:/x"], "not for runs that"),
    }
    for name, (options, errors) in cases.items():
        result = inside(options, ["/bin/true"])
        suite.check("save_bad_" + name, expect(result, "", 2, errors))


def check_refused(suite, start):
    """What is hosted only is refused, and not forgotten."""
    for option in (f"--root-rw={start}", f"--bind={start}:/x", "--save-changes=/absent/x"):
        result = inside(["--root", start, option], ["/bin/true"])
        name = option.split("=")[0].strip("-").replace("-", "_")
        suite.check("refuses_" + name, expect(result, "", 2, option.split("=")[0]))


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory() as base:
        start = os.path.join(base, "start")
        os.mkdir(start)
        make_root(start)
        make_work(start)
        check_copied(suite, base)
        if IS_QEMU:
            check_refused(suite, start)
        else:
            check_tree(suite, base)
            check_bind(suite, base)
            check_save(suite, base)
    return finish(suite)


if __name__ == "__main__":
    sys.exit(main())

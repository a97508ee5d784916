#!/usr/bin/env python3
"""Roots that are not friendly: they change while the machine runs, are full of what must not be
opened, lead out, cannot be written, or are full.  Nothing of the host is changed."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from roots import IS_QEMU, common, describe, expect, finish, inside, make_root

YOUNG = os.path.join(common.BUILD, "conformance/root/young_files.elf")
BUSY = os.path.join(common.BUILD, "conformance/linux/process_interpreter.elf")
ATTACK = os.path.join(common.BUILD, "conformance/linux/file_attack.elf")
MARK = "-- done --"
NAME_MAX = 255
SHARED = () if IS_QEMU else (("shared", 1), ("shared", 4))


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="ascii") as file:
        file.write(text)


def make_young(directory):
    for name in "abcd":
        write(directory, name, name * (4 * 4096))


def make_nothing(_directory):
    pass


def check_program(suite, title, program, make):
    """A program in all kinds of roots, in a directory that `make` fills just before."""
    trees = []

    def natively():
        with tempfile.TemporaryDirectory() as directory:
            make(directory)
            result = common.execute([program], directory)
            trees.append(describe(directory, with_times=False))
        return result

    native = common.Oracle(natively)
    for name, cpus in (("copied", 1), ("copied", 4), *SHARED):
        with tempfile.TemporaryDirectory() as directory:
            place = "/young" if name == "shared" else directory
            options = [f"--cpus={cpus}", "--root=/", "--cwd=" + place]
            if name == "shared":
                options.append(f"--bind={directory}:/young")
            make(directory)
            before = describe(directory)
            hosted = inside(options, [program])
            problems = []
            if name == "copied" and describe(directory) != before:
                problems.append("the host's files have changed")
            if name == "shared" and describe(directory, with_times=False) != trees[0]:
                problems.append("the host's files are not what they are natively")
        suite.compare(f"{title}_{name}_on_{cpus}_cpus", native, hosted, problems)


def check_escape(suite):
    """Walks that may not leave, and renames between any two operations of the kernel on locks: with
    this seed many walks got out when a rename was noted before it was done."""
    command = ["--user=0", "--seed=2", "--cpus=3", "--cwd=/tmp", ATTACK, "10000"]
    found = common.execute([common.SIM, *command])
    suite.check("escape_by_renames", [] if found.status == 0 and
                found.output.count("escapes = 0\n") == 2 else [found.output, found.errors])


class Shell:
    """A shell inside that is given one line after the other."""

    def __init__(self, root):
        self.process = subprocess.Popen(
            [common.SIM, "--root", root, "/bin/sh"], stdin=subprocess.PIPE, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={"PATH": "/bin"})

    def run(self, line):
        self.process.stdin.write(f"{{ {line}; }} 2>&1; echo '{MARK}'\n")
        self.process.stdin.flush()
        lines = []
        for text in self.process.stdout:
            if text.rstrip("\n").endswith(MARK):
                return "".join(lines) + text.rstrip("\n")[:-len(MARK)]
            lines.append(text)
        return "".join(lines) + "the shell has ended"

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=common.TIMEOUT_SECONDS)


def check_changes(suite, root):
    """What the host does to its files while a program has them."""
    top = os.path.join(root, "changing")
    os.makedirs(os.path.join(top, "dir/sub"))
    for name in ("deleted", "replaced", "cut", "owned", "grown", "dir/file"):
        write(top, name, f"old {name}\n")
    shell = Shell(root)
    wrong = []

    def ask(line, answer):
        found = shell.run(line)
        if found != answer:
            wrong.append(f"{line}: {found!r}, expected {answer!r}")

    ask("cd /changing && exec 3< deleted 4< replaced 5< cut 6< grown", "")
    ask("cat deleted replaced", "old deleted\nold replaced\n")
    ask("echo mine >> owned; cat owned", "old owned\nmine\n")
    os.unlink(os.path.join(top, "deleted"))
    write(top, "new", "new\n")
    os.rename(os.path.join(top, "new"), os.path.join(top, "replaced"))
    os.truncate(os.path.join(top, "cut"), 4)
    with open(os.path.join(top, "grown"), "a", encoding="ascii") as file:
        file.write("more\n")
    write(top, "owned", "the host's\n")
    shutil.rmtree(os.path.join(top, "dir"))
    write(top, "dir", "a file now\n")
    write(top, "added", "added\n")
    ask("cat <&3", "old deleted\n")
    ask("cat deleted", "cat: can't open 'deleted': No such file or directory\n")
    ask("cat <&4; cat replaced", "old replaced\nnew\n")
    ask("cat <&5; cat cut", "old old ")
    ask("cat <&6", "old grown\nmore\n")
    ask("cat owned", "old owned\nmine\n")
    ask("cat dir added", "a file now\nadded\n")
    ask("cat dir/file", "cat: can't open 'dir/file': Not a directory\n")
    ask("ls", "added\ncut\ndir\ngrown\nowned\nreplaced\n")
    os.unlink(os.path.join(top, "dir"))
    os.mkdir(os.path.join(top, "dir"))
    write(top, "dir/again", "again\n")
    ask("cd dir && ls && cat again", "again\nagain\n")
    shutil.rmtree(top)
    # QEMU's server finds directories by their names, and this one's is gone.
    ask("ls; cat again", ("ls: .: No such file or directory\n" if IS_QEMU else "") +
        "cat: can't open 'again': No such file or directory\n")
    ask("cd /; ls -d changing", "ls: changing: No such file or directory\n")
    ask("mkdir /changing; echo x > /changing/x; cat /changing/x", "x\n")
    status = shell.end()
    if status != 0:
        wrong.append(f"status {status}")
    if os.path.exists(top):
        wrong.append("the guest's directory is on the host")
    suite.check("host_changes_files", wrong)


def check_special(suite, root):
    """FIFOs, sockets and devices of the host are seen, never opened."""
    top = os.path.join(root, "special")
    os.mkdir(top)
    os.mkfifo(os.path.join(top, "fifo"))
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(top)
        listener.bind("socket")
        os.chdir(here)
        names = ["fifo", "socket"]
        if os.geteuid() == 0:
            os.mknod(os.path.join(top, "device"), 0o020666, os.makedev(1, 3))
            names.append("device")
        before = describe(top)
        roots = (["--root", root], "copied"), (["--root-rw", root], "shared")
        for options, kind in roots[:1] if IS_QEMU else roots:
            for name in names:
                if name == "fifo" and kind == "shared":
                    continue    # there it is a meeting place of programs inside
                script = f"cd /special; ls {name}; cat {name}; echo x > {name}; echo $?"
                result = inside(options, ["/bin/sh", "-c", script])
                good = result.output == f"{name}\n1\n" and \
                    result.errors.count("No such device or address") == 2
                suite.check(f"special_{name}_{kind}", [] if good else
                            [result.output, result.errors])
        suite.check("special_host_unchanged",
                    [] if describe(top) == before else ["the host's files have changed"])


def check_names(suite, root):
    """Links that lead out or nowhere, names of any bytes, long names and paths."""
    top = os.path.join(root, "names")
    os.makedirs(os.path.join(top, "d" * NAME_MAX))
    os.symlink("/etc/hostname", os.path.join(top, "out"))
    os.symlink("../../../../../../etc/hostname", os.path.join(top, "up"))
    os.symlink("loop2", os.path.join(top, "loop1"))
    os.symlink("loop1", os.path.join(top, "loop2"))
    write(root, "etc/hostname", "inside\n")
    with open(os.path.join(os.fsencode(top), b"\xff\xfe\x01 \n"), "wb") as file:
        file.write(b"any bytes\n")
    before = describe(root)
    cases = {
        "link_out": ("cat /names/out", "inside\n", ""),
        "link_up": ("cat /names/up", "inside\n", ""),
        "link_loop": ("cat /names/loop1", "", "Too many levels of symbolic links"),
        "any_bytes": ("cd /names; cat $(printf '\\377\\376\\001')*", "any bytes\n", ""),
        "make_any_bytes": ("cd /tmp; f=$(printf '\\200\\002\\r x'); echo y > \"$f\"; cat \"$f\"; "
                           "rm \"$f\"", "y\n", ""),
        "long_name": (f"cd /names; : > {'d' * NAME_MAX}/{'f' * NAME_MAX}; ls d* | wc -c",
                      f"{NAME_MAX + 1}\n", ""),
        "too_long_name": (f"cd /names; : > {'f' * (NAME_MAX + 1)}", "", "File name too long"),
        "deep": ("cd /tmp; i=0; while [ $i -lt 300 ]; do mkdir deeper && cd deeper || exit 1; "
                 "i=$((i + 1)); done; : > file; ls; cd /; rm -r /tmp/deeper; ls /tmp",
                 "file\n", ""),
    }
    for name, (script, output, errors) in cases.items():
        result = inside(["--root", root], ["/bin/sh", "-c", script])
        status = result.status if errors else 0
        suite.check("names_" + name, expect(result, output, status, errors))
    suite.check("names_host_unchanged",
                [] if describe(root) == before else ["the host's files have changed"])


def in_namespace(setup, command):
    """A command after others, in a mount namespace of its own."""
    return common.execute(["unshare", "-m", "sh", "-c", f"{setup} && exec \"$@\"", "sh", *command])


def check_full_and_read_only(suite, root):
    if common.execute(["unshare", "-m", "true"]).status != 0:
        suite.skip("full_host", "no mount namespace can be had here")
        return
    with tempfile.TemporaryDirectory() as place:
        write_some = "echo x > /mnt/x; cat /mnt/x; mkdir /mnt/d; ls /mnt"
        os.mkdir(os.path.join(root, "mnt"))
        os.symlink("busybox", os.path.join(root, "bin/tail"))
        full = f"mount -t tmpfs -o size=64k none {place}"
        read_only = f"mount --bind {place} {place} && mount -o remount,bind,ro {place}"
        shell = ["/bin/sh", "-c"]
        bind = [common.SIM, "--root", root, f"--bind={place}:/mnt", *shell]
        if not IS_QEMU:
            result = in_namespace(full, [*bind, "dd if=/dev/zero of=/mnt/big bs=4k count=100"])
            suite.check("full_host_shared", expect(result, "", 1, "No space left on device"))
            result = in_namespace(read_only, [*bind, write_some])
            suite.check("read_only_host_shared",
                        [] if result.errors.count("Read-only file system") == 2
                        else [result.errors])
        copied = [common.SIM, "--root", place]
        setup = f"mount --bind {root} {place} && mount -o remount,bind,ro {place}"
        result = in_namespace(setup, [*copied, *shell, write_some])
        suite.check("read_only_host_copied", expect(result, "x\nd\nx\n"))


def main():
    suite = common.Suite()
    check_program(suite, "young", YOUNG, make_young)
    check_program(suite, "busy", BUSY, make_nothing)
    check_escape(suite)
    with tempfile.TemporaryDirectory() as root:
        make_root(root)
        check_changes(suite, root)
        check_special(suite, root)
        check_names(suite, root)
        check_full_and_read_only(suite, root)
    return finish(suite)


if __name__ == "__main__":
    sys.exit(main())

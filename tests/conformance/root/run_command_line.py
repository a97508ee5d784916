#!/usr/bin/env python3
"""The command line with a root: which program runs, where, as whom, and what it is told."""
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from roots import common, expect, finish, inside, make_root

PATH = {"PATH": "/usr/bin:/bin"}


def check_programs(suite, root):
    option = ["--root", root]
    cases = {
        "path": (["/bin/cat"], {}, "words"),
        "after_two_hyphens": (["--", "/bin/cat"], {}, "words"),
        "name_in_path": (["cat"], PATH, "words"),
        "shell_by_default": ([], PATH, "sh /bin/sh\n"),
        "shell_of_the_user": ([], {**PATH, "SHELL": "/etc/myshell"}, "sh /etc/myshell\n"),
        "shell_that_is_not_there": ([], {**PATH, "SHELL": "/absent"}, "sh /bin/sh\n"),
        "shell_without_a_slash": ([], {**PATH, "SHELL": "cat"}, "sh /bin/sh\n"),
        "shell_that_is_a_link": ([], {**PATH, "SHELL": "/etc/link"}, "sh /etc/myshell\n"),
        "shell_outside": ([], {**PATH, "SHELL": "/etc/outside"}, "sh /bin/sh\n"),
    }
    os.symlink("/etc/myshell", os.path.join(root, "etc/link"))
    os.symlink(os.path.realpath(sys.executable), os.path.join(root, "etc/outside"))
    with open(os.path.join(root, "etc/myshell"), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\necho sh /etc/myshell\n")
    os.chmod(os.path.join(root, "etc/myshell"), 0o755)
    for name, (words, environment, output) in cases.items():
        text = "words" if output == "words" else "echo sh $0\n"
        result = inside(option, words, text, environment)
        suite.check("command_" + name, expect(result, output))
    for name, words, errors in (("absent_name", ["absent"], "absent: no such file"),
                                ("absent_path", ["/bin/absent"], "/bin/absent: no such file"),
                                ("directory", ["/etc"], "/etc: ")):
        suite.check("command_" + name, expect(inside(option, words), "", 2, errors))
    with tempfile.TemporaryDirectory() as empty:
        suite.check("command_no_shell",
                    expect(inside(["--root", empty], []), "", 2, "there is no shell (/bin/sh)"))
    suite.check("command_no_root", expect(inside(["--root=/absent"], ["x"]), "", 2, "/absent"))
    suite.check("command_no_program", expect(inside([], []), "", 2, "no guest program given"))


def check_places(suite, root):
    below = os.path.join(root, "tmp/here")
    os.mkdir(below)
    for name, options, directory, output in (
            ("below", [], below, "/tmp/here\n"), ("top", [], root, "/\n"),
            ("elsewhere", [], "/", "/\n"), ("chosen", ["--cwd=/etc"], below, "/etc\n")):
        result = inside(["--root", root, *options], ["/bin/pwd"], directory=directory)
        suite.check("directory_" + name, expect(result, output))
    result = inside(["--root", root, "--env=TWO=2", "--env=PATH"], ["/bin/env"],
                    environment={"PATH": "/bin", "ONE": "1"})
    suite.check("environment", expect(result, "ONE=1\nTWO=2\n"))


def check_user(suite, root):
    ids = "echo $(id -u) $(id -g) $(id -G)"
    own = f"{os.geteuid()} {os.getegid()} "
    result = inside(["--root", root], ["/bin/sh", "-c", ids])
    suite.check("user_default", [] if result.output.startswith(own) else [repr(result.output)])
    for value, output in (("1000", "1000 1000 1000\n"), ("7:8", "7 8 8\n"), ("0:0", "0 0 0\n"),
                          ("4294967294", "4294967294 4294967294 4294967294\n")):
        result = inside(["--root", root, "--user", value], ["/bin/sh", "-c", ids])
        suite.check("user_" + value.replace(":", "_"), expect(result, output))
    for value in ("", ":", "1:", ":1", "root", "-1", "1:2:3", "1 ", "4294967295", "0x1", "+1"):
        result = inside(["--root", root, "--user=" + value], ["/bin/id"])
        suite.check(f"user_bad_{value or 'empty'}",
                    expect(result, "", 2, f"--user={value} is not UID or UID:GID"))
    secret = os.path.join(root, "etc/secret")
    with open(secret, "w", encoding="ascii") as file:
        file.write("secret")
    os.chmod(secret, 0o600)
    script = "cat /etc/secret; : > /tmp/made && stat -c '%u %g' /tmp/made; : > /bin/no"
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    result = inside(["--root", root, "--user=1234:56"], ["/bin/sh", "-c", script])
    suite.check("user_has_its_rights", expect(result, "1234 56\n", 1, "Permission denied"))


def check_host_name(suite, root):
    names = "uname=$(hostname); echo $uname; cat /proc/sys/kernel/hostname"
    result = inside(["--root", root], ["/bin/sh", "-c", names])
    suite.check("hostname_default", expect(result, f"{os.uname().nodename}\n" * 2))
    result = inside(["--root", root, "--hostname=a.b-c", "--user=0"],
                    ["/bin/sh", "-c", names + "; hostname other; " + names])
    suite.check("hostname_given", expect(result, "a.b-c\na.b-c\nother\nother\n"))
    for value in ("", "-a", ".a", "a b", "a/b", "a\n", "x" * 65):
        result = inside(["--root", root, "--hostname=" + value], ["/bin/hostname"])
        suite.check(f"hostname_bad_{len(value)}_{value[:2]!a}".replace(" ", "_"),
                    expect(result, "", 2, "is not a name of 1 to 64"))


def check_help(suite):
    result = inside(["--help"], [])
    missing = [f"--help says nothing of {option}" for option in
               ("--root=", "--user=", "--hostname=") if option not in result.output]
    suite.check("help_of_roots", missing + expect(result, None))


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory() as directory:
        root = make_root(directory)
        check_programs(suite, root)
        check_places(suite, root)
        check_user(suite, root)
        check_host_name(suite, root)
    check_help(suite)
    return finish(suite)


if __name__ == "__main__":
    sys.exit(main())

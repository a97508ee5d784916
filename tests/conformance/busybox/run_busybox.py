#!/usr/bin/env python3
"""Debian's static busybox: each line of the table on Linux and inside the kernel, compared.

Both runs start in the same prepared directory (below it nothing is ever written), with the same
environment and standard input; output, error output and status must be the same.  Names of applets
on the command line select lines.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common

BUSYBOX = "/usr/bin/busybox"
# Numbers that these print change between two runs, when others write to the same disk.
CHANGING = ("df",)
NUMBER = re.compile(r"\d+")

TEXT = "".join(
    f"{(number * 7919) % 1000:03d} word{number % 13} line {number}\n" for number in range(400)
)

# applet and arguments, then perhaps standard input.  `{}` is the directory.
TABLE = [
    ("echo hello world",), ("echo -n -e a\\tb\\n",), ("echo",),
    ("cat words",), ("cat -n words small",), ("cat",  TEXT), ("cat missing",), ("cat -A small",),
    ("ls -l",), ("ls",), ("ls -la sub",), ("ls -R",), ("ls -i words",), ("ls -ld . sub link",),
    ("ls missing",), ("ls -lS",), ("ls -ln /etc/passwd",), ("ls -F",),
    ("head words",), ("head -n 3 words small",), ("head -c 100 words",), ("head -n 2", TEXT),
    ("tail words",), ("tail -n 3 words",), ("tail -c 50 words",), ("tail -n +395 words",),
    ("tail -n 5", TEXT),
    ("wc words small",), ("wc -l words",), ("wc -c", TEXT), ("wc -w -L words",),
    ("sort words",), ("sort -r words",), ("sort -n -k1 words",), ("sort -u -k2,2 words",),
    ("sort", TEXT), ("sort -t : -k 3 -n /etc/passwd",),
    ("uniq same",), ("uniq -c same",), ("uniq -d same",),
    ("cut -d : -f 1,3 /etc/passwd",), ("cut -c 1-5 words",), ("cut -b 2-", "abc\ndef\n"),
    ("tr a-z A-Z", TEXT), ("tr -d 0-9", TEXT), ("tr -s l", "hello all\n"),
    ("sed s/word/WORD/ words",), ("sed -n 5,10p words",), ("sed -e 1d -e $d small",),
    ("sed -r s/([0-9]+)/<\\1>/g", TEXT), ("sed y/abc/xyz/ small",),
    ("awk {print$2} words",), ("awk -F: {n+=$3}END{print(n)} /etc/passwd",),
    ("awk BEGIN{for(i=0;i<5;i++)print(i*i,sqrt(i),sin(i))}",), ("awk NR%50==0 words",),
    ("grep word1 words",), ("grep -c line words",), ("grep -v word words",),
    ("grep -n -i WORD12 words",),
    ("grep -r needle .",), ("grep -rl needle sub",), ("grep -E ^(1|2) words",),
    ("grep none words",),
    ("grep -o word[0-9]*", TEXT),
    ("find .",), ("find . -type f -name *.txt",), ("find sub -type d",), ("find . -size +1k",),
    ("find . -perm -100",), ("find . -maxdepth 1 -type l",),
    ("find /etc -maxdepth 1 -name host*",),
    ("seq 10",), ("seq 2 3 20",), ("seq -w 8 12",), ("seq 1 0.5 3",),
    ("expr 3 + 4 * 2",), ("expr length hello",), ("expr 7 / 0",), ("expr hello : h.l",),
    ("test -f words",), ("test -d words",), ("test 3 -lt 4",), ("test -z",), ("test -L link",),
    ("date -u -d @86400",), ("date -u -d 2024-02-29 +%j",), ("date -u -r words +%s",),
    ("uname -m",), ("uname -s",), ("uname -n",),
    ("sha256sum words binary",), ("md5sum words binary",), ("cksum words binary",),
    ("sha256sum", TEXT), ("sha1sum words",), ("sha512sum words",), ("md5sum -c sums",),
    ("od binary",), ("od -c small",), ("od -A x -t x1 binary",), ("od -t d4 binary",),
    ("hexdump binary",), ("hexdump -C binary",), ("xxd binary",), ("xxd -p binary",),
    ("xxd -r -p", "48656c6c6f0a"),
    ("base64 binary",), ("base64 -d", "SGVsbG8sIHdvcmxkCg==\n"),
    ("gzip -c words",), ("gzip -d -c packed.gz",), ("gunzip -c packed.gz",), ("gzip", TEXT),
    ("zcat packed.gz",), ("xargs echo got", TEXT), ("xargs -n 2 echo", "a b c d e\n"),
    ("find sub -type f -exec cat {} ;",), ("timeout 1 sleep 9",), ("nohup echo hi",),
    ("env A=1 busybox sh -c true",),
    ("bzip2 -c words",), ("bzip2", TEXT), ("bunzip2 -c packed.bz2",),
    ("tar -c -f - sub",), ("tar -t -f archive.tar",), ("tar -t -v -f archive.tar",),
    ("tar -x -O -f archive.tar sub/needle.txt",),
    ("cpio -o -H newc", "words\nsub\nsub/needle.txt\n"), ("cpio -t", None),
    ("diff words other",), ("diff -u words other",), ("diff words words",), ("diff -r sub sub2",),
    ("cmp words other",), ("cmp words words",), ("cmp -l binary binary2",),
    ("comm sorted1 sorted2",), ("comm -12 sorted1 sorted2",),
    ("tac small",), ("tac", TEXT), ("rev small",), ("rev", TEXT),
    ("fold -w 20 words",), ("fold -s -w 10 small",), ("nl words",), ("nl -ba small",),
    ("paste sorted1 sorted2",), ("paste -s -d , sorted1",),
    ("dirname /a/b/c",), ("dirname x",), ("basename /a/b/c.txt .txt",), ("basename /",),
    ("realpath link",), ("realpath sub/../words",), ("realpath .",),
    ("readlink link",), ("readlink words",), ("readlink -f link",),
    ("stat -c %n:%s:%a:%F:%h:%u:%g:%Y words sub link",), ("stat -L -c %s link",),
    ("stat missing",),
    ("stat -c %i:%d:%b:%B:%o words",), ("stat words",), ("stat -f -c %T:%s .",),
    ("du -a sub",), ("du -s .",), ("du -k words",), ("df -P {}",), ("df {}",),
    ("env",), ("env -i A=1 B=2",), ("env -u HOME",), ("printenv PATH",), ("printenv NONE",),
    ("printf %d:%s:%x:%5.2f\\n 42 text 255 3.14159",), ("printf %b a\\tb\\n",),
    ("printf %c%c\\n a b",),
    ("true",), ("false",), ("sleep 0.05",), ("usleep 20000",), ("sleep x",),
    ("dc", "2 3 ^ p 10 k 2 v p\n"), ("bc", "2^64\nscale=10\n1/3\n"),
    ("bc", "for(i=0;i<5;i++) i*i\n"),
    ("factor 999999 1000003 18446744073709551557",), ("factor", "12\n97\n"),
    ("strings binary",), ("strings -n 8 words",),
    ("uuencode name", "some text\n"), ("uuencode -m words name",),
    ("vi -h",), ("id -u",), ("id",), ("whoami",), ("pwd",), ("ls --help",),
    ("nosuchapplet",), ("split -h",), ("expand -t 4", "a\tb\n"), ("unexpand -a", "        x\n"),
    ("shuf -n 0 words",), ("tee", "text\n"), ("wc", ""), ("cal 2 2024",), ("hostname",),
    ("tsort", "a b\nb c\n"), ("sum words",), ("od -x", "abcdef"), ("dd if=words bs=100 count=3",),
    ("dd bs=7 count=2", TEXT), ("ash -c :", None), ("getopt ab:c -a -b 3 x",),
]

# Scripts for `busybox sh -c`, which runs most of its commands in child processes.
SCRIPTS = [
    "echo one | cat | cat",
    "cat words | sort | uniq | wc -l",
    "seq 1 20000 | tail -n 1",
    "yes | head -n 3",
    "(echo out; echo err >&2) 2>&1 | sort",
    "false | true; echo $?",
    "set -o pipefail; false | true; echo $?",
    "x=$(cat small | wc -c); echo $x",
    "echo $(echo $(echo nested))",
    "cat <<EOF\nhere $((6 * 7))\nEOF",
    "cat <<'EOF' | tr a-z A-Z\nnot $expanded\nEOF",
    "sleep 0.05 & wait $!; echo $?",
    "(exit 3) & wait $!; echo $?",
    "for i in 1 2 3; do (sleep 0.0$i; echo $i) & done | sort; wait; echo all",
    # The shell only says "Terminated" if the job was still there when it began to wait.
    "sleep 5 & kill $!; wait $! 2>/dev/null; echo $?",
    "sh -c 'kill -9 $$'; echo $?",
    "sh -c 'exit 300'; echo $?",
    "trap 'echo trapped' USR1; kill -USR1 $$; echo after",
    "trap 'echo leaving' EXIT; echo working; exit 4",
    "(trap 'echo inner' EXIT; true); echo outer",
    "trap 'echo child' CHLD; true | true; sleep 0.02; echo end",
    "exec echo replaced; echo never",
    "exec 3<small; read line <&3; echo $line; read line <&3; echo $line",
    "{ echo a; echo b; } | while read x; do echo got $x; done",
    "echo text > /dev/null; echo $?",
    "nosuchprogram; echo $?",
    "./small; echo $?",
    "f() { echo in $1; return 7; }; f x | cat; f y; echo $?",
    "i=0; while [ $i -lt 30 ]; do /proc/self/exe true; i=$((i+1)); done; echo $i",
    "find . -type f | xargs wc -c | tail -n 1",
    "tar -c sub | tar -t",
    "ls | while read f; do test -d $f && echo $f; done",
    "echo $PPID | grep -c '[0-9]'",
    "umask 027; sh -c umask",
    "cd sub; sh -c pwd | sed 's/.*\\///'",
    "A=1 sh -c 'echo $A$B'",
    "set -- a b c; echo $# $*; shift; echo $1",
    "ulimit -c 0; ulimit -c",
    "echo before; (sleep 0.01; echo late) & echo after; wait",
    "seq 1 1000 | (read a; read b; echo $a $b)",
    "echo x | cat /dev/stdin",
    "echo y | readlink /proc/self/fd/0 | cut -c 1-6",
    "echo z | stat -L -c '%F %h %s' /dev/stdin",
    "cat /proc/self/stat | cut -d ' ' -f 2",
    "head -c 300000 /dev/zero | tr '\\0' x | wc -c",
    "cat words | dd bs=64 2>/dev/null | md5sum",
    "gzip -c words | gunzip -c | cmp - words && echo same",
]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.utime(path, (1_700_000_000, 1_700_000_000))


def prepare(directory):
    """Files of every kind the table names; times are fixed, so that listings can be compared."""
    os.chdir(directory)
    for name in ("sub", "sub/deep", "sub2"):
        os.mkdir(name)
    binary = bytes((number * 37 + 11) % 256 for number in range(3000)) + b"readable text inside\0"
    write("words", TEXT)
    write("other", TEXT.replace("word5", "WORD5"))
    write("small", "first line\nsecond, longer line\n\n\tfourth\nlast without newline")
    write("same", "a\na\nb\nc\nc\nc\n")
    write("binary", binary)
    write("binary2", binary[:100] + b"x" + binary[101:])
    write("sorted1", "apple\nbanana\ncherry\n")
    write("sorted2", "banana\ncherry\ndate\n")
    write("sub/needle.txt", "hay\nneedle in hay\n")
    write("sub/deep/empty.txt", "")
    write("sub2/needle.txt", "hay\nno such thing\n")
    os.chmod("sub/needle.txt", 0o755)
    os.symlink("words", "link")
    for command, target in (
        (["gzip", "-c", "words"], "packed.gz"),
        (["bzip2", "-c", "words"], "packed.bz2"),
        (["tar", "-c", "-f", "-", "sub"], "archive.tar"),
        (["md5sum", "words", "small"], "sums"),
    ):
        write(target, subprocess.run([BUSYBOX, *command], capture_output=True, check=True).stdout)
    for name in (".", "sub", "sub2", "sub/deep"):
        os.utime(name, (1_700_000_000, 1_700_000_000))


def nearly_same(one, other):
    """The same words in the same columns, and numbers that differ by a hundredth at most."""
    pairs = list(zip(NUMBER.findall(one), NUMBER.findall(other)))
    return (NUMBER.sub("", one).split() == NUMBER.sub("", other).split() and
            len(NUMBER.findall(one)) == len(NUMBER.findall(other)) and
            all(abs(int(a) - int(b)) <= max(1, int(a) // 100) for a, b in pairs))


def compare(suite, directory, line, text):
    words = [word.replace("{}", directory) for word in line.split(" ")]
    native = common.Oracle(lambda: common.execute([BUSYBOX, *words], directory, text))
    hosted = common.execute([common.SIM, "--root", "/", BUSYBOX, *words], directory, text)
    if words[0] in CHANGING and nearly_same(native.first.output, hosted.output):
        hosted = common.Result(native.first.bytes, hosted.errors.encode(), hosted.status)
    suite.compare("busybox " + line + (" <input" if text else ""), native, hosted)


def compare_script(suite, directory, script, cpus):
    command = [BUSYBOX, "sh", "-c", script]
    native = common.Oracle(lambda: common.execute(command, directory, TEXT))
    hosted = common.execute([common.SIM, f"--cpus={cpus}", "--root", "/", *command], directory,
                            TEXT)
    name = script.replace("\n", "; ")
    suite.compare(f"busybox sh -c '{name}'" + (f" on {cpus} CPUs" if cpus > 1 else ""), native,
                  hosted)


def leaks(suite, directory):
    """What processes and pipes need is given back: only the process that ends last is still there
    when the kernel looks, and caches of names."""
    script = "i=0; while [ $i -lt 300 ]; do /proc/self/exe true | cat; i=$((i+1)); done; echo $i"
    allowed = {"process": 1, "thread": 1, "user thread": 1}
    gone = ("address space", "region", "file", "file table", "pipe", "queued signal", *allowed)
    for cpus in (1, 4):
        result = common.execute([common.SIM, f"--cpus={cpus}", "--leak-check", "--root", "/",
                                 BUSYBOX, "sh", "-c", script], directory, "")
        found = re.findall(r'leak check: (\d+) more of "([^"]*)"', result.errors)
        problems = [f"{count} of {pool}" for count, pool in found
                    if pool in gone and int(count) > allowed.get(pool, 0)]
        if not found or result.output != "300\n":
            problems += ["no report", result.output, result.errors]
        suite.check(f"busybox leaks nothing on {cpus} CPUs", problems)


def main():
    suite = common.Suite()
    if not os.path.exists(BUSYBOX):
        suite.skip("busybox", f"{BUSYBOX} is not installed (package busybox-static)")
        return 0
    directory = tempfile.mkdtemp(prefix="eft-busybox-")
    try:
        prepare(directory)
        for row in TABLE:
            if suite.wants(row[0].split(" ")[0]):
                compare(suite, directory, row[0], row[1] if len(row) > 1 else None)
        for script in SCRIPTS if suite.wants("sh") else ():
            for cpus in (1, 4):
                compare_script(suite, directory, script, cpus)
        if suite.wants("leaks"):
            leaks(suite, directory)
    finally:
        shutil.rmtree(directory)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())

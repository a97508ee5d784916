#!/usr/bin/env python3
"""Debian's own programs, dynamically linked: each command of the table on Linux and inside the
kernel, compared.

Both runs start in the same prepared directory, with the same environment and standard input;
output, error output and status must be the same.  Scripts run with one and with four virtual
CPUs; with EFT_ALL in the environment all of it runs on QEMU as well, with one processor and with
four.  Those that write do it natively in a copy of the directory, and in the kernel in the
directory itself, which must not change.  A program that is not on this machine is skipped.  Names
of programs on the command line select lines; "writes" selects what writes.
"""
import functools
import os
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from machines import machines
from working_directory import TEXT, changes, checksums, execute_in_copy, prepared

# A command, then perhaps standard input.
COMMANDS = [
    ("ls -la",), ("ls -R sub",), ("ls missing",), ("cat words",), ("cat", TEXT),
    ("head -n 3 words",),
    ("tail -n 3 words",), ("wc words",), ("sort -rn words",), ("sort -k2,2 -u words",),
    ("uniq -c", "a\na\nb\n"), ("cut -c 1-8 words",), ("tr a-z A-Z", TEXT), ("nl words",),
    ("paste words words",), ("join words words",), ("comm words words",), ("fold -w 7 words",),
    ("seq 1 3 20",), ("expr 6 * 7",), ("factor 1234567890123",), ("basename /a/b/c .c",),
    ("dirname /a/b/c",), ("realpath sub/..",), ("readlink link",), ("stat -c %n:%s:%F words sub",),
    ("sha256sum words",), ("md5sum words",), ("cksum words",), ("b2sum words",), ("base64 words",),
    ("od -c words",), ("printenv LANG",), ("printf %05d:%s\\n 42 x",), ("date -u -d @86400",),
    ("id -u",), ("uname -m",), ("du -b words",), ("test -f words",), ("true",), ("false",),
    ("shuf -e a",), ("tac words",), ("rev words",), ("split --version",),
    ("numfmt --to=iec 123456",),
    ("timeout 5 echo in time",), ("env -i A=1 env",),
    ("tsort", "a b\nb c\n"),
    ("find . -type f -name *.txt",), ("find sub -newer words",), ("xargs -n 2 echo", "1 2 3 4 5"),
    ("xargs -P 2 -n 1 test -f", "words words"), ("grep -rn needle .",), ("grep -c word1 words",),
    ("grep -P (?<=word)1 words",), ("sed -n 5,10p words",), ("sed -E s/([0-9]+)/<\\1>/g", TEXT),
    ("diff words other",), ("diff -u words words",), ("cmp words other",),
    ("awk {n+=$1}END{print(n)} words",), ("gawk BEGIN{printf(\"%.3f\\n\",atan2(1,2))}",),
    ("mawk {print$2} words",), ("tar -cf - sub --sort=name",), ("tar -tf archive.tar",),
    ("gzip -c words",), ("gzip -dc words.gz",), ("xz -c words",), ("bzip2 -c words",),
    ("perl -e print(join(',',map{$_*2}1..5),\"\\n\")",), ("perl -ne print/word12/?$_:() words",),
    ("python3 -c print(sum(range(1000)))",), ("python3 -S -c import(sys)",),
    ("lua -e print(2^10)",), ("sqlite3 :memory: select(1+1)",), ("bc -q", "2^100\nscale=20;1/3\n"),
    ("file words",), ("openssl dgst -sha256 words",), ("git --version",),
]

SCRIPTS = [
    "for i in 1 2 3; do echo $i; done",
    "cat words | sort | uniq -c | sort -rn | head -3",
    "x=$(ls | wc -l); echo there are $x",
    "set -o pipefail 2>/dev/null; false | true; echo $?",
    "sleep 0.05 & p=$!; wait $p; echo $?",
    "(exit 3) & wait $!; echo $?",
    "trap 'echo caught' USR1; kill -USR1 $$; echo after",
    "trap 'echo bye' EXIT; exit 4",
    "cat <<END\nhere $((6 * 7))\nEND",
    "(echo a; echo b >&2) 2>&1 | sort",
    "{ sh -c 'kill -9 $$'; } 2>/dev/null; echo $?",
    "yes | head -2",
    "i=0; while [ $i -lt 20 ]; do i=$((i+1)); /bin/true; done; echo $i",
    "cd sub && pwd && ls",
    "exec 3<words; read line <&3; echo $line",
    "find . -type f | xargs cat | wc -l",
    "tar -cf - sub | tar -tf - | sort",
    "gzip -c words | gzip -dc | cmp - words && echo same",
    "missing_command; echo $?",
    "echo x >/dev/full; echo $?",
    "test -e /proc/self/exe && readlink /proc/self/cwd | grep -c eft-debian",
]
BASH_SCRIPTS = [
    "diff <(seq 3) <(seq 4)",
    "a=(1 2 3); echo ${#a[@]} ${a[@]:1}; declare -A m=([k]=v); echo ${m[k]}",
    "set -o pipefail; false | cat; echo ${PIPESTATUS[*]} $?",
    "coproc cat; echo hello >&${COPROC[1]}; read -u ${COPROC[0]} line; echo $line",
    "for i in {1..10}; do (sleep 0.0$((i % 3)); echo $i) & done | sort; wait; echo done",
    "wait -n 2>/dev/null; sleep 0.01 & sleep 5 & wait -n; kill %2; echo over",
]
# Bash scripts that write; each is followed by one that shows all that there is.
CHANGES = [
    "echo more >> words; tail -1 words; wc -l link",
    "mv sub other_name; ls other_name; mkdir sub; ls sub; rmdir sub; cat other_name/one.txt",
    "rm -r sub; ls; mkdir sub; touch sub/new; mv sub/new sub/one.txt",
    "ln words twin; echo x >> twin; tail -1 words; stat -c %h words; rm words; tail -1 twin",
    "chmod 600 words; stat -c %a words; cp -a words copy; stat -c %a copy",
    "truncate -s 10 words; cat words; echo; truncate -s 100000 words; cksum words",
    "for i in $(seq 50); do echo $i > file$i; done; rm file1*; ls | wc -l",
    "mkfifo pipe; echo through > pipe & cat pipe; wait; rm pipe",
    "tar -xf archive.tar -C /tmp 2>/dev/null; tar -xf archive.tar; gzip -d words.gz 2>&1; ls",
    "sed -i s/word/WORT/ words; grep -c WORT words; sort -o words words; head -1 words",
    "mkdir -p a/b/c/d; echo deep > a/b/c/d/e; mv a/b/c .; rm -r a; cat c/d/e; find c | sort",
    "ln -s nowhere dangling; cat dangling; echo now > nowhere; cat dangling; rm nowhere",
    "printf 'int main(void){return 42;}' > t.c && gcc -o t t.c && ./t; echo $?",
    "printf 'all: x y\nx y:\n\techo $@ > $@\n' > Makefile; make -s -j4; cat x y; make -q; echo $?",
    "(git init -q r && cd r && git config user.email a@b && git config user.name n && "
    "cp ../words . && git add . && git commit -qm one && git clone -q . ../r2 && "
    "cmp words ../r2/words; echo $?)",
    "python3 -c \"import mmap, os; open('m', 'wb').write(b'A' * 8192); f=open('words', 'r+b'); "
    "m=mmap.mmap(os.open('words', 0), 0, mmap.MAP_SHARED, mmap.PROT_READ); print(m[:3]); "
    "f.write(b'new'); f.flush(); print(m[:3]); os.rename('words', 'w2'); "
    "open('w2', 'r+b').write(b'XYZ'); print(m[:3])\"",
    "python3 -c \"import sqlite3; d=sqlite3.connect('t.db'); d.execute('create table t(a)'); "
    "d.executemany('insert into t values(?)', ((i,) for i in range(9999))); d.commit(); "
    "print(d.execute('select sum(a) from t').fetchone())\"",
]
SHOW = "; rm -rf r/.git r2/.git t t.db; find . -type f | sort | xargs cksum; " \
       "find . -printf '%P %y %m %l\\n' | sort"
PYTHON_PROGRAMS = [
    "import subprocess; print(subprocess.run(['echo', 'x'], capture_output=True).stdout)",
    "import threading as t; r=[]; w=[t.Thread(target=r.append, args=(i,)) for i in range(8)]; "
    "[x.start() for x in w]; [x.join() for x in w]; print(sorted(r))",
    "import os; p=os.fork(); print(os.waitpid(p, 0)[1]) if p else os._exit(3)",
    "import mmap; m=mmap.mmap(-1, 8192); m[5000:5003]=b'abc'; print(m[4999:5004])",
    "import zlib, hashlib, json; d=b'x' * 100000; print(len(zlib.compress(d)), "
    "hashlib.sha1(d).hexdigest(), json.dumps({'a': [1, 2]}))",
    "import time; a=time.monotonic(); time.sleep(0.01); print(time.monotonic() - a >= 0.01)",
    "import signal, os; signal.signal(signal.SIGUSR1, lambda *a: print('signal')); "
    "os.kill(os.getpid(), signal.SIGUSR1)",
    "print(open('words').readline(), end=''); open('/nowhere/x')",
]


def compare(suite, directory, name, command, text="", hosted=(1,)):
    program = shutil.which(command[0], path="/usr/bin:/bin")
    if not program:
        suite.skip(f"debian {name}", f"{command[0]} is not installed")
        return
    command = [program, *command[1:]]
    native = common.Oracle(lambda: common.execute(command, directory, text))
    for form, start, seconds in machines(hosted):
        inside = common.execute([*start, "--root=/", *command], directory, text, seconds)
        suite.compare(form.format(f"debian {name}"), native, inside)


def compare_scripts(suite, directory):
    rows = [([shell, "-c"], script) for shell in ("dash", "bash") for script in SCRIPTS]
    rows += [(["bash", "-c"], script) for script in BASH_SCRIPTS]
    rows += [(["python3", "-c"], program) for program in PYTHON_PROGRAMS]
    for start, script in rows:
        if not suite.wants(start[0]):
            continue
        compare(suite, directory, f"{' '.join(start)} '{script}'".replace("\n", "; "),
                [*start, script], TEXT, (1, 4))


def compare_changes(suite, directory, before):
    for script in CHANGES:
        command = ["/bin/bash", "-c", script + SHOW]
        missing = [word for word in ("gcc", "make", "git") if script.count(word + " ") and
                   not shutil.which(word)]
        if missing:
            suite.skip(f"debian writes '{script}'", f"{missing[0]} is not installed")
            continue
        native = common.Oracle(functools.partial(execute_in_copy, command, directory))
        for form, start, seconds in machines():
            inside = common.execute([*start, "--root=/", *command], directory, TEXT, seconds)
            suite.compare(form.format(f"debian writes '{script}'".replace("\n", "; ")), native,
                          inside, changes(directory, before))


def main():
    suite = common.Suite()
    with prepared() as directory:
        for line, *text in COMMANDS:
            if suite.wants(line.split(" ")[0]):
                compare(suite, directory, line + (" <input" if text else ""), line.split(" "),
                        text[0] if text else "")
        compare_scripts(suite, directory)
        if suite.wants("writes"):
            compare_changes(suite, directory, checksums(directory))
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())

"""subprocess, os and signal: children, pipes, groups, limits, and how they end."""
import os
import resource
import signal
import subprocess
import sys
import time

print(subprocess.run(["cat"], input=b"through cat", stdout=subprocess.PIPE).stdout)
print(subprocess.check_output("echo $((6 * 7)); exit 0", shell=True, text=True))
big = subprocess.run(["tr", "a", "b"], input=b"a" * 1000000, capture_output=True).stdout
print(len(big), set(big))
for command in (["false"], ["sh", "-c", "exit 7"], ["sh", "-c", "kill -9 $$"]):
    print(subprocess.run(command).returncode)
for command in ("missing-program", "./words", "./sub", "/dev/null"):
    try:
        subprocess.run([command])
    except OSError as error:
        print(command, error.errno, error.strerror)
try:
    subprocess.run(["sleep", "5"], timeout=0.05)
except subprocess.TimeoutExpired:
    print("timeout")
first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
second = subprocess.Popen(["wc", "-l"], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdout.close()
print(second.communicate()[0].strip(), first.wait())
many = [subprocess.Popen(["sh", "-c", f"exit {i}"]) for i in range(20)]
print([process.wait() for process in many])
process = subprocess.Popen(["sleep", "9"], start_new_session=True)
print(os.getsid(process.pid) == process.pid, os.getpgid(process.pid) == process.pid)
os.killpg(process.pid, signal.SIGTERM)
print(process.wait())
read_end, write_end = os.pipe()
print(subprocess.run(["sh", "-c", f"echo kept >&{write_end}"], pass_fds=[write_end]).returncode)
print(os.read(read_end, 100))
print(subprocess.run(["sh", "-c", f"echo closed >&{write_end}"],
                     stderr=subprocess.DEVNULL).returncode)
print(subprocess.run(["pwd"], cwd="sub", stdout=subprocess.PIPE).stdout.endswith(b"/sub\n"))
print(subprocess.run(["env"], env={"ONLY": "this"}, stdout=subprocess.PIPE).stdout)
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass
print(os.waitpid(child, 0)[1])
child = os.fork()
if child == 0:
    os.execvp("sh", ["sh", "-c", "exit 12"])
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 3"], {}) > 0, os.wait()[1])
seen = []
signal.signal(signal.SIGCHLD, lambda number, _: seen.append(number))
subprocess.run(["true"])
print(seen == [signal.SIGCHLD])
signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
signal.setitimer(signal.ITIMER_REAL, 0.02)
time.sleep(0.1)
print(seen[-1] == signal.SIGALRM, os.times().elapsed > 0)
print(signal.sigtimedwait([signal.SIGUSR1], 0.01))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.sigpending(), signal.sigwait([signal.SIGUSR1]))
pid = os.spawnlp(os.P_NOWAIT, "sh", "sh", "-c", "kill -STOP $$; exit 5")
print(os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1]))
os.kill(pid, signal.SIGCONT)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
sys.stdout.flush()
os.abort()

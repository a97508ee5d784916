"""Other kernels that run programs of Linux in a process of their own, where they are installed:
User Mode Linux (Debian's user-mode-linux) and gVisor (runsc).  The same program measures itself."""
import os
import re
import shutil
import signal
import statistics
import subprocess

ROUNDS = 1
LIMIT_SECONDS = 60
RESULT = re.compile(r"^(\d+\.\d+)\s*$", re.MULTILINE)
# What is compared: name of the measure.
MEASURES = ("null_call", "fork_exit", "fork_exec", "vfork_exec", "pipe_turns", "copy_on_write",
            "touch_in_order", "open_close", "stat", "read_small", "write_small", "shell_200",
            "compile")
PEERS = {
    "uml": ["linux.uml", "mem=1G", "rootfstype=hostfs", "rw", "quiet"],
    "gvisor": ["runsc", "--rootless", "--network=none", "do"],
}


def installed():
    return [name for name, command in PEERS.items() if shutil.which(command[0])]


def command_of(peer, program, words):
    if peer == "uml":    # the program is the first process; what the kernel does not know is its
        return [*PEERS[peer], "init=" + program, *words]
    return [*PEERS[peer], program, *words]


def end_session(leader):
    """Its processes may have made groups of their own."""
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.getsid(int(name)) == leader:
                os.kill(int(name), signal.SIGKILL)
        except ProcessLookupError:
            continue


def output_of(command):
    """Empty if it does not end.  Nothing of it goes on: a kernel is several processes."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, errors="replace",
                          start_new_session=True) as process:
        try:
            return process.communicate(timeout=LIMIT_SECONDS)[0]
        except subprocess.TimeoutExpired:
            return ""
        finally:
            end_session(process.pid)


def median(peer, program, words):
    """ns, or None if it cannot be measured there."""
    found = []
    for _ in range(ROUNDS):
        match = RESULT.search(output_of(command_of(peer, program, words)))
        if not match:
            return None
        found.append(float(match.group(1)))
    return statistics.median(found)


def show(program, data, results):
    """Adds a column for each to the figures of `results` and prints them as ratios to native."""
    names = installed()
    if not names:
        print("user-mode-linux and runsc are not installed: nothing to compare with")
        return
    print(f"{'against others':<16} {'native ns':>12} {'sim':>9} "
          + " ".join(f"{name:>9}" for name in names))
    for measure in MEASURES:
        if measure not in results:
            continue
        figures = results[measure]
        native = figures["native"]
        line = f"{measure:<16} {native:12.0f} {figures['sim'] / native:8.2f}x"
        for name in names:
            figures[name] = median(name, program, [measure, data])
            line += " " + (f"{figures[name] / native:8.2f}x" if figures[name] else "        -")
        print(line, flush=True)

"""Several processes list large directories at the same time: each gets its own, whole."""
import os

DIRECTORIES = ("/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/share/doc", "/usr/include", "/etc")
ROUNDS = 30


def agrees(directory, wanted):
    return all(sorted(os.listdir(directory)) == wanted for _ in range(ROUNDS))


def main():
    wanted = {name: sorted(os.listdir(name)) for name in DIRECTORIES}
    children = []
    for name in DIRECTORIES:
        child = os.fork()
        if child == 0:
            os._exit(0 if agrees(name, wanted[name]) else 1)
        children.append(child)
    for name, child in zip(DIRECTORIES, children):
        print(name, len(wanted[name]), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


main()

"""The programs of guests/teaching, what they are given, and what has to come out.

A check takes a common.Result and gives lines that tell what is wrong; none is good.
"""
import re

CODE_DEADLOCK = 121
STARVING = {"2": "nobody", "3": "process 5", "4": "process 7", "5": "nobody"}
CLASSICS = ("abba", "buffer", "freed_early", "lost_flag", "lost_wakeup")
SHELL_INPUT = ("garbage\x03hexx\x08\x08lp\nexec /fork.elf\nexec /hello_teaching.elf\n"
               "exec /hello.elf\ncat /hello.txt\ncat /none\nexec /none\nbogus\nls /\n"
               "exec /sh.elf\nexec /fork.elf\nps\nexit\nnohup /behave.elf\nkill 60000\nkill\n"
               "exec\ncat\nnohup\n\x04")


class Case:
    """One way of running one program."""

    def __init__(self, program, arguments="", check=None, status=0, **more):
        self.program = program
        self.arguments = arguments.split()
        self.check_output = check or (lambda output: [])
        self.statuses = status if isinstance(status, tuple) else (status,)
        self.text = more.get("text")
        self.root = more.get("root", False)          # needs files of the host
        self.seeded = more.get("seeded", True)       # also under seeds
        self.blocks = more.get("blocks", True)       # was built by eft-cc, too
        self.options = more.get("options", [])

    @property
    def name(self):
        return "_".join([self.program.replace("/", "_"), *self.arguments])

    def problems(self, result):
        found = []
        if result.status not in self.statuses:
            found.append(f"status {result.status}, not {self.statuses[0]}")
        if result.status == self.statuses[0]:
            found += self.check_output(result.output)
        if found:
            found += result.output.splitlines()[-12:] + result.errors.splitlines()[-12:]
        return found


def has_lines(*patterns):
    """Each pattern matches a whole line, in this order."""
    def check(output):
        lines = iter(output.splitlines())
        for pattern in patterns:
            if not any(re.fullmatch(pattern, line) for line in lines):
                return [f"no line `{pattern}` in its place"]
        return []
    return check


def holds_only_good(least):
    """Lines `ok NAME`, at least so many, and none `not ok NAME`."""
    def check(output):
        bad = re.findall(r"^not ok .*", output, re.MULTILINE)
        good = len(re.findall(r"^ok ", output, re.MULTILINE))
        return bad or ([] if good >= least else [f"{good} checks, not {least}"])
    return check


class Queue:
    """The history that the lines of mq tell."""

    def __init__(self, capacity):
        self.capacity = capacity
        self.messages = []
        self.received = []
        self.sent = []

    def step(self, action, message, count):
        if action == "sent":
            self.messages.append(message)
            self.sent.append(message)
        elif not self.messages or self.messages.pop(0) != message:
            return f"message {message} was not the next one"
        else:
            self.received.append(message)
        if count != len(self.messages) or not 0 <= count <= self.capacity:
            return f"the count is {count} with {len(self.messages)} messages"
        return None


def queue_history(capacity):
    def check(output):
        queue = Queue(capacity)
        for action, message, count in re.findall(
                r"^(?:producer|consumer) \d (sent|received) (\d+), count (-?\d+)$", output,
                re.MULTILINE):
            problem = queue.step(action, int(message), int(count))
            if problem:
                return [problem]
        if sorted(queue.received) != list(range(80)):
            return [f"{len(queue.received)} messages were received, not 80"]
        for producer in range(8):
            own = [message for message in queue.sent if message // 10 == producer]
            if own != sorted(own):
                return [f"producer {producer} sent in another order"]
        return has_lines(f"capacity {capacity}, final count: 0")(output)
    return check


def fish(output):
    shown = "".join(output.split())
    if not re.fullmatch(r"(><>_|<><_)*", shown):
        return ["not only fish: " + shown]
    counts = [shown.count(glyph) for glyph in "><_"]
    return [] if counts == [45, 45, 30] else [f"glyphs {counts}, not 45, 45, 30"]


def meals(solution, rounds, starved=None):
    """Everybody's meals, in his own order; who starved is named."""
    def check(output):
        for philosopher in range(5):
            eaten = re.findall(rf"^philosopher {philosopher} eats, meal (\d+)$", output,
                               re.MULTILINE)
            if eaten and [int(meal) for meal in eaten] != list(range(1, rounds + 1)):
                return [f"philosopher {philosopher} ate {len(eaten)} times"]
        end = f"solution {solution}: every philosopher has eaten {rounds} times"
        return has_lines(*([f"philosopher {starved} starved"] if starved is not None else []),
                         end)(output)
    return check


def burgers(name):
    return has_lines(f"-- protection: {name}", "mother: back again, there are 10 cheeseburgers",
                     "boy: very tasty", "-- of 10 cheeseburgers the mother found 10")


def shell(output):
    plain = output.replace("\x08 \x08", "").replace("\x1b", "")
    missing = [pattern for pattern in (
        r"exec PATH +runs a program and waits for it",
        r"\[#\d+ exited with 1056\]", r"\[#\d+ exited with 233\]", r"Hello! I am .*hello.elf",
        r"\[#\d+ exited with 0\]", r"00000000  48 65 6c 6c 6f .*\|Hello, there!\.\|",
        r"cat: there is no file /none", r"There is no program /none",
        r"There is no command bogus", r"hello\.txt",
        # The outer shell waits, or is on its way there on a CPU that had no turn yet.
        r"#.*\| +\S*sh\S* .*(Blocked|Ready|Running)(.|\n)*#.*\| +\S*sh\S* .*Running",
        r"\[#\d+ started\]", r"kill: which process",
        r"exec: which program", r"cat: which file", r"nohup: which program", r"\bbye\b",
    ) if not re.search(pattern, plain, re.IGNORECASE)]
    return [f"no {pattern}" for pattern in missing]


PROGRAMS = [
    Case("hello_teaching", "", has_lines("Hello, world!!!"), 233),
    Case("hello_teaching", "one two", has_lines("Hello, world!!!", "argument 1: one",
                                                "argument 2: two"), 233),
    Case("fact", "20", has_lines("The factorial of 20 under modulo 1000000007 is 146326063.")),
    Case("fact", "999999", has_lines(
        "The factorial of 999999 under modulo 1000000007 is 128233642."), seeded=False),
    Case("fact", "", has_lines(".*The factorial of 5 under modulo 1000000007 is 120."),
         text="77\x085\x035\n", seeded=False),
    Case("fork", "", has_lines("Child exited with status 64",
                               "parent read value of shared: 0x2333"), 1056 % 256),
    *(Case("fact", number, has_lines(r"n is a number of at most 1000000\."), 1, seeded=False,
           blocks=False) for number in ("-1", "many", "5x", "1000001", "0x", 20 * "9")),
    Case("counter", 40 * "x", has_lines('counter: there is no protection "x+"'), 1, seeded=False),
    Case("mutex", "luck", has_lines('mutex: there is no protection "luck"'), 1, seeded=False),
    Case("pingpong", "some", has_lines("pingpong: rounds are a number of at most 1000000000"), 1,
         seeded=False),
    Case("counter", "both", has_lines("COUNTER result with a spin lock: 800",
                                      "COUNTER result with a semaphore: 800")),
    Case("counter", "none", has_lines(r"COUNTER result without protection: \d+")),
    *[Case("mq", str(capacity), queue_history(capacity)) for capacity in (1, 4, 8, 16, 32)],
    Case("dinner", "1 2 1", meals(1, 2), (0, CODE_DEADLOCK)),
    Case("dinner", "2 10 1", meals(2, 10)),
    Case("dinner", "3 10 1", meals(3, 10, 2)),
    Case("dinner", "4 10 1", meals(4, 10, 4)),
    Case("dinner", "5 10 1", meals(5, 10)),
    Case("dinner", "2 100 0", meals(2, 100)),
    Case("mutex", "spin", burgers("spin")),
    Case("mutex", "semaphore", burgers("semaphore")),
    Case("brk", "", has_lines("it grows to 64 KiB", "with zeros")),
    Case("fish", "", fish),
    Case("fish", "7", fish),
    Case("pingpong", "200", has_lines("200 rounds")),
    Case("timing", "fork", has_lines(r"fork \d+ ns"), seeded=False),
    Case("timing", "ring 100", has_lines(r"ring \d+ ns"), seeded=False),
    Case("abba_repaired", "", has_lines("the accounts hold 100 and 100")),
    Case("lost_flag_repaired", "", has_lines("the result is 42")),
    Case("lost_wakeup_repaired", "", has_lines("0 pieces are left")),
    Case("freed_early_repaired", "", has_lines("3 of 3 took their turn, 0 found no semaphore")),
    Case("buffer_repaired", "", has_lines("0 messages are left")),
    Case("abba", "", None, (0, CODE_DEADLOCK)),
    Case("lost_wakeup", "", None, (0, CODE_DEADLOCK)),
    Case("freed_early", "", None, (0, 1)),
    Case("buffer", "", None, (CODE_DEADLOCK, 0)),
    Case("sh", "", shell, text=SHELL_INPUT, root=True, seeded=False),
]

RAW = [
    Case("raw/calls", "", holds_only_good(60), root=True, blocks=False),
    Case("raw/files", "", holds_only_good(11), blocks=False),
    Case("raw/registers", "", holds_only_good(25), blocks=False),
    Case("raw/stack", "", holds_only_good(20), blocks=False),
    Case("raw/fork", "", holds_only_good(18), blocks=False),
    Case("raw/kill", "", holds_only_good(12), blocks=False),
    Case("raw/order", "", holds_only_good(2), blocks=False, seeded=False),
    Case("raw/semaphores", "", holds_only_good(12), blocks=False, seeded=False),
    Case("raw/wild", "", holds_only_good(15), blocks=False),
    Case("raw/many", "", holds_only_good(6), blocks=False, seeded=False,
         options=["--memory=64M"]),
    Case("raw/rust", "", holds_only_good(4), blocks=False),
]

DEFECTS = [
    Case("defect_wait_race", "", holds_only_good(1), seeded=False),
    Case("defect_kill_blocked", "", holds_only_good(1)),
    Case("defect_kill_holder", "", has_lines("the holder is dead"), CODE_DEADLOCK),
    Case("defect_spin_release", "", holds_only_good(1), seeded=False),
    Case("defect_spin_burn", "", holds_only_good(1), seeded=False),
    Case("defect_remove_waiters", "", holds_only_good(1)),
    Case("defect_exit_codes", "", holds_only_good(1), seeded=False, options=["--memory=32M"]),
]

CASES = PROGRAMS + RAW + DEFECTS

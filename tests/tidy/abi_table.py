"""The tables of docs/abi-*.md, made from src/abi/*/syscalls.def."""
import re

DEFINITIONS = "src/abi/linux/syscalls.def"
CALL = re.compile(r"SYSCALL\((\d+),\s+(\w+), (\w+)((?:[^()]|\([^()]*\))*)\)\s*(?:/\* (.*?) \*/)?",
                  re.DOTALL)
COLUMNS = 96


class Call:
    """One line of the definitions."""

    def __init__(self, match):
        self.number = int(match.group(1))
        self.name = match.group(2)
        self.status = match.group(3)
        self.arguments = re.findall(r"\w+\((\w+)", match.group(4))
        self.note = " ".join((match.group(5) or "").split())


def read_calls(tree):
    """All calls in the order of numbers, and what is wrong with the definitions."""
    text = re.sub(r"\A/\*.*?\*/", "", tree.text(DEFINITIONS), flags=re.DOTALL)
    calls = [Call(match) for match in CALL.finditer(text)]
    problems = [f"{call.name} is PARTIAL, but nothing says what is missing"
                for call in calls if call.status == "PARTIAL" and not call.note]
    return calls, problems


def wrapped(words):
    """Words separated by spaces, in lines of a limited length."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > COLUMNS:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return lines + [line] if line else lines


def summary(tree):
    """How many calls there are of each status."""
    calls, _ = read_calls(tree)
    count = {status: sum(call.status == status for call in calls)
             for status in ("DONE", "PARTIAL", "ABSENT")}
    return (f"Of {len(calls)} calls {count['DONE']} are done, {count['PARTIAL']} are partial and "
            f"{count['ABSENT']} are absent.\n")


def served(tree):
    """A row for each call that is there."""
    calls, problems = read_calls(tree)
    rows = ["| number | call | status | what is missing |", "|---:|---|---|---|"]
    for call in calls:
        if call.status != "ABSENT":
            arguments = ", ".join(call.arguments)
            rows.append(f"| {call.number} | `{call.name}({arguments})` | {call.status.lower()} "
                        f"| {call.note} |")
    return "\n".join(rows + problems) + "\n"


def absent(tree):
    """The names of those that answer ENOSYS."""
    calls, _ = read_calls(tree)
    return "\n".join(wrapped(f"`{call.name}`" for call in calls
                             if call.status == "ABSENT")) + "\n"


TEACHING_DEFINITIONS = "src/abi/teaching/syscalls.def"
TEACHING_CALL = re.compile(r"^CALL\((\d+),\s+\w+, (\w+), (\w+), (\w+), (\w+)"
                           r"((?:[^()]|\([^()]*\))*)\)", re.MULTILINE)
TOUCHES = {"NOTHING": "nothing", "DESCRIPTOR": "the console or a file", "FILES": "files",
           "SPACE": "the family's memory", "HEAP": "the shared heap", "CLOCK": "the clock",
           "PROCESS_IDS": "the next process id", "OWN_PROCESS": "its process",
           "EVERYTHING": "everything"}
ACCESS = {"READ": "reads", "CHANGE": "changes", "GIVE": "gives"}
RESULTS = {"NUMBER": "a number", "ADDRESS": "an address", "NOTHING": "as it was",
           "NEVER": "does not return"}


def teaching_calls(tree):
    """A row for each call of the teaching ABI."""
    rows = ["| number | call | rax afterwards | as an operation |", "|---:|---|---|---|"]
    for match in TEACHING_CALL.finditer(tree.text(TEACHING_DEFINITIONS)):
        number, name, touches, access, result, rest = match.groups()
        arguments = ", ".join(re.findall(r"\w+\((\w+)", rest))
        operation = "by its arguments" if access == "SELF" else "none"
        if access != "SELF" and touches != "NOTHING":
            operation = f"{ACCESS[access]} {TOUCHES[touches]}"
        rows.append(f"| {number} | `{name}({arguments})` | {RESULTS[result]} | {operation} |")
    return "\n".join(rows) + "\n"


GENERATORS = {"abi-summary": summary, "abi-served": served, "abi-absent": absent,
              "abi-teaching-calls": teaching_calls}

"""Checks about how files stand to each other: layers, duplicates, tables and their users."""
import re

from tree import words

DUPLICATE_LINES = 8
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


class Layers:
    """What layers.txt says."""

    def __init__(self, tree):
        self.rank = {}
        self.sets = {"any": set(), "sim": set(), "freestanding": set()}
        self.exceptions = set()
        for rank, line in enumerate(tree.table("tests/tidy/layers.txt")):
            first, *rest = line.split()
            if first in self.sets:
                self.sets[first].update(rest)
            elif first == "except":
                self.exceptions.update(("src/" + rest[0], header) for header in rest[1:])
            else:
                self.rank.update({folder: rank for folder in [first] + rest})

    def refuses(self, path, included):
        """Why a file of src/ may not include that header of src/, or None."""
        folder, target = path.split("/")[1], included.split("/")[0]
        if included in self.sets["any"] or (path, included) in self.exceptions:
            return None
        if target not in self.rank:
            return f'"{included}" is in no layer'
        if folder not in self.rank:
            return f"src/{folder} is in no layer"
        if self.rank[target] > self.rank[folder]:
            return f'"{included}" is in a higher layer than {folder}'
        return None


def includes(tree, path):
    """(line, bracket, name) of every include of a file."""
    source = tree.source(path)
    for match in INCLUDE.finditer(tree.text(path)):
        yield source.line_of(match.start(2)), match.group(1), match.group(2)


def check_layers(tree):
    layers = Layers(tree)
    for path in tree.paths("src", ".c .h .def"):
        for line, bracket, name in includes(tree, path):
            if path == "src/config.h":
                yield path, line, "config.h includes nothing"
            elif bracket == "<":
                if name not in layers.sets["freestanding"]:
                    yield path, line, f"<{name}> is no freestanding header"
            else:
                why = layers.refuses(path, name)
                if why:
                    yield path, line, why


def check_sim_includes(tree):
    """The hosted machine sees of the kernel only the seam."""
    allowed = Layers(tree).sets["sim"]
    own = {path[len("sim/"):] for path in tree.paths("sim", ".h")}
    for path in tree.paths("sim", ".c .h .S"):
        for line, bracket, name in includes(tree, path):
            if bracket == '"' and name not in allowed | own:
                yield path, line, f'"{name}" is not of the seam'


def check_dead_headers(tree):
    """Somebody includes every header and every .def file."""
    included = {name for path in tree.paths("src sim guests tests", ".c .h .S .def")
                for _, _, name in includes(tree, path)}
    for path in tree.paths("src sim guests tests", ".h .def"):
        parts = path.split("/")
        if not any("/".join(parts[start:]) in included for start in range(len(parts))):
            yield path, 1, "no file includes this"


def check_unit_tests_have_subjects(tree):
    """tests/unit/a/b_test.c is about src/a/b.[ch], or includes a header of src/a or its own."""
    for path in tree.paths("tests/unit", "_test.c"):
        folder = "/".join(path.split("/")[2:-1])
        base = "src/" + path[len("tests/unit/"):-len("_test.c")]
        about = any(name.startswith((folder + "/", f"unit/{folder}/"))
                    for _, _, name in includes(tree, path))
        if base + ".c" not in tree.files and base + ".h" not in tree.files and not about:
            yield path, 1, f"there is no {base}.[ch], and no header of src/{folder} is included"


def check_lock_ranks(tree):
    """Every rank is defined once, explained, used; every lock is given one."""
    header = "src/sync/lock_rank.h"
    defined = dict(re.findall(r"^\s*(RANK_\w+) = \d+,(.*)$", tree.text(header), re.MULTILINE))
    used = set()
    for path in tree.paths("src", ".c .h"):
        source = tree.source(path)
        if path != header:
            used |= {word for word in words(source.code_with_directives)
                     if word.startswith("RANK_")}
        for match in re.finditer(r"\b(spin|mutex)_init\(", source.code):
            call = source.code[match.start():source.code.find(";", match.start())]
            if "rank" not in call.lower():
                yield path, source.line_of(match.start()), "a lock without a rank"
    for rank, comment in defined.items():
        if "/*" not in comment:
            yield header, 1, f"{rank} does not say what it protects"
        if rank not in used:
            yield header, 1, f"{rank} is the rank of no lock"
    for rank in sorted(used - set(defined) - {"RANK_FIRST_SPIN"}):
        yield header, 1, f"{rank} is used but not defined"


def done_calls(tree):
    for path in tree.paths("src/abi", "syscalls.def"):
        for number, line in enumerate(tree.lines(path), 1):
            match = re.match(r"SYSCALL\(\s*\d+\s*,\s*(\w+)\s*,\s*DONE\b", line)
            if match:
                yield path, number, match.group(1)


def check_calls_are_tested(tree):
    """Every system call that is called done is named in a conformance test or its programs."""
    tested = set()
    for path in tree.paths("tests/conformance guests tests/fuzz"):
        if not path.endswith(".md"):
            tested |= words(tree.text(path))
    for path, line, name in done_calls(tree):
        if name not in tested and f"SYS_{name}" not in tested:
            yield path, line, f"{name} is DONE, but no test in tests/conformance names it"


def significant_lines(tree, path):
    """(line number, text) without comments, blank lines, lone brackets and includes."""
    for number, line in enumerate(tree.source(path).code_with_strings.splitlines(), 1):
        text = " ".join(line.split())
        if len(text) > 3 and text not in ("else {", "} else {", "break;"):
            yield number, text


def check_duplicates(tree):
    """No block of significant lines stands in two places."""
    seen = {}
    for path in tree.paths("src sim guests", ".c .h") + tree.paths("tests", ".c"):
        lines = list(significant_lines(tree, path))
        reported_until = 0
        for at in range(len(lines) - DUPLICATE_LINES + 1):
            block = tuple(text for _, text in lines[at:at + DUPLICATE_LINES])
            number = lines[at][0]
            first = seen.setdefault(block, (path, number))
            elsewhere = first[0] != path or number - first[1] >= DUPLICATE_LINES
            if elsewhere and number > reported_until:
                reported_until = lines[at + DUPLICATE_LINES - 1][0]
                yield path, number, (f"{DUPLICATE_LINES} lines that also stand at "
                                     f"{first[0]}:{first[1]}")


MARK = re.compile(r"\bMARK\((\w+)\)|\bMARK_IF\([^;]*,\s*(\w+)\);")
EXPECTED_MARK = re.compile(r"\bEXPECT_MARK\((\w+)\)")


def uses_of(tree, folder, pattern):
    """{name: (path, line)} of what the pattern finds in the C files of a folder."""
    found = {}
    for path in tree.paths(folder, ".c"):
        source = tree.source(path)
        for match in pattern.finditer(source.code):
            name = next(group for group in match.groups() if group)
            found.setdefault(name, (path, source.line_of(match.start())))
    return found


def check_marks(tree):
    """Each mark of a rare path is expected by a test, and each that is expected is there."""
    marks, expected = uses_of(tree, "src", MARK), uses_of(tree, "tests", EXPECTED_MARK)
    for name in sorted(marks.keys() - expected.keys()):
        yield (*marks[name], f"no test expects the mark {name}")
    for name in sorted(expected.keys() - marks.keys()):
        yield (*expected[name], f"there is no mark {name}")


CHECKS = [
    check_layers,
    check_sim_includes,
    check_dead_headers,
    check_unit_tests_have_subjects,
    check_lock_ranks,
    check_calls_are_tested,
    check_duplicates,
    check_marks,
]

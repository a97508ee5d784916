"""Checks that look at one C file at a time."""
import re

from c_source import DIRECTIVE, LOCK_CONTRACT, TOKEN, closing
from tree import words

LINE_MAX = 100
FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
NESTING_MAX = 3
PARAMETERS_MAX = 5
HEAD_COMMENT_MIN = 15
C = ".c .h"
C_FOLDERS = "src sim guests tests"


def check_line_length(tree):
    for path in tree.paths(C_FOLDERS + " .ci Makefile", ".c .h .S .def .py .sh .mk Makefile run"):
        for number, line in enumerate(tree.lines(path), 1):
            if len(line.expandtabs(8)) > LINE_MAX:
                yield path, number, f"{len(line.expandtabs(8))} columns, at most {LINE_MAX}"


def check_file_length(tree):
    for path in tree.paths(C_FOLDERS, C + " .S .py"):
        if len(tree.lines(path)) > FILE_LINES_MAX:
            yield path, 1, f"{len(tree.lines(path))} lines, at most {FILE_LINES_MAX}"


def all_functions(tree, folders):
    for path in tree.paths(folders, C):
        for function in tree.source(path).functions:
            yield path, function


def check_function_length(tree):
    for path, function in all_functions(tree, C_FOLDERS):
        if function.length > FUNCTION_LINES_MAX:
            yield path, function.first_line, (f"{function.name} has {function.length} lines, "
                                              f"at most {FUNCTION_LINES_MAX}")


def check_nesting(tree):
    for path, function in all_functions(tree, C_FOLDERS):
        if function.nesting > NESTING_MAX:
            yield path, function.first_line, (f"{function.name} nests {function.nesting} deep, "
                                              f"at most {NESTING_MAX}")


def check_parameters(tree):
    """sys_ functions have the parameters that Linux gave the call."""
    for path, function in all_functions(tree, "src sim"):
        count = len(function.parameters)
        if count > PARAMETERS_MAX and not function.name.startswith("sys_"):
            yield path, function.first_line, (f"{function.name} has {count} parameters, "
                                              f"at most {PARAMETERS_MAX}")


def check_head_comment(tree):
    """Every file begins by saying, in a sentence, what it is for."""
    for path in tree.paths(C_FOLDERS, C + " .S .def"):
        text = re.sub(r"^\s*#pragma once\s*", "", tree.text(path)).lstrip()
        comment = TOKEN.match(text)
        said = comment.group("comment") if comment else None
        if not said or len(re.sub(r"[\s/*]", "", said)) < HEAD_COMMENT_MIN:
            yield path, 1, "does not begin with a comment that says what it is for"


def check_pragma_once(tree):
    for path in tree.paths(C_FOLDERS, ".h"):
        if not tree.text(path).startswith("#pragma once\n"):
            yield path, 1, "a header begins with #pragma once"


def check_conditional_in_function(tree):
    for path in tree.paths("src", C):
        if path.startswith("src/machine/x86_64/"):
            continue
        source = tree.source(path)
        for function in source.functions:
            body = source.code_with_directives[function.body_start:function.body_end]
            for match in re.finditer(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|else|elif)\b", body,
                                     re.MULTILINE):
                line = source.line_of(function.body_start + match.start())
                yield path, line, f"#{match.group(1)} in {function.name}: alternatives are files"


def check_backward_goto(tree):
    for path, function in all_functions(tree, C_FOLDERS):
        source = tree.source(path)
        labels = {match.group(1): match.start() for match in
                  re.finditer(r"[;{}]\s*(\w+)\s*:(?!:)", function.body)
                  if match.group(1) != "default"}
        for match in re.finditer(r"\bgoto\s+(\w+)", function.body):
            if labels.get(match.group(1), len(function.body)) < match.start():
                yield path, source.line_of(function.body_start + match.start()), (
                    f"goto {match.group(1)} goes back: write a loop around an attempt")


def enumerators(tree):
    """The constants of all named enums."""
    names = set()
    for path in tree.paths("src sim", C):
        for match in re.finditer(r"\benum\s+\w+\s*\{([^{}]*)\}", tree.source(path).code):
            names.update(re.findall(r"(?:^|,)\s*([A-Z]\w+)", match.group(1)))
    return names


def check_default_in_enum_switch(tree):
    """A switch over an enum names every value, so that the compiler finds a forgotten one."""
    known = enumerators(tree)
    for path in tree.paths("src sim", ".c .h"):
        source = tree.source(path)
        for function in source.functions:
            for match in re.finditer(r"\bdefault\s*:", function.body):
                before = function.body[:match.start()]
                cases = re.findall(r"\bcase\s+(\w+)\s*:", before[before.rfind("switch"):])
                if cases and all(case in known for case in cases):
                    yield path, source.line_of(function.body_start + match.start()), (
                        "default: in a switch over an enum: name the values, then UNREACHABLE()")


def check_lock_protects(tree):
    """A struct that holds a lock says which of its fields the lock protects."""
    for path in tree.paths("src", C):
        source = tree.source(path)
        for match in re.finditer(r"\bstruct\s+(\w+)\s*\{", source.code):
            end = source.code.find("\n}", match.end())
            body = source.code[match.end():end]
            holds = re.search(r"\bstruct\s+(spinlock|mutex)\s+\w+\s*(\[\w*\])?\s*;", body)
            if holds and "rotected by" not in source.text[match.end():end]:
                yield path, source.line_of(match.start()), (
                    f"struct {match.group(1)} has a lock: write `Protected by` over the fields")


def functions_with_lock_contracts(tree):
    """The functions whose prototypes in headers say what they do with locks."""
    names = set()
    for path in tree.paths("src", ".h"):
        for declaration in tree.source(path).code.split(";"):
            contract = LOCK_CONTRACT.search(declaration)
            if contract:
                names.update(re.findall(r"\b(\w+)\s*\(", declaration[:contract.start()])[:1])
    return names


def check_lock_contracts(tree):
    """A function that asserts that a lock is held says so in its type, for its callers."""
    declared = functions_with_lock_contracts(tree)
    for path, function in all_functions(tree, "src"):
        source = tree.source(path)
        head = source.code[function.start:function.body_start]
        asserts = re.search(r"\bASSERT\w*\([^;]*(?<!!)\b(?:spin|mutex)_is_held\(", function.body)
        is_known = LOCK_CONTRACT.search(head) or (function.name in declared and
                                                  not re.match(r"static\b", head))
        if asserts and not is_known:
            yield path, function.first_line, (f"{function.name} asserts that a lock is held: "
                                              "it needs REQUIRES(lock)")


def without_inner_brackets(text):
    """What stands in no brackets, with the rest left out."""
    depth, kept = 0, []
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        kept.append(letter if depth == 0 else " ")
    return "".join(kept)


def check_single_facts(tree):
    """One fact per assertion, so that the one that does not hold is named.  The premise of an
    ASSERT_IMPLIES may have several."""
    for path in tree.paths("src", C):
        source = tree.source(path)
        for match in re.finditer(r"\bASSERT(_IMPLIES)?\s*\(", source.code):
            opening = match.end() - 1
            fact = without_inner_brackets(source.code[opening + 1:closing(source.code, opening)])
            if "&&" in (fact.split(",", 1)[-1] if match.group(1) else fact):
                yield path, source.line_of(opening), "several facts: make several assertions"


def check_own_header_first(tree):
    for path in tree.paths("src", ".c"):
        own = path[len("src/"):-2] + ".h"
        includes = re.findall(r'^#include [<"]([^>"]+)[>"]', tree.text(path), re.MULTILINE)
        if own in includes and includes[0] != own:
            yield path, 1, f'includes "{own}" first: so a header that needs another is noticed'


class Ban:
    """One line of banned.txt."""

    def __init__(self, line):
        where, what, self.why = (part.strip() for part in line.split(" | ", 2))
        self.folders = " ".join(word for word in where.split() if not word.startswith("-"))
        self.excepted = tuple(word[1:] for word in where.split() if word.startswith("-"))
        self.in_text = what.startswith("text:")
        self.pattern = re.compile(what[len("text:"):] if self.in_text else what, re.MULTILINE)

    def paths(self, tree):
        suffixes = "" if self.in_text else C
        return [path for path in tree.paths(self.folders, suffixes)
                if not path.startswith(self.excepted or ("//",))]


def check_banned(tree):
    for line in tree.table("tests/tidy/banned.txt"):
        ban = Ban(line)
        for path in ban.paths(tree):
            source = tree.source(path)
            text = source.text if ban.in_text else source.code_with_directives
            for match in ban.pattern.finditer(text):
                yield path, source.line_of(match.start()), (
                    f"`{match.group(0).strip()}`: {ban.why}")


def mentions(tree):
    """For every word, the files whose code uses it: in headers, not counting declarations."""
    users = {}
    for path in tree.paths("src sim guests tests", C + " .S"):
        source = tree.source(path)
        text = source.code_with_directives
        if path.endswith(".h"):
            text = "".join(function.body for function in source.functions)
            text += " ".join(DIRECTIVE.findall(source.code_with_directives))
        for word in words(text):
            users.setdefault(word, set()).add(path)
    return users


def table_functions(tree):
    """The functions behind calls, which only a macro over a table names."""
    names = set()
    for path in tree.paths("src/abi", "syscalls.def"):
        prefix = "sys_" if path.startswith("src/abi/linux") else path.split("/")[2] + "_"
        names |= {prefix + name for name in re.findall(r"CALL\(\d+,\s*(\w+)", tree.text(path))}
    return names


def check_exported_names(tree):
    """A function of src/ that no other file uses is static, or not needed at all."""
    users = mentions(tree)
    called = table_functions(tree)
    for path in tree.paths("src", ".c"):
        source = tree.source(path)
        for function in source.functions:
            head = source.code[function.start:function.body_start]
            if "static" in head or function.name in called:
                continue
            if not users.get(function.name, set()) - {path}:
                yield path, function.first_line, f"{function.name} is used in no other file"


CHECKS = [
    check_line_length,
    check_file_length,
    check_function_length,
    check_nesting,
    check_parameters,
    check_head_comment,
    check_pragma_once,
    check_conditional_in_function,
    check_backward_goto,
    check_default_in_enum_switch,
    check_lock_protects,
    check_lock_contracts,
    check_single_facts,
    check_own_header_first,
    check_banned,
    check_exported_names,
]

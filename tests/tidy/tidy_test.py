#!/usr/bin/env python3
"""The checks can fail: each is given a small tree that breaks its rule and one that keeps it.

A case is (check, files that break the rule, files that keep it); a check without a case fails.
"""
import sys

import check_c
import check_docs
import check_relations
import tidy
from tree import ROOT, Tree

HEAD = "/* A file that is there for the test. */\n"
LAYERS = """\
lib
machine
sched sync
fs
except lib/b.c fs/a.h
any config.h
sim machine/machine.h
freestanding stdint.h
"""


def body(statements):
    return HEAD + "int thing_act(int number)\n{\n" + statements + "}\n"


def function_of(lines):
    return body("    number++;\n" * (lines - 4) + "    return number;\n")


def nested(depth):
    return body("".join("    " * (level + 1) + "if (number)\n" for level in range(depth))
                + "    " * (depth + 1) + "number++;\n    return number;\n")


def in_fs(*includes):
    return HEAD + "".join(f"#include {name}\n" for name in includes)


def distinct_lines(count):
    return "".join(f"    number += {line} * number;\n" for line in range(count))


BANNED_LINES = {
    "src/a.c": body("    char *end = strcpy(a, b);\n"),
    "tests/a.c": "/* " + "TO" + "DO: later. */\n",
    "src/b.h": "#pragma once\ntypedef struct { int a; } thing;\n",
    "src/c.c": "volatile int shared;\n",
    "sim/d.c": "void do_work(void);\n",
    "src/e.c": "extern int number;\n",
    "docs/f.md": "See /wor" + "k/main.\n",
    "sim/g.c": "int a; \n",
}
HARMLESS_LINES = {
    "src/a.c": HEAD + 'static const char *text = "strcpy(a, b) typedef struct";\n',
    "src/b.c": "/* volatile is not used: strcpy(a, b) */\n",
    "sim/c.c": "volatile int flag;\n",
    "src/d.c": body('    __asm__ volatile("nop");\n    undo_work();\n'),
    "src/e.h": "extern const int table[];\n",
}

CASES = [
    (check_c.check_line_length, {"src/a.c": "x" * 101}, {"src/a.c": "x" * 100}),
    (check_c.check_line_length, {"Makefile": "\t" + "x" * 93}, {"Makefile": "\t" + "x" * 92}),
    (check_c.check_file_length, {"sim/a.c": "\n" * 601}, {"sim/a.c": "\n" * 600}),
    (check_c.check_function_length, {"src/a.c": function_of(71)}, {"src/a.c": function_of(70)}),
    (check_c.check_nesting, {"src/a.c": nested(4)}, {"src/a.c": nested(3)}),
    (check_c.check_nesting,
     {"src/a.c": body("do { for (;;) { switch (a) { case 1: LIST_FOR_EACH(b, c) { d(); } } } }"
                      " while (e);")},
     {"src/a.c": body("if (a) { b(); } else if (c) { d(); } else if (e) { f(); }"
                      " else if (g) { h(); } else if (i) { j((struct k){ { { { 0 } } } }); }")}),
    (check_c.check_parameters,
     {"src/a.c": HEAD + "int f(int a, int b, int c, int d, int e, int g)\n{\n}\n"},
     {"src/a.c": HEAD + "int f(int a, int (*b)(int, int), int c, int d, int e)\n{\n}\n",
      "src/b.c": HEAD + "int64_t sys_f(int a, int b, int c, int d, int e, int g)\n{\n}\n"}),
    (check_c.check_head_comment, {"src/a.c": "#include <a.h>\n"}, {"src/a.c": HEAD}),
    (check_c.check_head_comment, {"src/a.h": "#pragma once\n/* a.h */\n"},
     {"src/a.h": "#pragma once\n" + HEAD}),
    (check_c.check_pragma_once, {"src/a.h": "#ifndef A\n"}, {"src/a.h": "#pragma once\n"}),
    (check_c.check_conditional_in_function, {"src/a.c": body("#ifdef SMP\n    f();\n#endif\n")},
     {"src/a.c": "#ifdef SMP\n" + body("    f();\n") + "#endif\n"}),
    (check_c.check_backward_goto,
     {"src/a.c": body("again:\n    f();\n    if (number)\n        goto again;\n")},
     {"src/a.c": body("    if (f())\n        goto release;\n    g();\nrelease:\n    h();\n")}),
    (check_c.check_default_in_enum_switch,
     {"src/a.c": HEAD + "enum color { RED, GREEN };\nvoid f(enum color c)\n{\n    switch (c) {\n"
                 "    case RED:\n        g();\n    default:\n        h();\n    }\n}\n"},
     {"src/a.c": HEAD + "enum color { RED, GREEN };\nvoid f(char c)\n{\n    switch (c) {\n"
                 "    case LETTER:\n        g();\n    default:\n        h();\n    }\n}\n"}),
    (check_c.check_lock_protects,
     {"src/a.h": "struct a {\n    struct spinlock lock;\n    int count;\n};\n"},
     {"src/a.h": "struct a {\n    struct spinlock lock;\n\n    /* Protected by `lock`. */\n"
                 "    int count;\n};\nstruct b {\n    struct spinlock *lock;\n};\n"}),
    (check_c.check_lock_contracts,
     {"src/a.c": body("    ASSERT(mutex_is_held(&a->lock) && number > 0);\n"),
      "src/a.h": "int thing_act(int number);\n"},
     {"src/a.c": body("    ASSERT(spin_is_held(&a.lock));\n"),
      "src/a.h": "int other(void);\nint thing_act(int number) REQUIRES(&at(0)->lock);\n",
      "src/b.c": "static int f(struct b *b)\n    REQUIRES(&(*b)->lock, lock_of(at(0)))\n"
                 "{\n    ASSERT(spin_is_held(&(*b)->lock));\n}\n",
      "src/c.c": "int f(void) LOCKS_UNCHECKED\n{\n    ASSERT(mutex_is_held(&lock));\n}\n"
                 "int g(void)\n{\n    ASSERT(!spin_is_held(&lock));\n}\n"}),
    (check_c.check_lock_contracts,
     {"src/a.c": "static int f(int a)\n{\n    ASSERT(spin_is_held(&lock));\n}\n",
      "src/a.h": "int f(int a) REQUIRES(&lock);\n"},
     {"src/a.c": body("    if (mutex_is_held(&lock))\n        number++;\n")}),
    (check_c.check_single_facts,
     {"src/a.c": body("    ASSERT(number > 0 &&\n           f(number));\n")},
     {"src/a.c": body("    ASSERT(f(a && b) || (a && b));\n    ASSERT_IMPLIES(a && b, c);\n")}),
    (check_c.check_single_facts,
     {"src/a.c": body("    ASSERT_IMPLIES(a, b && c);\n")},
     {"src/a.c": body("    if (a && b)\n        f();\n")}),
    (check_c.check_own_header_first,
     {"src/lib/a.c": in_fs("<stdint.h>", '"lib/a.h"'), "src/lib/a.h": ""},
     {"src/lib/a.c": in_fs('"lib/a.h"', "<stdint.h>"), "src/lib/a.h": ""}),
    (check_c.check_exported_names,
     {"src/a.c": body("    return 0;\n"), "src/a.h": "int thing_act(int number);\n"},
     {"src/a.c": body("    return 0;\n"), "src/b.c": body("    return thing_act(1);\n"),
      "src/c.c": HEAD + "static int f(void)\n{\n    return thing_act(2);\n}\n",
      "sim/d.c": body("")}),
    (check_relations.check_layers, {"src/lib/a.c": in_fs('"fs/vfs.h"')},
     {"src/fs/a.c": in_fs('"lib/a.h"', '"sync/a.h"', '"fs/a.h"', '"config.h"', "<stdint.h>")}),
    (check_relations.check_layers, {"src/fs/a.c": in_fs("<stdio.h>")},
     {"src/sched/a.c": in_fs('"sync/spinlock.h"')}),
    (check_relations.check_layers, {"src/new/a.c": in_fs('"lib/a.h"')},
     {"src/config.h": "#pragma once\n"}),
    (check_relations.check_layers, {"src/lib/b.c": in_fs('"fs/b.h"')},
     {"src/lib/b.c": in_fs('"fs/a.h"')}),
    (check_relations.check_sim_includes, {"sim/a.c": in_fs('"sched/thread.h"')},
     {"sim/a.c": in_fs("<stdio.h>", '"machine/machine.h"', '"sim.h"'), "sim/sim.h": ""}),
    (check_relations.check_dead_headers, {"src/lib/a.h": "", "src/lib/b.c": in_fs('"lib/c.h"')},
     {"src/lib/a.h": "", "src/lib/b.c": in_fs('"lib/a.h"')}),
    (check_relations.check_unit_tests_have_subjects,
     {"tests/unit/lib/a_test.c": in_fs("<stdio.h>")},
     {"tests/unit/lib/a_test.c": HEAD, "src/lib/a.c": "",
      "tests/unit/lib/b_test.c": in_fs('"lib/c.h"')}),
    (check_relations.check_lock_ranks,
     {"src/a.c": body("    spin_init(&lock, 7);\n")},
     {"src/a.c": body("    spin_init(&lock, RANK_A);\n"),
      "src/sync/lock_rank.h": "    RANK_A = 10,    /* one thing */\n"}),
    (check_relations.check_lock_ranks,
     {"src/sync/lock_rank.h": "    RANK_A = 10,    /* one thing */\n"},
     {"src/a.c": body("    mutex_init(&lock, rank);\n")}),
    (check_relations.check_calls_are_tested,
     {"src/abi/linux/syscalls.def": "SYSCALL(0,   read, DONE, FD(fd))\n",
      "tests/conformance/a.c": "readable();\n"},
     {"src/abi/linux/syscalls.def": "SYSCALL(0,   read, DONE, FD(fd))\nSYSCALL(1, b, PARTIAL)\n",
      "tests/conformance/a.c": "read(0);\n"}),
    (check_relations.check_marks,
     {"src/a.c": body("    MARK(thing_lost);\n    MARK_IF(number, thing_found);\n"),
      "tests/unit/a_test.c": body("    EXPECT_MARK(thing_lost);\n")},
     {"src/a.c": body("    MARK(thing_lost);\n    MARK_IF(act(1, 2), thing_found);\n"),
      "tests/unit/a_test.c": body("    EXPECT_MARK(thing_lost);\n"
                                  "    EXPECT_MARK(thing_found);\n")}),
    (check_relations.check_marks,
     {"tests/unit/a_test.c": body("    EXPECT_MARK(thing_lost);\n")},
     {"src/a.c": body("    MARK(thing_lost);\n"),
      "tests/unit/a_test.c": body("    EXPECT_MARK(thing_lost);\n")}),
    (check_relations.check_duplicates,
     {"src/a.c": body(distinct_lines(8)), "sim/b.c": HEAD + distinct_lines(8)},
     {"src/a.c": body(distinct_lines(7)), "sim/b.c": HEAD + distinct_lines(7)}),
    (check_docs.check_links, {"docs/a.md": "[b](b.md)"},
     {"docs/a.md": "[b](b.md#two-words) [c](../src/a.c) [d](http://d) `[e](f.md)`",
      "docs/b.md": "# Two words\n", "src/a.c": "", "docs/f.md": ""}),
    (check_docs.check_links, {"docs/a.md": "[b](#nothing)\n# Something\n"},
     {"docs/a.md": "[b](#something)\n# Something\n"}),
    (check_docs.check_file_names, {"docs/a.md": "See `lib/b.c`."},
     {"docs/a.md": "See `lib/b.c` and `src/lib/`.", "src/lib/b.c": ""}),
    (check_docs.check_generated_parts,
     {"docs/a.md": "<!-- generated: lock-ranks -->\nold\n<!-- end -->\n"},
     {"docs/a.md": "<!-- generated: layers -->\n1. `lib`\n<!-- end -->\n",
      "tests/tidy/layers.txt": "lib\n"}),
]


def tree_of(files):
    tables = {"tests/tidy/layers.txt": LAYERS}
    if not any(path.startswith("tests/tidy") for path in files):
        tables["tests/tidy/banned.txt"] = Tree.read(ROOT).text("tests/tidy/banned.txt")
    return Tree({**tables, **files})


def problem_with(check, bad, good):
    """Why the check does not do what it should, or None."""
    if not list(check(tree_of(bad))):
        return f"accepts {list(bad)}"
    wrong = list(check(tree_of(good)))
    return f"rejects {list(good)}: {wrong[0]}" if wrong else None


def ban_cases():
    """Every bad line is found in its file; no good one is."""
    found = {path for path, _, _ in check_c.check_banned(tree_of(BANNED_LINES))}
    for path in BANNED_LINES:
        yield f"finds {path}", None if path in found else f"accepts {BANNED_LINES[path]!r}"
    wrong = list(check_c.check_banned(tree_of(HARMLESS_LINES)))
    yield "accepts what is harmless", f"rejects {wrong[0]}" if wrong else None


def main():
    results = [(f"{tidy.name_of(check)}/{number}", problem_with(check, bad, good))
               for number, (check, bad, good) in enumerate(CASES, 1)]
    results += [(f"banned/{name}", why) for name, why in ban_cases()]
    tested = {check for check, _, _ in CASES} | {check_c.check_banned}
    results += [(f"{tidy.name_of(check)}", "has no case here")
                for check in tidy.CHECKS if check not in tested]
    for name, why in results:
        print(f"not ok tidy_test/{name}: {why}" if why else f"ok tidy_test/{name}")
    return 1 if any(why for _, why in results) else 0


if __name__ == "__main__":
    sys.exit(main())

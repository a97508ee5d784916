#!/usr/bin/env python3
"""Writes the generated parts of the documents (`make docs`).

A document marks such a part with `<!-- generated: NAME -->` and `<!-- end -->`; what stands
between is replaced by what the generator NAME makes from the sources.  tidy compares them.
"""
import os
import re
import sys

import abi_table
import abi_table
from tree import ROOT, Tree

PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def lock_ranks(tree):
    """The table of locks, in the order in which they may be taken."""
    kind = "sleeping"
    rows = ["| rank | lock | kind | protects |", "|---:|---|---|---|"]
    for line in tree.lines("src/sync/lock_rank.h"):
        if "Spin locks." in line:
            kind = "spin"
        match = re.match(r"\s*(RANK_\w+) = (\d+),\s*/\* (.*?) \*/", line)
        if match:
            rows.append(f"| {match.group(2)} | `{match.group(1)}` | {kind} | {match.group(3)} |")
    return "\n".join(rows) + "\n"


def layers(tree):
    """The layers, lowest first."""
    ordinary = [line for line in tree.table("tests/tidy/layers.txt")
                if line.split()[0] not in ("any", "except", "sim", "freestanding")]
    rows = [f"{number}. " + ", ".join(f"`{folder}`" for folder in line.split())
            for number, line in enumerate(ordinary, 1)]
    return "\n".join(rows) + "\n"


def limits(tree):
    """The limits of config.h."""
    rows = ["| limit | value | meaning |", "|---|---|---|"]
    for line in tree.lines("src/config.h"):
        match = re.match(r"#define (\w+) (.*?)\s*(?:/\* (.*?) \*/)?$", line)
        if match:
            rows.append(f"| `{match.group(1)}` | {match.group(2)} | {match.group(3) or ''} |")
    return "\n".join(rows) + "\n"


GENERATORS = {"lock-ranks": lock_ranks, "layers": layers, "limits": limits,
              **abi_table.GENERATORS}


def regenerated(tree, path):
    """The document as it should be."""
    def part(match):
        generator = GENERATORS.get(match.group(2))
        text = generator(tree) if generator else match.group(3)
        return match.group(1) + text + match.group(4)
    return PART.sub(part, tree.text(path))


def main():
    tree = Tree.read(ROOT)
    for path in tree.paths("docs README.md", ".md"):
        text = regenerated(tree, path)
        if text != tree.text(path):
            with open(os.path.join(ROOT, path), "w", encoding="utf-8") as file:
                file.write(text)
            print(f"updated {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

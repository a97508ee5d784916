"""Checks of the documents: links, names of files, generated parts."""
import os
import re

import generated

ROOTS = ("", "src/", "tests/", "docs/", "src/abi/linux/")
# Names of files that documents use for "any such file".
PLACEHOLDERS = ("x.c", "x_test.c", "NAME.c", "a/b.c", "a/b_test.c")


def documents(tree):
    return tree.paths("docs README.md", ".md")


def without_code_blocks(text):
    return re.sub(r"^```.*?^```", lambda match: re.sub(r"[^\n]", "", match.group(0)), text,
                  flags=re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors of a document's headings, as they are made everywhere."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found.add(slug)
    return found


def check_links(tree):
    """Links between documents lead somewhere."""
    folders = {os.path.dirname(path) for path in tree.files}
    for path in documents(tree):
        text = without_code_blocks(tree.text(path))
        for match in re.finditer(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = match.group(1).partition("#")
            line = text.count("\n", 0, match.start()) + 1
            if re.match(r"[a-z]+:", target):
                continue
            place = os.path.normpath(os.path.join(os.path.dirname(path), target)) \
                if target else path
            if place not in tree.files and place not in folders and place != "LICENSE":
                yield path, line, f"the link to {match.group(1)} leads nowhere"
            elif anchor and anchor not in anchors(tree.text(place)):
                yield path, line, f"{place} has no heading #{anchor}"


def exists(tree, name):
    if any(root + name in tree.files for root in ROOTS):
        return True
    folder = name.rstrip("/") + "/"
    return any(path.startswith(root + folder) for root in ROOTS for path in tree.files)


def check_file_names(tree):
    """Files of the project that documents name in backquotes exist."""
    for path in documents(tree):
        text = without_code_blocks(tree.text(path))
        for match in re.finditer(r"`([\w.-]+/[\w./-]*\w+\.(?:c|h|S|def|py|txt|md)|"
                                 r"(?:src|sim|guests|tests|docs)/[\w./-]*)`", text):
            name = match.group(1)
            if not exists(tree, name) and not name.endswith(PLACEHOLDERS):
                line = text.count("\n", 0, match.start()) + 1
                yield path, line, f"there is no {name}"


def check_generated_parts(tree):
    """What is generated is what the sources give now."""
    for path in documents(tree):
        text = tree.text(path)
        for match in re.finditer(r"<!-- generated: ([\w-]+) -->", text):
            if match.group(1) not in generated.GENERATORS:
                yield path, text.count("\n", 0, match.start()) + 1, (
                    f"there is no generator {match.group(1)}")
        if generated.regenerated(tree, path) != text:
            yield path, 1, "generated parts are out of date: run `make docs`"


CHECKS = [check_links, check_file_names, check_generated_parts]

#!/usr/bin/env python3
"""Lines of src/ that the unit tests and models ran, by folder (`make coverage`).

Reads the counts that gcc's instrumentation left beside the objects.  Ends with status 1 when a
folder is below its floor: floors are a little below what was reached, and only ever raised.
"""
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile

from tree import ROOT

# Percent of lines.  Folders that are not named are shown, but have no floor.
FLOORS = {
    "debug": 95, "device": 82, "fs": 95, "futex": 97, "lib": 98, "memory": 95, "net": 97,
    "process": 68, "sched": 95, "signal": 78, "sync": 95, "time": 95, "tty": 94,
}


def counts_of(build):
    """{path: {line: executions}} for every file of src/."""
    data = glob.glob(os.path.join(os.path.abspath(build), "objects/src/**/*.gcda"),
                     recursive=True)
    notes = [path[:-len(".gcda")] + ".gcno" for path in data]
    untouched = set(glob.glob(os.path.join(os.path.abspath(build), "objects/src/**/*.gcno"),
                              recursive=True)) - set(notes)
    counts = {}
    with tempfile.TemporaryDirectory() as place:
        for note in notes + sorted(untouched):
            subprocess.run(["gcov", "--json-format", note], cwd=place, check=True,
                           capture_output=True)
            for name in glob.glob(os.path.join(place, "*.json.gz")):
                with gzip.open(name, "rt") as file:
                    add(counts, json.load(file))
                os.unlink(name)
    return counts


def add(counts, report):
    for entry in report["files"]:
        path = os.path.relpath(os.path.join(ROOT, entry["file"]), ROOT)
        if not path.startswith("src/"):
            continue
        lines = counts.setdefault(path, {})
        for line in entry["lines"]:
            number = line["line_number"]
            lines[number] = lines.get(number, 0) + line["count"]


def by_folder(counts):
    """{folder: (lines, lines that ran)}"""
    folders = {}
    for path, lines in counts.items():
        folder = path.split("/")[1]
        total, ran = folders.get(folder, (0, 0))
        folders[folder] = (total + len(lines), ran + sum(count > 0 for count in lines.values()))
    return folders


def show_files(counts):
    for path, lines in sorted(counts.items()):
        missed = sum(count == 0 for count in lines.values())
        print(f"  {path:<44} {100 * (len(lines) - missed) / len(lines):5.1f} %  {missed} missed")


def main():
    counts = counts_of(sys.argv[1])
    if "--files" in sys.argv:
        show_files({path: lines for path, lines in counts.items() if lines})
    status = 0
    print(f"{'folder':<12} {'lines':>6} {'covered':>8} {'floor':>6}")
    for folder, (total, ran) in sorted(by_folder(counts).items()):
        percent = 100 * ran / total if total else 100
        floor = FLOORS.get(folder)
        low = floor is not None and percent < floor
        status |= low
        shown = f"{floor:.0f} %" if floor is not None else "-"
        print(f"{folder:<12} {total:>6} {percent:>6.1f} % {shown:>6}{'  TOO LOW' if low else ''}")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())

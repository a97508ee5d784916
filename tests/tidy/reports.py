#!/usr/bin/env python3
"""What the address sanitizer reported while the sim of BUILD ran guests (`make asan`)."""
import glob
import os
import sys

from tree import ROOT

BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))


def main():
    reports = glob.glob(os.path.join(BUILD, "reports.*"))
    found = 0
    for path in reports:
        with open(path, errors="replace", encoding="utf-8") as file:
            text = file.read()
        if "ERROR:" in text:
            found += 1
            print(text)
            print(f"not ok reports/{os.path.basename(path)}")
    if not reports:
        print("not ok reports: there are none, though the tool has something to say about each run")
    elif not found:
        print(f"ok reports ({len(reports)} runs without an error)")
    return 1 if found or not reports else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Timelines: the trace obeys the rules of its format, the pages open alone, long runs stay small.

Prints `ok NAME` / `not ok NAME: why` / `skip NAME: why`, as tests/run.py reads it.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import common
from common import SIM, execute, guest

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
CALLS_TRACK = 8388608
CPUS = 4194304
SLACK = 0.0011    # microseconds: times are printed to the nanosecond
LONG_ROUNDS = 4000
MEMORY_LIMIT_KIB = 120 * 1024


def problems_of_fields(events):
    """Every event has the fields that its kind needs."""
    needed = {"X": ("pid", "tid", "ts", "dur", "name"), "C": ("pid", "ts", "name", "args"),
              "M": ("pid", "name", "args"), "i": ("s", "pid", "ts", "name"),
              "s": ("id", "pid", "tid", "ts", "name", "cat"),
              "f": ("id", "pid", "tid", "ts", "name", "cat", "bp")}
    found = []
    for event in events:
        if event.get("ph") not in needed:
            found.append(f"an event of kind {event.get('ph')}: {event}")
        elif missing := [field for field in needed[event["ph"]] if field not in event]:
            found.append(f"{missing} missing in {event}")
        elif event["ph"] == "C" and not all(isinstance(value, int)
                                            for value in event["args"].values()):
            found.append(f"a counter that is no number: {event}")
        elif event.get("dur", 0) < 0 or event.get("ts", 0) < 0:
            found.append(f"a negative time in {event}")
    return found


def slices_by_track(events):
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append(event)
    for slices in tracks.values():
        slices.sort(key=lambda event: event["ts"])
    return tracks


def problems_of_slices(tracks):
    """Slices of one track follow each other."""
    return [f"{first} overlaps {second}" for slices in tracks.values()
            for first, second in zip(slices, slices[1:])
            if first["ts"] + first["dur"] > second["ts"] + SLACK]


def encloses(slices, ts):
    return any(one["ts"] - SLACK <= ts <= one["ts"] + one["dur"] + SLACK for one in slices)


def problems_of_arrows(events, tracks):
    """An arrow begins and ends within slices, and does not go back in time."""
    found = []
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    starts = [event for event in events if event["ph"] == "s"]
    if len(starts) != len(ends):
        found.append(f"{len(starts)} arrows begin, {len(ends)} end")
    for start in starts:
        end = ends.get(start["id"])
        if end is None or end["ts"] < start["ts"]:
            found.append(f"{start} has the end {end}")
            continue
        for event in (start, end):
            if not encloses(tracks[event["pid"], event["tid"]], event["ts"]):
                found.append(f"{event} is in no slice")
    return found


def problems_of_threads(events, tracks):
    """A CPU runs a thread exactly when the thread's own track says that it runs."""
    on_cpus, running = defaultdict(float), defaultdict(float)
    for (pid, tid), slices in tracks.items():
        for one in slices:
            if pid == CPUS:
                on_cpus[one["args"]["thread"]] += one["dur"]
            elif tid < CALLS_TRACK and one["name"] == "running":
                running[tid] += one["dur"]
    named = {event["tid"] for event in events
             if event["ph"] == "M" and event["name"] == "thread_name"}
    found = [f"thread {tid} ran for {running[tid]} us, on CPUs for {on_cpus[tid]} us"
             for tid in running if abs(running[tid] - on_cpus[tid]) > 0.02 * running[tid] + 500]
    return found + [f"track {tid} has no name" for pid, tid in tracks if tid not in named]


def trace(suite, directory, name, command, expected):
    if not suite.wants(f"timeline_{name}"):
        return
    path = os.path.join(directory, "trace.json")
    result = execute([SIM, f"--timeline={path}", *command])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    events = json.loads(text)
    tracks = slices_by_track(events)
    found = problems_of_fields(events) + problems_of_slices(tracks)
    if not found:
        found = problems_of_arrows(events, tracks) + problems_of_threads(events, tracks)
    names = {event["name"] for event in events}
    found += [f"no {wanted!r} in it" for wanted in expected if wanted not in names]
    if not text.startswith("[{"):
        found.append("it does not begin as the format does")
    suite.check(f"timeline_{name}", found + result.errors.splitlines() if found else [])


def traces(suite, directory):
    dinner = [guest("dinner"), "3", "5"]
    expected = ["running", "ready", "semaphore 258", "semaphore 65", "process 3 to end", "Sem",
                "Time", "Fork", "ready threads", "process 3 ended", "wakes", "sleep"]
    trace(suite, directory, "dinner", dinner, expected)
    trace(suite, directory, "dinner_cpus", ["--cpus=4", *dinner], expected)
    trace(suite, directory, "deadlock", [guest("knots"), "circle"], ["deadlock", "semaphore 2"])
    trace(suite, directory, "time_limit", ["--time-limit=0.5", guest("knots"), "sleeper"],
          ["time limit", "sleep"])
    if "--seed" in execute([SIM, "--help"]).output:
        trace(suite, directory, "dinner_seeded", ["--seed=7", *dinner], expected)


def same_run(suite, directory):
    """Somebody who listens changes nothing: the seeded run is the same."""
    if not suite.wants("timeline_same_run"):
        return
    if "--seed" not in execute([SIM, "--help"]).output:
        suite.skip("timeline_same_run", "there are no seeded runs")
        return
    path = os.path.join(directory, "same.json")
    problems = []
    for cpus in (1, 4):
        command = ["-v", "--seed=11", f"--cpus={cpus}", guest("dinner"), "1", "8"]
        runs = [execute([SIM, *options, *command]) for options in ([], [f"--timeline={path}"])]
        hashes = [re.findall(r"hash (\w+)", run.errors) for run in runs]
        if len(hashes[0]) != 1 or hashes[0] != hashes[1] or runs[0].output != runs[1].output:
            problems += [f"{cpus} CPUs: {hashes}"] + runs[0].errors.splitlines()[-2:]
    suite.check("timeline_same_run", problems)


def found_by_search(suite, directory):
    """A search has no timeline; the command that it prints makes the one of the run it found."""
    if not suite.wants("timeline_of_search"):
        return
    if "--search" not in execute([SIM, "--help"]).output:
        suite.skip("timeline_of_search", "there is no search")
        return
    path = os.path.join(directory, "search.json")
    result = execute([SIM, "--search", f"--timeline={path}", guest("abba")])
    command = re.search(r"^repeat it: +(.*)$", result.output + result.errors, re.MULTILINE)
    found = ["the search left a file"] if os.path.exists(path) else []
    if not command:
        found.append("no command in " + result.output + result.errors)
    else:
        execute(command.group(1).split())
        with open(path, encoding="utf-8") as file:
            names = {event["name"] for event in json.load(file)}
        found += [] if "deadlock" in names else ["no deadlock in it"]
    suite.check("timeline_of_search", found)


# ---- Pages --------------------------------------------------------------------------------------


def opened(path, fragment=""):
    """The page as a browser has it when its script has run, and what went wrong in it."""
    with tempfile.TemporaryDirectory() as profile:
        result = subprocess.run(
            [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom",
             "--enable-logging=stderr", f"--user-data-dir={profile}",
             "--virtual-time-budget=3000", f"file://{path}{fragment}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=120, check=False)
    wrong = [line for line in result.stderr.decode(errors="replace").splitlines()
             if "CONSOLE" in line]
    return result.stdout.decode(errors="replace"), wrong


def page(suite, directory):
    path = os.path.join(directory, "page.html")
    if not suite.wants("timeline_page"):
        return
    result = execute([SIM, "--cpus=2", f"--timeline={path}", guest("dinner"), "3", "5"])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = [] if result.status == 0 and text.endswith("</html>\n") else ["it is cut"]
    found += [f"it loads {what}" for what in re.findall(r"(?:src|href)=\S+|https?://\S+", text)]
    found += [f"no {what!r} in it" for what in ("semaphore 258", "dinner.elf", '"Sem"')
              if what not in text]
    suite.check("timeline_page", found)


def page_opens(suite, directory):
    if not suite.wants("timeline_page_opens"):
        return
    if not BROWSER:
        suite.skip("timeline_page_opens", "there is no chromium")
        return
    path = os.path.join(directory, "opened.html")
    execute([SIM, f"--timeline={path}", guest("dinner"), "3", "5"])
    dom, wrong = opened(path)
    found = wrong + [f"no {what!r} in it" for what in (
        "waits for a semaphore", "wheel: zoom") if what not in dom]
    dom, wrong = opened(path, "#from=2000000&to=9000000&row=3&at=5000000")
    found += wrong + [f"no {what!r} when zoomed" for what in ("0.002000 s + 7 ms", "<td>state</td>")
                      if what not in dom]
    suite.check("timeline_page_opens", found)


def svg(suite, directory):
    path = os.path.join(directory, "picture.svg")
    if not suite.wants("timeline_svg"):
        return
    execute([SIM, "--cpus=2", f"--timeline={path}", guest("dinner"), "3", "5"])
    found = []
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
        space = root.tag[:-len("svg")]
        titles = [title.text for title in root.iter(space + "title")]
        rectangles = list(root.iter(space + "rect"))
        if len(rectangles) < 100 or not any("semaphore 258" in title for title in titles):
            found.append(f"{len(rectangles)} rectangles")
        found += [f"a rectangle of width {one.get('width')}" for one in rectangles
                  if not one.get("width").endswith("%") and float(one.get("width")) <= 0]
    except xml.etree.ElementTree.ParseError as error:
        found.append(str(error))
    suite.check("timeline_svg", found)


def long_run(suite, directory, suffix, bytes_max):
    """Neither memory nor the picture grows with the run."""
    name = f"timeline_long_{suffix}"
    if not suite.wants(name):
        return
    path = os.path.join(directory, f"long.{suffix}")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    result = execute([SIM, f"--timeline={path}", guest("dinner"), "5", str(LONG_ROUNDS), "0"])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    found = [] if result.status == 0 else [f"status {result.status}"]
    if peak > max(before, MEMORY_LIMIT_KIB):
        found.append(f"{peak} KiB of memory")
    if os.path.getsize(path) > bytes_max:
        found.append(f"a file of {os.path.getsize(path)} bytes")
    suite.check(name, found)


def unwritable(suite):
    if suite.wants("timeline_unwritable"):
        result = execute([SIM, "--timeline=/nonexistent/file", guest("hello")])
        suite.check("timeline_unwritable", [] if result.status == common.STATUS_REFUSED and
                    len(result.errors.splitlines()) == 1 else [result.errors])
    if suite.wants("timeline_full"):
        result = execute([SIM, "--timeline=/dev/full", guest("hello")])
        suite.check("timeline_full", [] if result.status == 0 and "is cut" in result.errors
                    else [f"status {result.status}", result.errors])


def main():
    suite = common.Suite()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        traces(suite, directory)
        same_run(suite, directory)
        found_by_search(suite, directory)
        page(suite, directory)
        page_opens(suite, directory)
        svg(suite, directory)
        long_run(suite, directory, "html", 12_000_000)
        long_run(suite, directory, "svg", 6_000_000)
        unwritable(suite)
    return suite.status()


if __name__ == "__main__":
    sys.exit(main())

"""Gets source packages of Debian and unpacks what the tests need, below one folder."""
import glob
import os
import re
import shutil
import subprocess

LINUX_PARTS = ("futex", "clone3", "timers", "sigaltstack", "membarrier", "kcmp", "rseq", "exec",
               "pidfd", "proc", "mqueue", "memfd", "openat2", "vm")
# The package's version is part of its name; the first that the archive has is taken.
LINUX_NAMES = (re.compile(r"linux-source-6\.1"), re.compile(r"linux-source-\d+\.\d+"))
GLIBC_NAME = "glibc-source"


class NotObtainable(Exception):
    pass


def run(command, **options):
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode != 0:
        raise NotObtainable(f"{' '.join(command[:3])}: {result.stderr.strip()[-300:]}")
    return result.stdout


def linux_package():
    names = sorted(run(["apt-cache", "pkgnames", "linux-source-"]).split())
    for pattern in LINUX_NAMES:
        for name in names:
            if pattern.fullmatch(name):
                return name
    raise NotObtainable("the package archive has no linux-source (apt-get update?)")


def package_contents(folder, name):
    """The files of a package, in a folder of its own; nothing is installed."""
    contents = os.path.join(folder, "packages", name)
    if not os.path.isdir(contents):
        os.makedirs(os.path.dirname(contents), exist_ok=True)
        try:
            run(["apt-get", "download", name], cwd=os.path.dirname(contents))
        except NotObtainable:    # a later version has taken its place
            run(["apt-get", "update"])
            run(["apt-get", "download", name], cwd=os.path.dirname(contents))
        archive, = glob.glob(f"{contents}_*.deb")
        run(["dpkg-deb", "-x", archive, contents + ".part"])
        os.remove(archive)
        os.rename(contents + ".part", contents)
    return contents


def unpack(archive, into, patterns):
    """Once: the folder appears when it is whole.  Returns the only folder inside."""
    if not os.path.isdir(into):
        part = into + ".part"
        shutil.rmtree(part, ignore_errors=True)
        os.makedirs(part)
        run(["tar", "xf", archive, "-C", part, *(["--wildcards", *patterns] if patterns else [])])
        os.rename(part, into)
    inside, = glob.glob(os.path.join(into, "*"))
    return inside


def linux_selftests(folder):
    into = os.path.join(folder, f"linux-{len(LINUX_PARTS)}")    # unpacked anew with more parts
    archives = ()
    if not os.path.isdir(into):
        contents = package_contents(folder, linux_package())
        archives = glob.glob(os.path.join(contents, "usr/src/linux-source-*.tar.xz"))
    tests = "*/tools/testing/selftests/"
    top = unpack(archives[0] if archives else None, into,
                 [tests + "*.h", *(tests + part for part in LINUX_PARTS)])
    return os.path.join(top, "tools/testing/selftests")


def glibc_sources(folder):
    into = os.path.join(folder, "glibc")
    archives = ()
    if not os.path.isdir(into):
        contents = package_contents(folder, GLIBC_NAME)
        archives = glob.glob(os.path.join(contents, "usr/src/glibc/glibc-*.tar.xz"))
    return unpack(archives[0] if archives else None, into, [])

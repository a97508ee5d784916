"""The tests of glibc that are about the kernel: nptl, rt, signal, sysvipc, posix, io, misc, time
and those of Linux alone.

They are compiled outside its tree against the installed static library, with the package's own
`support` sources as a second library.  What needs the inside of glibc, shared objects or a compiler
for C++ cannot be built so; it is counted as not built, natively and here alike.
"""
import glob
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from building import FLAGS, Program, Test, compile_file

PASSED, UNSUPPORTED = 0, 77
# Groups of tests, each a folder; those of sysdeps that belong to another group than nptl.
GROUPS = ("nptl", "rt", "signal", "sysvipc", "posix", "io", "misc", "time")
OF_RT = re.compile(r"tst-(aio|mqueue|timer|cpuclock|cputimer|shm|bz28213)")
OF_SIGNAL = re.compile(r"tst-(sig|minsig|rai)")
# Not programs of their own, or the same program again with another width of time.
NOT_TESTS = re.compile(r".*(mod[a-z0-9]*|aux|-common|-time64|-static)$|test-.*-printers$")
# Headers of glibc's inside that stand alone; the installed ones are used for the rest.
HEADERS = ("include/libc-diag.h", "include/array_length.h", "include/intprops.h",
           "include/libc-pointer-arith.h",
           "include/scratch_buffer.h", "malloc/scratch_buffer.h", "sysdeps/x86_64/stackinfo.h",
           "test-skeleton.c")
# Where tests include each other from; after all of the system's own.
FOLDERS = ("", "support", "nptl", "rt", "signal", "sysvipc", "posix", "io", "misc",
           "time", "sysdeps/pthread", "sysdeps/x86",
           "sysdeps/unix/sysv/linux", "sysdeps/generic")
# No old versions of functions are tested.
WRITTEN_HEADERS = {
    "config.h": "",
    "shlib-compat.h": "#define TEST_COMPAT(library, introduced, obsoleted) 0\n",
    "allocate_once.h": """
void *__libc_allocate_once_slow(void **, void *(*)(void *), void (*)(void *, void *), void *);
static inline void *allocate_once(void **place, void *(*allocate)(void *),
                                  void (*release)(void *, void *), void *closure)
{
    return *place ? *place : __libc_allocate_once_slow(place, allocate, release, closure);
}
"""}
PATHS = ("SRCDIR_PATH", "OBJDIR_PATH", "OBJDIR_ELF_LDSO_PATH", "INSTDIR_PATH", "LIBDIR_PATH",
         "BINDIR_PATH", "SBINDIR_PATH", "SLIBDIR_PATH", "ROOTSBINDIR_PATH", "COMPLOCALEDIR_PATH")
NOT_SUPPORT = re.compile(r"(tst-|test-|links-dso|.*-container|.*_main$|.*time64)")


def passes(status, _output):
    return status == PASSED


class Builder:
    def __init__(self, top, build, jobs):
        self.top, self.build, self.jobs = top, build, jobs
        self.overlay = os.path.join(build, "headers")
        self.flags = ["-fno-stack-protector", "-fgnu89-inline", "-D_ISOMAC",
                      "-Dlibc_hidden_proto(name)=", "-DTIMEOUTFACTOR=1",
                      "-include", "limits.h", "-I" + self.overlay]
        for folder in FOLDERS:
            self.flags += ["-idirafter", os.path.join(top, folder)]

    def make_overlay(self):
        os.makedirs(self.overlay, exist_ok=True)
        for header in HEADERS:
            path = os.path.join(self.top, header)
            if os.path.exists(path):
                shutil.copy(path, self.overlay)
        for name, text in WRITTEN_HEADERS.items():
            with open(os.path.join(self.overlay, name), "w", encoding="utf-8") as file:
                file.write(text)

    def support(self):
        """Whatever of support/ compiles, as an archive."""
        archive = os.path.join(self.build, "libsupport.a")
        paths = [path for path in sorted(glob.glob(os.path.join(self.top, "support/*.c")))
                 if not NOT_SUPPORT.match(os.path.basename(path)[:-2])]
        paths.append(os.path.join(self.top, "support/support_test_main.c"))
        defines = [f'-D{name}="/nowhere"' for name in PATHS]

        def compile_one(path):
            output = os.path.join(self.build, "support", os.path.basename(path)[:-2] + ".o")
            why = compile_file(["gcc", *FLAGS, *self.flags, *defines, "-c", path, "-o", output],
                               output, [path])
            return None if why else output

        with ThreadPoolExecutor(self.jobs) as pool:
            objects = [output for output in pool.map(compile_one, paths) if output]
        subprocess.run(["ar", "rcsD", archive, *objects], check=True)
        return archive


def listed(top):
    """(group, path) of every source that may be a test."""
    for group in GROUPS:
        for path in glob.glob(os.path.join(top, group, "t*st-*.c")):
            yield group, path
    for path in glob.glob(os.path.join(top, "sysdeps/pthread/tst-*.c")):
        name = os.path.basename(path)
        yield ("rt" if OF_RT.match(name) else "signal" if OF_SIGNAL.match(name) else "nptl"), path


def of_linux_alone(top):
    for path in glob.glob(os.path.join(top, "sysdeps/unix/sysv/linux/tst-*.c")):
        yield "linux", path


def special_flags(top):
    """Flags that the Makefiles give single tests, such as -fexceptions."""
    flags = {}
    for makefile in ("nptl/Makefile", "sysdeps/pthread/Makefile", "rt/Makefile",
                     "signal/Makefile"):
        with open(os.path.join(top, makefile), encoding="utf-8") as file:
            for match in re.finditer(r"^CFLAGS-(\S+)\.c \+?= *(.*)$", file.read(), re.MULTILINE):
                flags[match.group(1)] = [word for word in match.group(2).split()
                                         if word.startswith("-f")]
    return flags


def tests(top, build, jobs):
    builder = Builder(top, build, jobs)
    builder.make_overlay()
    support = builder.support()
    flags = special_flags(top)
    for group, path in sorted([*listed(top), *of_linux_alone(top)]):
        name = os.path.basename(path)[:-2]
        if NOT_TESTS.match(name):
            continue
        program = Program(os.path.join(build, group, name), [path],
                          builder.flags + flags.get(name, []), [support, "-lrt", "-lm"])
        yield Test(group, name, program, [], passes)

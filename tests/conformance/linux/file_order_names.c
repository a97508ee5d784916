/* Calls on names with two things wrong at once: which of them Linux looks at first. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define WILD 8L
#define AT_BAD 0x40000000L
#define RAW(name, ...) CALL(syscall(SYS_##name, __VA_ARGS__))

static int file, reader, directory, path_only;

static void one_name(void)
{
    SECTION("one name");
    RAW(openat, 99L, WILD, 0L, 0L);
    RAW(openat, 99L, "", 0L, 0L);
    RAW(openat, 99L, "x", 0L, 0L);
    RAW(openat, file, "x", 0L, 0L);
    RAW(openat, AT_FDCWD, WILD, (long)(O_TMPFILE & ~O_DIRECTORY), 0L);
    RAW(openat, AT_FDCWD, WILD, (long)O_TMPFILE, 0L);
    RAW(openat, AT_FDCWD, WILD, (long)(O_CREAT | O_DIRECTORY), 0L);
    RAW(newfstatat, 99L, WILD, WILD, AT_BAD);
    RAW(newfstatat, 99L, "x", WILD, AT_BAD);
    RAW(newfstatat, 99L, "x", WILD, 0L);
    RAW(newfstatat, 99L, "", WILD, (long)AT_EMPTY_PATH);
    RAW(newfstatat, file, "", WILD, (long)AT_EMPTY_PATH);
    RAW(newfstatat, 99L, "", WILD, 0L);
    RAW(newfstatat, AT_FDCWD, "absent", WILD, 0L);
    RAW(newfstatat, AT_FDCWD, ".", WILD, 0L);
    RAW(fstat, 99L, WILD);
    RAW(fstat, file, WILD);
    RAW(statx, 99L, WILD, AT_BAD, 0L, WILD);
    RAW(statx, 99L, WILD, 0L, 0x80000000L, WILD);
    RAW(statx, 99L, WILD, 0x6000L, 0L, WILD);
    RAW(statx, 99L, WILD, 0L, 0L, WILD);
    RAW(statx, 99L, "x", 0L, 0L, WILD);
    RAW(statx, file, "", (long)AT_EMPTY_PATH, 0L, WILD);
    RAW(access, WILD, 8L);
    RAW(access, WILD, 0L);
    RAW(faccessat2, 99L, WILD, 0L, AT_BAD);
    RAW(faccessat2, 99L, WILD, 0L, 0L);
    RAW(faccessat2, file, "", 0L, (long)AT_EMPTY_PATH);
    RAW(readlinkat, 99L, WILD, WILD, 0L);
    RAW(readlinkat, 99L, WILD, WILD, -1L);
    RAW(readlinkat, 99L, WILD, WILD, 1L);
    RAW(readlinkat, 99L, "x", WILD, 1L);
    RAW(readlinkat, file, "", WILD, 1L);
    RAW(readlinkat, AT_FDCWD, "", WILD, 1L);
    RAW(readlinkat, AT_FDCWD, "file", WILD, 1L);
    RAW(readlinkat, AT_FDCWD, "link", WILD, 1L);
    RAW(unlinkat, 99L, WILD, AT_BAD);
    RAW(unlinkat, 99L, WILD, 0L);
    RAW(unlinkat, 99L, "", 0L);
    RAW(unlinkat, 99L, "x", 0L);
    RAW(mkdirat, 99L, WILD, 0L);
    RAW(mkdirat, 99L, "", 0L);
    RAW(mkdirat, 99L, "x", 0L);
    RAW(mknodat, 99L, WILD, 0170000L, 0L);
    RAW(mknodat, 99L, "x", 0170000L, 0L);
    RAW(mknodat, AT_FDCWD, "file", 0170000L, 0L);
    RAW(mknodat, AT_FDCWD, "file", 0040000L, 0L);
    RAW(mknodat, AT_FDCWD, "new", 0040000L, 0L);
}

static void two_names(void)
{
    SECTION("two names");
    RAW(linkat, 99L, WILD, 98L, WILD, AT_BAD);
    RAW(linkat, 99L, WILD, 98L, WILD, 0L);
    RAW(linkat, 99L, "x", 98L, WILD, 0L);
    RAW(linkat, 99L, "x", 98L, "", 0L);
    RAW(linkat, AT_FDCWD, "absent", 98L, "x", 0L);
    RAW(linkat, AT_FDCWD, "file", 98L, "x", 0L);
    RAW(linkat, file, "", 98L, "x", (long)AT_EMPTY_PATH);
    RAW(linkat, AT_FDCWD, ".", AT_FDCWD, "file", 0L);
    RAW(linkat, AT_FDCWD, ".", AT_FDCWD, "new", 0L);
    RAW(symlinkat, WILD, 99L, WILD);
    RAW(symlinkat, "", 99L, WILD);
    RAW(symlinkat, "", AT_FDCWD, "file");
    RAW(symlinkat, "t", 99L, "x");
    RAW(symlinkat, "t", AT_FDCWD, "");
    RAW(renameat2, 99L, WILD, 98L, WILD, AT_BAD);
    RAW(renameat2, 99L, WILD, 98L, WILD, 3L);
    RAW(renameat2, 99L, WILD, 98L, WILD, 0L);
    RAW(renameat2, 99L, "x", 98L, WILD, 0L);
    RAW(renameat2, AT_FDCWD, "absent", 98L, "x", 0L);
    RAW(renameat2, 99L, "x", AT_FDCWD, "absent/x", 0L);
    RAW(renameat2, AT_FDCWD, ".", AT_FDCWD, "x", 0L);
    RAW(renameat2, AT_FDCWD, "file", AT_FDCWD, "..", 0L);
    RAW(renameat2, AT_FDCWD, "absent", AT_FDCWD, "..", 0L);
}

static void attributes(void)
{
    SECTION("attributes and working directory");
    RAW(chdir, WILD);
    RAW(fchdir, 99L);
    RAW(fchdir, file);
    RAW(getcwd, WILD, 0L);
    RAW(getcwd, WILD, 1L);
    RAW(getcwd, WILD, 4096L);
    RAW(fchmodat, 99L, WILD, 0L);
    RAW(fchmodat, 99L, "x", 0L);
    RAW(fchownat, 99L, WILD, 0L, 0L, AT_BAD);
    RAW(fchownat, 99L, WILD, 0L, 0L, 0L);
    RAW(fchownat, 99L, "x", 0L, 0L, 0L);
    RAW(fchmod, 99L, 0L);
    RAW(fchmod, path_only, 0L);
    RAW(fchown, path_only, 0L, 0L);
    RAW(utimensat, 99L, WILD, WILD, AT_BAD);
    RAW(utimensat, 99L, WILD, 0L, AT_BAD);
    RAW(utimensat, 99L, WILD, 0L, 0L);
    RAW(utimensat, 99L, 0L, 0L, 0L);
    RAW(utimensat, 99L, 0L, 0L, (long)AT_SYMLINK_NOFOLLOW);
    RAW(utimensat, AT_FDCWD, 0L, 0L, 0L);
    RAW(utimensat, path_only, 0L, 0L, 0L);
    RAW(utimensat, 99L, "x", ((struct timespec[2]){ { 0, UTIME_OMIT }, { 0, UTIME_OMIT } }), 0L);
    RAW(utimensat, 99L, "x", ((struct timespec[2]){ { 0, 1 << 30 }, { 0, 0 } }), 0L);
    RAW(utimensat, 99L, "x", ((struct timespec[2]){ { 0, UTIME_OMIT }, { 0, UTIME_NOW } }), 0L);
    RAW(futimesat, 99L, WILD, WILD);
    RAW(futimesat, file, 0L, ((struct { long s, u; }[2]){ { 0, 1000000 }, { 0, 0 } }));
    RAW(utime, WILD, WILD);
    RAW(utimes, "absent", ((struct { long s, u; }[2]){ { 0, -1 }, { 0, 0 } }));
    RAW(truncate, WILD, -1L);
    RAW(truncate, "absent", -1L);
    RAW(ftruncate, 99L, -1L);
    RAW(ftruncate, directory, 0L);
    RAW(ftruncate, reader, 0L);
    RAW(statfs, WILD, WILD);
    RAW(statfs, ".", WILD);
    RAW(fstatfs, 99L, WILD);
    RAW(fstatfs, path_only, WILD);
}

static void extended_open(void)
{
    struct open_how how = { .flags = O_RDONLY };
    struct { struct open_how how; long more; } larger = { .more = 1 };

    SECTION("openat2");
    RAW(openat2, 99L, WILD, WILD, 8L);
    RAW(openat2, 99L, WILD, WILD, 24L);
    RAW(openat2, 99L, WILD, &how, 24L);
    RAW(openat2, 99L, WILD, &larger, 32L);
    RAW(openat2, 99L, WILD, &how, 1000000L);
    how.flags = 1L << 40;
    RAW(openat2, 99L, WILD, &how, 24L);
    how.flags = O_RDONLY;
    how.mode = 0600;
    RAW(openat2, 99L, WILD, &how, 24L);
    how.mode = 0;
    how.resolve = 1 << 20;
    RAW(openat2, 99L, WILD, &how, 24L);
}

int main(void)
{
    make_file("file", "contents");
    file = open("file", O_RDWR);
    reader = open("file", O_RDONLY);
    directory = open(".", O_RDONLY);
    path_only = open("file", O_PATH);
    if (symlink("file", "link") != 0)
        return 1;
    one_name();
    two_names();
    attributes();
    extended_open();
    return 0;
}

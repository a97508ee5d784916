/* stat and its relatives, access, chmod, chown, utimensat, umask, statfs. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static struct stat status;

static void show(const char *name)
{
    if (lstat(name, &status) != 0) {
        printf("%s: %s\n", name, error_name(errno));
        return;
    }
    printf("%s: mode %#o links %ld uid %u gid %u size %ld blksize %ld blocks %ld\n", name,
           status.st_mode, (long)status.st_nlink, status.st_uid, status.st_gid,
           S_ISDIR(status.st_mode) ? 0 : (long)status.st_size, (long)status.st_blksize,
           S_ISDIR(status.st_mode) ? 0 : (long)status.st_blocks);
}

static void fields(void)
{
    struct stat other;
    time_t now = time(NULL);

    SECTION("fields");
    make_file("empty", "");
    make_file("small", "12345");
    mkdir("dir", 0755);
    symlink("small", "link");
    truncate("empty", 100000);
    show("empty");
    show("small");
    show("dir");
    show("link");
    CALL(stat("small", &status));
    CALL(stat("link", &other));
    FACT(status.st_ino == other.st_ino && status.st_dev == other.st_dev);
    FACT(labs(status.st_mtime - now) < 10 && labs(status.st_ctime - now) < 10);
    CALL(lstat("link", &other));
    FACT(status.st_ino != other.st_ino);
    CALL(stat("/dev/null", &status));
    printf("null: mode %#o rdev %u,%u\n", status.st_mode & S_IFMT, major(status.st_rdev),
           minor(status.st_rdev));
    CALL(fstat(open("small", O_RDONLY), &other));
    CALL(fstat(99, &other));
    CALL(stat("absent", &other));
    CALL(stat("", &other));
    CALL(syscall(SYS_stat, "small", 8L));
    CALL(syscall(SYS_stat, 8L, &other));
    CALL(syscall(SYS_fstat, 3, 8L));
    CALL(fstatat(AT_FDCWD, "", &other, AT_EMPTY_PATH));
    FACT(S_ISDIR(other.st_mode));
    CALL(fstatat(3, "", &other, AT_EMPTY_PATH));
    FACT(S_ISREG(other.st_mode));
    CALL(fstatat(3, "", &other, 0));
    CALL(fstatat(3, "x", &other, 0));
    CALL(fstatat(AT_FDCWD, "link", &other, AT_SYMLINK_NOFOLLOW));
    FACT(S_ISLNK(other.st_mode));
    CALL(syscall(SYS_newfstatat, AT_FDCWD, "link", &other, 0x8000));
    close(3);
}

static void extended(void)
{
    struct statx extended;

    SECTION("statx");
    memset(&extended, 0xff, sizeof(extended));
    CALL(statx(AT_FDCWD, "small", 0, STATX_BASIC_STATS, &extended));
    printf("mask %#x, mode %#o, size %llu, links %u, blksize %u\n",
           extended.stx_mask & STATX_BASIC_STATS, extended.stx_mode,
           (unsigned long long)extended.stx_size, extended.stx_nlink, extended.stx_blksize);
    stat("small", &status);
    FACT(extended.stx_ino == status.st_ino);
    FACT(makedev(extended.stx_dev_major, extended.stx_dev_minor) == status.st_dev);
    FACT(extended.stx_mtime.tv_sec == status.st_mtim.tv_sec &&
         extended.stx_mtime.tv_nsec == status.st_mtim.tv_nsec);
    CALL(statx(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &extended));
    OCTAL(extended.stx_mode & S_IFMT);
    CALL(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_ALL, &extended));
    CALL(statx(AT_FDCWD, "", 0, STATX_ALL, &extended));
    CALL(statx(AT_FDCWD, "small", 0x20000, STATX_ALL, &extended));
    CALL(statx(AT_FDCWD, "small", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &extended));
    CALL(syscall(SYS_statx, AT_FDCWD, "small", 0, 0x80000000u, &extended));
    CALL(syscall(SYS_statx, AT_FDCWD, "small", 0, 0, 8L));
}

static void accessing(void)
{
    SECTION("access");
    CALL(access("small", F_OK));
    CALL(access("small", R_OK | W_OK));
    CALL(access("absent", F_OK));
    CALL(access("small", 8));
    CALL(access("", F_OK));
    CALL(access("small/x", F_OK));
    chmod("small", 0600);
    CALL(access("small", X_OK));
    chmod("small", 0700);
    CALL(access("small", X_OK));
    CALL(faccessat(AT_FDCWD, "link", R_OK, 0));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "link", R_OK, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "link", R_OK, AT_EACCESS));
    CALL(syscall(SYS_faccessat2, AT_FDCWD, "link", R_OK, 0x8000));
    CALL(syscall(SYS_faccessat2, 99, "link", R_OK, 0));
    CALL(syscall(SYS_access, 8L, R_OK));
}

static void modes(void)
{
    int fd = open("small", O_RDONLY);

    SECTION("chmod, chown, umask");
    CALL(chmod("small", 0640));
    show("small");
    CALL(chmod("small", 07777));
    show("small");
    CALL(fchmod(fd, 0444));
    show("small");
    CALL(chmod("link", 0600));
    show("small");
    CALL(fchmodat(AT_FDCWD, "small", 0111, 0));
    show("small");
    CALL(chmod("absent", 0600));
    CALL(chmod("small", 0177777));
    show("small");
    CALL(fchmod(99, 0600));
    CALL(chown("small", (uid_t)-1, (gid_t)-1));
    CALL(chown("absent", 0, 0));
    CALL(fchown(fd, getuid(), getgid()));
    CALL(lchown("link", getuid(), getgid()));
    show("link");
    CALL(chmod("small", 06755));
    CALL(chown("small", getuid(), getgid()));
    show("small");    /* set-id bits are dropped */
    OCTAL(umask(027));
    OCTAL(umask(07777));
    OCTAL(umask(022));
    close(fd);
}

static void show_times(const char *name)
{
    stat(name, &status);
    printf("atime %ld.%09ld mtime %ld.%09ld\n", status.st_atim.tv_sec, status.st_atim.tv_nsec,
           status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
}

static void times(void)
{
    struct timespec set[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };
    struct timespec odd[2] = { { 5, UTIME_OMIT }, { 1200000000, 5 } };
    struct timespec now[2] = { { 5, UTIME_NOW }, { 1300000000, 6 } };
    struct timespec bad[2] = { { 5, 1000000000 }, { 5, -1 } };
    struct timeval micro[2] = { { 77, 5 }, { 88, 6 } };
    int fd = open("small", O_RDONLY);

    SECTION("times");
    CALL(utimensat(AT_FDCWD, "small", set, 0));
    show_times("small");
    CALL(utimensat(AT_FDCWD, "small", odd, 0));
    show_times("small");
    CALL(utimensat(AT_FDCWD, "small", now, 0));
    stat("small", &status);
    FACT(labs(status.st_atime - time(NULL)) < 10 && status.st_mtime == 1300000000);
    CALL(utimensat(AT_FDCWD, "small", bad, 0));
    CALL(utimensat(AT_FDCWD, "absent", set, 0));
    CALL(utimensat(AT_FDCWD, "small", set, 0x8000));
    CALL(futimens(fd, set));
    show_times("small");
    CALL(utimes("small", micro));
    show_times("small");
    CALL(utimensat(AT_FDCWD, "link", set, AT_SYMLINK_NOFOLLOW));
    lstat("link", &status);
    VALUE(status.st_mtime);
    CALL(syscall(SYS_utimensat, AT_FDCWD, "small", NULL, 0));
    stat("small", &status);
    FACT(labs(status.st_mtime - time(NULL)) < 10);
    CALL(syscall(SYS_utimensat, AT_FDCWD, "small", 8L, 0));
    CALL(syscall(SYS_utimensat, AT_FDCWD, NULL, set, 0));
    close(fd);
}

static void changing(void)
{
    struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    struct stat before;
    int fd = open("touched", O_RDWR | O_CREAT, 0600);
    char byte;

    SECTION("what changes times");
    utimensat(AT_FDCWD, "touched", old, 0);
    CALL(write(fd, "x", 1));
    stat("touched", &before);
    FACT(before.st_mtime > 1000 && before.st_atime == 1000);
    utimensat(AT_FDCWD, "touched", old, 0);
    CALL(pread(fd, &byte, 1, 0));
    stat("touched", &before);
    FACT(before.st_mtime == 1000);
    CALL(ftruncate(fd, 1));
    stat("touched", &before);
    FACT(before.st_mtime > 1000);
    utimensat(AT_FDCWD, "dir", old, 0);
    make_file("dir/new", "");
    stat("dir", &before);
    FACT(before.st_mtime > 1000);
    utimensat(AT_FDCWD, "dir", old, 0);
    unlink("dir/new");
    stat("dir", &before);
    FACT(before.st_mtime > 1000);
}

static void filesystems(void)
{
    struct statfs statistics;

    SECTION("statfs");
    CALL(statfs(".", &statistics));
    printf("type %#lx, bsize %ld, namelen %ld, frsize %ld\n", (long)statistics.f_type,
           (long)statistics.f_bsize, (long)statistics.f_namelen, (long)statistics.f_frsize);
    FACT(statistics.f_bfree <= statistics.f_blocks && statistics.f_bavail <= statistics.f_bfree);
    CALL(statfs("/proc", &statistics));
    printf("type %#lx\n", (long)statistics.f_type);
    CALL(statfs("absent", &statistics));
    CALL(fstatfs(99, &statistics));
    CALL(fstatfs(0, &statistics) == 0);
    CALL(syscall(SYS_statfs, ".", 8L));
    CALL(syscall(SYS_statfs, 8L, &statistics));
}

int main(void)
{
    fields();
    extended();
    accessing();
    modes();
    times();
    changing();
    filesystems();
    return 0;
}

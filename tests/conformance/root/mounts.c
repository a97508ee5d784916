/*
 * mount, umount2, chroot and pivot_root.  On Linux in a mount namespace of its own, so that nothing
 * of it is seen outside; inside there is only one table, which goes with the machine.
 */
#include "../linux/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[4096];

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0) {
        (void)printf("put %s: %s\n", path, error_name(errno));
        return;
    }
    if (write(fd, text, strlen(text)) < 0)
        perror(path);
    (void)close(fd);
}

static void show(const char *path)
{
    char text[64] = "";
    int fd = open(path, O_RDONLY);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    (void)printf("%s: %s\n", path, length < 0 ? error_name(errno) : text);
    if (fd >= 0)
        (void)close(fd);
}

/* Mounts below the test's directory, as the table shows them, without numbers. */
static void show_table(void)
{
    FILE *table = fopen("/proc/self/mounts", "re");
    char line[8192];

    while (table && fgets(line, sizeof(line), table)) {
        char source[512], place[4096], type[64], options[256];
        size_t length = strlen(top);

        if (sscanf(line, "%511s %4095s %63s %255s", source, place, type, options) != 4 ||
            strncmp(place, top, length) != 0)
            continue;
        options[2] = '\0';
        (void)printf("  %s on %s type %s %s\n", source, place + length, type, options);
    }
    if (table)
        (void)fclose(table);
}

static void arguments(void)
{
    char *wild = (char *)8;

    SECTION("arguments");
    CALL(mount("none", "absent", "tmpfs", 0, NULL));
    CALL(mount("none", "", "tmpfs", 0, NULL));
    CALL(mount("none", wild, "tmpfs", 0, NULL));
    CALL(mount(wild, "a", "tmpfs", 0, NULL));
    CALL(mount("none", "a", wild, 0, NULL));
    CALL(mount("none", "a", "tmpfs", 0, wild));
    CALL(mount("none", "a", NULL, 0, NULL));
    CALL(mount("none", "a", "nosuchtype", 0, NULL));
    CALL(mount("none", "file", "tmpfs", 0, NULL));
    CALL(mount("none", "a", "tmpfs", 0, "nonsense=1"));
    CALL(mount("none", "a", "tmpfs", 0, "size=x"));
    CALL(mount("none", "a", "tmpfs", 0, "mode=9"));
    CALL(mount("absent", "a", NULL, MS_BIND, NULL));
    CALL(mount("", "a", NULL, MS_BIND, NULL));
    CALL(mount(NULL, "a", NULL, MS_BIND, NULL));
    CALL(mount("file", "a", NULL, MS_BIND, NULL));
    CALL(mount("a", "file", NULL, MS_BIND, NULL));
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    CALL(mount("a", "b", NULL, MS_MOVE, NULL));
    CALL(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
    CALL(mount(NULL, "a", NULL, MS_PRIVATE | MS_SHARED, NULL));
    CALL(umount2("a", 0));
    CALL(umount2("absent", 0));
    CALL(umount2("file", 0));
    CALL(umount2(wild, 0));
    CALL(umount2("a", 64));
    CALL(umount2("a", MNT_EXPIRE | MNT_FORCE));
    CALL(chroot("absent"));
    CALL(chroot("file"));
    CALL(chroot(wild));
    CALL(syscall(SYS_pivot_root, "absent", "a"));
    CALL(syscall(SYS_pivot_root, "a", "absent"));
    CALL(syscall(SYS_pivot_root, "a", "a"));
    CALL(syscall(SYS_pivot_root, wild, "a"));
}

static void plain(void)
{
    struct statfs statistics;
    struct stat status;
    int fd;

    SECTION("tmpfs");
    CALL(mount("my source", "a", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=750,uid=3,gid=4"));
    CALL(stat("a", &status));
    OCTAL(status.st_mode);
    VALUE(status.st_uid);
    VALUE(status.st_gid);
    CALL(statfs("a", &statistics));
    VALUE(statistics.f_blocks * (unsigned long)statistics.f_bsize);
    put("a/one", "one");
    CALL(mkdir("a/dir", 0755));
    CALL(rmdir("a"));
    CALL(rename("a", "c"));
    CALL(rename("a/one", "one"));
    CALL(link("a/one", "one"));
    show_table();
    SECTION("busy");
    fd = open("a/one", O_RDONLY);
    CALL(umount2("a", 0));
    CALL(umount2("a", MNT_EXPIRE));
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    put("a/two", "two");
    CALL(mkdir("a/new", 0755));
    CALL(unlink("a/one"));
    CALL(chmod("a/one", 0600));
    CALL(access("a/one", W_OK));
    CALL(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
    (void)close(fd);
    fd = open("a/one", O_RDWR);
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    (void)close(fd);
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    put("a/two", "two");
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
    put("a/two", "two");
    SECTION("one on the other");
    CALL(mount("second", "a", "tmpfs", 0, NULL));
    show("a/one");
    show_table();
    CALL(umount2("a", 0));
    show("a/one");
}

static void binds(void)
{
    SECTION("binds");
    CALL(mount("none", "a/dir", "tmpfs", 0, NULL));
    put("a/dir/inner", "inner");
    CALL(mount("a", "b", NULL, MS_BIND, NULL));
    show("b/one");
    show("b/dir/inner");
    CALL(umount2("b", 0));
    CALL(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
    show("b/dir/inner");
    show_table();
    CALL(umount2("b", 0));
    CALL(umount2("b", MNT_DETACH));
    CALL(mount("a/dir/inner", "file", NULL, MS_BIND, NULL));
    show("file");
    CALL(unlink("file"));
    CALL(rename("file", "file2"));
    CALL(umount2("file", 0));
    CALL(mount("a", "a/dir", NULL, MS_BIND | MS_REC, NULL));
    show("a/dir/one");
    CALL(umount2("a/dir", 0));
    SECTION("programs and devices");
    CALL(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC | MS_NODEV, NULL));
    put("a/program", "#!/bin/true\n");
    CALL(chmod("a/program", 0755));
    CALL(access("a/program", X_OK));
    CALL(access("a/dir", X_OK));
    CALL(execl("a/program", "program", (char *)NULL));
    CALL(mknod("a/null", S_IFCHR | 0666, 1 << 8 | 3));
    CALL(open("a/null", O_RDONLY));
    SECTION("moves");
    CALL(mount("a", "b", NULL, MS_MOVE, NULL));
    show("a/one");
    show("b/one");
    show("b/dir/inner");
    show_table();
    CALL(mount("b", "b/dir", NULL, MS_MOVE, NULL));
    CALL(mount("b", "file", NULL, MS_MOVE, NULL));
    CALL(mount("b", "a", NULL, MS_MOVE, NULL));
}

static void lazily(void)
{
    char text[4096];
    int fd;

    SECTION("lazily");
    fd = open("a/one", O_RDWR);
    CALL(chdir("a"));
    CALL(umount2(".", 0));
    CALL(umount2(top, MNT_EXPIRE));
    CALL(umount2(".", MNT_DETACH));
    show("one");
    CALL(write(fd, "ONE", 3));
    show("one");
    FACT(syscall(SYS_getcwd, text, sizeof(text)) > 0 && strcmp(text, "(unreachable)/") == 0);
    CALL(chdir(".."));
    show("one");
    CALL(chdir(top));
    show("a/one");
    CALL(umount2("a", 0));
    (void)close(fd);
    show_table();
    CALL(mount("none", "a", "tmpfs", 0, NULL));
    CALL(umount2("a", MNT_EXPIRE));
    CALL(umount2("a", MNT_EXPIRE));
    CALL(umount2("a", MNT_EXPIRE));
    CALL(symlink("a", "link"));
    CALL(mount("none", "link", "tmpfs", 0, NULL));
    CALL(umount2("link", UMOUNT_NOFOLLOW));
    CALL(umount2("link", 0));
}

/* Waits for a child that does this. */
static void in_child(void (*what)(void))
{
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        what();
        (void)fflush(stdout);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

static void in_other_root(void)
{
    char text[4096];

    SECTION("chroot");
    CALL(mkdir("jail", 0755));
    CALL(mkdir("jail/sub", 0755));
    put("jail/sub/x", "x");
    CALL(mkdir("jail/old", 0755));
    CALL(chroot("jail"));
    FACT(syscall(SYS_getcwd, text, sizeof(text)) > 0 && strncmp(text, "(unreachable)", 13) == 0);
    CALL(chdir("/"));
    show("/sub/x");
    show("/../sub/../../sub/x");
    CALL(chdir(".."));
    FACT(getcwd(text, sizeof(text)) && strcmp(text, "/") == 0);
    CALL(open("/proc", O_RDONLY));
    CALL(mount("none", "/sub", "tmpfs", 0, NULL));
    show("/sub/x");
    CALL(umount2("/sub", 0));
    CALL(syscall(SYS_pivot_root, "/", "/old"));
    CALL(syscall(SYS_pivot_root, "/sub", "/old"));
}

static void without_rights(void)
{
    SECTION("without rights");
    if (setresgid(1234, 1234, 1234) || setresuid(1234, 1234, 1234))
        return;
    CALL(mount("none", "a", "tmpfs", 0, NULL));
    CALL(mount("none", "absent", "tmpfs", 0, NULL));
    CALL(umount2("a", 0));
    CALL(umount2("a", 64));
    CALL(umount2("absent", 0));
    CALL(chroot("jail"));
    CALL(chroot("absent"));
    CALL(syscall(SYS_pivot_root, "a", "absent"));
}

static void show_files(const char *what)
{
    struct statfs status;

    (void)CALL(statfs("a", &status));
    (void)printf("%s: %lu of %lu files are free\n", what, (unsigned long)status.f_ffree,
                 (unsigned long)status.f_files);
}

/* Each file of a tmpfs is counted, and each further name of one. */
static void counted_files(void)
{
    char path[64];
    int fd;

    SECTION("counted files");
    CALL(mount("none", "a", "tmpfs", 0, "nr_inodes=x"));
    CALL(mount("none", "a", "tmpfs", 0, "nr_inodes=5"));
    show_files("new");
    CALL(mkdir("a/directory", 0755));
    put("a/file", "text");
    CALL(link("a/file", "a/second"));
    show_files("two names");
    CALL(symlink("file", "a/link"));
    CALL(link("a/file", "a/third"));
    CALL(mkdir("a/more", 0755));
    CALL(open("a/more", O_CREAT | O_WRONLY, 0644));
    CALL(open("a", O_TMPFILE | O_RDWR, 0644));
    CALL(unlink("a/link"));
    CALL(unlink("a/second"));
    fd = open("a", O_TMPFILE | O_RDWR, 0644);
    show_files("one without a name");
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, path, AT_FDCWD, "a/named", AT_SYMLINK_FOLLOW));
    (void)close(fd);
    show_files("it got one");
    CALL(rename("a/named", "a/file"));
    show_files("another lost its own");
    CALL(rmdir("a/directory"));
    CALL(unlink("a/file"));
    show_files("all gone");
    CALL(umount("a"));
    CALL(mount("none", "a", "tmpfs", 0, "nr_inodes=0"));
    show_files("any number");
    CALL(umount("a"));
}

static unsigned long lines_of_table(void)
{
    FILE *table = fopen("/proc/self/mounts", "re");
    unsigned long lines = 0;
    int byte;

    while (table && (byte = fgetc(table)) != EOF)
        lines += byte == '\n';
    if (table)
        (void)fclose(table);
    return lines;
}

/* In a row, each below the one before, and on top of each other: copied and gone in one call. */
static void many(void)
{
    unsigned long before = lines_of_table();
    char path[512] = "a";

    SECTION("many");
    for (unsigned i = 0; i < 20; i++) {
        if (mount("none", path, "tmpfs", 0, NULL) != 0)
            perror(path);
        (void)strcat(path, "/deeper");
        (void)mkdir(path, 0755);
    }
    for (unsigned i = 0; i < 500; i++) {
        if (mount("a/deeper", "a/deeper", NULL, MS_BIND, NULL) != 0)
            perror("bind");
    }
    (void)printf("%lu more\n", lines_of_table() - before);
    CALL(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
    (void)printf("%lu more\n", lines_of_table() - before);
    CALL(umount2("b", MNT_DETACH));
    CALL(umount2("a", MNT_DETACH));
    (void)printf("%lu more\n", lines_of_table() - before);
}

static void pivot(void)
{
    SECTION("pivot_root");
    CALL(mount("new", "a", "tmpfs", 0, NULL));
    CALL(mkdir("a/put_old", 0755));
    CALL(mkdir("a/here", 0755));
    put("a/here/new", "of the new root");
    CALL(syscall(SYS_pivot_root, "a", "b"));
    CALL(syscall(SYS_pivot_root, "a/here", "a/put_old"));
    CALL(syscall(SYS_pivot_root, "a", "a/put_old"));
    CALL(chdir("/"));
    show("/here/new");
    CALL(access("/put_old/proc", F_OK));
    CALL(umount2("/put_old", 0));
    CALL(umount2("/put_old", MNT_DETACH));
    CALL(access("/put_old/proc", F_OK));
    CALL(rmdir("/put_old"));
    show("/../here/new");
}

int main(void)
{
    if (unshare(CLONE_NEWNS) == 0)
        (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (!getcwd(top, sizeof(top)) || chmod(top, 0755))
        return 1;
    (void)mkdir("a", 0755);
    (void)mkdir("b", 0755);
    put("file", "a file");
    arguments();
    plain();
    binds();
    lazily();
    in_child(in_other_root);
    in_child(without_rights);
    counted_files();
    many();
    pivot();
    return 0;
}

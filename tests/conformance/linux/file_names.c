/* link, unlink, symlink, readlink, rename, mkdir, rmdir: what each does and refuses. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#define RENAME_WHITEOUT 4
#endif

static void show_links(const char *name)
{
    struct stat status;

    if (lstat(name, &status) == 0)
        printf("%s: %ld links, mode %#o\n", name, (long)status.st_nlink, status.st_mode);
    else
        printf("%s: %s\n", name, error_name(errno));
}

static void linking(void)
{
    char text[100];

    SECTION("link and unlink");
    make_file("a", "file a");
    CALL(link("a", "b"));
    show_links("a");
    CALL(link("a", "b"));
    CALL(link("absent", "c"));
    CALL(link("a", "absent/c"));
    CALL(link("a", "b/c"));
    CALL(link("a", ""));
    CALL(link("", "c"));
    mkdir("d", 0755);
    CALL(link("d", "e"));
    CALL(link("a", "d"));
    CALL(link("a", "d/"));
    CALL(link("a", "f/"));
    symlink("a", "s");
    CALL(link("s", "hard-symlink"));    /* does not follow */
    show_links("hard-symlink");
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    show_links("followed");
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "bad", 0x10));
    CALL(unlink("b"));
    CALL(unlink("b"));
    CALL(unlink("d"));
    CALL(unlink("a/"));
    CALL(unlink("d/.."));
    CALL(unlink("."));
    CALL(unlink(""));
    CALL(unlink("/"));
    CALL(unlinkat(AT_FDCWD, "d", 0));
    CALL(unlinkat(AT_FDCWD, "a", AT_REMOVEDIR));
    CALL(unlinkat(AT_FDCWD, "a", 0x1));
    CALL(unlinkat(99, "a", 0));
    CALL(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
    SECTION("symlink and readlink");
    CALL(symlink("target", "link"));
    CALL(symlink("target", "link"));
    CALL(symlink("", "empty"));
    CALL(symlink("x", ""));
    CALL(symlink("x", "absent/link"));
    CALL(symlink("x", "newlink/"));
    memset(text, 0, sizeof(text));
    CALL(readlink("link", text, sizeof(text)));
    TEXT(text);
    CALL(readlink("link", text, 3));
    CALL(syscall(SYS_readlink, "link", text, 0));
    CALL(syscall(SYS_readlink, "link", text, -1));
    CALL(readlink("a", text, sizeof(text)));
    CALL(readlink("absent", text, sizeof(text)));
    CALL(readlink(".", text, sizeof(text)));
    CALL(readlink("link/", text, sizeof(text)));
    CALL(syscall(SYS_readlink, "link", 8L, 10));
}

static void directories(void)
{
    SECTION("mkdir and rmdir");
    CALL(mkdir("dir", 0750));
    show_links("dir");
    CALL(mkdir("dir", 0750));
    CALL(mkdir("dir/", 0750));
    CALL(mkdir("dir/one/", 0777));
    show_links("dir/one");
    show_links("dir");
    CALL(mkdir("absent/dir", 0750));
    CALL(mkdir("a/dir", 0750));
    CALL(mkdir("", 0750));
    CALL(mkdir(".", 0750));
    CALL(mkdir("..", 0750));
    CALL(mkdir("/", 0750));
    CALL(mkdir("link", 0750));
    CALL(mkdir("sticky", 07777));
    show_links("sticky");
    CALL(rmdir("dir"));
    CALL(rmdir("dir/."));
    CALL(rmdir("dir/one/.."));
    CALL(rmdir("a"));
    CALL(rmdir("link"));
    CALL(rmdir("absent"));
    CALL(rmdir("/"));
    CALL(rmdir("dir/one/"));
    show_links("dir");
    CALL(rmdir("dir"));
    show_links("dir");
    CALL(rmdir("."));
}

static void renaming(void)
{
    SECTION("rename");
    make_file("one", "1");
    make_file("two", "2");
    CALL(rename("one", "three"));
    show_file("three");
    show_links("one");
    CALL(rename("three", "two"));
    show_file("two");
    CALL(rename("absent", "two"));
    CALL(rename("two", "absent/x"));
    CALL(rename("two", ""));
    CALL(rename("", "x"));
    CALL(rename("two", "two"));
    link("two", "same");
    CALL(rename("two", "same"));    /* both names stay */
    show_links("two");
    mkdir("d1", 0755);
    mkdir("d2", 0755);
    make_file("d2/inside", "i");
    CALL(rename("d1", "two"));
    CALL(rename("two", "d1"));
    CALL(rename("d1", "d2"));
    CALL(rename("d2", "d1"));
    show_file("d1/inside");
    CALL(rename("d1", "d1/below"));
    mkdir("d1/deep", 0755);
    CALL(rename("d1", "d1/deep/below"));
    CALL(rename("d1/deep", "d1"));
    CALL(rename("d1/.", "x"));
    CALL(rename("d1/..", "x"));
    CALL(rename("d1", "."));
    CALL(rename("two", "newname/"));
    CALL(rename("d1", "d3/"));
    show_links("d3");
    symlink("two", "sym");
    CALL(rename("sym", "moved"));    /* the link itself */
    show_links("moved");
    SECTION("renameat2");
    make_file("p", "p");
    make_file("q", "q");
    CALL(syscall(SYS_renameat2, AT_FDCWD, "p", AT_FDCWD, "q", RENAME_NOREPLACE));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "p", AT_FDCWD, "r", RENAME_NOREPLACE));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "r", AT_FDCWD, "q", RENAME_EXCHANGE));
    show_file("q");
    show_file("r");
    CALL(syscall(SYS_renameat2, AT_FDCWD, "r", AT_FDCWD, "d3", RENAME_EXCHANGE));
    show_links("r");
    CALL(syscall(SYS_renameat2, AT_FDCWD, "r", AT_FDCWD, "absent", RENAME_EXCHANGE));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "r", AT_FDCWD, "q", 3));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "r", AT_FDCWD, "q", 0x100));
}

static long rename_away(const char *from, const char *to, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, RENAME_WHITEOUT | flags);
}

static void show_whiteout(const char *name)
{
    struct stat status;

    show_links(name);
    if (lstat(name, &status) == 0 && S_ISCHR(status.st_mode))
        printf("device %#lx, of us %d\n", (long)status.st_rdev, status.st_uid == geteuid());
}

/* A device 0:0 takes the old name. */
static void whiteouts(void)
{
    SECTION("whiteouts");
    mkdir("w", 0755);
    make_file("w/a", "a");
    make_file("w/b", "b");
    CALL(rename_away("w/a", "w/c", 0));
    show_whiteout("w/a");
    show_file("w/c");
    CALL(open("w/a", O_RDONLY));
    CALL(open("w/a", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CALL(rename_away("w/c", "w/b", 0));
    show_whiteout("w/c");
    show_file("w/b");
    CALL(rename_away("w/b", "w/a", RENAME_NOREPLACE));
    CALL(rename_away("w/b", "d1", 0));
    CALL(rename_away("w/b", "w/b", 0));
    CALL(rename_away("w/b", "w/a", 0));    /* over a whiteout */
    show_file("w/a");
    show_whiteout("w/b");
    mkdir("w/d", 0700);
    make_file("w/d/x", "x");
    CALL(rename_away("w/d", "w/e", RENAME_NOREPLACE));
    show_whiteout("w/d");
    show_file("w/e/x");
    CALL(rename_away("w/e/x", "x_of_w", 0));
    show_whiteout("w/e/x");
    show_links("w");
    CALL(rmdir("w/e"));
    CALL(unlink("w/e/x"));
    CALL(rmdir("w/e"));
    CALL(rename_away("w/b", "w/f", 0));    /* of a whiteout */
    show_whiteout("w/f");
    CALL(rename_away("x_of_w", "w/f", RENAME_EXCHANGE));
    CALL(unlink("w/b"));
    CALL(rename("w/f", "w/b"));
    show_whiteout("w/b");
}

/* A file without a name lives on while it is open; so does a directory. */
static void open_but_gone(void)
{
    int fd = open("ghost", O_RDWR | O_CREAT, 0600), directory;
    struct stat status;
    char text[10] = "";

    SECTION("open but gone");
    CALL(write(fd, "boo", 3));
    CALL(unlink("ghost"));
    CALL(pread(fd, text, 3, 0));
    TEXT(text);
    CALL(fstat(fd, &status));
    VALUE(status.st_nlink);
    mkdir("haunted", 0755);
    directory = open("haunted", O_RDONLY);
    CALL(rmdir("haunted"));
    CALL(openat(directory, "x", O_RDWR | O_CREAT, 0600));
    CALL(mkdirat(directory, "x", 0700));
    CALL(fstat(directory, &status));
    VALUE(status.st_nlink);
    CALL(fchdir(directory));
    CALL(syscall(SYS_getcwd, text, sizeof(text)));
    CALL(chdir("/"));
}

int main(void)
{
    linking();
    directories();
    renaming();
    whiteouts();
    open_but_gone();
    return 0;
}

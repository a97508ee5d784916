/* Extended attributes of files that have them: values, lists, limits, and who may do what. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"

static char value[70000], list[70000];

/* Prints what an attribute holds. */
static void show(const char *path, const char *name)
{
    ssize_t length = getxattr(path, name, value, sizeof(value));

    (void)printf("%s of %s: ", name, path);
    if (length < 0)
        (void)printf("%s\n", error_name(errno));
    else
        (void)printf("%zd \"%.*s\"\n", length, (int)(length > 20 ? 20 : length), value);
}

static void show_list(const char *path)
{
    ssize_t length = listxattr(path, list, sizeof(list));

    (void)printf("names of %s:", path);
    for (ssize_t at = 0; at < length; at += (ssize_t)strlen(list + at) + 1)
        (void)printf(" %s", list + at);
    (void)printf(" (%zd)\n", length);
}

static void one_file(void)
{
    int fd = open("file", O_RDWR | O_CREAT, 0644);
    int by_path = open("file", O_PATH);

    SECTION("one file");
    show_list("file");
    CALL(setxattr("file", "user.one", "first", 5, 0));
    show("file", "user.one");
    CALL(setxattr("file", "user.one", "again", 5, XATTR_CREATE));
    CALL(setxattr("file", "user.two", "again", 5, XATTR_REPLACE));
    CALL(setxattr("file", "user.one", "longer than before", 18, XATTR_REPLACE));
    CALL(setxattr("file", "user.x", "a", 1, XATTR_CREATE | XATTR_REPLACE));
    CALL(fsetxattr(fd, "user.empty", NULL, 0, XATTR_CREATE));
    CALL(lsetxattr("file", "user.a.b", "\0\1", 2, 0));
    CALL(fsetxattr(by_path, "user.one", "x", 1, 0));
    CALL(fgetxattr(by_path, "user.one", value, 10));
    CALL(flistxattr(by_path, list, 10));
    show("file", "user.one");
    show("file", "user.empty");
    show("file", "user.a.b");
    show("file", "user.absent");
    show_list("file");
    CALL(getxattr("file", "user.one", NULL, 0));
    CALL(getxattr("file", "user.one", value, 17));
    CALL(getxattr("file", "user.one", value, 18));
    CALL(getxattr("file", "user.one", (void *)8, 18));
    CALL(fgetxattr(fd, "user.empty", NULL, 0));
    CALL(fgetxattr(fd, "user.empty", value, 1));
    CALL(listxattr("file", NULL, 0));
    CALL(listxattr("file", list, 1));
    CALL(listxattr("file", (void *)8, 1000));
    CALL(rename("file", "renamed"));
    show("renamed", "user.one");
    CALL(link("renamed", "file"));
    CALL(removexattr("file", "user.one"));
    CALL(removexattr("file", "user.one"));
    CALL(fremovexattr(fd, "user.empty"));
    show_list("renamed");
    CALL(unlink("renamed"));
    show("file", "user.a.b");
    (void)close(fd);
    (void)close(by_path);
}

static void names(void)
{
    char name[300] = "user.";

    SECTION("names");
    memset(name + 5, 'n', 250);
    CALL(setxattr("file", name, "v", 1, 0));
    show("file", name);
    CALL(removexattr("file", name));
    name[255] = 'n';
    CALL(setxattr("file", name, "v", 1, 0));
    CALL(setxattr("file", "user.", "v", 1, 0));
    CALL(getxattr("file", "user.", value, 10));
    CALL(setxattr("file", "user", "v", 1, 0));
    CALL(setxattr("file", "nothing.x", "v", 1, 0));
    CALL(getxattr("file", "nothing.x", value, 10));
    CALL(removexattr("file", "nothing.x"));
    CALL(setxattr("file", "USER.x", "v", 1, 0));
    CALL(setxattr("file", "user.\xff\x01", "v", 1, 0));
    show("file", "user.\xff\x01");
    CALL(removexattr("file", "user.\xff\x01"));
}

static void sizes(void)
{
    SECTION("sizes");
    memset(value, 'v', sizeof(value));
    CALL(setxattr("file", "user.big", value, 65536, 0));
    CALL(getxattr("file", "user.big", value, 65535));
    CALL(getxattr("file", "user.big", value, 65536));
    CALL(getxattr("file", "user.big", value, 70000));
    CALL(setxattr("file", "user.big", value, 65537, 0));
    CALL(setxattr("file", "user.big", value, (size_t)-1, 0));
    CALL(setxattr("file", "user.big", (void *)8, 65536, 0));
    CALL(setxattr("absent", "user.big", (void *)8, 65536, 0));
    CALL(removexattr("file", "user.big"));
}

static void other_files(void)
{
    SECTION("other files");
    CALL(mkdir("dir", 0755));
    CALL(setxattr("dir", "user.of_dir", "d", 1, 0));
    show("dir", "user.of_dir");
    CALL(symlink("file", "link"));
    CALL(setxattr("link", "user.by_link", "l", 1, 0));
    CALL(lsetxattr("link", "user.of_link", "l", 1, 0));
    CALL(lgetxattr("link", "user.by_link", value, 10));
    CALL(lremovexattr("link", "user.by_link"));
    show("file", "user.by_link");
    CALL(mkfifo("fifo", 0644));
    CALL(setxattr("fifo", "user.x", "f", 1, 0));
    CALL(getxattr("fifo", "user.x", value, 10));
    CALL(removexattr("fifo", "user.x"));
    CALL(llistxattr("fifo", list, 100));
}

static void without_rights(void)
{
    if (setresgid(1234, 1234, 1234) || setresuid(1234, 1234, 1234))
        return;
    CALL(setxattr("file", "user.mine", "m", 1, 0));
    CALL(setxattr("file", "trusted.mine", "m", 1, 0));
    CALL(setxattr("file", "security.mine", "m", 1, 0));
    CALL(removexattr("file", "user.a.b"));
    CALL(removexattr("file", "trusted.root"));
    show("file", "user.a.b");
    show("file", "trusted.root");
    show_list("file");
    CALL(setxattr("open", "user.mine", "m", 1, 0));
    CALL(setxattr("sticky", "user.mine", "m", 1, 0));
    show("sticky", "user.x");
    show("secret", "user.x");
}

static void rights(void)
{
    pid_t child;

    SECTION("rights");
    CALL(setxattr("file", "trusted.root", "r", 1, 0));
    show("file", "trusted.root");
    show_list("file");
    if (geteuid() != 0)
        return;
    (void)close(open("open", O_CREAT | O_WRONLY, 0644));
    (void)chmod("open", 0666);
    (void)mkdir("sticky", 0755);
    (void)chmod("sticky", 01777);
    (void)setxattr("sticky", "user.x", "s", 1, 0);
    (void)close(open("secret", O_CREAT | O_WRONLY, 0600));
    (void)setxattr("secret", "user.x", "s", 1, 0);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        without_rights();
        (void)fflush(stdout);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

int main(void)
{
    (void)chmod(".", 0755);
    one_file();
    names();
    sizes();
    other_files();
    rights();
    return 0;
}

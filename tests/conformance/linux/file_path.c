/* Path walk: dots, slashes, symbolic links in every place, limits. */
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char long_name[PATH_MAX + 10];

/* "aaaa..." of the given length. */
static const char *name_of(size_t length)
{
    memset(long_name, 'a', length);
    long_name[length] = '\0';
    return long_name;
}

/* "./././...x" of the given length. */
static const char *path_of(size_t length)
{
    for (size_t i = 0; i < length; i++)
        long_name[i] = i % 2 ? '/' : '.';
    if (length % 2 == 0)
        long_name[length - 2] = '/';
    long_name[length - 1] = 'x';
    long_name[length] = '\0';
    return long_name;
}

static void probe(const char *path)
{
    struct stat status;

    errno = 0;
    if (stat(path, &status) != 0)
        printf("%s: %s\n", path, error_name(errno));
    else
        printf("%s: %s of %ld\n", path, S_ISDIR(status.st_mode) ? "directory" : "file",
               S_ISDIR(status.st_mode) ? 0 : (long)status.st_size);
}

static void dots(void)
{
    static const char *const paths[] = {
        "x", "./x", "././x", "d/../x", "d/./../x", "x/", "x/.", "x/..", "d", "d/", "d//", "d/.",
        "d/..", "d//f", "d/f/", "d/f/..", "/", "//", "/..", "/../..", "/.", "", "absent/..",
        "d/absent/../f", "...", "d/...", "/dev/../dev/null",
    };

    SECTION("dots and slashes");
    make_file("x", "12345");
    mkdir("d", 0755);
    make_file("d/f", "123");
    for (size_t i = 0; i < COUNT(paths); i++)
        probe(paths[i]);
}

static void links(void)
{
    char name[20], target[20];

    SECTION("symbolic links");
    symlink("x", "to-x");
    symlink("d", "to-d");
    symlink("to-d", "to-to-d");
    symlink("to-to-d/f", "deep");
    symlink("loop", "loop");
    symlink("ping", "pong");
    symlink("pong", "ping");
    symlink("absent", "dangling");
    symlink("../x", "d/up");
    symlink("./d/../d/up", "winding");
    symlink("/dev/null", "absolute");
    symlink(".", "here");
    probe("to-x");
    probe("to-x/");
    probe("to-d");
    probe("to-d/");
    probe("to-d/f");
    probe("to-d/..");
    probe("to-d/../x");
    probe("deep");
    probe("loop");
    probe("loop/x");
    probe("ping");
    probe("dangling");
    probe("dangling/x");
    probe("d/up");
    probe("to-d/up");
    probe("winding");
    probe("absolute");
    probe("here/here/here/x");
    for (int i = 0; i < 45; i++) {
        snprintf(name, sizeof(name), "chain%d", i);
        snprintf(target, sizeof(target), "chain%d", i + 1);
        symlink(target, name);
    }
    make_file("chain45", "end");
    probe("chain44");
    probe("chain6");
    probe("chain5");
    probe("chain4");
    probe("chain0");
}

static void limits(void)
{
    struct stat status;
    char target[PATH_MAX + 1];

    SECTION("limits");
    CALL(open(name_of(255), O_RDWR | O_CREAT, 0600));
    CALL(open(name_of(256), O_RDWR | O_CREAT, 0600));
    CALL(stat(name_of(255), &status));
    CALL(stat(name_of(256), &status));
    CALL(mkdir(name_of(256), 0700));
    CALL(unlink(name_of(255)));
    CALL(stat(path_of(4095), &status));
    CALL(stat(path_of(4096), &status));
    CALL(stat(path_of(5), &status));
    memset(target, 'b', sizeof(target));
    target[4095] = '\0';
    CALL(symlink(target, "longest"));
    CALL(readlink("longest", target, sizeof(target)));
    CALL(stat("longest", &status));
    memset(target, 'b', sizeof(target));
    target[4096] = '\0';
    CALL(symlink(target, "too-long"));
    for (int i = 0; i < 30; i++) {    /* deeper than one path can name */
        if (mkdir(name_of(200), 0700) != 0 || chdir(name_of(200)) != 0)
            printf("level %d: %s\n", i, error_name(errno));
    }
    CALL(getcwd(target, sizeof(target)) != NULL);
    CALL(stat("..", &status));
    CALL(chdir("../../../../../../../../../../../../../../../../../../../../../../../../../../"
               "../../../.."));
    probe("x");
}

int main(void)
{
    dots();
    links();
    limits();
    return 0;
}

/*
 * Walks that may not leave a directory, with ".." in the text, while another process moves what
 * they walk through: none gets out.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define WALKS 120000    /* unless the command line says how many */

/* Exchanges a directory below the root with one outside, again and again. */
static void attack(int directory)
{
    for (;;)
        (void)syscall(SYS_renameat2, directory, "root/a/c", directory, "b", RENAME_EXCHANGE);
}

/* So many ".." lead nowhere but to the root itself. */
static int is_outside(int fd, const struct stat *wanted)
{
    struct stat status;

    return fstat(fd, &status) != 0 || status.st_ino != wanted->st_ino;
}

static void walk(int root, uint64_t resolve, const struct stat *wanted, int walks)
{
    const struct open_how how = { .flags = O_PATH | O_DIRECTORY, .resolve = resolve };
    int escapes = 0, others = 0;

    for (int i = 0; i < walks; i++) {
        long fd = syscall(SYS_openat2, root, "a/c/../../../../../../..", &how, sizeof(how));

        if (fd >= 0) {
            escapes += is_outside((int)fd, wanted);
            (void)close((int)fd);
        } else {
            others += errno != EAGAIN && errno != EXDEV && errno != ENOENT;
        }
    }
    VALUE(escapes);
    VALUE(others);
}

int main(int count, char **words)
{
    int walks = count > 1 ? atoi(words[1]) : WALKS;
    int directory = open(".", O_PATH | O_DIRECTORY);
    struct stat wanted;
    int root;
    pid_t child;

    (void)mkdir("root", 0755);
    (void)mkdir("root/a", 0755);
    (void)mkdir("root/a/c", 0755);
    (void)mkdir("b", 0755);
    root = open("root", O_PATH | O_DIRECTORY);
    (void)fstat(root, &wanted);
    child = fork();
    if (child == 0)
        attack(directory);
    SECTION("in the root");
    walk(root, RESOLVE_IN_ROOT, &wanted, walks);
    SECTION("beneath");
    walk(root, RESOLVE_BENEATH, &wanted, walks);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    return 0;
}

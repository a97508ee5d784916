#pragma once
/*
 * For the test against Linux: random arguments, the history that a failure prints, and the host's
 * directory.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit/fs/fs_fixture.h"
#define TMPFS_TYPE 0x01021994
#define TEXT_SIZE 64
#define DATA_SIZE 9000    /* over two pages */

static char top[64];      /* the host's directory */
static bool host_is_tmpfs;
static bool uses_sticky = true;    /* directories with the sticky bit */
static bool links_are_protected = true;
static uint64_t random_state;
static unsigned step;

/* What was done last, for the message when results differ. */
#define HISTORY 24
static char history[HISTORY][200];

static inline unsigned pick(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % limit;
}

__attribute__((format(printf, 1, 2))) static inline void note(const char *pattern, ...)
{
    va_list arguments;

    va_start(arguments, pattern);
    vsnprintf(history[step % HISTORY], sizeof(history[0]), pattern, arguments);
    va_end(arguments);
}

static inline void check_same(int64_t ours, int64_t theirs, const char *what)
{
    if (ours == theirs)
        return;
    for (unsigned i = step < HISTORY ? 0 : step - HISTORY + 1; i <= step; i++)
        fprintf(stderr, "%u: %s\n", i, history[i % HISTORY]);
    ck_abort_msg("step %u, %s: ours %lld, Linux %lld", step, what, (long long)ours,
                 (long long)theirs);
}

/* The result of a system call as the kernel has it. */
static inline int64_t host_result(int64_t result)
{
    return result < 0 ? -errno : result;
}

/* ---- Random arguments ---------------------------------------------------------------------- */

static const char *const words[] = { "a", "b", "c", "dd", "l", "m" };

static inline void pick_path(char *text)
{
    unsigned components = 1 + pick(3);
    unsigned dots = pick(8);    /* which component has "." or ".." behind it, if any */

    text[0] = '\0';
    for (unsigned i = 0; i < components; i++) {
        if (i > 0)
            strcat(text, pick(12) ? "/" : "//");
        strcat(text, words[pick(ARRAY_SIZE(words))]);
        if (i == dots)
            strcat(text, pick(2) ? "/.." : "/.");
    }
    if (!pick(10))
        strcat(text, "/");
    if (!pick(200))
        strcpy(text, pick(2) ? "" : ".");
    if (!pick(400))
        strcpy(text, "..");
}

static inline void pick_target(char *text)
{
    static const char *const targets[] = { ".", "a", "b/c", "l", "m", "c/", "dd/a", "nowhere", "" };

    strcpy(text, targets[pick(ARRAY_SIZE(targets))]);
}

static inline uint32_t pick_mode(void)
{
    static const uint32_t modes[] = { 0777, 0755, 0700, 0644, 0, 0111, 0333, 01777, 02775, 04711 };

    uint32_t mode = modes[pick(ARRAY_SIZE(modes))];

    return uses_sticky ? mode : mode & ~MODE_STICKY;
}

static inline uint64_t pick_offset(void)
{
    return pick(4) ? pick(DATA_SIZE) : pick(20) * 4096u;
}

/* ---- The host ------------------------------------------------------------------------------ */

static inline void make_host_directory(void)
{
    struct statfs status;

    strcpy(top, access("/dev/shm", W_OK) == 0 ? "/dev/shm/eft-fs-XXXXXX" : "/tmp/eft-fs-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(top));
    ck_assert_int_eq(chmod(top, 0755), 0);
    ck_assert_int_eq(statfs(top, &status), 0);
    host_is_tmpfs = status.f_type == TMPFS_TYPE;
    ck_assert_int_eq(chdir(top), 0);
    umask(022);
    ck_assert_int_eq(mkdir("r", 0777), 0);
    ck_assert_int_eq(chdir("r"), 0);
}

static inline void remove_host_directory(void)
{
    char command[256];

    ck_assert_int_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "chmod -R u+rwx %s 2>/dev/null; rm -rf %s", top, top);
    ck_assert_int_eq(system(command), 0);
}

static inline bool host_switch_is_on(const char *name)
{
    char text[64];
    FILE *file;
    int value = 0;

    snprintf(text, sizeof(text), "/proc/sys/fs/%s", name);
    file = fopen(text, "r");
    if (file && fscanf(file, "%d", &value) != 1)
        value = 0;
    if (file)
        fclose(file);
    return value != 0;
}

/* We protect hard links, as distributions do, but nothing in sticky directories. */
static inline void adapt_to_host(void)
{
    links_are_protected = host_switch_is_on("protected_hardlinks");
    uses_sticky = !host_switch_is_on("protected_symlinks") &&
                  !host_switch_is_on("protected_regular");
}

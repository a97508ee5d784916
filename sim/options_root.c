/*
 * The options that say what the guest finds: its root, what is bound into it, who it is, what the
 * machine is called, and the program if none is named.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim.h"

#define ID_MAX 4294967294u    /* the next one means "as it is" */
#define HOST_NAME_MAX_LENGTH 64
#define SHELL_DEFAULT "/bin/sh"

/* ---- Who and where ------------------------------------------------------------------------- */

/* The number at the start of the text; its end, or NULL: there is none. */
static const char *parse_id(const char *text, unsigned long *id)
{
    char *end;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    *id = strtoul(text, &end, 10);
    return errno || *id > ID_MAX ? NULL : end;
}

void options_parse_user(struct options *options, const char *text)
{
    unsigned long user, group;
    const char *rest = parse_id(text, &user);

    group = user;
    if (rest && *rest == ':')
        rest = parse_id(rest + 1, &group);
    if (!rest || *rest)
        refuse("--user=%s is not UID or UID:GID, two numbers from 0 to %u", text, ID_MAX);
    options->has_user = true;
    options->user_id = (uint32_t)user;
    options->group_id = (uint32_t)group;
}

void options_parse_host_name(struct options *options, const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-.";
    size_t length = strlen(text);

    if (length < 1 || length > HOST_NAME_MAX_LENGTH || strspn(text, allowed) != length ||
        strchr("-.", text[0]))
        refuse("--hostname=%s is not a name of 1 to %d letters, digits, dots and hyphens", text,
               HOST_NAME_MAX_LENGTH);
    options->host_name = text;
}

static void add_id(const char *name, uint32_t id)
{
    char number[16];

    snprintf(number, sizeof(number), "%u", id);
    options_add_for_kernel(name, number);
}

void options_tell_user(const struct options *options)
{
    if (!options->has_user)
        return;
    add_id("user", options->user_id);
    add_id("group", options->group_id);
}

/* ---- What the host shows -------------------------------------------------------------------- */

void options_set_root(struct options *options, const char *directory, bool is_shared)
{
    if (options->root && options->root_is_shared != is_shared)
        refuse("--root and --root-rw cannot be given together");
    options->root = directory;
    options->root_is_shared = is_shared;
}

void options_add_bind(struct options *options, const char *bind)
{
    if (options->bind_count == HOST_BINDS_MAX)
        refuse("too many --bind options; there may be %d", HOST_BINDS_MAX);
    options->binds[options->bind_count++] = bind;
}

static int open_root(const char *directory)
{
    int descriptor = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (descriptor < 0)
        refuse("cannot use %s as the root directory: %s", directory, strerror(errno));
    return descriptor;
}

/* HOST:GUEST, HOST:GUEST:ro or HOST:GUEST:rw. */
static void open_bind(const char *bind)
{
    char *host = strdup(bind);
    char *guest = host ? strchr(host, ':') : NULL;
    char *mode = guest ? strchr(guest + 1, ':') : NULL;
    struct stat status;
    int descriptor;

    if (guest)
        *guest++ = '\0';
    if (mode)
        *mode++ = '\0';
    if (!guest || !*host || guest[0] != '/' || strlen(guest) >= PATH_MAX ||
        (mode && strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0))
        refuse("--bind=%s is not HOST:GUEST or HOST:GUEST:ro, with a GUEST that begins with /",
               bind);
    if (!guest[strspn(guest, "/.")])
        refuse("--bind=%s: GUEST must be below /; for / itself there are --root and --root-rw",
               bind);
    descriptor = open(host, O_PATH | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) != 0)
        refuse("--bind=%s: cannot open %s: %s", bind, host, strerror(errno));
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode))
        refuse("--bind=%s: %s is neither a directory nor a regular file", bind, host);
    hostfs_add(descriptor, guest,
               mode && strcmp(mode, "ro") == 0 ? HOSTFS_READ_ONLY : HOSTFS_SHARED);
}

static bool is_empty(int directory)
{
    char buffer[4096] __attribute__((aligned(8)));
    size_t names = 0;
    ssize_t size;

    while ((size = getdents64(directory, buffer, sizeof(buffer))) > 0) {
        for (char *at = buffer; at < buffer + size; names++)
            at += ((const struct dirent64 *)(const void *)at)->d_reclen;
    }
    return size == 0 && names == 2;    /* "." and ".." */
}

static int open_save(const char *directory)
{
    int descriptor;

    if (mkdir(directory, 0755) != 0 && errno != EEXIST)
        refuse("--save-changes=%s: cannot make it: %s", directory, strerror(errno));
    descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        refuse("--save-changes=%s: %s", directory, strerror(errno));
    if (!is_empty(descriptor))
        refuse("--save-changes=%s: there is something in it; name an empty or a new directory",
               directory);
    return descriptor;
}

void options_open_roots(const struct options *options)
{
    if (options->root)
        hostfs_add(open_root(options->root), "/",
                   options->root_is_shared ? HOSTFS_SHARED : HOSTFS_COPIED);
    for (size_t i = 0; i < options->bind_count; i++)
        open_bind(options->binds[i]);
    if (options->save_changes)
        hostfs_add(open_save(options->save_changes), NULL, HOSTFS_SHARED);
}

/* ---- The program --------------------------------------------------------------------------- */

/* Is that a program below the root?  Links lead nowhere out of it. */
static bool is_program(int root, const char *path)
{
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    int descriptor = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
    struct stat status;
    bool found;

    if (descriptor < 0)
        return false;
    found = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111);
    close(descriptor);
    return found;
}

/* The first program of this name in the directories of PATH; NULL: none. */
static const char *search(int root, const char *name)
{
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t length = strcspn(at, ":");
        char *path;

        if (asprintf(&path, "%.*s/%s", (int)length, at, name) < 0)
            refuse("no memory");
        if (length > 0 && is_program(root, path))
            return path;
        free(path);
        at += length + (at[length] == ':');
    }
    return NULL;
}

static const char *choose_shell(int root, bool seeded)
{
    const char *shell = seeded ? NULL : getenv("SHELL");

    if (shell && shell[0] == '/' && is_program(root, shell))
        return shell;
    if (!is_program(root, SHELL_DEFAULT))
        refuse("there is no shell (%s) below the root; name a program", SHELL_DEFAULT);
    return SHELL_DEFAULT;
}

void options_choose_program(struct options *options)
{
    static const char *shell[2];
    const char *name = options->arguments[0], *found = NULL;
    int root;

    if (!options->root || options->replay)
        return;
    root = open_root(options->root);
    if (!name) {
        shell[0] = choose_shell(root, options->seeded);
        options->arguments = shell;
    } else if (!strchr(name, '/')) {
        found = search(root, name);
    }
    close(root);
    if (found)
        options_add_for_kernel("program", found);
}

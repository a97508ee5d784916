#pragma once
/*
 * Path names: from a text to a mount and a name.
 *
 * Texts are kernel memory and end in NUL.  `start` is where a relative text begins (the path of a
 * directory descriptor); NULL means the context's working directory.  It stays the caller's; the
 * caller makes sure that context and start do not change during the call (a copy with
 * references of its own).  Results hold a reference to mount and name; path_release drops
 * both.  All walks may sleep and take RANK_MOUNT and RANK_DIRECTORY locks: callers hold none
 * of them and no spin lock.
 *
 * Errors: -ENOENT (also for an empty text), -ENOTDIR, -EACCES (no search permission), -ELOOP (more
 * than SYMLINKS_MAX links), -ENAMETOOLONG (a component over NAME_MAX, a text of PATH_MAX or more),
 * -ENOMEM, and what the filesystem says.  -EAGAIN: with LOOKUP_BENEATH or LOOKUP_IN_ROOT, something
 * was renamed or mounted while a text with ".." was walked.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/directory_cache.h"
#include "fs/vfs.h"
#include "lib/error.h"

enum lookup_flags {
    LOOKUP_FOLLOW = 1 << 0,            /* a symbolic link at the end is followed, too */
    LOOKUP_DIRECTORY = 1 << 1,         /* the result must be a directory: -ENOTDIR */
    LOOKUP_EMPTY_PATH = 1 << 2,        /* AT_EMPTY_PATH: "" is the start itself */
    /* openat2's RESOLVE_ flags. */
    LOOKUP_NO_MOUNTS = 1 << 3,         /* -EXDEV instead of crossing a mount point */
    LOOKUP_NO_MAGIC_LINKS = 1 << 4,    /* -ELOOP */
    LOOKUP_NO_SYMLINKS = 1 << 5,       /* -ELOOP */
    LOOKUP_BENEATH = 1 << 6,           /* -EXDEV instead of leaving the start */
    LOOKUP_IN_ROOT = 1 << 7,           /* the start is the root of the walk */
};

/* The inode of a name that exists (path results always do). */
struct inode *path_inode(const struct path *path);

void path_reference(const struct path *path);
/* Of {NULL, NULL}: does nothing. */
void path_release(struct path *path);
static inline bool path_equal(const struct path *a, const struct path *b)
{
    return a->mount == b->mount && a->name == b->name;
}

MUST_CHECK int path_walk(const struct fs_context *context, const struct path *start,
                         const char *text, uint32_t flags, struct path *result);

/* What the last component of a text is, for calls that make, remove or rename it. */
enum last_component {
    LAST_ORDINARY,
    LAST_ROOT,         /* the text is only slashes */
    LAST_DOT,
    LAST_DOT_DOT,
};
struct path_parent {
    struct path directory;         /* a directory that may be searched */
    enum last_component last;
    bool slash_at_end;             /* the text ended in a slash */
    struct component component;    /* LAST_ORDINARY: in `text` of the walk, or in `storage` */
    char *storage;                 /* text of a followed link; owned */
    /* For path_parent_follow. */
    struct path root;              /* of the walk; not owned */
    uint32_t flags;
    unsigned links_followed;
    uint64_t moves;
};
/* Everything but the last component.  path_parent_release drops what the result holds. */
MUST_CHECK int path_walk_parent(const struct fs_context *context, const struct path *start,
                                const char *text, uint32_t flags, struct path_parent *parent);
/* The last component turned out to be this symbolic link and is to be followed: the parent becomes
 * that of the link's target.  *jumped: a magic link led straight to parent->directory, which then
 * is the file itself.  After an error the parent is empty. */
MUST_CHECK int path_parent_follow(const struct fs_context *context, struct path_parent *parent,
                                  const struct path *link, bool *jumped);
void path_parent_release(struct path_parent *parent);

/*
 * The text of a path as seen from `root` (NULL: from the root of everything), into `text`,
 * terminated.  Returns the length without the NUL.  A removed name ends in " (deleted)"; a
 * path outside of `root` is given from the top of its mounts, as Linux does in /proc/<pid>/fd.
 * -ENAMETOOLONG when it does not fit.  Takes RANK_MOUNT_PLACES
 * and RANK_DIRECTORY_CACHE only.
 */
MUST_CHECK int64_t path_text(const struct path *path, const struct path *root, char *text,
                             size_t size);
/* The same, but -ENOENT if it is outside of `root`. */
MUST_CHECK int64_t path_text_below(const struct path *path, const struct path *root, char *text,
                                   size_t size);
/* getcwd: -ENOENT when the directory was removed, -ERANGE when it does not fit (length with NUL
 * counts), "(unreachable)" in front when it is not below the context's root. */
MUST_CHECK int64_t path_working_directory(const struct fs_context *context, char *text,
                                          size_t size);

/* Of one that has references. */
void fs_context_release(struct fs_context *context);

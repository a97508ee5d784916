#pragma once
/*
 * The directory cache: names, each the link between a directory's name and an inode.
 *
 * A name that is used (by walks, paths, open files, cached names below it) stays; unused ones wait
 * on a list, oldest first, and at most DIRECTORY_CACHE_MAX of them are kept.
 *
 * Invariants:
 *   - a directory has at most one cached name of one text;
 *   - parent and text change only in a rename (the filesystem's rename_lock and both directories'
 *     locks held) and under the cache's lock;
 *   - a positive name keeps its inode until it is freed; an absent one may get an inode, once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "lib/list.h"

#define NAME_SHORT_SIZE 32

struct name {
    /* Constant after creation (inode: see above). */
    uint64_t id;                      /* for hashing: nothing depends on addresses */
    struct filesystem *filesystem;
    _Atomic uint32_t references;      /* 0 only with the cache's lock held */
    _Atomic uint32_t mounts;          /* how many mounts cover it */

    /* Protected by the cache's lock. */
    struct list hash_node;            /* linked: found by look-ups */
    struct list unused_node;          /* linked: references is 0 */
    struct list handle_node;          /* linked: found by its inode's number */
    struct name *parent;              /* with a reference; NULL: root of a filesystem */
    struct inode *inode;              /* with a reference; NULL: known to be absent */
    uint64_t stamp;                   /* of the directory when it was looked up */
    char *text;                       /* terminated: short_text, or allocated */
    uint32_t length;
    char short_text[NAME_SHORT_SIZE];
};

/* One component of a path: not terminated by a NUL but by its length. */
struct component {
    const char *text;
    uint32_t length;
};

/* A name without a parent for this filesystem's root inode, one reference.  -ENOMEM. */
MUST_CHECK int name_create_root(struct filesystem *filesystem, struct name **name);
/* A name that no look-up finds (O_TMPFILE), with its parent and text for path_text. */
MUST_CHECK int name_create_hidden(struct name *parent, struct component component,
                                  struct inode *inode, struct name **name);

void name_reference(struct name *name);
/* May sleep (the inode may go): as inode_release. */
void name_release(struct name *name);

/* The stamp of a directory now; see inode_operations.  May sleep. */
uint64_t name_directory_stamp(const struct name *directory);
/* The cached name with a reference, or NULL: not cached, or of another stamp and not covered by a
 * mount.  Takes the cache's spin lock only. */
struct name *name_find(struct name *parent, struct component component, uint64_t stamp);
/*
 * The name, looked up in the directory if it is not cached; *name may be absent (no inode).  The
 * lock of the directory parent->inode is held.  -ENOENT when the directory was removed, and
 * errors of the filesystem's lookup other than -ENOENT.
 */
MUST_CHECK int name_look_up(struct name *parent, struct component component,
                            struct name **name);

/* The parent with a reference; the name itself if it has none. */
struct name *name_parent(struct name *name);
/* Is `name` below `ancestor` in one filesystem, or the same?  Stable only under rename_lock. */
bool name_is_within(struct name *name, const struct name *ancestor);

/* The directory's lock held.  An absent name gets an inode (the cache takes a reference);
 * a name is removed from look-ups but lives on for its users. */
void name_set_inode(struct name *name, struct inode *inode);
void name_remove(struct name *name);
/* `name` takes the place (parent and text) of `target`, which is removed from look-ups; with
 * `exchange` they change places. */
void name_move(struct name *name, struct name *target, bool exchange);
/* A number that grows with each name_move, and with each call of name_note_move: what was above a
 * name may be elsewhere.  No lock is needed. */
uint64_t name_moves(void);
void name_note_move(void);
/* Was it removed (unlinked, replaced, stale)?  Roots are not. */
bool name_is_removed(struct name *name);

/* For handles of files: from now on, as long as it is cached, the name is found by the number of
 * its inode; of several such names one is. */
void name_note_handle(struct name *name);
/* With a reference, or NULL. */
struct name *name_find_by_inode(const struct filesystem *filesystem, uint64_t number);

/* Frees up to `count` unused names, oldest first; returns how many.  May sleep. */
size_t directory_cache_shrink(size_t count);
/* Frees all unused names of this filesystem. */
void directory_cache_forget(struct filesystem *filesystem);
size_t directory_cache_unused(void);    /* how many names have no users */

/*
 * Text of a name from the root of its filesystem, written so that it ends at text[end]; returns
 * where it begins, or -ENAMETOOLONG.  Stops early, at `stop` (which may be NULL), and says so.
 * "/" is not written for the root itself.
 */
struct name_text_request {
    char *text;
    size_t end;
    const struct name *stop;
    bool stopped;     /* result: `stop` was reached */
};
MUST_CHECK int64_t name_prepend_text(struct name *name, struct name_text_request *request);

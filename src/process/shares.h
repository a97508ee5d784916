#pragma once
/*
 * What threads may share or have of their own, each by flags of clone: descriptors (CLONE_FILES),
 * places (CLONE_FS) and namespaces.  Each thread has a reference to them until it leaves.
 *
 * The pointers of a thread are written by the thread itself, with its process locked: it may read
 * them without the lock, others with it.
 */
#include "fs/vfs.h"
#include "lib/error.h"

struct file_table;
struct namespaces;
struct places;
struct process;
struct thread;

struct thread_shares {
    struct file_table *files;
    struct places *places;
    struct namespaces *namespaces;
};

/* Of the current thread; never NULL in a system call. */
struct file_table *current_files(void);
struct places *current_places(void);
/* A copy with references: where the current thread is, and who it is.  To be released by
 * fs_context_release. */
void current_fs_context(struct fs_context *context);

/* For a new thread: of the current one's, the same or copies, as the flags of clone want.
 * -ENOMEM. */
MUST_CHECK int shares_inherit(struct thread_shares *shares, uint64_t clone_flags);
/* Leaves NULL behind.  May sleep: the last one closes what is open. */
void shares_release(struct thread_shares *shares);
/* The current thread leaves.  May sleep. */
void shares_leave(void);

/* From here on the current thread's are nobody else's (unshare, exec).  -ENOMEM: unchanged. */
MUST_CHECK int files_unshare(void);
MUST_CHECK int places_unshare(void);
/* It has new namespaces of the kinds that flags of clone ask for, and its places, which it does not
 * share, are in them.  -ENOMEM: unchanged. */
MUST_CHECK int namespaces_unshare(uint64_t clone_flags);
/* Takes over the reference.  May sleep. */
void current_namespaces_set(struct namespaces *namespaces);

/* For whoever looks at a process; `thread` NULL: at its first one.  With a reference, or NULL when
 * that thread has left. */
struct file_table *process_files(struct process *process, struct thread *thread);
struct namespaces *process_namespaces(struct process *process, struct thread *thread);
/* The same, to be released by fs_context_release.  The paths of one that has left are empty. */
void process_fs_context(struct process *process, struct thread *thread,
                        struct fs_context *context);

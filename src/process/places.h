#pragma once
/*
 * Where path names of a thread begin: its root and its working directory, with its umask.  Threads
 * that were made with CLONE_FS share one; a fork has a copy.
 */
#include "fs/vfs.h"
#include "lib/error.h"

struct places;

/* Takes over the references to the two paths if it succeeds; one reference for the caller.
 * -ENOMEM. */
MUST_CHECK int places_create(const struct path *root, const struct path *working_directory,
                             uint32_t umask, struct places **places);
MUST_CHECK int places_copy(struct places *source, struct places **copy);
void places_reference(struct places *places);
/* May sleep. */
void places_release(struct places *places);
/* Do others have references too? */
bool places_are_shared(const struct places *places);

/* Fills in all but the credentials, with references of its own. */
void places_read(struct places *places, struct fs_context *context);
/* Takes over the reference. */
void places_set_working_directory(struct places *places, const struct path *path);
/* Takes over the reference. */
void places_set_root(struct places *places, const struct path *path);
/* pivot_root: whoever has the one as root or working directory gets the other. */
void places_replace(const struct path *old, const struct path *new);
/* They are at the same places of a mount namespace `to`, which becomes a copy of `from`; nobody
 * shares them.  -ENOMEM. */
MUST_CHECK int places_enter_copy(struct places *places, uint64_t from, uint64_t to);
/* Returns the one before. */
uint32_t places_set_umask(struct places *places, uint32_t umask);

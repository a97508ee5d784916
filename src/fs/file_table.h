#pragma once
/*
 * The descriptors of a process: numbers for open files, each with its close-on-exec flag.
 * Threads share one table by references.
 *
 * A number is free, reserved (taken, but nothing is open there yet) or open.  Files are released
 * after the table's lock is given back, because releasing may sleep; so nobody calls this with a
 * spin lock held, except file_table_get.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

struct file;
struct file_table;

/* An empty table with one reference.  -ENOMEM. */
MUST_CHECK int file_table_create(struct file_table **table);
/* The same files under the same numbers, in a new table.  -ENOMEM. */
MUST_CHECK int file_table_copy(struct file_table *source, struct file_table **copy);
/* Do others have references too? */
bool file_table_is_shared(const struct file_table *table);
void file_table_reference(struct file_table *table);
/* The last reference closes everything. */
void file_table_release(struct file_table *table);

/* Takes the lowest free number in [minimum, limit) and returns it.  -EMFILE when there is none,
 * -ENOMEM.  `limit` is the process's RLIMIT_NOFILE. */
MUST_CHECK int file_table_reserve(struct file_table *table, uint32_t minimum, uint64_t limit);
/* A reserved number becomes open; the table takes over the caller's reference to the file. */
void file_table_install(struct file_table *table, int fd, struct file *file, bool close_on_exec);
/* A reserved number becomes free again. */
void file_table_unreserve(struct file_table *table, int fd);

/* Both at once, from number 0: the table takes over the reference if (and only if) it succeeds. */
MUST_CHECK int file_table_add(struct file_table *table, struct file *file, bool close_on_exec,
                              uint64_t limit);
/* Opens the file under this very number and closes what was there.  The table takes over the
 * reference if it succeeds.  -EBADF: not below the limit; -EBUSY: reserved; -ENOMEM. */
MUST_CHECK int file_table_replace(struct file_table *table, int fd, struct file *file,
                                  bool close_on_exec, uint64_t limit);

/* The open file with a reference for the caller; NULL: not open. */
struct file *file_table_get(struct file_table *table, int fd);
/* -EBADF. */
MUST_CHECK int file_table_close(struct file_table *table, int fd);
void file_table_close_range(struct file_table *table, uint32_t first, uint32_t last);
/* For exec: closes all that have the flag. */
void file_table_close_on_exec(struct file_table *table);

/* 0, 1 or -EBADF. */
MUST_CHECK int file_table_flag(struct file_table *table, int fd);
MUST_CHECK int file_table_set_flag(struct file_table *table, int fd, bool close_on_exec);
void file_table_set_flag_range(struct file_table *table, uint32_t first, uint32_t last);

/* The lowest open number that is at least `from`, or -1. */
int file_table_next(struct file_table *table, uint32_t from);
/* How many numbers the table has room for now (FDSize of /proc/<pid>/status). */
uint32_t file_table_capacity(struct file_table *table);

#pragma once
/* What the files that serve the host's files share: nodes are O_PATH descriptors. */
#include <stdbool.h>
#include <stdint.h>

#include "fs/hostfs.h"

struct host_node {
    int path;          /* O_PATH, -1: free */
    int data;          /* opened for reading when first needed, -1: not yet */
    int output;        /* the same for writing; may be the same descriptor */
    uint64_t next_free;
    bool is_kept;      /* it existed when a search took its snapshot: never closed */
    bool is_shared;    /* below a root whose changes are the host's */
};

struct host_node *hostfs_node(uint64_t number);
/* Takes over the descriptor, also when it fails. */
int hostfs_new_node(int path, bool is_shared, uint64_t *number);
bool hostfs_is_component(const char *name);
/* "/proc/self/fd/N", for calls that take no O_PATH descriptor. */
#define HOSTFS_LINK_SIZE 32
void hostfs_link_of(int descriptor, char link[HOSTFS_LINK_SIZE]);

/* hostfs_changes.c */
int hostfs_create(uint64_t directory, const char *name, const struct hostfs_new *what,
                  uint64_t *node);
int hostfs_link(uint64_t node, uint64_t directory, const char *name);
int hostfs_remove(uint64_t directory, const char *name, bool is_directory);
int hostfs_rename(const struct hostfs_rename *rename);
int64_t hostfs_write(uint64_t node, const void *buffer, size_t size, uint64_t offset);
int hostfs_change(uint64_t node, const struct hostfs_attributes *attributes);
int hostfs_sync(uint64_t node);

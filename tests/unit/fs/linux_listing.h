#pragma once
/* For the test against Linux: what is in a directory, on both sides. */
#include <dirent.h>

#include "unit/fs/fs_fixture.h"

/* Names in the order of the alphabet, each with its type. */
struct listing {
    char names[64][264];
    unsigned count;
};

static inline void listing_add(struct listing *listing, const char *name, unsigned type)
{
    ck_assert_uint_lt(listing->count, 64);
    snprintf(listing->names[listing->count++], sizeof(listing->names[0]), "%s %u", name, type);
}

static inline int add_ours(void *listing, const struct directory_entry *entry)
{
    char text[256];

    snprintf(text, sizeof(text), "%.*s", (int)entry->length, entry->name);
    listing_add(listing, text, entry->type);
    return 0;
}

static inline int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline void list_host(const char *text, struct listing *listing)
{
    DIR *directory = opendir(text);

    ck_assert_ptr_nonnull(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        listing_add(listing, entry->d_name, entry->d_type);
    closedir(directory);
}

#pragma once
/*
 * For tests of files: a machine, a tmpfs as the root, a context, short ways to call the services,
 * and the check that nothing leaks.  A test calls fixture_end() when it is done.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fs/attributes.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_init.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "fs/tmpfs.h"
#include "harness/fake_machine.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

#define FIXTURE_MEMORY (64u << 20)

static struct fs_context context;
static struct mount *root;
static uint64_t fixture_free_pages;
static size_t fixture_objects;

static inline void fixture_add_objects(const struct pool *pool, void *count)
{
    *(size_t *)count += pool->in_use;
}

static inline size_t fixture_count_objects(void)
{
    size_t objects = 0;

    pool_for_each(fixture_add_objects, &objects);
    return objects;
}

static inline void fixture_begin_machine(void)
{
    fake_machine_init(FIXTURE_MEMORY);
    page_allocator_init();
    fs_init();
    pool_release_spares();
    fixture_free_pages = page_statistics().free;
    fixture_objects = fixture_count_objects();
}

/* The filesystem becomes the root; its reference is taken over. */
static inline void fixture_mount_root(struct filesystem *filesystem)
{
    ck_assert_int_eq(mount_add(filesystem, NULL, false, &root), 0);
    filesystem_release(filesystem);
    context = (struct fs_context){ .credentials = CREDENTIALS_OF_ROOT };
    context.root = mount_root(root);
    path_reference(&context.root);
    context.working_directory = context.root;
    path_reference(&context.working_directory);
}

static inline void fixture_begin(void)
{
    struct filesystem *filesystem;

    fixture_begin_machine();
    ck_assert_int_eq(tmpfs_create(0755, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
}

static inline void fixture_end(void)
{
    fs_context_release(&context);
    ck_assert_int_eq(mount_remove(root), 0);
    mount_release(root);
    pool_release_spares();
    ck_assert_uint_eq(fixture_count_objects(), fixture_objects);
    ck_assert_uint_eq(page_statistics().free, fixture_free_pages);
}

/* ---- Who acts ------------------------------------------------------------------------------ */

static inline void become(uint32_t user_id, uint32_t group_id)
{
    context.credentials = (struct credentials){
        .user_id = user_id, .effective_user_id = user_id, .saved_user_id = user_id,
        .file_user_id = user_id, .group_id = group_id, .effective_group_id = group_id,
        .saved_group_id = group_id, .file_group_id = group_id,
    };
    if (user_id == 0)
        context.credentials.capabilities = (struct capabilities)CAPABILITIES_OF_ROOT;
}

/* ---- Short ways ---------------------------------------------------------------------------- */

static inline int make_directory(const char *text)
{
    return fs_make_directory(&context, NULL, text, 0777);
}

static inline int make_link(const char *target, const char *text)
{
    return fs_symlink(&context, target, NULL, text);
}

static inline int open_file(const char *text, uint32_t flags, uint32_t mode, struct file **file)
{
    const struct open_request request = { .path = text, .flags = flags, .mode = mode };

    return file_open(&context, &request, file);
}

/* A file with these contents. */
static inline void make_file(const char *text, const char *contents)
{
    struct file *file;

    ck_assert_int_eq(open_file(text, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0644, &file), 0);
    ck_assert_int_eq(file_write_kernel(file, contents, strlen(contents), 0),
                     (int64_t)strlen(contents));
    file_release(file);
}

/* Opens and closes: what open says. */
static inline int try_open(const char *text, uint32_t flags)
{
    struct file *file;
    int error = open_file(text, flags, 0644, &file);

    if (!error)
        file_release(file);
    return error;
}

static inline int walk(const char *text, uint32_t flags)
{
    struct path path;
    int error = path_walk(&context, NULL, text, flags, &path);

    if (!error)
        path_release(&path);
    return error;
}

static inline uint64_t inode_number_at(const char *text, uint32_t flags)
{
    struct path path;
    uint64_t number;

    ck_assert_int_eq(path_walk(&context, NULL, text, flags, &path), 0);
    number = path_inode(&path)->number;
    path_release(&path);
    return number;
}

static inline int change_directory(const char *text)
{
    struct path path;
    int error = path_walk(&context, NULL, text, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

    if (error)
        return error;
    path_release(&context.working_directory);
    context.working_directory = path;
    return 0;
}

static inline int change_mode(const char *text, uint32_t mode)
{
    struct path path;
    int error = path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path);

    if (error)
        return error;
    error = attributes_set_mode(
        &context, &(struct attribute_target){ path.mount, path_inode(&path), path.name }, mode);
    path_release(&path);
    return error;
}

static inline int rename_file(const char *old_text, const char *new_text, uint32_t flags)
{
    const struct rename_request request = {
        .old_text = old_text, .new_text = new_text, .flags = flags,
    };

    return fs_rename(&context, &request);
}

/* One more name for what `old` leads to. */
static inline int fixture_link(const char *old, const char *new)
{
    struct path path;
    int error;

    ck_assert_int_eq(path_walk(&context, NULL, old, 0, &path), 0);
    error = fs_link(&context, &path, NULL, new);
    path_release(&path);
    return error;
}

/*
 * The boot archive's reader and the path walk under libFuzzer, on a tmpfs of their own.
 *
 * The first byte says what the rest is: an archive that is unpacked (with its headers' magic and
 * checksums put right, or not), or a script of operations on names.  Whatever it is, the core must
 * not fail an assertion, and in the end nothing may be left: no object, no page.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/archive.h"
#include "fs/directory_cache.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_init.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/tmpfs.h"
#include "harness/fake_machine.h"
#include "memory/memory_internal.h"
#include "memory/page.h"
#include "memory/pool.h"

#define MEMORY_SIZE (16u << 20)
#define BLOCK 512u
#define MAGIC_OFFSET 257u
#define CHECKSUM_OFFSET 148u
#define CHECKSUM_SIZE 8u
#define NAME_SIZE_MAX 300u
#define MAKE_HEADERS_GOOD 1u
#define IS_SCRIPT 2u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fs_context context;
static struct mount *root;

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static void add_objects(const struct pool *pool, void *count)
{
    *(size_t *)count += pool->in_use;
}

static size_t count_objects(void)
{
    size_t objects = 0;

    pool_for_each(add_objects, &objects);
    return objects;
}

static void mount_root_tmpfs(void)
{
    struct filesystem *filesystem = NULL;

    require(tmpfs_create(0755, 0, &filesystem) == 0, "a tmpfs can be made");
    require(mount_add(filesystem, NULL, false, &root) == 0, "it can be mounted");
    filesystem_release(filesystem);
    context = (struct fs_context){ .umask = 0 };
    context.root = mount_root(root);
    path_reference(&context.root);
    context.working_directory = context.root;
    path_reference(&context.working_directory);
}

static void unmount_root(void)
{
    fs_context_release(&context);
    require(mount_remove(root) == 0, "nothing uses the tmpfs any more");
    mount_release(root);
    pool_release_spares();
}

/* ---- Archives ------------------------------------------------------------------------------ */

static void make_header_good(uint8_t *header)
{
    unsigned sum = 0;
    char text[CHECKSUM_SIZE];

    memcpy(header + MAGIC_OFFSET, "ustar\00000", 8);
    memset(header + CHECKSUM_OFFSET, ' ', CHECKSUM_SIZE);
    for (size_t i = 0; i < BLOCK; i++)
        sum += header[i];
    snprintf(text, sizeof(text), "%06o", sum);
    memcpy(header + CHECKSUM_OFFSET, text, sizeof(text));
}

static void unpack(const uint8_t *data, size_t size, int good_headers)
{
    uint8_t *archive = malloc(size + 1);    /* exact, so that reading too far is seen */

    memcpy(archive, data, size);
    for (size_t at = 0; good_headers && at + BLOCK <= size; at += BLOCK)
        make_header_good(archive + at);
    (void)!archive_unpack(&context, archive, size);
    free(archive);
}

/* ---- Scripts --------------------------------------------------------------------------------- */

struct script {
    const uint8_t *at, *end;
};

static uint8_t script_byte(struct script *script)
{
    return script->at < script->end ? *script->at++ : 0;
}

/* The next name: bytes up to a zero, or two short ones by number, which meet more often. */
static void script_name(struct script *script, char *name)
{
    static const char *const usual[] = { "a", "b", "c", "a/b", "b/c", "a/..", ".", "..", "/", "a/",
                                         "", "a/./b", "/a", "c/a", "b/../a/b", "//" };
    uint8_t first = script_byte(script);
    size_t length = 0;

    if (first < 128) {
        snprintf(name, NAME_SIZE_MAX, "%s", usual[first % 16]);
        return;
    }
    while (script->at < script->end && *script->at != 0 && length < NAME_SIZE_MAX - 1)
        name[length++] = (char)*script->at++;
    (void)script_byte(script);
    name[length] = '\0';
}

static void open_and_close(const char *name, uint32_t flags)
{
    const struct open_request request = { .path = name, .flags = flags, .mode = 0644 };
    struct file *file = NULL;

    if (file_open(&context, &request, &file) == 0)
        file_release(file);
}

static void walk_and_link(const char *name, const char *other)
{
    struct path path;

    if (path_walk(&context, NULL, name, 0, &path) != 0)
        return;
    (void)!fs_link(&context, &path, NULL, other);
    path_release(&path);
}

static void change_directory(const char *name)
{
    struct path path;

    if (path_walk(&context, NULL, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path) != 0)
        return;
    path_release(&context.working_directory);
    context.working_directory = path;
}

static void run_step(struct script *script)
{
    char name[NAME_SIZE_MAX], other[NAME_SIZE_MAX];
    uint8_t operation = script_byte(script), flags = script_byte(script);
    struct rename_request request = { .old_text = name, .new_text = other, .flags = flags % 4 };

    script_name(script, name);
    script_name(script, other);
    switch (operation % 8) {
    case 0:
        (void)!fs_make_directory(&context, NULL, name, 0755);
        break;
    case 1:
        (void)!fs_symlink(&context, other, NULL, name);
        break;
    case 2:
        (void)!fs_unlink(&context, NULL, name);
        break;
    case 3:
        (void)!fs_remove_directory(&context, NULL, name);
        break;
    case 4:
        (void)!fs_rename(&context, &request);
        break;
    case 5:
        open_and_close(name, (uint32_t)flags << 6 | (flags & 3));
        break;
    case 6:
        walk_and_link(name, other);
        break;
    default:
        change_directory(name);
        break;
    }
}

/* The machine is the same for all inputs: the core is started once in its life. */
static void start_machine(void)
{
    static int started;

    if (started)
        return;
    started = 1;
    fake_machine_init(MEMORY_SIZE);
    page_allocator_init();
    fs_init();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t free_pages;
    size_t objects;

    if (size == 0)
        return 0;
    start_machine();
    pool_release_spares();
    free_pages = page_statistics().free;
    objects = count_objects();
    mount_root_tmpfs();
    if (data[0] & IS_SCRIPT) {
        struct script script = { data + 1, data + size };

        while (script.at < script.end)
            run_step(&script);
    } else {
        unpack(data + 1, size - 1, data[0] & MAKE_HEADERS_GOOD);
    }
    unmount_root();
    require(count_objects() == objects, "no object is left");
    require(page_statistics().free == free_pages, "no page is left");
    return 0;
}

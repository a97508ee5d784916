/*
 * ListApp, which a later form of the ABI calls ListDir: the names in a directory, or of the
 * programs next to the caller's own one, on its standard output.
 *
 * The two forms share a number and the first passes nothing, so whatever its registers hold: a
 * directory is meant if they are the address and length of a path that begins with a slash.
 */
#include "abi/teaching/calls.h"
#include "config.h"
#include "fs/file.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define PATH_SIZE_MAX 0x100u
#define NAMES_MAX 1024u
#define NAMES_SIZE 32768u         /* of all, with their NULs */
#define TYPE_DIRECTORY 4u         /* as directory entries say it */
#define OUTPUT_SIZE (NAMES_SIZE + PATH_MAX + 64)

struct listing {
    char path[PATH_MAX];
    const char *names[NAMES_MAX];    /* into `bytes` */
    unsigned count;
    size_t used;
    bool is_cut;
    char bytes[NAMES_SIZE];
    char output[OUTPUT_SIZE];
};

static int add_name(void *context, const struct directory_entry *entry)
{
    struct listing *listing = context;
    bool is_directory = entry->type == TYPE_DIRECTORY;

    if (entry->length > 0 && entry->name[0] == '.')
        return 0;
    if (listing->count == NAMES_MAX || entry->length + 2 > NAMES_SIZE - listing->used) {
        listing->is_cut = true;
        return 1;
    }
    listing->names[listing->count++] = listing->bytes + listing->used;
    memcpy(listing->bytes + listing->used, entry->name, entry->length);
    listing->used += entry->length;
    if (is_directory)
        listing->bytes[listing->used++] = '/';
    listing->bytes[listing->used++] = '\0';
    return 0;
}

/* The order in which a file system has them means nothing. */
static void sort(struct listing *listing)
{
    for (unsigned i = 1; i < listing->count; i++) {
        const char *name = listing->names[i];
        unsigned place = i;

        for (; place > 0 && text_compare(listing->names[place - 1], name) > 0; place--)
            listing->names[place] = listing->names[place - 1];
        listing->names[place] = name;
    }
}

static int read_names(struct listing *listing)
{
    const struct open_request request = {
        .path = listing->path,
        .flags = OPEN_READ | OPEN_DIRECTORY,
    };
    struct fs_context context;
    struct file *file;
    int error;

    teaching_fs_context(&context);
    error = file_open(&context, &request, &file);
    fs_context_release(&context);
    if (error)
        return error;
    error = file_read_directory(file, add_name, listing);
    file_release(file);
    return error;
}

static void print(struct listing *listing)
{
    struct text_builder text;

    text_builder_init(&text, listing->output, OUTPUT_SIZE);
    text_builder_add(&text, "%s:\n", listing->path);
    for (unsigned i = 0; i < listing->count; i++)
        text_builder_add(&text, "%s\n", listing->names[i]);
    if (listing->is_cut)
        text_builder_add(&text, "...\n");
    teaching_print(listing->output, text.length);
}

/* The path of a directory that the program gave; false: none. */
static bool get_path(char *text, user_address path, uint64_t length)
{
    if (length == 0 || length > PATH_SIZE_MAX ||
        user_copy_in(current_space(), text, path, (size_t)length) != 0)
        return false;
    text[length] = '\0';
    return text[0] == '/' && text_length(text) == length;
}

int64_t teaching_list_app(user_address path, uint64_t length)
{
    struct listing *listing = memory_allocate(sizeof(*listing));

    if (!listing)
        return 0;
    if (!get_path(listing->path, path, length))
        teaching_program_directory(listing->path);
    if (read_names(listing) == 0) {
        sort(listing);
        print(listing);
    } else {
        int size = (int)format(listing->output, OUTPUT_SIZE, "%s: no such directory\n",
                               listing->path);

        teaching_print(listing->output, (size_t)size);
    }
    memory_free(listing, sizeof(*listing));
    return 0;
}

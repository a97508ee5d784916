/*
 * Where the programs are that Spawn names: without a slash, next to the caller's own program; with
 * or without ".elf"; as written or, because their names come from file systems that know upper case
 * only, in lower case.
 */
#include "abi/teaching/calls.h"
#include "config.h"
#include "fs/attributes.h"
#include "fs/path.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/process.h"

static const char *base_of(const char *path)
{
    const char *base = path;

    for (const char *slash = text_find(base, '/'); slash; slash = text_find(base, '/'))
        base = slash + 1;
    return base;
}

static void lower(char *text)
{
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z')
            *text = (char)(*text - 'A' + 'a');
    }
}

void teaching_program_directory(char *text)
{
    struct process *process = current_process();
    size_t length;

    (void)text_copy(text, process->executable_path, PATH_MAX);
    length = (size_t)(base_of(text) - text);
    text[length] = '\0';
    if (length == 0)
        (void)text_copy(text, "./", PATH_MAX);
}

static bool is_program(const char *text)
{
    struct fs_context context;
    struct path path;
    int error;

    teaching_fs_context(&context);
    error = path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path);
    if (!error) {
        if ((path_inode(&path)->mode & MODE_TYPE) != MODE_REGULAR)
            error = -EACCES;
        else
            error = path_executable(&context, &path);
        path_release(&path);
    }
    fs_context_release(&context);
    return !error;
}

/* Is it there, as it is or with the ending?  Then `candidate` is where. */
static bool try(char *candidate, const char *directory, const char *name)
{
    static const char *const endings[] = { "", ".elf" };

    for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
        size_t length = format(candidate, PATH_MAX, "%s%s%s", directory, name, endings[i]);

        if (length < PATH_MAX && is_program(candidate))
            return true;
    }
    return false;
}

/* `directory` and `candidate` are PATH_MAX bytes each. */
static int find(char *text, char *directory, char *candidate)
{
    bool has_slash = text_find(text, '/') != NULL;
    bool found;

    teaching_program_directory(directory);
    found = try(candidate, has_slash ? "" : directory, text);
    if (!found && !has_slash)
        found = try(candidate, "", text);
    if (!found) {
        lower(text);
        found = try(candidate, directory, base_of(text));
    }
    if (!found)
        return -ENOENT;
    (void)text_copy(text, candidate, PATH_MAX);
    return 0;
}

int teaching_find_program(char *text)
{
    char *buffers = memory_allocate(2 * PATH_MAX);
    int error;

    if (!buffers)
        return -ENOMEM;
    error = find(text, buffers, buffers + PATH_MAX);
    memory_free(buffers, 2 * PATH_MAX);
    return error;
}

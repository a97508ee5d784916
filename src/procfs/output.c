/* Text of procfs files. */
#include "fs/path.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "procfs/procfs_internal.h"

void proc_put(struct proc_output *output, const void *bytes, size_t size)
{
    if (output->length < output->size) {
        size_t room = output->size - output->length;

        memcpy(output->bytes + output->length, bytes, size < room ? size : room);
    }
    output->length += size;
}

void proc_print(struct proc_output *output, const char *pattern, ...)
{
    size_t room = output->length < output->size ? output->size - output->length : 0;
    va_list arguments;

    va_start(arguments, pattern);
    output->length += format_arguments(output->bytes + (room ? output->length : 0), room, pattern,
                                       arguments);
    va_end(arguments);
}

void proc_print_escaped(struct proc_output *output, const char *text, const char *escaped)
{
    for (; *text; text++) {
        if (text_find(escaped, *text))
            proc_print(output, "\\%03o", (unsigned)*text);
        else
            proc_put(output, text, 1);
    }
}

void proc_print_path(struct proc_output *output, const struct path *path, const char *escaped)
{
    char *text = memory_allocate(PATH_MAX);

    if (!text)
        return;

    int64_t length = path_text(path, output->root, text, PATH_MAX);

    if (length >= 0)
        proc_print_escaped(output, text, escaped);
    memory_free(text, PATH_MAX);
}

/*
 * Code of a program in words.
 *
 * Which file is mapped where is asked when somebody wants to know, so loading a library costs
 * nothing; a fork or mremap needs no care.
 */
#include "process/describe.h"

#include "fs/file.h"
#include "fs/path.h"
#include "lib/format.h"
#include "lib/text.h"
#include "memory/address_space.h"
#include "memory/pool.h"
#include "process/process_internal.h"

static const char *last_part(const char *path)
{
    const char *base = path;

    for (const char *slash = text_find(base, '/'); slash; slash = text_find(base, '/'))
        base = slash + 1;
    return base;
}

/* Without symbols it is something, too, to know the file and the place in it. */
static void describe_place(const char *path, uint64_t offset, struct code_description *description)
{
    if (machine_describe_file(path, offset, description->text, sizeof(description->text)) == 0)
        format(description->text, sizeof(description->text), "%s+0x%llx", last_part(path),
               (unsigned long long)offset);
}

static void describe_mapped(const struct process *process, const struct mapped_file *mapped,
                            struct code_description *description)
{
    const struct file *file = mapped->file;
    char *path = file->path.name ? memory_allocate(PATH_MAX) : NULL;

    if (!path)
        return;
    if (path_text(&file->path, NULL, path, PATH_MAX) > 0) {
        describe_place(path, mapped->offset, description);
        if (process->executable && process->executable->inode != file->inode)
            (void)text_copy(description->of_library, last_part(path),
                            sizeof(description->of_library));
    }
    memory_free(path, PATH_MAX);
}

/* What the kernel put there has no file; a program whose file is gone may be known by its space. */
static void describe_others(const struct process *process, user_address address,
                            struct code_description *description)
{
    const size_t size = sizeof(description->text);
    size_t length = 0;

    if (process->abi->describe_address)
        length = process->abi->describe_address(process, address, description->text, size);
    if (length == 0)
        length = machine_describe_address(address_space_root(process->space), address,
                                          description->text, size);
    if (length == 0)
        description->text[0] = '\0';
}

void process_describe_code(const struct process *process, user_address address,
                           struct code_description *description)
{
    struct mapped_file mapped;

    *description = (struct code_description){ "", "" };
    if (address_space_file_at(process->space, address, &mapped)) {
        describe_mapped(process, &mapped, description);
        file_release(mapped.file);
    }
    if (!description->text[0])
        describe_others(process, address, description);
}

void process_describe_code_at_rest(const struct process *process, user_address address,
                                   struct code_description *description)
{
    struct mapped_file mapped;

    *description = (struct code_description){ "", "" };
    if (address_space_peek_file(process->space, address, &mapped))
        describe_mapped(process, &mapped, description);
    if (!description->text[0])
        describe_others(process, address, description);
}

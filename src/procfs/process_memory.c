/* Files about the memory of a process: maps, statm, cmdline, environ, auxv. */
#include "fs/file.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "procfs/procfs_internal.h"

#define NAME_COLUMN 73     /* of the file's name in maps, as on Linux */
#define COPY_SIZE 4096u

/* ---- maps ---------------------------------------------------------------------------------- */

static void pad_to_name(struct proc_output *output, size_t line_start)
{
    while (output->length < line_start + NAME_COLUMN)
        proc_print(output, " ");
}

static void print_region(const struct region_report *region, void *context)
{
    struct proc_output *output = context;
    struct file *file = region->file;
    size_t line_start = output->length;
    uint64_t device = file ? file->inode->filesystem->device : 0;

    proc_print(output, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
               (unsigned long long)region->start, (unsigned long long)region->end,
               region->protection & PROTECTION_READ ? 'r' : '-',
               region->protection & PROTECTION_WRITE ? 'w' : '-',
               region->protection & PROTECTION_EXECUTE ? 'x' : '-', region->shared ? 's' : 'p',
               (unsigned long long)region->offset, (unsigned)(device >> 8 & 0xfff),
               (unsigned)(device & 0xff), (unsigned long long)(file ? file->inode->number : 0));
    if (file && file->path.name) {
        pad_to_name(output, line_start);
        proc_print_path(output, &file->path, ESCAPED_IN_LINES);
    } else if ((file && file->description) || region->label) {
        pad_to_name(output, line_start);
        proc_print(output, "%s", file ? file->description : region->label);
    }
    proc_print(output, "\n");
}

void proc_write_maps(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = proc_space(subject->process);

    if (!space)
        return;
    address_space_report(space, print_region, output);
    address_space_release(space);
}

void proc_write_memory_sizes(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = proc_space(subject->process);
    struct address_space_statistics statistics = { 0 };

    if (space) {
        address_space_statistics(space, &statistics);
        address_space_release(space);
    }
    proc_print(output, "%llu %llu %llu %llu 0 %llu 0\n",
               (unsigned long long)statistics.total_pages,
               (unsigned long long)statistics.resident_pages,
               (unsigned long long)statistics.shared_pages,
               (unsigned long long)statistics.text_pages,
               (unsigned long long)(statistics.data_pages + statistics.stack_pages));
}

/* ---- What lies on the stack ---------------------------------------------------------------- */

static void copy_user(struct proc_output *output, struct process *process, user_address start,
                      user_address end)
{
    struct address_space *space = proc_space(process);
    char *bytes = memory_allocate(COPY_SIZE);

    while (space && bytes && start < end) {
        size_t wanted = end - start < COPY_SIZE ? end - start : COPY_SIZE;
        size_t size = user_copy_in_partial(space, bytes, start, wanted);

        proc_put(output, bytes, size);
        if (size < wanted)
            break;
        start += size;
    }
    memory_free(bytes, bytes ? COPY_SIZE : 0);
    if (space)
        address_space_release(space);
}

void proc_write_command_line(struct proc_output *output, const struct proc_subject *subject)
{
    copy_user(output, subject->process, subject->process->arguments_start,
              subject->process->arguments_end);
}

void proc_write_environment(struct proc_output *output, const struct proc_subject *subject)
{
    copy_user(output, subject->process, subject->process->environment_start,
              subject->process->environment_end);
}

void proc_write_auxiliary_vector(struct proc_output *output, const struct proc_subject *subject)
{
    const uint64_t *vector = subject->process->auxiliary_vector;
    size_t pairs = 0;

    while (pairs + 1 < AUXILIARY_VECTOR_PAIRS && vector[2 * pairs])
        pairs++;
    proc_put(output, vector, (pairs + 1) * 2 * sizeof(vector[0]));
}

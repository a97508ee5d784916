/*
 * Parts of a process, for files about it: each with a reference, because it may end meanwhile.
 */
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/inode.h"
#include "fs/path.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/namespace_file.h"
#include "procfs/procfs_internal.h"

#define DESCRIPTION_SIZE 16384u    /* of one file in fdinfo; what does not fit is left out */

struct thread *proc_thread(const struct proc_subject *subject)
{
    return thread_find(subject->thread ? subject->thread->id : subject->process->id);
}

struct file *proc_file(const struct proc_subject *subject)
{
    struct file_table *files = process_files(subject->process, subject->thread);
    struct file *file = NULL;

    if (files) {
        file = file_table_get(files, subject->number);
        file_table_release(files);
    }
    return file;
}

/* ---- Descriptors --------------------------------------------------------------------------- */

static int64_t cut_text(const char *source, char *text, size_t size)
{
    size_t length = text_length_bounded(source, size);

    memcpy(text, source, length);
    return (int64_t)length;
}

/* Text of a path as the reader sees it, not terminated. */
static int64_t path_target(const struct path *path, char *text, size_t size)
{
    struct fs_context context;
    char *whole = memory_allocate(PATH_MAX);

    if (!whole)
        return -ENOMEM;
    current_fs_context(&context);

    int64_t length = path_text(path, &context.root, whole, PATH_MAX);

    if (length >= 0)
        length = cut_text(whole, text, size);
    fs_context_release(&context);
    memory_free(whole, PATH_MAX);
    return length;
}

int64_t proc_file_target(struct file *file, char *text, size_t size)
{
    char number[64];

    if (file->description)
        return cut_text(file->description, text, size);
    if (file->path.name)
        return path_target(&file->path, text, size);
    format(number, sizeof(number), "anon_inode:[%llu]", (unsigned long long)file->inode->number);
    return cut_text(number, text, size);
}

int proc_file_follow(struct file *file, struct path *path)
{
    if (!file->path.name)
        return -ENXIO;
    *path = file->path;
    path_reference(path);
    return 0;
}

int64_t proc_descriptor_target(const struct proc_subject *subject, char *text, size_t size)
{
    struct file *file = proc_file(subject);

    if (!file)
        return -ENOENT;

    int64_t length = proc_file_target(file, text, size);

    file_release(file);
    return length;
}

int proc_descriptor_follow(const struct proc_subject *subject, struct path *path)
{
    struct file *file = proc_file(subject);

    if (!file)
        return -ENOENT;

    int error = proc_file_follow(file, path);

    file_release(file);
    return error;
}

/* What files of its kind say about themselves. */
static void describe(struct proc_output *output, struct file *file)
{
    char *text = file->operations->describe ? memory_allocate(DESCRIPTION_SIZE) : NULL;

    if (!text)
        return;
    text[file->operations->describe(file, text, DESCRIPTION_SIZE - 1)] = '\0';
    proc_print(output, "%s", text);
    memory_free(text, DESCRIPTION_SIZE);
}

void proc_write_descriptor_info(struct proc_output *output, const struct proc_subject *subject)
{
    struct file *file = proc_file(subject);
    unsigned mount = 0;

    if (!file)
        return;
    if (file->path.mount)
        mount = (unsigned)proc_mount_id(file->path.mount);
    proc_print(output, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%llu\n",
               (unsigned long long)file->position, file_flags(file), mount,
               (unsigned long long)file->inode->number);
    describe(output, file);
    file_release(file);
}

/* ---- exe, cwd, root ------------------------------------------------------------------------ */

static struct file *executable_of(struct process *process)
{
    spin_lock(&process->lock);
    struct file *file = process->executable;

    if (file)
        file_reference(file);
    spin_unlock(&process->lock);
    return file;
}

int64_t proc_executable_target(const struct proc_subject *subject, char *text, size_t size)
{
    struct file *file = executable_of(subject->process);

    if (!file)
        return -ENOENT;

    int64_t length = proc_file_target(file, text, size);

    file_release(file);
    return length;
}

int proc_executable_follow(const struct proc_subject *subject, struct path *path)
{
    struct file *file = executable_of(subject->process);

    if (!file)
        return -ENOENT;

    int error = proc_file_follow(file, path);

    file_release(file);
    return error;
}

/* One that has ended is nowhere. */
static int64_t place_target(const struct path *place, char *text, size_t size)
{
    return place->name ? path_target(place, text, size) : -ENOENT;
}

static int place_follow(const struct path *place, struct path *path)
{
    if (!place->name)
        return -ENOENT;
    *path = *place;
    path_reference(path);
    return 0;
}

int64_t proc_directory_target(const struct proc_subject *subject, char *text, size_t size)
{
    struct fs_context context;

    process_fs_context(subject->process, subject->thread, &context);

    int64_t length = place_target(&context.working_directory, text, size);

    fs_context_release(&context);
    return length;
}

int proc_directory_follow(const struct proc_subject *subject, struct path *path)
{
    struct fs_context context;

    process_fs_context(subject->process, subject->thread, &context);

    int error = place_follow(&context.working_directory, path);

    fs_context_release(&context);
    return error;
}

int64_t proc_root_target(const struct proc_subject *subject, char *text, size_t size)
{
    struct fs_context context;

    process_fs_context(subject->process, subject->thread, &context);

    int64_t length = place_target(&context.root, text, size);

    fs_context_release(&context);
    return length;
}

int proc_root_follow(const struct proc_subject *subject, struct path *path)
{
    struct fs_context context;

    process_fs_context(subject->process, subject->thread, &context);

    int error = place_follow(&context.root, path);

    fs_context_release(&context);
    return error;
}

int64_t proc_namespace_target(const struct proc_subject *subject, char *text, size_t size)
{
    return namespace_link_text(subject->process, subject->thread,
                               (enum namespace_link)subject->number, text, size);
}

int proc_namespace_follow(const struct proc_subject *subject, struct path *path)
{
    return namespace_link_follow(subject->process, subject->thread,
                                 (enum namespace_link)subject->number, path);
}

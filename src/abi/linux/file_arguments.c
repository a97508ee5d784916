/* Descriptors, path names and buffers as programs give them. */
#include "abi/linux/file_arguments.h"

#include "config.h"
#include "fs/file_table.h"
#include "memory/page.h"
#include "memory/user_memory.h"
#include "net/socket.h"
#include "process/process.h"
#include "signal/signal.h"

#define USER_END UINT64_C(0x7ffffffff000)    /* Linux's TASK_SIZE_MAX with four-level tables */

_Static_assert(PATH_MAX == PAGE_SIZE, "a path's text has a page of its own");

/* ---- Descriptors --------------------------------------------------------------------------- */

int fd_get_any(int32_t fd, struct file **file)
{
    *file = file_table_get(current_files(), fd);
    return *file ? 0 : -EBADF;
}

int fd_get(int32_t fd, struct file **file)
{
    int error = fd_get_any(fd, file);

    if (error)
        return error;
    if (file_flags(*file) & OPEN_PATH) {
        file_release(*file);
        return -EBADF;
    }
    return 0;
}

uint64_t open_files_limit(void)
{
    return process_limit(current_process(), LIMIT_OPEN_FILES).soft;
}

uint64_t file_size_limit(void)
{
    return process_limit(current_process(), LIMIT_FILE_SIZE).soft;
}

int64_t fd_install(struct file *file, bool close_on_exec)
{
    int fd = file_table_add(current_files(), file, close_on_exec, open_files_limit());

    if (fd < 0)
        file_release(file);
    return fd;
}

/* ---- Memory -------------------------------------------------------------------------------- */

bool user_range_is_valid(user_address start, uint64_t size)
{
    return start <= USER_END && size <= USER_END - start;
}

int64_t write_result(int64_t result)
{
    if (result == -EPIPE)
        signal_raise(SIGNAL_PIPE);
    else if (result == -EFBIG && file_size_limit() != LIMIT_INFINITY)
        signal_raise(SIGNAL_XFSZ);
    return result;
}

int64_t file_write_result(const struct file *file, int64_t result)
{
    return result == -EPIPE && !socket_raises_signal(file) ? result : write_result(result);
}

/* ---- Path names ---------------------------------------------------------------------------- */

void fs_context_of_process(struct fs_context *context)
{
    current_fs_context(context);
}

/* A page with the text, or the error as Linux's getname gives it. */
static int copy_text(user_address path, bool may_be_empty, char **text)
{
    struct page *page = page_allocate(PAGE_DIRTY);
    int64_t length;

    if (!page)
        return -ENOMEM;
    *text = page_data(page);
    length = user_copy_string(current_space(), *text, path, PATH_MAX);
    if (length == 0 && !may_be_empty)
        length = -ENOENT;
    if (length < 0)
        page_release(page);
    return length < 0 ? (int)length : 0;
}

static void free_text(char *text)
{
    page_release(page_at(page_physical_of(text)));
}

/* A directory, or with an empty text any file. */
static int get_start(struct file_name *name, int32_t directory)
{
    int error = fd_get_any(directory, &name->start);

    if (!error && !name->start->path.name && name->text[0] != '\0') {
        file_release(name->start);
        error = -ENOTDIR;
    }
    return error;
}

int file_name_open(struct file_name *name, int32_t directory, user_address path,
                   bool may_be_empty)
{
    int error = copy_text(path, may_be_empty, &name->text);

    if (error)
        return error;
    name->start = NULL;
    if (name->text[0] != '/' && directory != AT_WORKING_DIRECTORY)
        error = get_start(name, directory);
    if (error)
        free_text(name->text);
    else
        fs_context_of_process(&name->context);
    return error;
}

void file_name_close(struct file_name *name)
{
    fs_context_release(&name->context);
    if (name->start)
        file_release(name->start);
    free_text(name->text);
}

const struct path *file_name_start(const struct file_name *name)
{
    return name->start ? &name->start->path : NULL;
}

int file_name_walk(const struct file_name *name, uint32_t lookup_flags, struct path *path)
{
    if (name->start && name->text[0] == '\0') {
        *path = name->start->path;
        path_reference(path);
        return 0;
    }
    return path_walk(&name->context, file_name_start(name), name->text,
                     lookup_flags | LOOKUP_EMPTY_PATH, path);
}

struct attribute_target file_name_target(const struct file_name *name, const struct path *path)
{
    if (path->name)
        return (struct attribute_target){
            .mount = path->mount, .inode = path_inode(path), .name = path->name,
        };
    return (struct attribute_target){ .inode = name->start->inode };
}

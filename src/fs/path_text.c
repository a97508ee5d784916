/*
 * From a path to its text: what getcwd, /proc/<pid>/fd and /proc/<pid>/maps show.
 *
 * The text is built from its end towards its start, one filesystem at a time, upwards through the
 * mounts.
 */
#include <stdbool.h>

#include "config.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/memory.h"
#include "lib/text.h"

static int prepend(struct name_text_request *request, const char *text)
{
    size_t length = text_length(text);

    if (request->end < length)
        return -ENAMETOOLONG;
    request->end -= length;
    memcpy(request->text + request->end, text, length);
    return 0;
}

/* Prepends the path up to `root`; false in request->stopped when it does not lead there. */
static int prepend_path(const struct path *path, const struct path *root,
                        struct name_text_request *request)
{
    struct mount *mount = path->mount;
    struct name *name = path->name;
    size_t end = request->end;

    mount_places_lock();
    while (mount) {
        int64_t start;

        request->stop = root && mount == root->mount ? root->name : mount->root;
        start = name_prepend_text(name, request);
        if (start < 0) {
            mount_places_unlock();
            return (int)start;
        }
        if (request->stopped && root && mount == root->mount)
            break;
        request->stopped = false;
        name = mount->covered;
        mount = mount->parent;
    }
    mount_places_unlock();
    return request->end == end ? prepend(request, "/") : 0;
}

/* Moves the text to the start of the buffer and ends it; the length. */
static int64_t deliver(const struct name_text_request *request, size_t size)
{
    size_t length = size - 1 - request->end;

    memmove(request->text, request->text + request->end, length);
    request->text[length] = '\0';
    return (int64_t)length;
}

int64_t path_text(const struct path *path, const struct path *root, char *text, size_t size)
{
    struct name_text_request request = { .text = text, .end = size - 1 };
    int error = 0;

    if (size == 0)
        return -ENAMETOOLONG;
    if (name_is_removed(path->name))
        error = prepend(&request, " (deleted)");
    if (!error)
        error = prepend_path(path, root, &request);
    return error ? error : deliver(&request, size);
}

int64_t path_text_below(const struct path *path, const struct path *root, char *text, size_t size)
{
    struct name_text_request request = { .text = text, .end = size - 1 };
    int error = prepend_path(path, root, &request);

    if (!error && !request.stopped)
        error = -ENOENT;
    return error ? error : deliver(&request, size);
}

int64_t path_working_directory(const struct fs_context *context, char *text, size_t size)
{
    struct name_text_request request = { .text = text, .end = size - 1 };
    int error;

    if (name_is_removed(context->working_directory.name))
        return -ENOENT;
    if (size == 0)
        return -ERANGE;
    error = prepend_path(&context->working_directory, &context->root, &request);
    if (!error && !request.stopped)
        error = prepend(&request, "(unreachable)");
    if (error == -ENAMETOOLONG)
        error = -ERANGE;
    return error ? error : deliver(&request, size);
}

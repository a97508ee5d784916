/*
 * hostfs: saving what programs changed, at the end of the run, in an empty directory of the host.
 *
 * The form is that of the layers of container images, for which the host needs no rights: what is
 * new or changed is there as a whole, with owner, mode and times; an empty file `.wh.NAME` says
 * that NAME is gone; an empty file `.wh..wh..opq` that of a directory of that name nothing else is
 * left.
 *
 * Directories wait in a list until their turn comes, for the kernel's stack bears no recursion.
 * One directory is finished (its times) when all its names have been made.
 */
#include "config.h"
#include "debug/log.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/fs_internal.h"
#include "fs/hostfs_mount.h"
#include "fs/inode.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"

#define GONE_PREFIX ".wh."
#define OPAQUE_NAME ".wh..wh..opq"
#define CHUNK_ORDER 4u
#define COMPLAINTS_MAX 10u

/* A directory that has been made and waits to be filled. */
struct waiting_directory {
    struct waiting_directory *next;
    struct inode *inode;    /* a reference */
    uint64_t node;
    bool is_whole;          /* all of it, not only what differs from the host's */
};

/* A file with several names that has been saved. */
struct saved_file {
    struct saved_file *next;
    struct inode *inode;
    uint64_t node;
};

struct saving {
    const struct hostfs_operations *host;
    struct waiting_directory *waiting;
    struct saved_file *saved;
    struct page *buffer;
    struct waiting_directory *current;
    unsigned complaints;
    bool owners_are_lost;
};

/* Set at boot. */
static struct filesystem *saved_filesystem;
static size_t saved_root;

void hostfs_save_at_end(struct filesystem *filesystem, size_t root)
{
    filesystem_reference(filesystem);
    saved_filesystem = filesystem;
    saved_root = root;
}

static void complain(struct saving *saving, const char *name, const char *why, int error)
{
    if (saving->complaints++ >= COMPLAINTS_MAX)
        return;
    if (error)
        log_line(LOG_ERROR, "--save-changes: %s %s (error %d)", name, why, -error);
    else
        log_line(LOG_ERROR, "--save-changes: %s %s", name, why);
}

/* ---- One file ------------------------------------------------------------------------------ */

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

/* Zeroes are left out: the size makes holes of them. */
static int save_contents(struct saving *saving, struct inode *inode, uint64_t node)
{
    struct page_cache *cache = host_inode_of(inode)->cache;
    char *bytes = page_data(saving->buffer);
    uint64_t position = 0;

    for (;;) {
        const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, PAGE_SIZE << CHUNK_ORDER };
        uint64_t start = position;
        struct io_buffer buffer;
        int64_t count, done = 0;

        io_buffer_init(&buffer, NULL, &segment, 1);
        count = page_cache_read(cache, &buffer, &position);
        if (count <= 0)
            return (int)count;
        while (!is_zero(bytes + done, (size_t)(count - done)) && done < count) {
            int64_t part = saving->host->write(node, bytes + done, (size_t)(count - done),
                                               start + (uint64_t)done);

            if (part <= 0)
                return part < 0 ? (int)part : -EIO;
            done += part;
        }
    }
}

/* Owner, mode, times and size, last. */
static int finish(struct saving *saving, struct inode *inode, uint64_t node)
{
    struct hostfs_attributes attributes = { .changes = HOSTFS_CHANGE_USER | HOSTFS_CHANGE_GROUP };
    struct file_status status;
    int error = inode_status(inode, &status);

    if (error)
        return error;
    attributes.user_id = status.user_id;
    attributes.group_id = status.group_id;
    if (saving->host->change(node, &attributes) != 0)
        saving->owners_are_lost = true;
    attributes.mode = status.mode & ~MODE_TYPE;
    attributes.size = status.size;
    attributes.access_ns = status.access_ns;
    attributes.modify_ns = status.modify_ns;
    attributes.changes = HOSTFS_CHANGE_ACCESS_TIME | HOSTFS_CHANGE_MODIFY_TIME;
    if (inode_type(inode) != MODE_LINK)
        attributes.changes |= HOSTFS_CHANGE_MODE;
    if (inode_type(inode) == MODE_REGULAR)
        attributes.changes |= HOSTFS_CHANGE_SIZE;
    return saving->host->change(node, &attributes);
}

static int make(struct saving *saving, const char *name, struct inode *inode, uint64_t *node)
{
    struct hostfs_new what = { .mode = (inode->mode & MODE_TYPE) | 0600 };
    char *target = NULL;
    int64_t length = 0;
    int error;

    what.user_id = inode->user_id;
    what.group_id = inode->group_id;
    if (inode_is_directory(inode))
        what.mode |= 0100;
    if (inode_type(inode) == MODE_LINK) {
        target = memory_allocate(PATH_MAX);
        if (!target)
            return -ENOMEM;
        length = hostfs_read_link(inode, target, PATH_MAX - 1);
        what.target = target;
    }
    error = length < 0 ? (int)length
                       : saving->host->create(saving->current->node, name, &what, node);
    if (target)
        memory_free(target, PATH_MAX);
    return error;
}

/* ---- Names --------------------------------------------------------------------------------- */

static int make_empty(struct saving *saving, uint64_t directory, const char *name)
{
    const struct hostfs_new what = { .mode = MODE_REGULAR | 0600 };
    uint64_t node;
    int error = saving->host->create(directory, name, &what, &node);

    if (!error)
        saving->host->release(node);
    return error;
}

static int push_directory(struct saving *saving, struct inode *inode, uint64_t node, bool is_whole)
{
    struct waiting_directory *directory = memory_allocate(sizeof(*directory));

    if (!directory)
        return -ENOMEM;
    *directory = (struct waiting_directory){ saving->waiting, inode, node, is_whole };
    inode_reference(inode);
    saving->waiting = directory;
    return 0;
}

static const struct saved_file *find_saved(const struct saving *saving, const struct inode *inode)
{
    const struct saved_file *file = saving->saved;

    while (file && file->inode != inode)
        file = file->next;
    return file;
}

/* Keeps the node (true), for further names. */
static bool note_saved(struct saving *saving, struct inode *inode, uint64_t node)
{
    struct saved_file *file = inode->links > 1 ? memory_allocate(sizeof(*file)) : NULL;

    if (!file)
        return false;
    *file = (struct saved_file){ saving->saved, inode, node };
    inode_reference(inode);
    saving->saved = file;
    return true;
}

static int save_other(struct saving *saving, const char *name, struct inode *inode)
{
    const struct saved_file *saved = find_saved(saving, inode);
    uint64_t node;
    int error;

    if (saved)
        return saving->host->link(saved->node, saving->current->node, name);
    error = make(saving, name, inode, &node);
    if (error)
        return error;
    if (inode_type(inode) == MODE_REGULAR)
        error = save_contents(saving, inode, node);
    if (!error)
        error = finish(saving, inode, node);
    if (!note_saved(saving, inode, node))
        saving->host->release(node);
    return error;
}

static int save_directory(struct saving *saving, const char *name, struct inode *inode,
                          bool is_whole, bool is_opaque)
{
    uint64_t node;
    int error = make(saving, name, inode, &node);

    if (error)
        return error;
    if (is_opaque)
        error = make_empty(saving, node, OPAQUE_NAME);
    if (!error)
        error = push_directory(saving, inode, node, is_whole);
    if (error)
        saving->host->release(node);
    return error;
}

static void save_name(struct saving *saving, const char *name, struct inode *inode, bool is_whole,
                      bool is_opaque)
{
    uint32_t type = inode_type(inode);
    int error;

    if (text_starts_with(name, GONE_PREFIX)) {
        complain(saving, name, "would mean that another name is gone: it is left out", 0);
        return;
    }
    if (type == MODE_CHARACTER || type == MODE_BLOCK) {
        complain(saving, name, "is a device, which is left out", 0);
        return;
    }
    error = inode_is_directory(inode) ? save_directory(saving, name, inode, is_whole, is_opaque)
                                      : save_other(saving, name, inode);
    if (error)
        complain(saving, name, "could not be saved", error);
}

/* ---- One directory ------------------------------------------------------------------------- */

static void save_gone(struct saving *saving, const char *name)
{
    char text[NAME_MAX + sizeof(GONE_PREFIX)];
    int error;

    (void)format(text, sizeof(text), GONE_PREFIX "%s", name);
    error = make_empty(saving, saving->current->node, text);
    if (error)
        complain(saving, name, "is gone, which could not be noted", error);
}

static int save_change(const char *name, struct inode *inode, bool hides, void *context)
{
    struct saving *saving = context;

    if (inode)
        save_name(saving, name, inode, true, hides && !saving->current->is_whole);
    else if (!saving->current->is_whole)
        save_gone(saving, name);
    return 0;
}

/* Names that are as the host has them: what is behind them may have changed. */
static int save_host_name(void *context, const struct hostfs_name *found)
{
    struct saving *saving = context;
    struct inode *directory = saving->current->inode;
    char name[NAME_MAX + 1];
    struct inode *inode;
    int error;

    if (found->length > NAME_MAX || (found->name[0] == '.' && found->length == 1) ||
        (found->length == 2 && found->name[0] == '.' && found->name[1] == '.'))
        return 0;
    memcpy(name, found->name, found->length);
    name[found->length] = '\0';
    if (hostfs_name_is_changed(directory, name) ||
        (!saving->current->is_whole && !hostfs_may_be_changed(directory, found)))
        return 0;
    error = hostfs_find(directory, name, &inode);
    if (error) {
        if (saving->current->is_whole)
            complain(saving, name, "could not be read", error);
        return 0;
    }
    if (saving->current->is_whole || hostfs_has_changes(inode))
        save_name(saving, name, inode, saving->current->is_whole, false);
    inode_release(inode);
    return 0;
}

/* The host's names are copied first: the host may be asked nothing else while it lists them. */
struct name_list {
    struct name_list *next;
    struct hostfs_name name;
    size_t size;
    char text[];
};

static int collect(void *context, const struct hostfs_name *name)
{
    struct name_list **list = context;
    size_t size = sizeof(struct name_list) + name->length;
    struct name_list *item = memory_allocate(size);

    if (!item)
        return 1;
    item->next = *list;
    item->name = *name;
    item->size = size;
    memcpy(item->text, name->name, name->length);
    item->name.name = item->text;
    *list = item;
    return 0;
}

static void fill_directory(struct saving *saving)
{
    struct inode *inode = saving->current->inode;
    const struct host_node *node = host_inode_of(inode)->node;
    struct name_list *list = NULL;
    int error = hostfs_for_each_change(inode, save_change, saving);

    if (!error && node)
        error = node->host->read_directory(node->number, 0, collect, &list);
    if (error)
        complain(saving, "a directory", "could not be read", error);
    while (list) {
        struct name_list *item = list;

        list = item->next;
        (void)save_host_name(saving, &item->name);
        memory_free(item, item->size);
    }
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void save_all(struct saving *saving)
{
    while (saving->waiting) {
        struct waiting_directory *directory = saving->waiting;
        int error;

        saving->waiting = directory->next;
        saving->current = directory;
        fill_directory(saving);
        error = finish(saving, directory->inode, directory->node);
        if (error)
            complain(saving, "a directory", "did not get its mode and times", error);
        saving->host->release(directory->node);
        inode_release(directory->inode);
        memory_free(directory, sizeof(*directory));
    }
    while (saving->saved) {
        struct saved_file *file = saving->saved;

        saving->saved = file->next;
        saving->host->release(file->node);
        inode_release(file->inode);
        memory_free(file, sizeof(*file));
    }
}

void hostfs_save(void)
{
    struct saving saving = { .buffer = NULL };
    uint64_t node;
    int error;

    if (!saved_filesystem)
        return;
    saving.host = host_inode_of(saved_filesystem->root)->node->host;
    saving.buffer = page_allocate_run(CHUNK_ORDER, PAGE_DIRTY);
    error = saving.buffer ? saving.host->root(saved_root, &node) : -ENOMEM;
    if (!error)
        error = push_directory(&saving, saved_filesystem->root, node, false);
    if (!error)
        save_all(&saving);
    else
        complain(&saving, "nothing", "could be saved", error);
    if (saving.buffer)
        page_release_run(saving.buffer, (size_t)1 << CHUNK_ORDER);
    if (saving.complaints > COMPLAINTS_MAX)
        log_line(LOG_ERROR, "--save-changes: %u names in all could not be saved",
                 saving.complaints);
    if (saving.owners_are_lost)
        log_line(LOG_WARNING, "--save-changes: not all files could be given to their owners");
    filesystem_release(saved_filesystem);
    saved_filesystem = NULL;
}

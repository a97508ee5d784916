/*
 * The filesystem of pseudo terminals: a node for each whose master is open, named by its number,
 * and `ptmx`, which makes a new one when it is opened.
 *
 * A node does not hold its pty, so what is left of it in the cache of names keeps nothing alive:
 * it is found by its number in a table, where it must still be the one that stands there.
 */
#include "tty/devpts.h"

#include "config.h"
#include "fs/devfs.h"
#include "fs/file.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/path.h"
#include "lib/bitmap.h"
#include "lib/container.h"
#include "lib/format.h"
#include "lib/text.h"
#include "process/process.h"
#include "tty/pty.h"

#define FILESYSTEM_TYPE "devpts"
#define FILESYSTEM_MAGIC 0x1cd1u
#define BLOCK_SIZE 4096u
#define MASTER_ID DEVICE_ID(5, 2)
#define MASTER_NAME "ptmx"
#define DIRECTORY_MODE (MODE_DIRECTORY | 0755u)
#define NODE_MODE (MODE_CHARACTER | 0600u)
#define NAME_SIZE 24
#define FIRST_NUMBER 3    /* position in the directory; before it ".", ".." and ptmx */

static struct {
    struct spinlock lock;                /* RANK_TERMINALS */
    struct filesystem *filesystem;       /* constant after creation; NULL: there is none */
    struct inode *master;                /* the same: the node ptmx */

    /* Protected by `lock`. */
    uint64_t taken[BITMAP_WORDS(PTYS_MAX)];
    struct {
        struct pty *pty;                 /* whose master is open, or NULL */
        struct inode *inode;             /* with a reference */
    } of[PTYS_MAX];
} table = { .lock = SPINLOCK_INITIAL(RANK_TERMINALS, "ptys") };

/* ---- Numbers and nodes --------------------------------------------------------------------- */

static uint32_t number_of(const struct inode *inode)
{
    return (uint32_t)((inode->device_id & 0xff) | (inode->device_id >> 20 << 8));
}

/* PTYS_MAX: not a number of a node, as it is written. */
static uint32_t parse_number(const char *name)
{
    char again[NAME_SIZE];
    uint64_t number;

    if (text_parse_number(name, &number) != 0 || number >= PTYS_MAX)
        return PTYS_MAX;
    (void)format(again, sizeof(again), "%llu", (unsigned long long)number);
    return text_equal(name, again) ? (uint32_t)number : PTYS_MAX;
}

/* PTYS_MAX: all are taken. */
static uint32_t take_number(void)
{
    spin_lock(&table.lock);
    size_t number = bitmap_find_clear(table.taken, PTYS_MAX, 0);

    if (number != BITMAP_NONE)
        bitmap_set(table.taken, number);
    spin_unlock(&table.lock);
    return number == BITMAP_NONE ? PTYS_MAX : (uint32_t)number;
}

static void give_number(uint32_t number)
{
    spin_lock(&table.lock);
    bitmap_clear(table.taken, number);
    spin_unlock(&table.lock);
}

/* With a reference; NULL: the node's pty is gone. */
static struct pty *pty_of(const struct inode *inode)
{
    uint32_t number = number_of(inode);

    spin_lock(&table.lock);
    struct pty *pty = table.of[number].inode == inode ? table.of[number].pty : NULL;

    if (pty)
        pty_reference(pty);
    spin_unlock(&table.lock);
    return pty;
}

static int open_slave(struct inode *inode, struct file *file)
{
    struct pty *pty = pty_of(inode);
    int error;

    if (!pty)
        return -EIO;
    spin_lock(&pty->tty.lock);
    error = pty->is_locked ? -EIO : 0;
    spin_unlock(&pty->tty.lock);
    if (!error)
        error = tty_open(file, &pty->tty, true);
    if (!error) {
        spin_lock(&pty->tty.lock);
        pty->is_left = false;
        spin_unlock(&pty->tty.lock);
    }
    pty_release(pty);
    return error;
}

static bool slave_is_valid(struct inode *inode)
{
    uint32_t number = number_of(inode);

    spin_lock(&table.lock);
    bool is_valid = table.of[number].inode == inode;
    spin_unlock(&table.lock);
    return is_valid;
}

static const struct inode_operations slave_operations = {
    .open = open_slave,
    .is_valid = slave_is_valid,
    .set_attributes = inode_set_fields,
};

/* ---- Masters ------------------------------------------------------------------------------- */

static int make_node(const struct pty *pty, struct inode **inode)
{
    static const struct inode_kind kind = { &slave_operations, &tty_file_operations };
    const struct credentials credentials = current_credentials();
    const struct inode_request request = {
        .mode = NODE_MODE,
        .user_id = credentials.file_user_id,
        .group_id = credentials.file_group_id,
        .device_id = pty->tty.device_id,
    };

    return inode_create(table.filesystem, &kind, &request, inode);
}

/* -ENOSPC: all are there; -ENOMEM; -ENODEV: there is no filesystem for the node. */
static int open_pair(struct file *file)
{
    uint32_t number = take_number();
    struct inode *inode;
    struct pty *pty;
    int error;

    if (number == PTYS_MAX)
        return -ENOSPC;
    error = table.filesystem ? pty_create(number, &pty) : -ENODEV;
    if (error)
        goto give_number_back;
    error = make_node(pty, &inode);
    if (error)
        goto release_pty;
    spin_lock(&table.lock);
    table.of[number].pty = pty;
    table.of[number].inode = inode;
    spin_unlock(&table.lock);
    file->operations = &pty_master_operations;
    file->contents = pty;
    file->is_stream = true;
    return 0;

release_pty:
    pty_release(pty);
give_number_back:
    give_number(number);
    return error;
}

void devpts_remove(struct pty *pty)
{
    spin_lock(&table.lock);
    struct inode *inode = table.of[pty->number].inode;

    ASSERT(table.of[pty->number].pty == pty);
    table.of[pty->number].pty = NULL;
    table.of[pty->number].inode = NULL;
    bitmap_clear(table.taken, pty->number);
    spin_unlock(&table.lock);
    inode_release(inode);
}

int devpts_open_peer(struct pty *pty, uint32_t flags, struct file **file)
{
    char text[sizeof("/dev/pts/") + NAME_SIZE];
    struct fs_context context;
    struct path path;
    int error;

    (void)format(text, sizeof(text), "/dev/pts/%u", pty->number);
    current_fs_context(&context);
    error = path_walk(&context, NULL, text, 0, &path);
    if (!error && path_inode(&path)->filesystem != table.filesystem)
        error = -ENODEV;    /* somebody else's idea of /dev/pts */
    if (!error) {
        error = file_open_path(&context, &path, flags, file);
        path_release(&path);
    }
    fs_context_release(&context);
    return error;
}

static struct device master_node = {
    .name = MASTER_NAME, .mode = MODE_CHARACTER | 0666u, .id = MASTER_ID, .is_stream = true,
    .operations = &pty_master_operations, .open = open_pair,
};

/* /dev/pts/ptmx is opened by its number, as any other node. */
static const struct inode_operations master_operations = {
    .set_attributes = inode_set_fields,
};

void devpts_init(void)
{
    device_register(&master_node);
}

/* ---- The directory ------------------------------------------------------------------------- */

static int look_up(struct inode *directory, const char *name, struct inode **result)
{
    uint32_t number = parse_number(name);
    struct inode *inode = NULL;

    (void)directory;
    if (text_equal(name, MASTER_NAME)) {
        inode = table.master;
        inode_reference(inode);
    } else if (number < PTYS_MAX) {
        spin_lock(&table.lock);
        inode = table.of[number].inode;
        if (inode)
            inode_reference(inode);
        spin_unlock(&table.lock);
    }
    *result = inode;
    return inode ? 0 : -ENOENT;
}

/* The number of the node that is at least `from`, or PTYS_MAX; *inode is its number as a file. */
static uint32_t next_number(uint32_t from, uint64_t *inode)
{
    spin_lock(&table.lock);
    while (from < PTYS_MAX && !table.of[from].inode)
        from++;
    if (from < PTYS_MAX)
        *inode = table.of[from].inode->number;
    spin_unlock(&table.lock);
    return from;
}

/* False: the sink has had enough. */
static bool give_entry(struct file *file, directory_sink sink, void *context,
                       const struct directory_entry *entry)
{
    if (sink(context, entry))
        return false;
    file->position = (uint64_t)entry->next;
    return true;
}

static bool give_master(struct file *file, directory_sink sink, void *context)
{
    const struct directory_entry entry = {
        .name = MASTER_NAME,
        .length = sizeof(MASTER_NAME) - 1,
        .inode = table.master->number,
        .type = directory_type(table.master),
        .next = FIRST_NUMBER,
    };

    return file->position >= FIRST_NUMBER || give_entry(file, sink, context, &entry);
}

static int read_directory(struct file *file, directory_sink sink, void *context)
{
    char name[NAME_SIZE];
    bool goes_on = directory_read_dots(file, sink, context) && give_master(file, sink, context);

    while (goes_on && file->position - FIRST_NUMBER < PTYS_MAX) {
        struct directory_entry entry = { .name = name, .type = MODE_CHARACTER >> 12 };
        uint32_t number = next_number((uint32_t)(file->position - FIRST_NUMBER), &entry.inode);

        if (number == PTYS_MAX)
            break;
        entry.length = format(name, sizeof(name), "%u", number);
        entry.next = (int64_t)number + FIRST_NUMBER + 1;
        goes_on = give_entry(file, sink, context, &entry);
    }
    return 0;
}

static const struct inode_operations directory_operations = {
    .lookup = look_up,
    .set_attributes = inode_set_fields,
};
static const struct file_operations directory_file_operations = {
    .read_directory = read_directory,
};

/* ---- The filesystem ------------------------------------------------------------------------ */

static int statistics(struct filesystem *filesystem, struct filesystem_statistics *result)
{
    (void)filesystem;
    *result = (struct filesystem_statistics){
        .type = FILESYSTEM_MAGIC, .block_size = BLOCK_SIZE, .fragment_size = BLOCK_SIZE,
        .name_max = NAME_MAX,
    };
    return 0;
}

static const struct filesystem_operations operations = { .statistics = statistics };

static int make_inodes(struct filesystem *filesystem)
{
    static const struct inode_kind directory = { &directory_operations,
                                                 &directory_file_operations };
    static const struct inode_kind master = { &master_operations, &pty_master_operations };
    const struct inode_request directory_request = { .mode = DIRECTORY_MODE };
    const struct inode_request master_request = { .mode = MODE_CHARACTER,
                                                  .device_id = MASTER_ID };
    int error = inode_create(filesystem, &directory, &directory_request, &filesystem->root);

    if (!error)
        error = inode_create(filesystem, &master, &master_request, &table.master);
    return error;
}

int devpts_create(struct filesystem **result)
{
    struct filesystem *filesystem;
    int error = 0;

    if (!table.filesystem) {
        error = filesystem_create(FILESYSTEM_TYPE, &operations, &filesystem);
        if (error)
            return error;
        filesystem->keeps_absent_names = false;
        error = make_inodes(filesystem);
        if (error) {
            filesystem_release(filesystem);
            return error;
        }
        table.filesystem = filesystem;    /* with the reference: it stays */
    }
    filesystem_reference(table.filesystem);
    *result = table.filesystem;
    return 0;
}

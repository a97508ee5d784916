/*
 * The host's files (fs/hostfs.h) by 9P: the same read-only view as the hosted machine gives.
 *
 * A node N has the fid 2N, which names it and from which names are looked up; when its contents are
 * read for the first time it gets a second one, 2N + 1, which is open.
 */
#include "machine/x86_64/host_files.h"

#include "fs/hostfs.h"
#include "lib/bitmap.h"
#include "lib/error.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/ninep.h"
#include "machine/x86_64/port.h"

#define NODES_MAX 65536u
#define ATTRIBUTES_WANTED UINT64_C(0x3fff)    /* all, with the time of birth */
#define NAME_LONGEST 255
#define DIRECTORY_PIECE 2048u
#define ENTRY_HEAD (NINEP_IDENTITY_SIZE + 8u + 1u + 2u)    /* then the name */
#define MODE_TYPE 0170000u
#define MODE_DIRECTORY 0040000u
#define DEVICE_NUMBER 0x90u
#define BLOCK_SIZE 4096u
#define NS_PER_SECOND INT64_C(1000000000)

/* Protected by the lock of ninep.h. */
static uint64_t nodes_used[BITMAP_WORDS(NODES_MAX)];
static uint64_t nodes_open[BITMAP_WORDS(NODES_MAX)];
static uint32_t next_search = 1;
static uint64_t root_device = DEVICE_NUMBER;    /* constant after boot */

static uint32_t fid_of(uint64_t node)
{
    return (uint32_t)(2 * node);
}

static uint32_t open_fid_of(uint64_t node)
{
    return (uint32_t)(2 * node + 1);
}

/* ---- Nodes: all with the lock held ---------------------------------------------------------- */

static int node_take(uint64_t *node)
{
    size_t found = bitmap_find_clear(nodes_used, NODES_MAX, next_search);

    if (found == BITMAP_NONE)
        found = bitmap_find_clear(nodes_used, NODES_MAX, 1);
    if (found == BITMAP_NONE)
        return -ENFILE;
    bitmap_set(nodes_used, found);
    next_search = (uint32_t)found;
    *node = found;
    return 0;
}

static void node_give_back(uint64_t node)
{
    bitmap_clear(nodes_used, (size_t)node);
}

static int walk(uint32_t from, uint32_t to, const char *name)
{
    int error;

    ninep_begin(NINEP_WALK);
    ninep_put(from, 4);
    ninep_put(to, 4);
    ninep_put(name ? 1 : 0, 2);
    if (name)
        ninep_put_text(name);
    error = ninep_call();
    if (error)
        return error;
    return ninep_get(2) == (name ? 1 : 0) ? 0 : -ENOENT;
}

static void forget(uint32_t fid)
{
    ninep_begin(NINEP_CLUNK);
    ninep_put(fid, 4);
    (void)ninep_call();    /* nothing can be done about a failure */
}

static int node_open(uint64_t node)
{
    int error;

    if (bitmap_test(nodes_open, (size_t)node))
        return 0;
    error = walk(fid_of(node), open_fid_of(node), NULL);
    if (error)
        return error;
    ninep_begin(NINEP_OPEN);
    ninep_put(open_fid_of(node), 4);
    ninep_put(0, 4);    /* for reading */
    error = ninep_call();
    if (error)
        forget(open_fid_of(node));
    else
        bitmap_set(nodes_open, (size_t)node);
    return error;
}

/* ---- Operations ---------------------------------------------------------------------------- */

static int attach(uint64_t node)
{
    ninep_begin(NINEP_ATTACH);
    ninep_put(fid_of(node), 4);
    ninep_put(NINEP_NO_FID, 4);
    ninep_put_text("");
    ninep_put_text("");
    ninep_put(machine_info()->user_id, 4);
    return ninep_call();
}

static int host_root(size_t index, uint64_t *node)
{
    bool were_on = ninep_lock();
    int error = node_take(node);

    (void)index;    /* there is one only */
    if (!error) {
        error = attach(*node);
        if (error)
            node_give_back(*node);
    }
    ninep_unlock(were_on);
    return error;
}

static int host_lookup(uint64_t directory, const char *name, uint64_t *node)
{
    bool were_on = ninep_lock();
    int error = node_take(node);

    if (!error) {
        error = walk(fid_of(directory), fid_of(*node), name);
        if (error)
            node_give_back(*node);
    }
    ninep_unlock(were_on);
    return error;
}

static void host_release(uint64_t node)
{
    bool were_on = ninep_lock();

    if (bitmap_test(nodes_open, (size_t)node)) {
        forget(open_fid_of(node));
        bitmap_clear(nodes_open, (size_t)node);
    }
    forget(fid_of(node));
    node_give_back(node);
    ninep_unlock(were_on);
}

static int64_t get_time(void)
{
    int64_t seconds = (int64_t)ninep_get(8);

    return seconds * NS_PER_SECOND + (int64_t)ninep_get(8);
}

/*
 * QEMU makes one number of the host's inode and device (multidevs=remap): the inode, and behind it
 * 2n + 1 bits, the last n of them zero, that say which device it is: 1 is the root's.
 */
static void split_identity(uint64_t number, struct hostfs_status *status)
{
    unsigned zeros = number ? (unsigned)__builtin_ctzll(number) : 0;
    unsigned bits = 2 * zeros + 1;
    uint64_t device = bits < 64 ? number & ((UINT64_C(1) << bits) - 1) : 0;

    status->inode = bits < 64 ? number >> bits : number;
    status->device = device == 1 ? root_device : DEVICE_NUMBER + device;
}

static int read_attributes(uint64_t node, struct hostfs_status *status)
{
    int error;

    ninep_begin(NINEP_ATTRIBUTES);
    ninep_put(fid_of(node), 4);
    ninep_put(ATTRIBUTES_WANTED, 8);
    error = ninep_call();
    if (error)
        return error;
    ninep_skip(8 + 5);    /* which are valid; type and version of the identity */
    *status = (struct hostfs_status){ .block_size = BLOCK_SIZE };
    split_identity(ninep_get(8), status);
    status->mode = (uint32_t)ninep_get(4);
    status->user_id = (uint32_t)ninep_get(4);
    status->group_id = (uint32_t)ninep_get(4);
    status->links = (uint32_t)ninep_get(8);
    status->device_id = ninep_get(8);
    status->size = ninep_get(8);
    ninep_skip(8);    /* a block size that suits 9P, not the file's */
    status->blocks = ninep_get(8);
    status->access_ns = get_time();
    status->modify_ns = get_time();
    status->change_ns = get_time();
    status->birth_ns = get_time();
    return ninep_is_short() ? -EIO : 0;
}

static int host_status(uint64_t node, struct hostfs_status *status)
{
    bool were_on = ninep_lock();
    int error = read_attributes(node, status);

    ninep_unlock(were_on);
    return error;
}

static int host_statistics(uint64_t node, struct hostfs_statistics *statistics)
{
    bool were_on = ninep_lock();
    uint64_t factor;
    int error;

    ninep_begin(NINEP_STATISTICS);
    ninep_put(fid_of(node), 4);
    error = ninep_call();
    if (!error) {
        *statistics = (struct hostfs_statistics){ .type = ninep_get(4) };
        factor = ninep_get(4) / BLOCK_SIZE;
        factor += factor == 0;
        statistics->block_size = statistics->fragment_size = BLOCK_SIZE;
        statistics->blocks = ninep_get(8) * factor;
        statistics->blocks_free = ninep_get(8) * factor;
        statistics->blocks_available = ninep_get(8) * factor;
        statistics->files = ninep_get(8);
        statistics->files_free = ninep_get(8);
        statistics->id = ninep_get(8);
        statistics->name_max = ninep_get(4);
        error = ninep_is_short() ? -EIO : 0;
    }
    ninep_unlock(were_on);
    return error;
}

static bool is_in_group(uint32_t group)
{
    const struct machine_info *info = machine_info();

    if (group == info->group_id)
        return true;
    for (unsigned i = 0; i < info->group_count; i++) {
        if (info->groups[i] == group)
            return true;
    }
    return false;
}

/* By the mode, as the host would answer: QEMU runs as the same user. */
static int host_access(uint64_t node, uint32_t mode)
{
    struct hostfs_status status;
    uint32_t granted;
    int error = host_status(node, &status);

    if (error)
        return error;
    if (mode & 2)
        return -EROFS;
    if (machine_info()->user_id == 0) {
        bool executable = (status.mode & MODE_TYPE) == MODE_DIRECTORY || (status.mode & 0111u);

        return !(mode & 1) || executable ? 0 : -EACCES;
    }
    if (status.user_id == machine_info()->user_id)
        granted = status.mode >> 6;
    else if (is_in_group(status.group_id))
        granted = status.mode >> 3;
    else
        granted = status.mode;
    return (mode & ~granted & 7u) == 0 ? 0 : -EACCES;
}

static int64_t read_piece(uint64_t node, void *buffer, size_t size, uint64_t offset)
{
    const void *bytes;
    uint64_t count;
    int error = node_open(node);

    if (error)
        return error;
    ninep_begin(NINEP_READ);
    ninep_put(open_fid_of(node), 4);
    ninep_put(offset, 8);
    ninep_put(size < NINEP_DATA_MAX ? size : NINEP_DATA_MAX, 4);
    error = ninep_call();
    if (error)
        return error;
    count = ninep_get(4);
    bytes = count <= size ? ninep_get_bytes((size_t)count) : NULL;
    if (!bytes)
        return -EIO;
    memcpy(buffer, bytes, (size_t)count);
    return (int64_t)count;
}

/* All of it, or up to the end of the file. */
static int64_t host_read(uint64_t node, void *buffer, size_t size, uint64_t offset)
{
    size_t done = 0;

    while (done < size) {
        bool were_on = ninep_lock();
        int64_t count = read_piece(node, (char *)buffer + done, size - done, offset + done);

        ninep_unlock(were_on);
        if (count < 0 && done == 0)
            return count;
        if (count <= 0)
            break;
        done += (size_t)count;
    }
    return (int64_t)done;
}

static int64_t host_read_link(uint64_t node, char *target, size_t size)
{
    bool were_on = ninep_lock();
    const char *text = NULL;
    uint64_t length = 0;
    int64_t result;

    ninep_begin(NINEP_READ_LINK);
    ninep_put(fid_of(node), 4);
    result = ninep_call();
    if (!result) {
        length = ninep_get(2);
        text = ninep_get_bytes((size_t)length);
        result = text ? (int64_t)(length < size ? length : size) : -EIO;
    }
    if (text && result > 0)
        memcpy(target, text, (size_t)result);
    ninep_unlock(were_on);
    return result;
}

/* ---- Directories --------------------------------------------------------------------------- */

/* A piece of a directory, copied out of the answer, because the kernel is called with the lock
 * free. */
struct directory_piece {
    uint8_t bytes[DIRECTORY_PIECE];
    size_t size, place;
};

static int read_directory_piece(uint64_t node, int64_t position, struct directory_piece *piece)
{
    const void *bytes;
    int error = node_open(node);

    if (error)
        return error;
    ninep_begin(NINEP_READ_DIRECTORY);
    ninep_put(open_fid_of(node), 4);
    ninep_put((uint64_t)position, 8);
    ninep_put(DIRECTORY_PIECE, 4);
    error = ninep_call();
    if (error)
        return error;
    piece->place = 0;
    piece->size = (size_t)ninep_get(4);
    bytes = piece->size <= DIRECTORY_PIECE ? ninep_get_bytes(piece->size) : NULL;
    if (!bytes)
        return -EIO;
    memcpy(piece->bytes, bytes, piece->size);
    return 0;
}

/* The next entry of the piece; false: it is not whole. */
static bool next_entry(struct directory_piece *piece, struct hostfs_name *name)
{
    const uint8_t *at = piece->bytes + piece->place;
    size_t left = piece->size - piece->place;
    uint16_t length;

    if (left < ENTRY_HEAD)
        return false;
    memcpy(&length, at + ENTRY_HEAD - 2, sizeof(length));
    if (length > NAME_LONGEST || length > left - ENTRY_HEAD)
        return false;
    *name = (struct hostfs_name){ .name = (const char *)at + ENTRY_HEAD, .length = length };
    memcpy(&name->inode, at + 5, sizeof(name->inode));
    memcpy(&name->next, at + NINEP_IDENTITY_SIZE, sizeof(name->next));
    name->type = at[NINEP_IDENTITY_SIZE + 8];
    piece->place += ENTRY_HEAD + length;
    return true;
}

static int host_read_directory(uint64_t node, int64_t position, hostfs_name_sink sink,
                               void *context)
{
    struct directory_piece piece;
    struct hostfs_name name;

    for (;;) {
        bool were_on = ninep_lock();
        int error = read_directory_piece(node, position, &piece);

        ninep_unlock(were_on);
        if (error || piece.size == 0)
            return error;
        while (piece.place < piece.size) {
            if (!next_entry(&piece, &name))
                return -EIO;
            if (sink(context, &name) != 0)
                return 0;
            position = name.next;
        }
    }
}

static const struct hostfs_root roots[] = {
    { .place = "/", .source = "root", .sharing = HOSTFS_COPIED },
};

static const struct hostfs_operations operations = {
    .roots = roots,
    .root_count = 1,
    .root = host_root,
    .lookup = host_lookup,
    .release = host_release,
    .status = host_status,
    .statistics = host_statistics,
    .access = host_access,
    .read = host_read,
    .read_link = host_read_link,
    .read_directory = host_read_directory,
};

void host_files_init(void)
{
    const char *device = port_option("root-device");
    uint64_t number;

    if (device && text_parse_number(device, &number) == 0)
        root_device = number;
    if (ninep_init())
        info_edit()->hostfs = &operations;
    else if (port_option("root"))
        port_log("root=9p: there is no virtio-9p device, or it does not speak 9P2000.L");
}

/*
 * The boot archive: ustar headers decoded, checked, and turned into files.
 *
 * The archive is foreign data: every field is bounded, every number checked, and names are walked
 * in the target's own root, where nothing leads out of it.
 */
#include "fs/archive.h"

#include "config.h"
#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/names.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "time/clock.h"

#define BLOCK_SIZE 512u
#define NAME_SIZE 260    /* prefix, a slash, name, and a NUL */
#define DIRECTORY_MODE 0755u

struct ustar_header {
    char name[100];
    char mode[8];
    char user_id[8];
    char group_id[8];
    char size[12];
    char modify_time[12];
    char checksum[8];
    char type;
    char link_name[100];
    char magic[6];
    char version[2];
    char user_name[32];
    char group_name[32];
    char major[8];
    char minor[8];
    char prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct ustar_header) == BLOCK_SIZE, "a header is one block");

/* One member, decoded. */
struct member {
    char name[NAME_SIZE];         /* relative; empty: the root itself */
    char link_name[NAME_SIZE];
    char type;
    uint32_t mode, user_id, group_id;
    uint64_t size, device_id, modify_seconds;
    const char *data;
};

/* ---- Decoding ------------------------------------------------------------------------------ */

/* Octal digits, with spaces before and spaces or NULs behind.  All empty: 0. */
static int decode_number(const char *field, size_t size, uint64_t *value)
{
    size_t i = 0;

    *value = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *value = *value * 8 + (uint64_t)(field[i] - '0');
    for (; i < size; i++) {
        if (field[i] != ' ' && field[i] != '\0')
            return -EINVAL;
    }
    return 0;
}

static bool checksum_is_right(const struct ustar_header *header)
{
    const unsigned char *bytes = (const unsigned char *)header;
    uint64_t stored;
    uint64_t sum = 0;

    if (decode_number(header->checksum, sizeof(header->checksum), &stored))
        return false;
    for (size_t i = 0; i < BLOCK_SIZE; i++) {
        bool in_checksum = i >= offsetof(struct ustar_header, checksum) &&
                           i < offsetof(struct ustar_header, type);

        sum += in_checksum ? ' ' : bytes[i];
    }
    return sum == stored;
}

/* Appends a field that may lack its NUL.  Room is enough by the sizes of the fields. */
static void append_field(char *text, const char *field, size_t size)
{
    size_t length = text_length(text);
    size_t added = text_length_bounded(field, size);

    memcpy(text + length, field, added);
    text[length + added] = '\0';
}

static bool has_parent_component(const char *name)
{
    for (const char *at = name; *at; at++) {
        bool starts = at == name || at[-1] == '/';

        if (starts && at[0] == '.' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
            return true;
    }
    return false;
}

/* Takes "/" and "./" off the front, slashes and a lone "." off the end. */
static void normalise(char *name)
{
    const char *start = name;
    size_t length;

    while (start[0] == '/' || (start[0] == '.' && start[1] == '/'))
        start++;
    if (start[0] == '.' && start[1] == '\0')
        start++;
    length = text_length(start);
    memmove(name, start, length + 1);
    while (length > 0 && name[length - 1] == '/')
        name[--length] = '\0';
}

static int decode_numbers(const struct ustar_header *header, struct member *member)
{
    uint64_t mode, user_id, group_id, major, minor;
    int error = decode_number(header->mode, sizeof(header->mode), &mode);

    if (!error)
        error = decode_number(header->user_id, sizeof(header->user_id), &user_id);
    if (!error)
        error = decode_number(header->group_id, sizeof(header->group_id), &group_id);
    if (!error)
        error = decode_number(header->size, sizeof(header->size), &member->size);
    if (!error)
        error = decode_number(header->modify_time, sizeof(header->modify_time),
                              &member->modify_seconds);
    if (!error)
        error = decode_number(header->major, sizeof(header->major), &major);
    if (!error)
        error = decode_number(header->minor, sizeof(header->minor), &minor);
    if (error)
        return error;
    member->mode = (uint32_t)mode & 07777u;
    member->user_id = (uint32_t)user_id;
    member->group_id = (uint32_t)group_id;
    member->device_id = (minor & 0xff) | (major & 0xfff) << 8 | (minor & ~UINT64_C(0xff)) << 12;
    return 0;
}

static int decode(const struct ustar_header *header, struct member *member)
{
    int error;

    *member = (struct member){ .type = header->type };
    if (memcmp(header->magic, "ustar", 5) != 0 || !checksum_is_right(header))
        return -EINVAL;
    error = decode_numbers(header, member);
    if (error)
        return error;
    if (header->prefix[0]) {
        append_field(member->name, header->prefix, sizeof(header->prefix));
        append_field(member->name, "/", 1);
    }
    append_field(member->name, header->name, sizeof(header->name));
    append_field(member->link_name, header->link_name, sizeof(header->link_name));
    if (has_parent_component(member->name))
        return -EINVAL;
    normalise(member->name);
    return 0;
}

/* ---- Creating ------------------------------------------------------------------------------ */

/* Makes the directories that the name needs. */
static int make_parents(const struct fs_context *context, char *name)
{
    for (char *slash = name; *slash; slash++) {
        int error;

        if (*slash != '/')
            continue;
        *slash = '\0';
        error = fs_make_directory(context, NULL, name, DIRECTORY_MODE);
        *slash = '/';
        if (error && error != -EEXIST)
            return error;
    }
    return 0;
}

static int write_all(struct file *file, const char *data, uint64_t size)
{
    uint64_t done = 0;

    while (done < size) {
        int64_t written = file_write_kernel(file, data + done, (size_t)(size - done), done);

        if (written < 0)
            return (int)written;
        done += (uint64_t)written;
    }
    return 0;
}

static int make_regular(const struct fs_context *context, const struct member *member)
{
    const struct open_request request = {
        .path = member->name,
        .flags = OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE | OPEN_NOFOLLOW,
        .mode = member->mode,
    };
    struct file *file;
    int error = file_open(context, &request, &file);

    if (error)
        return error;
    error = write_all(file, member->data, member->size);
    file_release(file);
    return error;
}

static int make_hard_link(const struct fs_context *context, struct member *member)
{
    struct path old;
    int error;

    if (has_parent_component(member->link_name))
        return -EINVAL;
    normalise(member->link_name);
    error = path_walk(context, NULL, member->link_name, 0, &old);
    if (error)
        return error;
    error = fs_link(context, &old, NULL, member->name);
    path_release(&old);
    return error;
}

static int make_node(const struct fs_context *context, const struct member *member, uint32_t type)
{
    const struct node_request request = {
        .text = member->name,
        .mode = type | member->mode,
        .device_id = member->device_id,
    };

    return fs_make_node(context, &request);
}

static int make_directory(const struct fs_context *context, const struct member *member)
{
    int error = member->name[0] ? fs_make_directory(context, NULL, member->name, member->mode) : 0;

    return error == -EEXIST ? 0 : error;
}

/* Owner, mode (in this order: changing the owner takes set-id bits away) and time. */
static int set_attributes(const struct fs_context *context, const struct member *member)
{
    int64_t ns = (int64_t)(member->modify_seconds * NS_PER_SECOND);
    const struct time_change times = { TIME_GIVEN, TIME_GIVEN, ns, ns };
    struct attribute_target target;
    struct path path;
    int error = path_walk(context, NULL, member->name[0] ? member->name : "/", 0, &path);

    if (error)
        return error;
    target = (struct attribute_target){ path.mount, path_inode(&path), NULL };
    error = attributes_set_owner(context, &target, member->user_id, member->group_id);
    if (!error && member->type != '2')
        error = attributes_set_mode(context, &target, member->mode);
    if (!error)
        error = attributes_set_times(context, &target, &times);
    path_release(&path);
    return error;
}

static int make_by_type(const struct fs_context *context, struct member *member)
{
    switch (member->type) {
    case '\0':
    case '0':
        return make_regular(context, member);
    case '1':
        return make_hard_link(context, member);
    case '2':
        return fs_symlink(context, member->link_name, NULL, member->name);
    case '3':
        return make_node(context, member, MODE_CHARACTER);
    case '4':
        return make_node(context, member, MODE_BLOCK);
    case '5':
        return make_directory(context, member);
    case '6':
        return make_node(context, member, MODE_FIFO);
    }
    return -EINVAL;
}

static int make_member(const struct fs_context *context, struct member *member)
{
    bool is_known = member->type == '\0' || (member->type >= '0' && member->type <= '6');
    int error;

    if (!is_known)
        return 0;
    error = make_parents(context, member->name);
    if (!error)
        error = make_by_type(context, member);
    if (!error && member->type != '1')
        error = set_attributes(context, member);
    return error;
}

/* ---- The archive --------------------------------------------------------------------------- */

static bool is_zero_block(const char *block)
{
    for (size_t i = 0; i < BLOCK_SIZE; i++) {
        if (block[i])
            return false;
    }
    return true;
}

/* Unpacks the member at *offset and moves past it; *ended at the end of the archive. */
static int unpack_next(const struct fs_context *context, const char *archive, size_t size,
                       size_t *offset, bool *ended)
{
    struct member member;
    uint64_t padded;
    int error;

    *ended = *offset == size;
    if (*ended)
        return 0;
    if (size - *offset < BLOCK_SIZE)
        return -ENOEXEC;
    *ended = is_zero_block(archive + *offset);
    if (*ended)
        return 0;
    error = decode((const struct ustar_header *)(const void *)(archive + *offset), &member);
    if (error)
        return error;
    *offset += BLOCK_SIZE;
    if (member.type > '0' && member.type <= '6')
        member.size = 0;    /* only regular files (and what is unknown) have contents here */
    if (member.size > size - *offset)
        return -ENOEXEC;
    member.data = archive + *offset;
    padded = round_up(member.size, BLOCK_SIZE);
    *offset += padded < size - *offset ? (size_t)padded : size - *offset;
    return make_member(context, &member);
}

int archive_unpack(const struct fs_context *context, const void *archive, size_t size)
{
    const struct fs_context as_root = {
        .root = context->root, .working_directory = context->root, .umask = 0,
        .credentials = CREDENTIALS_OF_ROOT,
    };
    size_t offset = 0;
    bool ended = false;
    int error = 0;

    while (!error && !ended)
        error = unpack_next(&as_root, archive, size, &offset, &ended);
    return error;
}

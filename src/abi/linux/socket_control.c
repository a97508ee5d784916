/* Control messages: files (SCM_RIGHTS) and credentials (SCM_CREDENTIALS) that go with messages. */
#include "abi/linux/socket_arguments.h"
#include "abi/linux/structures.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "lib/checked.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/pid_namespace.h"

#define LEVEL_SOCKET 1
#define CONTROL_RIGHTS 1
#define CONTROL_CREDENTIALS 2
#define CONTROL_SIZE_MAX 131072u    /* net.core.optmem_max */
#define CONTROL_ALIGNMENT 8u

/* struct cmsghdr. */
struct linux_control {
    uint64_t length;    /* with this header */
    int32_t level, type;
};
LINUX_LAYOUT(struct linux_control, 16);
LINUX_LAYOUT(struct socket_credentials, 12);

/* ---- Sending ------------------------------------------------------------------------------- */

/* A copy of what the program gave, and where we are in it. */
struct control_reader {
    char *bytes;
    uint64_t size, offset;
};

/* The next header, or NULL at the end.  *error: it says that it is longer than what is there. */
static const struct linux_control *next_control(struct control_reader *reader, int *error)
{
    uint64_t left = reader->size - reader->offset;
    const struct linux_control *control =
        (const struct linux_control *)(const void *)(reader->bytes + reader->offset);

    if (left < sizeof(*control))
        return NULL;
    if (control->length < sizeof(*control) || control->length > left) {
        *error = -EINVAL;
        return NULL;
    }
    left = round_up(control->length, CONTROL_ALIGNMENT);
    reader->offset = left < reader->size - reader->offset ? reader->offset + left : reader->size;
    return control;
}

static unsigned files_in(const struct linux_control *control)
{
    uint64_t count = (control->length - sizeof(*control)) / sizeof(int32_t);

    return count < RIGHTS_MAX + 1 ? (unsigned)count : RIGHTS_MAX + 1;
}

static bool is_about_files(const struct linux_control *control)
{
    return control->level == LEVEL_SOCKET && control->type == CONTROL_RIGHTS;
}

/* Room for the files of all controls. */
static int prepare_rights(struct control_reader reader, struct socket_send *send)
{
    const struct linux_control *control;
    unsigned count = 0;
    int error = 0;

    while ((control = next_control(&reader, &error))) {
        if (is_about_files(control))
            count += files_in(control);
        if (count > RIGHTS_MAX)
            return -EINVAL;
    }
    if (count > 0) {
        send->rights = rights_create(count);
        if (!send->rights)
            return -ENOMEM;
    }
    return 0;
}

static int take_files(const struct linux_control *control, struct socket_rights *rights)
{
    const int32_t *fds = (const int32_t *)(const void *)(control + 1);
    unsigned count = files_in(control);

    for (unsigned i = 0; i < count; i++) {
        struct file *file;
        int error = fd_get_any(fds[i], &file);

        if (error)
            return error;
        rights_add(rights, file);
    }
    return 0;
}

static bool is_one_of(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
    return id == a || id == b || id == c;
}

/* Only root may say that he is somebody else. */
static int check_credentials(const struct socket_credentials *said)
{
    const struct credentials who = current_credentials();
    bool is_own = said->process_id == current_process()->id;
    struct process *process;

    if (said->user_id == ID_UNCHANGED || said->group_id == ID_UNCHANGED)
        return -EINVAL;
    if ((!is_own && !credentials_can(&who, CAPABILITY_ADMINISTRATION)) ||
        (!is_one_of(said->user_id, who.user_id, who.effective_user_id, who.saved_user_id) &&
         !credentials_can(&who, CAPABILITY_SET_USERS)) ||
        (!is_one_of(said->group_id, who.group_id, who.effective_group_id, who.saved_group_id) &&
         !credentials_can(&who, CAPABILITY_SET_GROUPS)))
        return -EPERM;
    if (is_own)
        return 0;
    process = process_find(said->process_id);
    if (!process)
        return -ESRCH;
    process_release(process);
    return 0;
}

static int take_credentials(const struct linux_control *control, struct socket_send *send)
{
    struct socket_credentials who;
    int error;

    if (control->length != sizeof(*control) + sizeof(who))
        return -EINVAL;
    who = *(const struct socket_credentials *)(const void *)(control + 1);
    who.process_id = pid_named(who.process_id);
    error = check_credentials(&who);
    if (error)
        return error;
    send->has_credentials = true;
    send->credentials = who;
    return 0;
}

static int take_control(const struct linux_control *control, struct socket_send *send)
{
    if (control->level != LEVEL_SOCKET)
        return 0;
    switch (control->type) {
    case CONTROL_RIGHTS:
        return files_in(control) > 0 ? take_files(control, send->rights) : 0;
    case CONTROL_CREDENTIALS:
        return take_credentials(control, send);
    }
    return -EINVAL;
}

/* Who may have any number of files on their way: they only need not to be counted. */
static uint64_t rights_limit(const struct credentials *who)
{
    return credentials_can(who, CAPABILITY_RESOURCES) ||
           credentials_can(who, CAPABILITY_ADMINISTRATION) ? UINT64_MAX : open_files_limit();
}

static int read_controls(struct control_reader reader, struct socket_send *send)
{
    const struct credentials who = current_credentials();
    const struct linux_control *control;
    int error = prepare_rights(reader, send);

    while (!error && (control = next_control(&reader, &error)))
        error = take_control(control, send);
    if (!error && send->rights)
        error = rights_charge(send->rights, who.user_id, rights_limit(&who));
    return error;
}

int socket_control_get(const struct linux_message_header *header, struct socket_send *send)
{
    struct control_reader reader = { .size = header->control_length };
    int error;

    if (header->control_length > CONTROL_SIZE_MAX)
        return -ENOBUFS;
    if (header->control_length == 0)
        return 0;
    reader.bytes = memory_allocate(reader.size);
    if (!reader.bytes)
        return -ENOBUFS;
    error = user_copy_in(current_space(), reader.bytes, header->control, reader.size);
    if (!error)
        error = read_controls(reader, send);
    memory_free(reader.bytes, reader.size);
    return error;
}

/* ---- Receiving ----------------------------------------------------------------------------- */

/* Where the next one goes; nothing is written beyond `left` bytes. */
struct control_writer {
    user_address at;
    uint64_t left;
    uint32_t *flags;
};

static void advance(struct control_writer *writer, uint64_t size)
{
    uint64_t space = round_up(size, CONTROL_ALIGNMENT);

    if (space > writer->left)
        space = writer->left;
    writer->at += space;
    writer->left -= space;
}

static int put_header(const struct control_writer *writer, int32_t type, uint64_t length)
{
    const struct linux_control control = {
        .length = length, .level = LEVEL_SOCKET, .type = type,
    };

    return user_copy_out(current_space(), writer->at, &control, sizeof(control));
}

static void put_credentials(struct control_writer *writer, struct socket_credentials credentials)
{
    uint64_t size = sizeof(struct linux_control) + sizeof(credentials);
    uint64_t length = size;

    if (writer->left < sizeof(struct linux_control)) {
        *writer->flags |= MESSAGE_CONTROL_CUT;
        return;
    }
    if (length > writer->left) {
        *writer->flags |= MESSAGE_CONTROL_CUT;
        length = writer->left;
    }
    credentials.process_id = pid_seen(credentials.process_id);
    if (put_header(writer, CONTROL_CREDENTIALS, length) == 0 &&
        user_copy_out(current_space(), writer->at + sizeof(struct linux_control), &credentials,
                      length - sizeof(struct linux_control)) == 0)
        advance(writer, size);
}

/* Opens one file; the program knows its number before anybody else sees it. */
static int open_file(struct file *file, user_address number, bool close_on_exec)
{
    struct file_table *files = current_files();
    int fd = file_table_reserve(files, 0, open_files_limit());

    if (fd < 0)
        return fd;
    if (user_copy_out(current_space(), number, &fd, sizeof(fd)) != 0) {
        file_table_unreserve(files, fd);
        return -EFAULT;
    }
    file_reference(file);
    file_table_install(files, fd, file, close_on_exec);
    return 0;
}

static void put_rights(struct control_writer *writer, const struct socket_receive *receive)
{
    const uint64_t header = sizeof(struct linux_control);
    uint64_t room = writer->left > header ? (writer->left - header) / sizeof(int32_t) : 0;
    unsigned count = rights_count(receive->rights), opened = 0;

    while (opened < count && opened < room &&
           open_file(rights_file(receive->rights, opened),
                     writer->at + header + opened * sizeof(int32_t),
                     (receive->flags & MESSAGE_CLOSE_ON_EXEC) != 0) == 0)
        opened++;
    if (opened < count)
        *writer->flags |= MESSAGE_CONTROL_CUT;
    if (opened > 0 &&
        put_header(writer, CONTROL_RIGHTS, header + opened * sizeof(int32_t)) == 0)
        advance(writer, header + opened * sizeof(int32_t));
}

void socket_control_put(struct linux_message_header *header, struct socket_receive *receive)
{
    struct control_writer writer = {
        .at = header->control,
        .left = header->control ? header->control_length : 0,
        .flags = &receive->result_flags,
    };

    if (receive->has_credentials)
        put_credentials(&writer, receive->credentials);
    if (receive->rights)
        put_rights(&writer, receive);
    header->control_length = writer.at - header->control;
    rights_free(receive->rights);
    receive->rights = NULL;
}

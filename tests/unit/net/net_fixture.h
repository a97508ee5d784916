#pragma once
/*
 * For tests of sockets: a machine with a scheduler, a tmpfs as the root, short ways to call the
 * services, and the check that nothing leaks.  Processes are played: the credentials and the id of
 * the current one are variables, and its memory is not accessible.
 */
#include "../fs/fs_fixture.h"

#include "fs/poll.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/user_memory.h"
#include "net/net_internal.h"
#include "process/abi.h"
#include "process/process.h"
#include "sched/scheduler.h"
#include "sched/thread.h"

/* ---- The process --------------------------------------------------------------------------- */

static struct credentials who = CREDENTIALS_OF_ROOT;
static int32_t process_number = 7;
static int32_t controlled;    /* what an ioctl has written */

struct credentials current_credentials(void)
{
    return who;
}

int32_t process_id_of_current(void)
{
    return process_number;
}

struct address_space *current_space(void)
{
    return NULL;
}

int user_copy_out(struct address_space *space, user_address target, const void *source,
                  size_t size)
{
    (void)space;
    ck_assert_uint_eq(target, 8);
    memcpy(&controlled, source, size);
    return 0;
}

size_t user_copy_in_partial(struct address_space *space, void *target, user_address source,
                            size_t size)
{
    (void)space, (void)target, (void)source, (void)size;
    return 0;
}

size_t user_copy_out_partial(struct address_space *space, user_address target,
                             const void *source, size_t size)
{
    (void)space, (void)target, (void)source, (void)size;
    return 0;
}

size_t user_zero_partial(struct address_space *space, user_address target, size_t size)
{
    (void)space, (void)target, (void)size;
    return 0;
}

/* ---- Beginning and end --------------------------------------------------------------------- */

static inline void net_begin(void)
{
    struct filesystem *filesystem;

    fake_scheduler_init(1);
    fs_init();
    pool_release_spares();
    fixture_free_pages = page_statistics().free;
    fixture_objects = fixture_count_objects();
    ck_assert_int_eq(tmpfs_create(0777, 0, &filesystem), 0);
    fixture_mount_root(filesystem);
}

static inline void net_end(void)
{
    fake_scheduler_run();
    fixture_end();
}

/* ---- Short ways ---------------------------------------------------------------------------- */

static inline struct file *open_socket(enum socket_type type)
{
    const struct socket_kind kind = { .type = (int32_t)type, .flags = OPEN_NONBLOCK };
    struct file *file;

    ck_assert_int_eq(socket_open(&kind, &context, &file), 0);
    return file;
}

static inline void open_pair(enum socket_type type, struct file *files[2])
{
    const struct socket_kind kind = { .type = (int32_t)type, .flags = OPEN_NONBLOCK };

    ck_assert_int_eq(socket_open_pair(&kind, &context, files), 0);
}

static inline void close_pair(struct file *files[2])
{
    file_release(files[0]);
    file_release(files[1]);
}

static inline void may_wait(struct file *file)
{
    atomic_fetch_and(&file->flags, ~OPEN_NONBLOCK);
}

/* A descriptor of the file is closed, and with it its last reference. */
static inline void close_descriptor(struct file *file)
{
    file->operations->descriptor_closed(file);
    file_release(file);
}

static inline struct socket_name name_of(const char *text)
{
    struct socket_name name = { .length = (uint32_t)strlen(text) + 1 };

    memcpy(name.bytes, text, name.length);
    if (text[0] == '@') {
        name.bytes[0] = '\0';
        name.length--;
    }
    return name;
}

static inline int bind_to(struct file *file, const char *text)
{
    const struct socket_name name = name_of(text);

    return socket_bind(socket_of(file), &name, &context);
}

static inline int connect_to(struct file *file, const char *text)
{
    const struct socket_name name = name_of(text);

    return socket_connect(socket_of(file), &name, &context,
                          !(file_flags(file) & OPEN_NONBLOCK));
}

static inline int64_t send_with(struct file *file, struct socket_send *send, const void *bytes,
                                size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;
    int64_t result;

    io_buffer_init(&buffer, NULL, &segment, 1);
    result = socket_send(file, send, &buffer);
    rights_free(send->rights);
    return result;
}

static inline int64_t put(struct file *file, const void *bytes, size_t size)
{
    struct socket_send send = { .flags = 0 };

    return send_with(file, &send, bytes, size);
}

static inline int64_t put_to(struct file *file, const char *name, const void *bytes, size_t size)
{
    const struct socket_name to = name_of(name);
    struct socket_send send = { .to = &to, .context = &context };

    return send_with(file, &send, bytes, size);
}

/* With this file. */
static inline int64_t put_file(struct file *file, struct file *carried)
{
    struct socket_send send = { .rights = rights_create(1) };

    if (!send.rights)
        return -ENOMEM;
    file_reference(carried);
    rights_add(send.rights, carried);
    if (rights_charge(send.rights, who.user_id, UINT64_MAX) == 0)
        return send_with(file, &send, "x", 1);
    rights_free(send.rights);
    return -ENOMEM;
}

static inline int64_t get_with(struct file *file, struct socket_receive *receive, void *bytes,
                               size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return socket_receive(file, receive, &buffer);
}

static inline int64_t get_flags(struct file *file, void *bytes, size_t size, uint32_t flags)
{
    struct socket_receive receive = { .flags = flags };
    int64_t result = get_with(file, &receive, bytes, size);

    rights_free(receive.rights);
    return result;
}

static inline int64_t get(struct file *file, void *bytes, size_t size)
{
    return get_flags(file, bytes, size, 0);
}

static inline uint32_t events_of_file(struct file *file)
{
    return file->operations->poll(file, NULL);
}

static inline int set_option(struct file *file, int32_t number, int32_t value)
{
    const struct socket_option option = {
        .number = number, .size = sizeof(value), .value.number = value,
    };

    return socket_set_option(socket_of(file), &option);
}

#define OPTION_ERROR 4
#define OPTION_SEND_BUFFER 7
#define OPTION_PASS_CREDENTIALS 16
#define OPTION_RECEIVE_LOW 18
#define OPTION_RECEIVE_TIMEOUT 20
#define OPTION_PEEK_OFFSET 42

static inline int32_t get_option(struct file *file, int32_t number)
{
    struct socket_option option = { .number = number };

    ck_assert_int_eq(socket_get_option(socket_of(file), &option), 0);
    return option.value.number;
}

/* ---- Calls that wait ----------------------------------------------------------------------- */

/* A call in a thread of its own. */
struct call {
    struct file *file;
    const char *name;
    size_t size;
    struct file *accepted;
    int64_t result;
    bool is_done;
};

static inline void do_get(void *argument)
{
    static char bytes[1 << 20];
    struct call *call = argument;

    call->result = get_flags(call->file, bytes, call->size, 0);
    call->is_done = true;
}

static inline void do_put(void *argument)
{
    static char bytes[1 << 20];
    struct call *call = argument;

    call->result = put(call->file, bytes, call->size);
    call->is_done = true;
}

static inline void do_connect(void *argument)
{
    struct call *call = argument;

    call->result = connect_to(call->file, call->name);
    call->is_done = true;
}

static inline void do_accept(void *argument)
{
    struct call *call = argument;

    call->result = socket_accept(call->file, &context, OPEN_NONBLOCK, &call->accepted);
    call->is_done = true;
}

/* Begins the call, which waits. */
static inline struct thread *begin_call(void (*body)(void *), struct call *call)
{
    struct thread *thread = fake_thread_start("caller", body, call);

    fake_scheduler_run();
    ck_assert(!call->is_done);
    return thread;
}

static inline int64_t end_call(struct thread *thread, struct call *call)
{
    fake_scheduler_run();
    ck_assert(call->is_done);
    thread_release(thread);
    return call->result;
}

#pragma once
/* A terminal on a device of the test's own, threads that read and write it, and what else it
 * needs of the kernel: one process, signals that are written down. */

#include <stdio.h>
#include <string.h>

#include "fs/file.h"
#include "fs/poll.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "lib/container.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "process/relatives.h"
#include "signal/signal.h"
#include "tty/tty.h"

/* ---- What lies around a terminal, as far as it can see ------------------------------------- */

/* 1 and 2: a session's leader and a member in another group; 3 leads a session of its own. */
static struct process processes[] = {
    { .id = 1, .group_id = 1, .session_id = 1 },
    { .id = 2, .group_id = 2, .session_id = 1 },
    { .id = 3, .group_id = 3, .session_id = 3 },
};
static struct process *current = &processes[0];
static char sent[64];              /* "GROUP:SIGNAL " for each signal */
static signal_set blocked;
static uint64_t handler;           /* of all signals */
static bool is_orphaned, is_root;
static void (*leader_end)(struct process *leader);
static struct tty tty;

struct process *current_process(void)
{
    return current;
}

struct address_space *current_space(void)
{
    return NULL;
}

bool current_can(enum capability capability)
{
    (void)capability;
    return is_root;
}

static struct credentials acting;    /* the current process's */

struct credentials current_credentials(void)
{
    return acting;
}

struct process *process_find(int32_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(processes); i++) {
        if (processes[i].id == id)
            return &processes[i];
    }
    return NULL;
}

void process_release(struct process *process)
{
    ck_assert_ptr_nonnull(process);
}

void process_for_each(void (*visit)(struct process *process, void *context), void *argument)
{
    for (size_t i = 0; i < ARRAY_SIZE(processes); i++)
        visit(&processes[i], argument);
}

bool process_group_is_orphaned(void)
{
    return is_orphaned;
}

void process_set_leader_end(void (*ends)(struct process *leader))
{
    leader_end = ends;
}

signal_set signal_blocked(void)
{
    return blocked;
}

struct signal_action signal_action_read(struct signals *signals, int number)
{
    (void)signals;
    (void)number;
    return (struct signal_action){ .handler = handler };
}

unsigned signal_send_group(int32_t group_id, int number)
{
    size_t length = strlen(sent);

    if (group_id > 0)
        snprintf(sent + length, sizeof(sent) - length, "%d:%d ", group_id, number);
    return 1;
}

void signal_send_kernel(struct process *process, int number)
{
    (void)signal_send_group(-process->id, number);

    size_t length = strlen(sent);

    snprintf(sent + length, sizeof(sent) - length, "p%d:%d ", process->id, number);
}

static inline void has_sent(const char *text)
{
    ck_assert_str_eq(sent, text);
    sent[0] = '\0';
}

/* User memory is the test's own; the first page is not there. */
int user_copy_in(struct address_space *space, void *target, user_address source, size_t size)
{
    (void)space;
    if (source < 4096)
        return -EFAULT;
    memcpy(target, (const void *)(uintptr_t)source, size);
    return 0;
}

int user_copy_out(struct address_space *space, user_address target, const void *source,
                  size_t size)
{
    (void)space;
    if (target < 4096)
        return -EFAULT;
    memcpy((void *)(uintptr_t)target, source, size);
    return 0;
}

/* Buffers are kernel memory here. */
size_t user_copy_in_partial(struct address_space *space, void *target, user_address source,
                            size_t size)
{
    return user_copy_in(space, target, source, size) ? 0 : size;
}

size_t user_copy_out_partial(struct address_space *space, user_address target,
                             const void *source, size_t size)
{
    return user_copy_out(space, target, source, size) ? 0 : size;
}

size_t user_zero_partial(struct address_space *space, user_address target, size_t size)
{
    (void)space;
    memset((void *)(uintptr_t)target, 0, size);
    return size;
}

/* ---- The device ---------------------------------------------------------------------------- */

static const char *typed;          /* what is still to be read from it */
static char screen[20000];
static size_t screen_length, screen_room;

static inline size_t device_write(struct tty *of, const char *bytes, size_t size)
{
    ck_assert_ptr_eq(of, &tty);

    size_t taken = size < screen_room ? size : screen_room;

    ck_assert_uint_le(screen_length + taken, sizeof(screen) - 1);
    memcpy(screen + screen_length, bytes, taken);
    screen_length += taken;
    screen_room -= taken;
    return taken;
}

static inline int device_read(struct tty *of)
{
    ck_assert_ptr_eq(of, &tty);
    return *typed ? (unsigned char)*typed++ : -1;
}

static const struct tty_device device = {
    .write = device_write, .read = device_read, .is_external = true,
};
static struct file file;

static inline void type(const char *text)
{
    typed = text;
    tty_receive(&tty);
    fake_scheduler_run();
}

static inline void begin(void)
{
    fake_scheduler_init(1);
    memset(&tty, 0, sizeof(tty));
    memset(sent, 0, sizeof(sent));
    typed = "";
    screen_length = 0;
    screen_room = SIZE_MAX;
    tty_init(&tty, &device, 0x501);
    file = (struct file){ .operations = &tty_file_operations, .contents = &tty };
    tty_opened(&tty);
    job_control_init();
    tty_control_first(&tty, &processes[0], true);
}

static inline int64_t control(uint32_t request, const void *argument)
{
    return tty_control(&file, request, (uint64_t)(uintptr_t)argument);
}

static inline void set_raw(uint8_t minimum, uint8_t time)
{
    struct terminal_settings settings;

    ck_assert_int_eq(control(0x802c542a, &settings), 0);
    settings.local_flags &= ~(LOCAL_CANONICAL | LOCAL_ECHO);
    settings.characters[CHARACTER_MINIMUM] = minimum;
    settings.characters[CHARACTER_TIME] = time;
    ck_assert_int_eq(control(0x402c542b, &settings), 0);
}

/* ---- A thread that reads or writes --------------------------------------------------------- */

static struct call {
    char bytes[16384];
    size_t size;
    int64_t result;
    bool over;
} calls[2];

static inline void run(struct call *call, bool is_write)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)call->bytes, call->size };
    struct io_buffer buffer;
    uint64_t position = 0;

    io_buffer_init(&buffer, NULL, &segment, 1);
    call->result = is_write ? tty_file_operations.write(&file, &buffer, &position)
                            : tty_file_operations.read(&file, &buffer, &position);
    call->over = true;
}

static inline void read_thread(void *argument)
{
    run(argument, false);
}

static inline void write_thread(void *argument)
{
    run(argument, true);
}

static inline struct thread *start_read(struct call *call, size_t size)
{
    *call = (struct call){ .size = size };

    struct thread *thread = fake_thread_start("read", read_thread, call);

    fake_scheduler_run();
    return thread;
}

static inline struct thread *start_write(struct call *call, const char *text)
{
    *call = (struct call){ .size = strlen(text) };
    memcpy(call->bytes, text, call->size);

    struct thread *thread = fake_thread_start("write", write_thread, call);

    fake_scheduler_run();
    return thread;
}

static inline void gives(struct call *call, int64_t result, const char *bytes)
{
    ck_assert(call->over);
    ck_assert_int_eq(call->result, result);
    if (bytes)
        ck_assert_mem_eq(call->bytes, bytes, strlen(bytes));
}

static inline void shows(const char *text)
{
    screen[screen_length] = '\0';
    ck_assert_str_eq(screen, text);
    screen_length = 0;
}

#pragma once
/*
 * For tests of what happens in a process: the real scheduler on the fake machine, one process
 * with an address space, and a thread of it that runs the test's body.
 *
 *     static void body(void) { ... current_process(), system calls ... }
 *     START_TEST(name) { fixture_run(body); } END_TEST
 *
 * Signal frames are not built but noted (`fixture_frames`), unless the test puts another abi in
 * place.  When the process ends, fixture_run returns and fixture_halted says so.
 */
#include <string.h>

#include "fs/file_table.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "ipc/ipc_table.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "process/clone.h"
#include "process/namespaces.h"
#include "process/places.h"
#include "process/process_internal.h"
#include "sched/scheduler.h"
#include "signal/signal.h"

#define FIXTURE_FRAMES_MAX 64
#define FIXTURE_DATA UINT64_C(0x10000000)    /* 16 pages, readable and writable */
#define FIXTURE_DATA_SIZE (16 * 4096)
#define FIXTURE_RESUME_NUMBER 219

static struct process *fixture_process;
static struct signal_delivery fixture_frames[FIXTURE_FRAMES_MAX];
static unsigned fixture_frame_count;
static int fixture_frame_error;
static bool fixture_halted;
static int fixture_status;

static int fixture_push_frame(struct thread *thread, const struct signal_delivery *delivery)
{
    (void)thread;
    if (fixture_frame_error)
        return fixture_frame_error;
    ck_assert_uint_lt(fixture_frame_count, FIXTURE_FRAMES_MAX);
    fixture_frames[fixture_frame_count++] = *delivery;
    return 0;
}

static struct abi fixture_abi = {
    .name = "test",
    .resume_number = FIXTURE_RESUME_NUMBER,
    .push_signal_frame = fixture_push_frame,
};

static void fixture_halt(enum machine_halt why, int status)
{
    if (why == MACHINE_HALT_PANIC)
        abort();
    fixture_halted = true;
    fixture_status = status;
    thread_exit();    /* back to the test, when nothing else is ready */
}

static int32_t fixture_process_id(void)
{
    return current_process()->id;
}

static void fixture_begin(void)
{
    const struct map_request request = {
        .address = FIXTURE_DATA,
        .length = FIXTURE_DATA_SIZE,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS,
    };
    const struct path nowhere = { NULL, NULL };
    user_address address;

    fake_scheduler_init(1);
    ipc_init(fixture_process_id);
    fake_machine.halt = fixture_halt;
    fixture_process = process_create();
    ck_assert_ptr_nonnull(fixture_process);
    fixture_process->abi = &fixture_abi;
    ck_assert_int_eq(address_space_create(&fixture_process->space), 0);
    ck_assert_int_eq(file_table_create(&fixture_process->beginning.files), 0);
    fixture_process->beginning.namespaces = namespaces_first();
    ck_assert_int_eq(places_create(&nowhere, &nowhere, 0, &fixture_process->beginning.places), 0);
    ck_assert_int_eq(address_space_map(fixture_process->space, &request, &address), 0);
}

/* A thread of the process; the reference is the caller's. */
__attribute__((unused)) static struct thread *fixture_thread(void (*entry)(void *argument))
{
    struct thread *thread;

    ck_assert_int_eq(process_thread_create(fixture_process, "test", entry, &thread), 0);
    if (fixture_process->id) {
        ck_assert_int_eq(shares_inherit(&user_thread_of(thread)->shares,
                                        CLONE_FILES | CLONE_PLACES), 0);
    } else {
        user_thread_of(thread)->shares = fixture_process->beginning;
        fixture_process->beginning = (struct thread_shares){ .files = NULL };
    }
    process_thread_add(fixture_process, thread);
    if (!fixture_process->id) {
        process_take_id(fixture_process, thread);
        fixture_process->group_id = thread->id;
        ck_assert(process_begin(fixture_process, false));
    }
    thread_start(thread);
    return thread;
}

static void (*fixture_body)(void);

static void fixture_entry(void *argument)
{
    (void)argument;
    fixture_body();
    process_exit_all(0);
}

__attribute__((unused)) static void fixture_run(void (*body)(void))
{
    fixture_body = body;
    fixture_begin();
    thread_release(fixture_thread(fixture_entry));
    fake_scheduler_run();
}

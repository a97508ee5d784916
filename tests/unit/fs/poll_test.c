/* Waiting on many files: ready at once, woken, timed out, interrupted; many queues a file. */
#include "fs/poll.h"

#include "fs/file.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/page.h"
#include "sched/thread.h"

#define FILES 40

/* A file whose events are a variable, with two queues as a terminal has. */
struct source {
    struct file file;
    struct wait_queue readers, writers;
    uint32_t events;
    unsigned looks;
};

static struct source sources[FILES];
static struct poll_request requests[FILES];
static uint32_t request_count;
static uint64_t deadline;
static int result;
static bool over;

static uint32_t source_poll(struct file *file, struct poll_table *table)
{
    struct source *source = CONTAINER_OF(file, struct source, file);

    poll_table_add(table, &source->readers);
    poll_table_add(table, &source->writers);
    source->looks++;
    return source->events;
}

static const struct file_operations source_operations = { .poll = source_poll };
static const struct file_operations plain_operations = { 0 };

static void begin(void)
{
    fake_scheduler_init(1);
    over = false;
    deadline = WAIT_FOREVER;
    request_count = FILES;
    for (unsigned i = 0; i < FILES; i++) {
        sources[i] = (struct source){ .file = { .operations = &source_operations } };
        wait_queue_init(&sources[i].readers);
        wait_queue_init(&sources[i].writers);
        requests[i] = (struct poll_request){ .file = &sources[i].file, .events = POLL_READABLE };
    }
}

static void wait(void *argument)
{
    (void)argument;
    result = poll_wait(requests, request_count, deadline);
    over = true;
}

static struct thread *start(void)
{
    struct thread *thread = fake_thread_start("poll", wait, NULL);

    fake_scheduler_run();
    return thread;
}

static void finish(struct thread *thread)
{
    ck_assert(over);
    for (unsigned i = 0; i < FILES; i++) {
        ck_assert(list_is_empty(&sources[i].readers.waiters));
        ck_assert(list_is_empty(&sources[i].writers.waiters));
    }
    thread_release(thread);
}

static void change(unsigned index, uint32_t events, struct wait_queue *queue)
{
    sources[index].events = events;
    wait_queue_wake_all(queue);
    fake_scheduler_run();
}

START_TEST(poll_returns_at_once_what_is_ready)
{
    struct thread *thread;

    begin();
    sources[3].events = POLL_READABLE | POLL_WRITABLE;
    sources[7].events = POLL_READABLE;
    sources[9].events = POLL_WRITABLE;
    thread = start();
    ck_assert_int_eq(result, 2);
    ck_assert_uint_eq(requests[3].returned, POLL_READABLE);
    ck_assert_uint_eq(requests[7].returned, POLL_READABLE);
    ck_assert_uint_eq(requests[9].returned, 0);
    ck_assert_uint_eq(sources[0].looks, 1);
    finish(thread);
}
END_TEST

START_TEST(poll_waits_until_a_file_is_ready)
{
    struct thread *thread;

    begin();
    thread = start();
    ck_assert(!over);
    ck_assert_int_eq(thread->waiting_for.kind, WAIT_POLL);
    change(5, POLL_READABLE, &sources[5].writers);
    ck_assert_int_eq(result, 1);
    ck_assert_uint_eq(requests[5].returned, POLL_READABLE);
    finish(thread);
}
END_TEST

START_TEST(poll_goes_on_after_a_wake_up_for_nothing)
{
    struct thread *thread;

    begin();
    thread = start();
    for (int i = 0; i < 3; i++) {
        change(5, POLL_WRITABLE, &sources[5].readers);
        ck_assert(!over);
    }
    change(5, POLL_READABLE, &sources[5].readers);
    ck_assert_int_eq(result, 1);
    finish(thread);
}
END_TEST

START_TEST(poll_times_out)
{
    struct thread *thread;

    begin();
    deadline = machine_time_ns() + 1000;
    thread = start();
    ck_assert(!over);
    fake_machine_advance(999);
    fake_scheduler_run();
    ck_assert(!over);
    fake_machine_advance(1);
    fake_scheduler_run();
    ck_assert_int_eq(result, 0);
    finish(thread);
}
END_TEST

START_TEST(poll_without_time_does_not_wait)
{
    struct thread *thread;

    begin();
    deadline = 0;
    thread = start();
    ck_assert_int_eq(result, 0);
    ck_assert_uint_eq(sources[0].looks, 1);
    finish(thread);
}
END_TEST

START_TEST(poll_ends_with_a_signal)
{
    struct thread *thread;

    begin();
    thread = start();
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(result, -EINTR);
    finish(thread);
}
END_TEST

START_TEST(poll_prefers_what_is_ready_to_a_signal)
{
    struct thread *thread;

    begin();
    thread = start();
    sources[1].events = POLL_READABLE;
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(result, 1);
    finish(thread);
}
END_TEST

START_TEST(poll_of_nothing_is_a_sleep)
{
    struct thread *thread;

    begin();
    request_count = 0;
    deadline = machine_time_ns() + 50;
    thread = start();
    ck_assert(!over);
    fake_machine_advance(50);
    fake_scheduler_run();
    ck_assert_int_eq(result, 0);
    finish(thread);
}
END_TEST

START_TEST(poll_knows_plain_and_invalid_files)
{
    struct thread *thread;

    begin();
    for (unsigned i = 0; i < FILES; i++)
        requests[i] = (struct poll_request){ .file = NULL };
    sources[0].file.operations = &plain_operations;
    requests[0] = (struct poll_request){ .file = &sources[0].file, .events = POLL_WRITABLE };
    requests[1].is_invalid = true;
    thread = start();
    ck_assert_int_eq(result, 2);
    ck_assert_uint_eq(requests[0].returned, POLL_WRITABLE);
    ck_assert_uint_eq(requests[1].returned, POLL_INVALID);
    ck_assert_uint_eq(requests[2].returned, 0);
    finish(thread);
}
END_TEST

START_TEST(poll_asks_for_exactly_the_wanted_events)
{
    struct thread *thread;

    begin();
    sources[0].events = POLL_HANGUP | POLL_ERROR;
    thread = start();
    ck_assert(!over);
    requests[0].events |= POLL_HANGUP;
    change(1, 0, &sources[1].readers);
    ck_assert_int_eq(result, 1);
    ck_assert_uint_eq(requests[0].returned, POLL_HANGUP);
    finish(thread);
}
END_TEST

START_TEST(poll_without_memory_for_its_table_fails)
{
    struct thread *thread;

    begin();
    thread = fake_thread_start("poll", wait, NULL);
    while (page_allocate(PAGE_DIRTY))
        ;
    fake_scheduler_run();
    ck_assert_int_eq(result, -ENOMEM);
    finish(thread);
}
END_TEST

TEST_MAIN("fs/poll", poll_returns_at_once_what_is_ready, poll_waits_until_a_file_is_ready,
          poll_goes_on_after_a_wake_up_for_nothing, poll_times_out,
          poll_without_time_does_not_wait, poll_ends_with_a_signal,
          poll_prefers_what_is_ready_to_a_signal, poll_of_nothing_is_a_sleep,
          poll_knows_plain_and_invalid_files, poll_asks_for_exactly_the_wanted_events,
          poll_without_memory_for_its_table_fails)

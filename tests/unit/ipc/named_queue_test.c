/* Message queues with names: order, waiting on both sides, being told, names and limits. */
#include "ipc/named_queue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/file.h"
#include "fs/fs_init.h"
#include "fs/poll.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "ipc/ipc_table.h"
#include "memory/pool.h"
#include "sched/thread.h"
#include "sync/wait_queue.h"
#include "time/clock.h"

#define MESSAGES 3

static const struct credentials root = CREDENTIALS_OF_ROOT;
static const struct credentials user = { .user_id = 7, .effective_user_id = 7, .file_user_id = 7 };
static const struct named_queue_wait at_once = { false, WAIT_FOREVER };
static const struct named_queue_wait for_ever = { true, WAIT_FOREVER };

static struct file *file;
static struct named_queue *queue;

static int32_t own_process(void)
{
    return 5;
}

static int open_as(const struct credentials *who, const char *name, uint32_t flags,
                   const struct named_queue_limits *limits, struct file **opened)
{
    const struct named_queue_request request = {
        .name = name,
        .flags = flags,
        .mode = 0600,
        .limits = limits,
        .credentials = who,
        .bytes_max = 100000,
    };

    return named_queue_open(&request, opened);
}

static int open_queue(const char *name, uint32_t flags, struct file **opened)
{
    static const struct named_queue_limits limits = { MESSAGES, 16 };

    return open_as(&user, name, flags | OPEN_READ_WRITE, &limits, opened);
}

static void begin(void)
{
    fake_scheduler_init(1);
    fs_init();
    ipc_init(own_process);
    named_queues_init();
    ck_assert_int_eq(open_queue("q", OPEN_CREATE, &file), 0);
    queue = named_queue_of(file);
    ck_assert_ptr_nonnull(queue);
}

static void add_queues(const struct pool *pool, void *count)
{
    if (strcmp(pool->name, "named queue") == 0)
        *(size_t *)count += pool->in_use;
}

static size_t queues_allocated(void)
{
    size_t count = 0;

    pool_for_each(add_queues, &count);
    return count;
}

static int send(uint32_t priority, char letter, const struct named_queue_wait *wait)
{
    struct named_message *message;
    int error;

    ck_assert_int_eq(named_message_create(1, &message), 0);
    message->priority = priority;
    message->bytes[0] = (uint8_t)letter;
    error = named_queue_send(queue, message, wait);
    if (error)
        named_message_free(message);
    return error;
}

/* The letter, or an error. */
static int receive(const struct named_queue_wait *wait)
{
    struct named_message *message;
    int result = named_queue_receive(queue, wait, &message);

    if (result)
        return result;
    result = message->bytes[0];
    named_message_free(message);
    return result;
}

START_TEST(messages_go_out_by_priority_then_by_age)
{
    begin();
    ck_assert_int_eq(receive(&at_once), -EAGAIN);
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    ck_assert_int_eq(send(9, 'b', &at_once), 0);
    ck_assert_int_eq(send(1, 'c', &at_once), 0);
    ck_assert_int_eq(send(9, 'd', &at_once), -EAGAIN);    /* full */
    ck_assert_int_eq(named_queue_count(queue), MESSAGES);
    ck_assert_int_eq(receive(&at_once), 'b');
    ck_assert_int_eq(receive(&at_once), 'a');
    ck_assert_int_eq(receive(&at_once), 'c');
    ck_assert_int_eq(named_queue_count(queue), 0);
}
END_TEST

START_TEST(what_is_left_goes_with_the_queue)
{
    begin();
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    ck_assert_int_eq(named_queue_unlink("q", &user), 0);
    ck_assert_int_eq(receive(&at_once), 'a');    /* it is still open */
    ck_assert_int_eq(send(1, 'b', &at_once), 0);
    ck_assert_uint_eq(queues_allocated(), 1);
    file_release(file);
    ck_assert_uint_eq(queues_allocated(), 0);
    ck_assert_int_eq(open_queue("kept", OPEN_CREATE, &file), 0);
    file_release(file);
    ck_assert_uint_eq(queues_allocated(), 1);
    named_queues_end(0);
    ck_assert_uint_eq(queues_allocated(), 0);
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

static struct caller {
    struct named_queue_wait wait;
    char letter;    /* to send; 0: it receives */
    int result;
    bool is_over;
} callers[4];

static void call(void *argument)
{
    struct caller *caller = argument;

    caller->result = caller->letter ? send(1, caller->letter, &caller->wait)
                                    : receive(&caller->wait);
    caller->is_over = true;
}

static struct thread *start(unsigned index, char letter, const struct named_queue_wait *wait)
{
    struct thread *thread;

    callers[index] = (struct caller){ .wait = *wait, .letter = letter };
    thread = fake_thread_start("caller", call, &callers[index]);
    fake_scheduler_run();
    return thread;
}

START_TEST(receivers_are_served_in_turn)
{
    begin();
    thread_release(start(0, 0, &for_ever));
    thread_release(start(1, 0, &for_ever));
    ck_assert(!callers[0].is_over);
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    fake_scheduler_run();
    ck_assert_int_eq(callers[0].result, 'a');
    ck_assert(!callers[1].is_over);
    ck_assert_int_eq(send(1, 'b', &at_once), 0);
    fake_scheduler_run();
    ck_assert_int_eq(callers[1].result, 'b');
}
END_TEST

START_TEST(a_full_queue_keeps_senders)
{
    begin();
    for (char letter = 'a'; letter < 'a' + MESSAGES; letter++)
        ck_assert_int_eq(send(1, letter, &at_once), 0);
    thread_release(start(0, 'x', &for_ever));
    thread_release(start(1, 'y', &for_ever));
    ck_assert_int_eq(receive(&at_once), 'a');
    fake_scheduler_run();
    ck_assert(callers[0].is_over && !callers[1].is_over);
    ck_assert_int_eq(named_queue_count(queue), MESSAGES);
    ck_assert_int_eq(receive(&at_once), 'b');
    fake_scheduler_run();
    ck_assert(callers[1].is_over);
    ck_assert_int_eq(receive(&at_once), 'c');
    ck_assert_int_eq(receive(&at_once), 'x');
}
END_TEST

START_TEST(time_and_signals_end_a_wait)
{
    const struct named_queue_wait until = { true, 0 };
    struct named_queue_wait soon = until;
    struct thread *thread;

    begin();
    ck_assert_int_eq(receive(&until), -ETIMEDOUT);    /* past: at once */
    soon.until_ns = clock_real_ns() + 1000000;
    thread_release(start(0, 0, &soon));
    fake_machine_advance(2000000);
    fake_scheduler_run();
    ck_assert_int_eq(callers[0].result, -ETIMEDOUT);
    thread = start(1, 0, &for_ever);
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert_int_eq(callers[1].result, -EINTR);
    thread_release(thread);
    ck_assert_int_eq(send(1, 'a', &at_once), 0);    /* nobody takes it */
    fake_scheduler_run();
    ck_assert_int_eq(named_queue_count(queue), 1);
}
END_TEST

START_TEST(a_wait_until_a_time_follows_the_clock)
{
    struct named_queue_wait until = { true, 0 };

    begin();
    until.until_ns = clock_real_ns() + 1000000;
    thread_release(start(0, 0, &until));
    clock_set_real_ns(clock_real_ns() - 5000000);
    fake_machine_advance(2000000);
    fake_scheduler_run();
    ck_assert(!callers[0].is_over);
    clock_set_real_ns(until.until_ns);
    fake_scheduler_run();
    ck_assert(callers[0].is_over);
    ck_assert_int_eq(callers[0].result, -ETIMEDOUT);
}
END_TEST

/* A message comes at the moment when a signal ends the wait: it is not lost. */
START_TEST(a_message_counts_more_than_a_signal)
{
    struct thread *thread;

    begin();
    thread = start(0, 0, &for_ever);
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    thread_interrupt(thread, THREAD_WORK_SIGNAL);
    fake_scheduler_run();
    ck_assert_int_eq(callers[0].result, 'a');
    thread_release(thread);
}
END_TEST

/* ---- Being told ---------------------------------------------------------------------------- */

struct notice {
    struct named_queue_notice notice;
    unsigned arrived, released;
    bool is_stale;
};

static void arrived(struct named_queue_notice *notice)
{
    ((struct notice *)notice)->arrived++;
}

static void released(struct named_queue_notice *notice)
{
    ((struct notice *)notice)->released++;
}

static bool is_stale(struct named_queue_notice *notice)
{
    return ((struct notice *)notice)->is_stale;
}

static struct notice notice_of(int32_t owner)
{
    return (struct notice){ .notice = { owner, arrived, is_stale, released } };
}

START_TEST(one_is_told_once_of_a_message_to_an_empty_queue)
{
    struct notice first = notice_of(1), second = notice_of(2);

    begin();
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    ck_assert_int_eq(named_queue_notify(queue, &first.notice), 0);
    ck_assert_int_eq(named_queue_notify(queue, &second.notice), -EBUSY);
    ck_assert_int_eq(send(1, 'b', &at_once), 0);
    ck_assert_uint_eq(first.arrived, 0);    /* it was not empty */
    ck_assert_int_eq(receive(&at_once), 'a');
    ck_assert_int_eq(receive(&at_once), 'b');
    ck_assert_int_eq(send(1, 'c', &at_once), 0);
    ck_assert_uint_eq(first.arrived, 1);
    ck_assert_uint_eq(first.released, 1);
    ck_assert_int_eq(receive(&at_once), 'c');
    ck_assert_int_eq(send(1, 'd', &at_once), 0);
    ck_assert_uint_eq(first.arrived, 1);
}
END_TEST

START_TEST(who_waits_for_a_message_gets_it_and_nobody_is_told)
{
    struct notice notice = notice_of(1);

    begin();
    ck_assert_int_eq(named_queue_notify(queue, &notice.notice), 0);
    thread_release(start(0, 0, &for_ever));
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    fake_scheduler_run();
    ck_assert_int_eq(callers[0].result, 'a');
    ck_assert_uint_eq(notice.arrived, 0);
    named_queue_forget(queue, 2);    /* another's */
    ck_assert_uint_eq(notice.released, 0);
    named_queue_forget(queue, 1);
    ck_assert_uint_eq(notice.released, 1);
    ck_assert_int_eq(send(1, 'b', &at_once), 0);
    ck_assert_uint_eq(notice.arrived, 0);
}
END_TEST

START_TEST(a_notice_whose_owner_has_ended_gives_way)
{
    struct notice old = notice_of(1), new = notice_of(own_process());

    begin();
    ck_assert_int_eq(named_queue_notify(queue, &old.notice), 0);
    old.is_stale = true;
    ck_assert_int_eq(named_queue_notify(queue, &new.notice), 0);
    ck_assert_uint_eq(old.released, 1);
    file->operations->descriptor_closed(file);    /* of the process that asked */
    ck_assert_uint_eq(new.released, 1);
    ck_assert_uint_eq(new.arrived, 0);
}
END_TEST

/* ---- As files, names and limits ------------------------------------------------------------ */

START_TEST(polls_see_messages_and_room)
{
    begin();
    ck_assert_uint_eq(file_poll(file, NULL), POLL_WRITABLE | POLL_WRITE_NORMAL);
    ck_assert_int_eq(send(1, 'a', &at_once), 0);
    ck_assert_uint_eq(file_poll(file, NULL), POLL_READABLE | POLL_READ_NORMAL | POLL_WRITABLE |
                                                 POLL_WRITE_NORMAL);
    ck_assert_int_eq(send(1, 'b', &at_once), 0);
    ck_assert_int_eq(send(1, 'c', &at_once), 0);
    ck_assert_uint_eq(file_poll(file, NULL), POLL_READABLE | POLL_READ_NORMAL);
}
END_TEST

START_TEST(names_are_those_of_a_directory)
{
    static const struct credentials stranger = { .user_id = 8, .effective_user_id = 8,
                                                 .file_user_id = 8 };
    char long_name[NAME_MAX + 2];
    struct file *other;

    begin();
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[NAME_MAX + 1] = '\0';
    ck_assert_int_eq(open_queue(long_name, OPEN_CREATE, &other), -ENAMETOOLONG);
    ck_assert_int_eq(open_queue("a/b", OPEN_CREATE, &other), -EACCES);
    ck_assert_int_eq(open_queue("..", OPEN_CREATE, &other), -EACCES);
    ck_assert_int_eq(open_queue("none", 0, &other), -ENOENT);
    ck_assert_int_eq(open_queue("q", OPEN_CREATE | OPEN_EXCLUSIVE, &other), -EEXIST);
    ck_assert_int_eq(open_as(&stranger, "q", OPEN_READ_WRITE, NULL, &other), -EACCES);
    ck_assert_int_eq(named_queue_unlink("q", &stranger), -EPERM);
    ck_assert_int_eq(named_queue_unlink("none", &user), -ENOENT);
    ck_assert_int_eq(open_queue("q", OPEN_CREATE, &other), 0);
    ck_assert_ptr_eq(named_queue_of(other), queue);
    file_release(other);
}
END_TEST

START_TEST(limits_depend_on_who_asks)
{
    const struct named_queue_limits none = { 0, 8 }, empty = { 1, 0 };
    const struct named_queue_limits large = { NAMED_QUEUE_MESSAGES + 1, 8 };
    struct named_queue_limits usual;
    struct file *other;

    begin();
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &none, &other), -EINVAL);
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &empty, &other), -EINVAL);
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &large, &other), -EINVAL);
    ck_assert_int_eq(open_as(&root, "a", OPEN_CREATE, &large, &other), 0);
    file_release(other);
    ck_assert_int_eq(open_as(&user, "b", OPEN_CREATE, NULL, &other), 0);
    usual = named_queue_limits(named_queue_of(other));
    ck_assert_int_eq(usual.messages, NAMED_QUEUE_MESSAGES);
    ck_assert_int_eq(usual.size, NAMED_QUEUE_SIZE);
    file_release(other);
    ck_assert_int_eq(open_as(&user, "c", OPEN_CREATE, NULL, &other), -EMFILE);    /* bytes_max */
    ck_assert_int_eq(named_queue_unlink("b", &user), 0);
    ck_assert_int_eq(open_as(&user, "c", OPEN_CREATE, NULL, &other), 0);
    file_release(other);
}
END_TEST

START_TEST(limits_can_be_set)
{
    const struct named_queue_limits most = { 3, 130 }, more = { 4, 130 }, larger = { 3, 131 };
    struct named_queue_limits usual;
    struct file *other, *unlinked;

    begin();
    ck_assert_int_eq(named_queue_set(QUEUE_MESSAGES_MOST, 0), -EINVAL);
    ck_assert_int_eq(named_queue_set(QUEUE_SIZE_USUAL, NAMED_QUEUE_SIZE_MIN - 1), -EINVAL);
    ck_assert_int_eq(named_queue_set(QUEUE_SIZE_MOST, NAMED_QUEUE_SIZE_MAX + 1), -EINVAL);
    ck_assert_int_eq(named_queue_set(QUEUE_MESSAGES_MOST, 3), 0);
    ck_assert_int_eq(named_queue_set(QUEUE_SIZE_MOST, 130), 0);
    ck_assert_int_eq(named_queue_set(QUEUE_SIZE_USUAL, 129), 0);
    ck_assert_int_eq(named_queue_set(QUEUE_COUNT_MOST, 2), 0);    /* one is there */
    ck_assert_int_eq(named_queue_setting(QUEUE_SIZE_USUAL), 129);
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &more, &other), -EINVAL);
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &larger, &other), -EINVAL);
    ck_assert_int_eq(open_as(&user, "a", OPEN_CREATE, &most, &other), 0);
    file_release(other);
    ck_assert_int_eq(named_queue_unlink("a", &user), 0);
    ck_assert_int_eq(open_as(&user, "b", OPEN_CREATE, NULL, &unlinked), 0);
    usual = named_queue_limits(named_queue_of(unlinked));
    ck_assert_int_eq(usual.messages, 3);
    ck_assert_int_eq(usual.size, 129);
    ck_assert_int_eq(named_queue_unlink("b", &user), 0);
    ck_assert_int_eq(open_as(&user, "c", OPEN_CREATE, &most, &other), -ENOSPC);
    file_release(unlinked);
    ck_assert_int_eq(open_as(&user, "c", OPEN_CREATE, &most, &other), 0);
    file_release(other);
}
END_TEST

START_TEST(so_many_queues_and_no_more)
{
    const struct named_queue_limits small = { 1, 1 };
    struct file *other;
    char name[16];

    begin();
    for (unsigned i = 1; i < NAMED_QUEUES_MAX; i++) {
        snprintf(name, sizeof(name), "%u", i);
        ck_assert_int_eq(open_as(&user, name, OPEN_CREATE, &small, &other), 0);
        file_release(other);
    }
    ck_assert_int_eq(open_as(&user, "more", OPEN_CREATE, &small, &other), -ENOSPC);
    ck_assert_int_eq(open_as(&root, "more", OPEN_CREATE, &small, &other), 0);
    file_release(other);
}
END_TEST

TEST_MAIN("ipc/named_queue", messages_go_out_by_priority_then_by_age,
          what_is_left_goes_with_the_queue, receivers_are_served_in_turn,
          a_full_queue_keeps_senders, time_and_signals_end_a_wait,
          a_wait_until_a_time_follows_the_clock, a_message_counts_more_than_a_signal,
          one_is_told_once_of_a_message_to_an_empty_queue,
          who_waits_for_a_message_gets_it_and_nobody_is_told,
          a_notice_whose_owner_has_ended_gives_way, polls_see_messages_and_room,
          names_are_those_of_a_directory, limits_depend_on_who_asks, limits_can_be_set,
          so_many_queues_and_no_more)

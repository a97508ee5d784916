/*
 * epoll without programs: what is reported when, who is woken, limits, memory that runs out, queues
 * and files that go, rows of epolls.
 */
#include "fs/epoll.h"

#include "fs/anonymous_file.h"
#include "fs/epoll_internal.h"
#include "fs/file.h"
#include "fs/fs_init.h"
#include "fs/poll.h"
#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "sched/thread.h"
#include "sync/mutex.h"

#define ROOM 8

/* A file whose events are a variable, with two queues. */
struct source {
    struct wait_queue readers, writers;
    uint32_t events;
    unsigned looks;
};

static struct source sources[ROOM];
static struct file *files[ROOM];
static struct file *epoll;
static struct epoll_event events[ROOM];
static uint64_t deadline;
static size_t objects_before;

/* Of threads that wait. */
static int64_t result;
static unsigned over;

static uint32_t source_poll(struct file *file, struct poll_table *table)
{
    struct source *source = file->contents;

    poll_table_add(table, &source->readers);
    poll_table_add(table, &source->writers);
    source->looks++;
    return source->events;
}

static const struct file_operations source_operations = { .poll = source_poll };
static const struct file_operations plain_operations = { 0 };

static void add_objects(const struct pool *pool, void *count)
{
    *(size_t *)count += pool->in_use;
}

static size_t count_objects(void)
{
    size_t count = 0;

    pool_for_each(add_objects, &count);
    return count;
}

static struct file *open_source(struct source *source, const struct file_operations *operations)
{
    struct file *file;

    ck_assert_int_eq(anonymous_file_create(operations, "source", 0, source, &file), 0);
    return file;
}

static void begin(void)
{
    fake_scheduler_init(1);
    fs_init();
    objects_before = count_objects();
    deadline = WAIT_FOREVER;
    over = 0;
    ck_assert_int_eq(epoll_create(7, &epoll), 0);
    for (unsigned i = 0; i < ROOM; i++) {
        sources[i] = (struct source){ .events = 0 };
        wait_queue_init(&sources[i].readers);
        wait_queue_init(&sources[i].writers);
        files[i] = open_source(&sources[i], &source_operations);
    }
}

static void finish(void)
{
    for (unsigned i = 0; i < ROOM; i++)
        file_release(files[i]);
    file_release(epoll);
    for (unsigned i = 0; i < ROOM; i++) {
        ck_assert(list_is_empty(&sources[i].readers.waiters));
        ck_assert(list_is_empty(&sources[i].writers.waiters));
    }
    ck_assert_uint_eq(count_objects(), objects_before);
}

static int control(int operation, unsigned index, uint32_t wanted)
{
    const struct epoll_request request = {
        .operation = operation, .target = files[index], .fd = (int32_t)index,
        .event = { .events = wanted, .data = index },
    };

    return epoll_control(epoll, &request);
}

static int watch_epoll(struct file *watcher, struct file *target)
{
    const struct epoll_request request = {
        .operation = EPOLL_ADD, .target = target, .fd = 100, .event = { POLL_READABLE, 100 },
    };

    return epoll_control(watcher, &request);
}

static int64_t wait_with_room(unsigned room, uint64_t until)
{
    const struct io_segment segment = { (uintptr_t)events, room * sizeof(events[0]) };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return epoll_wait(epoll, &buffer, until);
}

static int64_t look(void)
{
    return wait_with_room(ROOM, 0);
}

static void wait(void *argument)
{
    (void)argument;
    result = wait_with_room(1, deadline);
    over++;
}

static void change(unsigned index, uint32_t now, uint32_t told)
{
    sources[index].events = now;
    if (told)
        wait_queue_wake_for(&sources[index].readers, told);
    else
        wait_queue_wake_all(&sources[index].readers);
    fake_scheduler_run();
}

/* ---- What is reported ---------------------------------------------------------------------- */

START_TEST(level_is_reported_while_it_lasts)
{
    begin();
    ck_assert_int_eq(control(EPOLL_ADD, 2, POLL_READABLE), 0);
    ck_assert_int_eq(look(), 0);
    change(2, POLL_READABLE, POLL_READABLE);
    ck_assert_int_eq(look(), 1);
    ck_assert_uint_eq(events[0].data, 2);
    ck_assert_uint_eq(events[0].events, POLL_READABLE);
    ck_assert_int_eq(look(), 1);
    sources[2].events = 0;
    ck_assert_int_eq(look(), 0);
    finish();
}
END_TEST

START_TEST(edge_is_reported_once_and_only_for_wanted_events)
{
    begin();
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_EDGE), 0);
    change(0, POLL_READABLE, POLL_READABLE);
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(look(), 0);
    change(0, POLL_READABLE, POLL_WRITABLE);
    ck_assert_int_eq(look(), 0);
    change(0, POLL_READABLE, 0);
    ck_assert_int_eq(look(), 1);
    finish();
}
END_TEST

START_TEST(what_is_not_ready_is_not_polled)
{
    begin();
    for (unsigned i = 0; i < ROOM; i++)
        ck_assert_int_eq(control(EPOLL_ADD, i, POLL_READABLE), 0);
    for (unsigned i = 0; i < ROOM; i++)
        sources[i].looks = 0;
    change(3, POLL_READABLE, POLL_READABLE);
    ck_assert_int_eq(look(), 1);
    for (unsigned i = 0; i < ROOM; i++)
        ck_assert_uint_eq(sources[i].looks, i == 3);
    finish();
}
END_TEST

START_TEST(one_shot_sleeps_until_it_is_changed)
{
    begin();
    sources[0].events = POLL_READABLE;
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_ONE_SHOT), 0);
    ck_assert_int_eq(look(), 1);
    change(0, POLL_READABLE | POLL_HANGUP, 0);
    ck_assert_int_eq(look(), 0);
    ck_assert_int_eq(control(EPOLL_CHANGE, 0, POLL_READABLE), 0);
    ck_assert_int_eq(look(), 1);
    ck_assert_uint_eq(events[0].events, POLL_READABLE | POLL_HANGUP);
    finish();
}
END_TEST

START_TEST(little_room_gives_all_a_turn)
{
    unsigned seen[3] = { 0 };

    begin();
    for (unsigned i = 0; i < 3; i++) {
        sources[i].events = POLL_READABLE;
        ck_assert_int_eq(control(EPOLL_ADD, i, POLL_READABLE), 0);
    }
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_int_eq(wait_with_room(1, 0), 1);
        seen[events[0].data]++;
    }
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(seen[i], 2);
    finish();
}
END_TEST

/* ---- What may be watched ------------------------------------------------------------------- */

START_TEST(wrong_requests_fail)
{
    struct file *plain;
    struct epoll_request request = { .operation = EPOLL_ADD };

    begin();
    plain = open_source(NULL, &plain_operations);
    request.target = plain;
    ck_assert_int_eq(epoll_control(epoll, &request), -EPERM);
    request.target = files[0];
    ck_assert_int_eq(epoll_control(files[1], &request), -EINVAL);
    request.target = epoll;
    ck_assert_int_eq(epoll_control(epoll, &request), -EINVAL);
    ck_assert_int_eq(control(EPOLL_REMOVE, 0, 0), -ENOENT);
    ck_assert_int_eq(control(EPOLL_CHANGE, 0, 0), -ENOENT);
    ck_assert_int_eq(control(9, 0, 0), -EINVAL);
    ck_assert_int_eq(control(EPOLL_ADD, 0, 0), 0);
    ck_assert_int_eq(control(EPOLL_ADD, 0, 0), -EEXIST);
    ck_assert_int_eq(control(EPOLL_CHANGE, 0, EPOLL_EXCLUSIVE), -EINVAL);
    ck_assert_int_eq(control(EPOLL_ADD, 1, EPOLL_EXCLUSIVE | EPOLL_ONE_SHOT), -EINVAL);
    ck_assert_int_eq(control(EPOLL_ADD, 1, EPOLL_EXCLUSIVE | POLL_READABLE), 0);
    ck_assert_int_eq(control(EPOLL_CHANGE, 1, POLL_READABLE), -EINVAL);
    file_release(plain);
    finish();
}
END_TEST

START_TEST(a_user_watches_so_much_and_no_more)
{
    struct user_account *account;

    begin();
    account = user_account_open(7);
    for (uint64_t i = 0; i < epoll_watches_max(); i++)
        ck_assert(user_account_charge(account, USER_EPOLL_WATCHES, UINT64_MAX));
    ck_assert_int_eq(control(EPOLL_ADD, 0, 0), -ENOSPC);
    user_account_give_back(account, USER_EPOLL_WATCHES);
    ck_assert_int_eq(control(EPOLL_ADD, 0, 0), 0);
    ck_assert_int_eq(control(EPOLL_ADD, 1, 0), -ENOSPC);
    ck_assert_int_eq(control(EPOLL_REMOVE, 0, 0), 0);
    ck_assert_int_eq(control(EPOLL_ADD, 1, 0), 0);
    for (uint64_t i = 1; i < epoll_watches_max(); i++)
        user_account_give_back(account, USER_EPOLL_WATCHES);
    user_account_release(account);
    finish();
}
END_TEST

START_TEST(without_memory_nothing_stays)
{
    struct file *others[64];
    unsigned made = 0;
    int error = 0;

    begin();
    while (page_allocate(PAGE_DIRTY))
        ;
    for (unsigned i = 0; i < ROOM; i++) {
        error = control(EPOLL_ADD, i, POLL_READABLE);
        ck_assert(error == 0 || error == -ENOMEM);
        if (error)
            ck_assert(list_is_empty(&sources[i].readers.waiters));
    }
    while (made < 64 && (error = epoll_create(9, &others[made])) == 0)
        made++;
    ck_assert_int_eq(error, -ENOMEM);
    while (made > 0)
        file_release(others[--made]);
    finish();
}
END_TEST

/* ---- Rows ---------------------------------------------------------------------------------- */

START_TEST(rows_are_neither_circles_nor_too_long)
{
    struct file *row[7];

    begin();
    for (unsigned i = 0; i < 7; i++)
        ck_assert_int_eq(epoll_create(7, &row[i]), 0);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(watch_epoll(row[i], row[i + 1]), 0);
    ck_assert_int_eq(watch_epoll(row[3], row[0]), -ELOOP);
    ck_assert_int_eq(watch_epoll(row[1], row[0]), -ELOOP);
    ck_assert_int_eq(watch_epoll(row[3], row[4]), 0);
    ck_assert_int_eq(watch_epoll(row[4], row[5]), -ELOOP);
    ck_assert_int_eq(watch_epoll(row[5], row[6]), 0);
    ck_assert_int_eq(watch_epoll(row[4], row[5]), -ELOOP);
    file_release(row[2]);
    ck_assert_int_eq(watch_epoll(row[4], row[5]), 0);
    for (unsigned i = 0; i < 7; i++) {
        if (i != 2)
            file_release(row[i]);
    }
    finish();
}
END_TEST

START_TEST(an_epoll_wakes_the_one_above)
{
    struct file *inner = NULL;
    struct epoll_request request = { .operation = EPOLL_ADD, .event = { POLL_READABLE, 1 } };
    struct thread *thread;

    begin();
    ck_assert_int_eq(epoll_create(7, &inner), 0);
    ck_assert_int_eq(watch_epoll(epoll, inner), 0);
    request.target = files[0];
    ck_assert_int_eq(epoll_control(inner, &request), 0);
    thread = fake_thread_start("wait", wait, NULL);
    fake_scheduler_run();
    ck_assert_uint_eq(over, 0);
    change(0, POLL_READABLE, POLL_READABLE);
    ck_assert_uint_eq(over, 1);
    ck_assert_int_eq(result, 1);
    ck_assert_uint_eq(events[0].data, 100);
    thread_release(thread);
    file_release(inner);
    finish();
}
END_TEST

/* ---- Waiting ------------------------------------------------------------------------------- */

START_TEST(one_event_wakes_one_of_two)
{
    struct thread *threads[2];

    begin();
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_EDGE), 0);
    for (unsigned i = 0; i < 2; i++)
        threads[i] = fake_thread_start("wait", wait, NULL);
    fake_scheduler_run();
    change(0, POLL_READABLE, POLL_READABLE);
    ck_assert_uint_eq(over, 1);
    change(0, POLL_READABLE, POLL_READABLE);
    ck_assert_uint_eq(over, 2);
    for (unsigned i = 0; i < 2; i++)
        thread_release(threads[i]);
    finish();
}
END_TEST

START_TEST(what_is_left_wakes_the_next)
{
    struct thread *threads[2];

    begin();
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(control(EPOLL_ADD, i, POLL_READABLE | EPOLL_EDGE), 0);
        threads[i] = fake_thread_start("wait", wait, NULL);
    }
    fake_scheduler_run();
    sources[0].events = sources[1].events = POLL_READABLE;
    wait_queue_wake_all(&sources[0].readers);
    wait_queue_wake_all(&sources[1].readers);
    fake_scheduler_run();
    ck_assert_uint_eq(over, 2);
    for (unsigned i = 0; i < 2; i++)
        thread_release(threads[i]);
    finish();
}
END_TEST

START_TEST(waiting_ends_with_time_or_a_signal)
{
    struct thread *thread;

    begin();
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE), 0);
    deadline = machine_time_ns() + 100;
    thread = fake_thread_start("wait", wait, NULL);
    fake_scheduler_run();
    change(0, POLL_WRITABLE, 0);
    ck_assert_uint_eq(over, 0);
    fake_machine_advance(100);
    fake_scheduler_run();
    ck_assert_uint_eq(over, 1);
    ck_assert_int_eq(result, 0);
    thread_release(thread);
    deadline = WAIT_FOREVER;
    thread = fake_thread_start("wait", wait, NULL);
    fake_scheduler_run();
    thread_interrupt(thread, 0);
    fake_scheduler_run();
    ck_assert_int_eq(result, -EINTR);
    thread_release(thread);
    finish();
}
END_TEST

START_TEST(exclusive_wakes_one_that_waits)
{
    struct file *other;
    struct thread *thread;

    begin();
    other = epoll;
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_EXCLUSIVE), 0);
    ck_assert_int_eq(epoll_create(8, &epoll), 0);
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_EXCLUSIVE), 0);
    ck_assert_int_eq(control(EPOLL_ADD, 1, POLL_READABLE), 0);
    thread = fake_thread_start("wait", wait, NULL);
    fake_scheduler_run();
    /* Nobody waits for the first, so both hear of it. */
    change(0, POLL_READABLE, POLL_READABLE);
    ck_assert_uint_eq(over, 1);
    file_release(epoll);
    epoll = other;
    ck_assert_int_eq(look(), 1);
    thread_release(thread);
    finish();
}
END_TEST

/* ---- What goes ----------------------------------------------------------------------------- */

START_TEST(a_queue_may_end_while_it_is_watched)
{
    struct wait_queue *queue;

    begin();
    queue = &sources[0].readers;
    queue->may_end = true;
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE | EPOLL_EDGE), 0);
    wait_queue_end(queue);
    ck_assert(list_is_empty(&queue->waiters));
    wait_queue_wake_all(&sources[0].writers);
    sources[0].events = POLL_READABLE;
    ck_assert_int_eq(look(), 1);
    ck_assert_int_eq(control(EPOLL_REMOVE, 0, 0), 0);
    finish();
}
END_TEST

START_TEST(a_file_that_goes_is_forgotten)
{
    struct source source = { .events = POLL_READABLE };
    struct epoll_request request = { .operation = EPOLL_ADD, .event = { POLL_READABLE, 1 } };

    begin();
    wait_queue_init(&source.readers);
    wait_queue_init(&source.writers);
    request.target = open_source(&source, &source_operations);
    ck_assert_int_eq(epoll_control(epoll, &request), 0);
    request.fd = 1;
    ck_assert_int_eq(epoll_control(epoll, &request), 0);
    ck_assert_int_eq(look(), 2);
    file_release(request.target);
    ck_assert_int_eq(look(), 0);
    ck_assert(list_is_empty(&source.readers.waiters));
    finish();
}
END_TEST

/* Whoever looks at it, for /proc, may be the last to let it go, with locks held that come after
 * those of epolls. */
START_TEST(a_file_that_goes_while_a_lock_is_held_is_forgotten_later)
{
    struct mutex lock;

    begin();
    mutex_init(&lock, RANK_INODE, "test");
    ck_assert_int_eq(control(EPOLL_ADD, 0, POLL_READABLE), 0);
    mutex_lock(&lock);
    file_release(files[0]);
    mutex_unlock(&lock);
    ck_assert_uint_eq(current_thread()->work, THREAD_WORK_FILES);
    ck_assert(!list_is_empty(&sources[0].readers.waiters));
    file_end_waiting();
    ck_assert_uint_eq(current_thread()->work, 0);
    ck_assert(list_is_empty(&sources[0].readers.waiters));
    files[0] = open_source(&sources[0], &source_operations);
    finish();
}
END_TEST

TEST_MAIN("fs/epoll", level_is_reported_while_it_lasts,
          edge_is_reported_once_and_only_for_wanted_events, what_is_not_ready_is_not_polled,
          one_shot_sleeps_until_it_is_changed, little_room_gives_all_a_turn, wrong_requests_fail,
          a_user_watches_so_much_and_no_more, without_memory_nothing_stays,
          rows_are_neither_circles_nor_too_long, an_epoll_wakes_the_one_above,
          one_event_wakes_one_of_two, what_is_left_wakes_the_next,
          waiting_ends_with_time_or_a_signal, exclusive_wakes_one_that_waits,
          a_queue_may_end_while_it_is_watched, a_file_that_goes_is_forgotten,
          a_file_that_goes_while_a_lock_is_held_is_forgotten_later)

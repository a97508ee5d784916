/* The texts of reports, from pictures made by hand. */
#include <string.h>

#include "diagnose/diagnose_internal.h"
#include "harness/fake_machine.h"
#include "harness/test.h"

static struct view views[200];
static struct picture picture;

/* Process `id`, with one thread of the same id, waits for a semaphore with that key. */
static void add(int32_t id, uint32_t key, int32_t owner)
{
    struct view *view = &views[picture.count++];

    *view = (struct view){
        .id = id,
        .process_id = id,
        .is_alone = true,
        .state = THREAD_BLOCKED,
        .kind = WAIT_SEMAPHORE,
        .object = UINT64_C(2) << 32 | key,
        .since_ns = 1500000,
        .place = { .address = 0x1000, .function = "take", .file = "dinner.c", .line = 41 },
        .has_semaphore = true,
        .owner = owner,
    };
    strcpy(view->name, "dinner");
    if (owner == NOBODY)
        return;
    view->owner_id = owner + 2;
    view->owner_since_ns = 1000000;
    view->owner_place = view->place;
    view->owner_place.line = 40;
}

static void begin(enum picture_kind kind)
{
    fake_machine_init(1 << 20);
    picture = (struct picture){ .kind = kind, .now_ns = 2000000, .views = views };
}

static void report(void)
{
    picture.cycles = cycles_find(picture.views, picture.count);
    report_text(&picture);
}

static void assert_log(const char *expected)
{
    ck_assert_str_eq(fake_machine.log.text, expected);
}

START_TEST(deadlock_of_two)
{
    begin(PICTURE_DEADLOCK);
    add(2, 1, 1);
    add(3, 0, 0);
    report();
    assert_log(
        "eft: deadlock after 0.002000 s: nothing can ever run again; 2 threads wait, 2 of them "
        "for each other in a circle\n"
        "eft:   process 2 (dinner) waits for semaphore 1, value 0, since 0.001500 s, at take "
        "(dinner.c:41)\n"
        "eft:       held by process 3 (dinner) since 0.001000 s, taken at take (dinner.c:40)\n"
        "eft:   process 3 (dinner) waits for semaphore 0, value 0, since 0.001500 s, at take "
        "(dinner.c:41)\n"
        "eft:       held by process 2 (dinner) since 0.001000 s, taken at take (dinner.c:40)\n"
        "eft: the circle:\n"
        "eft:   .-> process 2 (dinner) waits for semaphore 1, held by\n"
        "eft:   |   process 3 (dinner), which waits for semaphore 0, held by\n"
        "eft:   '-- process 2 (dinner)\n");
}
END_TEST

START_TEST(circle_while_others_run_shows_its_members_only)
{
    begin(PICTURE_CYCLE);
    add(2, 1, 1);
    add(3, 0, 0);
    add(4, 7, NOBODY);
    report();
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "deadlock of some after 0.002000 s, others "
                                 "still run: 3 threads wait, 2 of them"));
    ck_assert_ptr_null(strstr(fake_machine.log.text, "process 4"));
}
END_TEST

START_TEST(who_waits_for_itself)
{
    begin(PICTURE_DEADLOCK);
    add(2, 0x12345, 0);
    report();
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "1 thread waits, for itself\n"));
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "waits for semaphore 0x12345, value 0"));
}
END_TEST

START_TEST(signals_are_counted_in_the_cause)
{
    struct semaphore_statistics *statistics = &views[0].semaphore.statistics;

    begin(PICTURE_DEADLOCK);
    add(2, 5, NOBODY);
    statistics->signals = statistics->acquisitions = 3;
    statistics->signalled = (struct semaphore_use){ .thread = 2, .at_ns = 1200000,
                                                    .instruction = 0x2000 };
    report();
    ck_assert_ptr_nonnull(strstr(
        fake_machine.log.text,
        "eft:       it began with 0, was signalled 3 times and taken 3 times; the last signal came "
        "from process 2 (dinner) at 0.001200 s, address 0x2000; nobody is left who could give "
        "another\n"));
}
END_TEST

START_TEST(no_cause_is_guessed_while_others_run)
{
    begin(PICTURE_TIME_LIMIT);
    add(2, 5, NOBODY);
    report();
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "time limit after 0.002000 s: the run was "
                                 "stopped; 1 thread\n"));
    ck_assert_ptr_null(strstr(fake_machine.log.text, "nobody"));
}
END_TEST

START_TEST(holder_that_ended)
{
    static struct thread gone = { .id = 9, .name = "gone" };

    begin(PICTURE_DEADLOCK);
    fake_machine.time_ns = 1300000;
    ended_add(&gone);
    add(2, 5, NOBODY);
    views[0].owner_id = 9;
    views[0].owner_is_dead = true;
    report();
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text,
                                 "thread 9 ended at 0.001300 s and never gave it back\n"));
}
END_TEST

START_TEST(every_kind_of_wait_has_words)
{
    char text[WHAT_SIZE];

    begin(PICTURE_DEADLOCK);
    add(2, 5, NOBODY);
    for (int kind = WAIT_SLEEP; kind <= WAIT_FILE_LOCK; kind++) {
        views[0].kind = (enum wait_kind)kind;
        ck_assert_uint_gt(strlen(view_what(&picture, &views[0], text, sizeof(text))), 3);
    }
}
END_TEST

START_TEST(many_threads_are_cut)
{
    begin(PICTURE_DEADLOCK);
    for (int i = 0; i < 150; i++)
        add(i + 2, 5, NOBODY);
    report();
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "process 101 (dinner)"));
    ck_assert_ptr_null(strstr(fake_machine.log.text, "process 102 (dinner)"));
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "eft:   and 50 more\n"));
}
END_TEST

START_TEST(json_escapes_names)
{
    begin(PICTURE_DEADLOCK);
    add(2, 5, NOBODY);
    strcpy(views[0].name, "a\"b\\c\n\xc3\xa4");
    report_json(&picture);
    ck_assert_ptr_nonnull(strstr(fake_machine.report.text,
                                 "\"name\":\"a\\\"b\\\\c\\u000a\\u00c3\\u00a4\""));
    ck_assert_int_eq(fake_machine.report.text[fake_machine.report.length - 1], '\n');
}
END_TEST

START_TEST(graph_draws_an_object_once)
{
    const char *first;

    begin(PICTURE_DEADLOCK);
    add(2, 5, NOBODY);
    add(3, 5, NOBODY);
    report_graph(&picture);
    first = strstr(fake_machine.graph.text, "[shape=ellipse");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "[shape=ellipse"));
}
END_TEST

TEST_MAIN("diagnose/text", deadlock_of_two, circle_while_others_run_shows_its_members_only,
          who_waits_for_itself, signals_are_counted_in_the_cause,
          no_cause_is_guessed_while_others_run, holder_that_ended, every_kind_of_wait_has_words,
          many_threads_are_cut, json_escapes_names, graph_draws_an_object_once)

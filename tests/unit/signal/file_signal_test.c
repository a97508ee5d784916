/* Who is sent what, when a file of theirs has input or room. */
#include "signal/file_signal.h"

#include "fs/async.h"
#include "lib/container.h"
#include "signal/signal_internal.h"
#include "unit/process/process_fixture.h"

#define REAL_TIME 40
#define USER 1000
#define FD 7
#define NOBODY INT32_C(999999)

static struct async_files files;
static struct file file;

static struct async_files *find_files(struct file *of, bool begins)
{
    (void)of;
    (void)begins;
    return &files;
}

static const struct file_operations telling = { .async = find_files };

static void begin(int number)
{
    file_signals_init();
    async_files_init(&files);
    file = (struct file){ .operations = &telling, .flags = OPEN_READ_WRITE };
    signal_set_blocked(~UINT64_C(0));
    ck_assert_int_eq(file_set_signal(&file, number), 0);
    ck_assert_int_eq(file_set_async(&file, FD, true), 0);
}

static void own(enum owner_kind kind, int32_t id, uint32_t user_id)
{
    const struct file_owner_ids ids = {
        .kind = kind, .id = id, .user_id = user_id, .effective_user_id = user_id,
    };

    ck_assert_int_eq(file_set_owner(&file, &ids, true), 0);
}

/* The one signal that came of it; its number is 0 if there was none. */
static struct signal_information tell(enum async_event event)
{
    struct signal_information first = { .number = 0 }, second;

    async_tell(&files, event);
    if (signal_take(~UINT64_C(0), &first) != 0)
        ck_assert_int_eq(signal_take(~UINT64_C(0), &second), 0);
    return first;
}

static void plain(void)
{
    begin(0);
    own(OWNER_PROCESS, current_process()->id, 0);

    struct signal_information sent = tell(ASYNC_INPUT);

    ck_assert_int_eq(sent.number, SIGNAL_IO);
    ck_assert_int_eq(sent.code, CODE_KERNEL);
    file_drop_owner(&file);
}

START_TEST(without_a_choice_it_is_sigio_that_says_no_more)
{
    fixture_run(plain);
    ck_assert(fixture_halted);
}
END_TEST

static void chosen(void)
{
    static const struct {
        enum async_event event;
        int64_t band;
    } cases[] = { { ASYNC_INPUT, 0x41 }, { ASYNC_OUTPUT, 0x304 }, { ASYNC_HANGUP, 0x18 } };

    begin(REAL_TIME);
    own(OWNER_THREAD, current_thread()->id, 0);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct signal_information sent = tell(cases[i].event);

        ck_assert_int_eq(sent.number, REAL_TIME);
        ck_assert_int_eq(sent.code, (int32_t)cases[i].event);
        ck_assert_int_eq(sent.file.band, cases[i].band);
        ck_assert_int_eq(sent.file.fd, FD);
    }
    ck_assert_int_eq(file_set_signal(&file, SIGNAL_CHLD), 0);
    ck_assert_int_eq(tell(ASYNC_INPUT).code, CODE_FILE);
    file_drop_owner(&file);
}

START_TEST(a_chosen_one_says_what_happened_where)
{
    fixture_run(chosen);
    ck_assert(fixture_halted);
}
END_TEST

static void full(void)
{
    begin(REAL_TIME);
    own(OWNER_PROCESS, current_process()->id, 0);
    current_process()->limits.of[LIMIT_PENDING_SIGNALS].soft = 0;
    ck_assert_int_eq(tell(ASYNC_INPUT).number, SIGNAL_IO);
    file_drop_owner(&file);
}

START_TEST(what_cannot_be_queued_is_sigio_after_all)
{
    fixture_run(full);
    ck_assert(fixture_halted);
}
END_TEST

static void owners(void)
{
    begin(REAL_TIME);
    own(OWNER_GROUP, current_process()->group_id, 0);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, REAL_TIME);
    own(OWNER_GROUP, NOBODY, 0);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, 0);
    own(OWNER_PROCESS, NOBODY, 0);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, 0);
    own(OWNER_THREAD, NOBODY, 0);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, 0);
    file_drop_owner(&file);
}

START_TEST(groups_are_told_and_who_is_gone_is_not)
{
    fixture_run(owners);
    ck_assert(fixture_halted);
}
END_TEST

static void strangers(void)
{
    const uint32_t own_id = current_credentials().user_id;

    begin(REAL_TIME);
    own(OWNER_PROCESS, current_process()->id, own_id + USER);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, 0);
    own(OWNER_PROCESS, current_process()->id, own_id);
    ck_assert_int_eq(tell(ASYNC_INPUT).number, REAL_TIME);
    file_drop_owner(&file);
}

START_TEST(a_stranger_cannot_have_others_told)
{
    fixture_run(strangers);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("signal/file_signal", without_a_choice_it_is_sigio_that_says_no_more,
          a_chosen_one_says_what_happened_where, what_cannot_be_queued_is_sigio_after_all,
          groups_are_told_and_who_is_gone_is_not, a_stranger_cannot_have_others_told)

/* Changes of user and group ids: Linux's rules, as a table of what each call does to whom. */
#include "process/credentials.h"

#include <errno.h>

#include "harness/test.h"

#define KEEP ID_UNCHANGED

struct change_case {
    struct ids before;
    enum id_change change;
    struct ids wanted;
    int error;
    struct ids after;    /* when there is no error */
};

static const struct change_case cases[] = {
    /* setuid: root sets all, others switch between real and saved */
    { { 0, 0, 0 }, CHANGE_ONE_ID, { .effective = 5 }, 0, { 5, 5, 5 } },
    { { 5, 0, 5 }, CHANGE_ONE_ID, { .effective = 7 }, 0, { 7, 7, 7 } },
    { { 1, 2, 3 }, CHANGE_ONE_ID, { .effective = 1 }, 0, { 1, 1, 3 } },
    { { 1, 2, 3 }, CHANGE_ONE_ID, { .effective = 3 }, 0, { 1, 3, 3 } },
    { { 1, 2, 3 }, CHANGE_ONE_ID, { .effective = 2 }, -EPERM, { 0 } },
    { { 0, 0, 0 }, CHANGE_ONE_ID, { .effective = KEEP }, -EINVAL, { 0 } },
    /* setreuid: the saved id follows when the real one is set or the effective one leaves it */
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { 2, 1, 0 }, 0, { 2, 1, 1 } },
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { KEEP, 1, 0 }, 0, { 1, 1, 3 } },
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { KEEP, 3, 0 }, 0, { 1, 3, 3 } },
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { KEEP, KEEP, 0 }, 0, { 1, 2, 3 } },
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { 3, KEEP, 0 }, -EPERM, { 0 } },
    { { 1, 2, 3 }, CHANGE_TWO_IDS, { KEEP, 4, 0 }, -EPERM, { 0 } },
    { { 1, 0, 3 }, CHANGE_TWO_IDS, { 8, 9, 0 }, 0, { 8, 9, 9 } },
    /* setresuid: any of the three, in any place */
    { { 1, 2, 3 }, CHANGE_THREE_IDS, { 3, 1, 2 }, 0, { 3, 1, 2 } },
    { { 1, 2, 3 }, CHANGE_THREE_IDS, { KEEP, KEEP, KEEP }, 0, { 1, 2, 3 } },
    { { 1, 2, 3 }, CHANGE_THREE_IDS, { 1, 2, 4 }, -EPERM, { 0 } },
    { { 1, 0, 3 }, CHANGE_THREE_IDS, { 7, 8, 9 }, 0, { 7, 8, 9 } },
};

static void check(const struct change_case *test, enum id_kind kind)
{
    struct credentials who, before;
    int error;

    credentials_init(&who, test->before.real, test->before.real);
    who.effective_user_id = who.file_user_id = test->before.effective;
    who.saved_user_id = test->before.saved;
    who.group_id = test->before.real;
    who.effective_group_id = who.file_group_id = test->before.effective;
    who.saved_group_id = test->before.saved;
    before = who;
    error = credentials_change(&who, kind, test->change, &test->wanted);
    ck_assert_msg(error == test->error, "case %td: %d", test - cases, error);
    if (error) {
        ck_assert_mem_eq(&who, &before, sizeof(who));
        return;
    }
    uint32_t real = kind == ID_USER ? who.user_id : who.group_id;
    uint32_t effective = kind == ID_USER ? who.effective_user_id : who.effective_group_id;
    uint32_t saved = kind == ID_USER ? who.saved_user_id : who.saved_group_id;
    uint32_t file = kind == ID_USER ? who.file_user_id : who.file_group_id;

    ck_assert_msg(real == test->after.real && effective == test->after.effective &&
                      saved == test->after.saved && file == test->after.effective,
                  "case %td: %u %u %u", test - cases, real, effective, saved);
}

START_TEST(user_ids_change_as_on_linux)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], ID_USER);
}
END_TEST

START_TEST(group_ids_change_as_on_linux)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i], ID_GROUP);    /* root is who has user id 0: the same in each case */
}
END_TEST

START_TEST(only_root_has_capabilities)
{
    struct capabilities capabilities;

    capabilities_init(&capabilities, 0);
    ck_assert_uint_eq(capabilities.permitted, 0x1ffffffffff);
    ck_assert_uint_eq(capabilities.effective, 0x1ffffffffff);
    ck_assert_uint_eq(capabilities.inheritable, 0);
    capabilities_init(&capabilities, 1000);
    ck_assert_uint_eq(capabilities.permitted, 0);
}
END_TEST

TEST_MAIN("process/credentials", user_ids_change_as_on_linux, group_ids_change_as_on_linux,
          only_root_has_capabilities)

/* Changes of user and group ids: Linux's rules, as a table of what each call does to whom. */
#include "process/credentials.h"

#include <errno.h>

#include "fs/file.h"
#include "fs/mount.h"
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
    who.capabilities.effective = test->before.effective == 0 ? CAPABILITIES_ALL : 0;
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
    struct credentials who;

    credentials_init(&who, 0, 0);
    ck_assert_uint_eq(who.capabilities.permitted, 0x1ffffffffff);
    ck_assert_uint_eq(who.capabilities.effective, 0x1ffffffffff);
    ck_assert_uint_eq(who.capabilities.inheritable, 0);
    credentials_init(&who, 1000, 1000);
    ck_assert_uint_eq(who.capabilities.permitted, 0);
    ck_assert_uint_eq(who.capabilities.bounding, 0x1ffffffffff);
}
END_TEST

static uint64_t bit(enum capability capability)
{
    return CAPABILITY_BIT(capability);
}

static void become(struct credentials *who, uint32_t real, uint32_t effective, uint32_t saved)
{
    const struct ids ids = { real, effective, saved };

    ck_assert_int_eq(credentials_change(who, ID_USER, CHANGE_THREE_IDS, &ids), 0);
}

START_TEST(capabilities_follow_the_user)
{
    struct credentials who;

    credentials_init(&who, 0, 0);
    who.capabilities.inheritable = who.capabilities.ambient = bit(CAPABILITY_KILL);
    become(&who, KEEP, 5, KEEP);
    ck_assert_uint_eq(who.capabilities.effective, 0);
    ck_assert_uint_eq(who.capabilities.permitted, CAPABILITIES_ALL);
    ck_assert_uint_ne(who.capabilities.ambient, 0);
    become(&who, KEEP, 0, KEEP);
    ck_assert_uint_eq(who.capabilities.effective, CAPABILITIES_ALL);
    who.keeps_capabilities = true;
    become(&who, 5, 5, 5);
    ck_assert_uint_eq(who.capabilities.effective, 0);
    ck_assert_uint_eq(who.capabilities.permitted, CAPABILITIES_ALL);
    ck_assert_uint_eq(who.capabilities.ambient, 0);
    credentials_init(&who, 0, 0);
    become(&who, 5, 5, 5);
    ck_assert_uint_eq(who.capabilities.permitted, 0);
}
END_TEST

START_TEST(the_id_for_files_takes_its_capabilities_along)
{
    struct credentials who;

    credentials_init(&who, 0, 0);
    ck_assert(!credentials_change_file_id(&who, ID_USER, 0));
    ck_assert(!credentials_change_file_id(&who, ID_USER, KEEP));
    ck_assert(credentials_change_file_id(&who, ID_USER, 5));
    ck_assert(!credentials_can(&who, CAPABILITY_FILE_ACCESS));
    ck_assert(credentials_can(&who, CAPABILITY_SET_USERS));
    ck_assert(credentials_change_file_id(&who, ID_USER, 0));
    ck_assert_uint_eq(who.capabilities.effective, CAPABILITIES_ALL);
    ck_assert(credentials_change_file_id(&who, ID_GROUP, 7));
    ck_assert_uint_eq(who.file_group_id, 7);
    credentials_init(&who, 5, 5);
    ck_assert(!credentials_change_file_id(&who, ID_USER, 0));
    ck_assert(!credentials_change_file_id(&who, ID_GROUP, 0));
}
END_TEST

START_TEST(capabilities_are_only_given_up)
{
    struct capabilities wanted = { .effective = bit(CAPABILITY_KILL),
                                   .permitted = bit(CAPABILITY_KILL) | bit(CAPABILITY_CHOWN) };
    struct credentials who;

    credentials_init(&who, 0, 0);
    ck_assert_int_eq(capabilities_change(&who, &wanted), 0);
    ck_assert(credentials_can(&who, CAPABILITY_KILL));
    ck_assert(!credentials_can(&who, CAPABILITY_CHOWN));
    wanted.inheritable = bit(CAPABILITY_TIME);
    ck_assert_int_eq(capabilities_change(&who, &wanted), -EPERM);
    wanted.inheritable = bit(CAPABILITY_CHOWN);
    ck_assert_int_eq(capabilities_change(&who, &wanted), 0);
    who.capabilities.ambient = bit(CAPABILITY_CHOWN);
    wanted.permitted = bit(CAPABILITY_KILL);
    ck_assert_int_eq(capabilities_change(&who, &wanted), 0);
    ck_assert_uint_eq(who.capabilities.ambient, 0);
    wanted.permitted |= bit(CAPABILITY_CHOWN);
    ck_assert_int_eq(capabilities_change(&who, &wanted), -EPERM);
    wanted.permitted = 0;
    ck_assert_int_eq(capabilities_change(&who, &wanted), -EPERM);
}
END_TEST

START_TEST(set_id_programs_change_who_runs_them)
{
    struct inode inode = { .mode = MODE_REGULAR | 0755, .user_id = 7, .group_id = 8 };
    struct mount mount = { .flags = MOUNT_NO_SET_ID };
    struct file file = { .inode = &inode };
    struct credentials who;

    credentials_init(&who, 5, 5);
    ck_assert(!credentials_execute(&who, &file));
    ck_assert_uint_eq(who.effective_user_id, 5);
    inode.mode = MODE_REGULAR | MODE_SET_UID | MODE_SET_GID | 0745;
    ck_assert(credentials_execute(&who, &file));
    ck_assert_uint_eq(who.effective_user_id, 7);
    ck_assert_uint_eq(who.saved_user_id, 7);
    ck_assert_uint_eq(who.file_user_id, 7);
    ck_assert_uint_eq(who.user_id, 5);
    ck_assert_uint_eq(who.effective_group_id, 5);    /* no x for the group: it means locking */
    inode.mode |= 0010;
    inode.user_id = 0;
    ck_assert(credentials_execute(&who, &file));
    ck_assert_uint_eq(who.effective_group_id, 8);
    ck_assert_uint_eq(who.capabilities.effective, CAPABILITIES_ALL);
    credentials_init(&who, 5, 5);
    who.no_new_privileges = true;
    ck_assert(!credentials_execute(&who, &file));
    ck_assert_uint_eq(who.effective_user_id, 5);
    credentials_init(&who, 5, 5);
    file.path.mount = &mount;
    ck_assert(!credentials_execute(&who, &file));
    ck_assert_uint_eq(who.effective_user_id, 5);
    credentials_init(&who, 0, 0);
    who.capabilities.bounding = bit(CAPABILITY_KILL);
    inode.mode = MODE_REGULAR | 0755;
    ck_assert(!credentials_execute(&who, &file));
    ck_assert_uint_eq(who.capabilities.effective, bit(CAPABILITY_KILL));
}
END_TEST

TEST_MAIN("process/credentials", user_ids_change_as_on_linux, group_ids_change_as_on_linux,
          only_root_has_capabilities, capabilities_follow_the_user,
          the_id_for_files_takes_its_capabilities_along, capabilities_are_only_given_up,
          set_id_programs_change_who_runs_them)

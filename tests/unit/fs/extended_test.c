/* Extended attributes: their limits, and that none is left behind. */
#include "fs/extended.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

static struct path path;
static struct extended_request request;

static void begin(void)
{
    fixture_begin();
    become(0, 0);
    context.credentials.capabilities.effective = CAPABILITIES_ALL;
    make_file("/file", "contents");
    ck_assert_int_eq(path_walk(&context, NULL, "/file", 0, &path), 0);
    request = (struct extended_request){ &context.credentials, path.mount, path_inode(&path),
                                         "user.name" };
}

static void end(void)
{
    path_release(&path);
    fixture_end();
}

START_TEST(values_are_kept_and_freed)
{
    char value[16] = "";

    begin();
    ck_assert_int_eq(extended_get(&request, value, sizeof(value)), -ENODATA);
    ck_assert_int_eq(extended_list(&request, NULL, 0), 0);
    ck_assert_int_eq(extended_remove(&request), -ENODATA);
    ck_assert_int_eq(extended_set(&request, "value", 5, EXTENDED_REPLACE), -ENODATA);
    ck_assert_int_eq(extended_set(&request, "value", 5, EXTENDED_CREATE), 0);
    ck_assert_int_eq(extended_set(&request, "value", 5, EXTENDED_CREATE), -EEXIST);
    ck_assert_int_eq(extended_get(&request, value, sizeof(value)), 5);
    ck_assert_mem_eq(value, "value", 5);
    ck_assert_int_eq(extended_get(&request, value, 4), -ERANGE);
    ck_assert_int_eq(extended_get(&request, NULL, 0), 5);
    ck_assert_int_eq(extended_list(&request, value, 9), -ERANGE);
    ck_assert_int_eq(extended_list(&request, value, 10), 10);
    ck_assert_str_eq(value, "user.name");
    end();
}
END_TEST

START_TEST(one_inode_keeps_so_much)
{
    static char value[EXTENDED_VALUE_MAX];

    begin();
    ck_assert_int_eq(extended_set(&request, value, sizeof(value), 0), 0);
    request.name = "user.other";
    ck_assert_int_eq(extended_set(&request, value, sizeof(value), 0), -ENOSPC);
    ck_assert_int_eq(extended_set(&request, value, sizeof(value) - 100, 0), 0);
    request.name = "user.name";
    ck_assert_int_eq(extended_set(&request, value, 10, EXTENDED_REPLACE), 0);
    request.name = "user.other";
    ck_assert_int_eq(extended_set(&request, value, sizeof(value), EXTENDED_REPLACE), 0);
    ck_assert_int_eq(extended_remove(&request), 0);
    end();
}
END_TEST

START_TEST(names_decide)
{
    begin();
    request.name = "nothing.x";
    ck_assert_int_eq(extended_set(&request, "v", 1, 0), -EOPNOTSUPP);
    request.name = "system.posix_acl_access";
    ck_assert_int_eq(extended_get(&request, NULL, 0), -EOPNOTSUPP);
    request.name = "user.";
    ck_assert_int_eq(extended_set(&request, "v", 1, 0), -EINVAL);
    request.name = "trusted.x";
    ck_assert_int_eq(extended_set(&request, "v", 1, 0), 0);
    context.credentials.capabilities.effective = 0;
    ck_assert_int_eq(extended_set(&request, "v", 1, 0), -EPERM);
    ck_assert_int_eq(extended_get(&request, NULL, 0), -ENODATA);
    ck_assert_int_eq(extended_list(&request, NULL, 0), 0);
    request.name = "security.x";
    ck_assert_int_eq(extended_set(&request, "v", 1, 0), -EPERM);
    ck_assert_int_eq(extended_get(&request, NULL, 0), -ENODATA);
    end();
}
END_TEST

TEST_MAIN("fs/extended", values_are_kept_and_freed, one_inode_keeps_so_much, names_decide)

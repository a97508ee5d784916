/* The names of the machine: what they are at first, and after a program has set them. */
#include "process/machine_names.h"

#include "harness/fake_machine.h"
#include "harness/test.h"

static void is_called(enum machine_name which, const char *name)
{
    char text[MACHINE_NAME_MAX + 1];

    memset(text, 'x', sizeof(text));
    machine_name_read(which, text);
    ck_assert_str_eq(text, name);
}

START_TEST(at_first_it_is_the_machines_own)
{
    fake_machine_init(1 << 20);
    fake_machine_info.node_name = "fake";
    is_called(MACHINE_NAME_NODE, "fake");
    is_called(MACHINE_NAME_DOMAIN, "(none)");
}
END_TEST

START_TEST(each_is_set_for_itself)
{
    fake_machine_init(1 << 20);
    fake_machine_info.node_name = "fake";
    machine_name_set(MACHINE_NAME_DOMAIN, "home", 4);
    is_called(MACHINE_NAME_NODE, "fake");
    is_called(MACHINE_NAME_DOMAIN, "home");
    machine_name_set(MACHINE_NAME_NODE, "longer name", 6);
    is_called(MACHINE_NAME_NODE, "longer");
    machine_name_set(MACHINE_NAME_NODE, "short", 5);    /* nothing of the old one stays */
    is_called(MACHINE_NAME_NODE, "short");
    machine_name_set(MACHINE_NAME_NODE, "", 0);
    is_called(MACHINE_NAME_NODE, "");
}
END_TEST

START_TEST(the_longest_one_is_whole)
{
    char text[MACHINE_NAME_MAX + 1] = "";

    fake_machine_init(1 << 20);
    memset(text, 'n', MACHINE_NAME_MAX);
    machine_name_set(MACHINE_NAME_NODE, text, MACHINE_NAME_MAX);
    is_called(MACHINE_NAME_NODE, text);
}
END_TEST

TEST_MAIN("process/machine_names", at_first_it_is_the_machines_own, each_is_set_for_itself,
          the_longest_one_is_whole)

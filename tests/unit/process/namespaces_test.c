/* Sets of namespaces: shared, copied, replaced; those of a thread, and what its calls see. */
#include "process/namespaces.h"

#include <errno.h>

#include "process/clone.h"
#include "process/machine_names.h"
#include "process/namespace_enter.h"
#include "process/namespace_file.h"
#include "process/places.h"
#include "sched/pid_namespace.h"
#include "unit/process/process_fixture.h"

static void may(uint64_t capabilities)
{
    user_thread_of(current_thread())->credentials.capabilities.effective = capabilities;
}

static void is_called(const char *name)
{
    char text[MACHINE_NAME_MAX + 1];

    machine_name_read(MACHINE_NAME_DOMAIN, text);
    ck_assert_str_eq(text, name);
}

static void leave_names(void)
{
    struct namespaces *before = current_namespaces();

    ck_assert_int_eq(namespaces_unshare(0), 0);
    ck_assert_ptr_eq(current_namespaces(), before);
    machine_name_set(MACHINE_NAME_DOMAIN, "old", 3);
    ck_assert_int_eq(namespaces_unshare(CLONE_NEW_NAMES), 0);
    ck_assert_ptr_ne(current_namespaces(), before);
    is_called("old");
    machine_name_set(MACHINE_NAME_DOMAIN, "new", 3);
    is_called("new");
    ck_assert_ptr_eq(current_namespace(NAMESPACE_IPC), before->of[NAMESPACE_IPC]);
    ck_assert_ptr_ne(current_namespace(NAMESPACE_NAMES), before->of[NAMESPACE_NAMES]);
    current_namespaces_set(namespaces_first());
    is_called("old");
}

START_TEST(names_are_copied_and_change_apart)
{
    fixture_run(leave_names);
    ck_assert(fixture_halted);
}
END_TEST

/* The numbers of all kinds, after a change of all but mounts. */
static void leave_three(void)
{
    struct namespaces *set = current_namespaces();
    uint64_t flags = CLONE_NEW_NAMES | CLONE_NEW_IPC | CLONE_NEW_NETWORK;

    ck_assert_int_eq(namespaces_unshare(flags), 0);
    for (unsigned kind = 0; kind < NAMESPACES; kind++) {
        bool is_new = current_namespaces()->of[kind]->number != set->of[kind]->number;

        ck_assert_int_eq(is_new, (flags & namespace_flag((enum namespace_kind)kind)) != 0);
        ck_assert_uint_eq(set->of[kind]->number,
                          namespaces_first()->of[kind]->number);
    }
}

START_TEST(each_kind_is_left_by_its_flag)
{
    fixture_run(leave_three);
    ck_assert(fixture_halted);
}
END_TEST

static void go_and_return(void)
{
    struct namespace_target target = { .processes = NULL };
    struct namespaces *there;

    may(CAPABILITIES_ALL);
    target.of[NAMESPACE_NAMES] = current_namespace(NAMESPACE_NAMES);
    ck_assert_int_eq(namespaces_copy(current_namespaces(), CLONE_NEW_NAMES, NULL, &there), 0);
    machine_name_set(MACHINE_NAME_DOMAIN, "here", 4);
    current_namespaces_set(there);    /* a copy from before that */
    is_called("(none)");
    ck_assert_int_eq(namespace_enter(&target), 0);
    is_called("here");
    target = (struct namespace_target){ .processes = pid_namespace_own() };
    ck_assert_int_eq(namespace_enter(&target), 0);
    ck_assert_int_eq(namespace_target_of(current_process(),
                                         CLONE_NEW_NAMES | CLONE_NEW_PROCESSES, &target), 0);
    ck_assert_ptr_eq(target.of[NAMESPACE_NAMES], current_namespace(NAMESPACE_NAMES));
    ck_assert_ptr_null(target.of[NAMESPACE_IPC]);
    ck_assert_ptr_eq(target.processes, pid_namespace_own());
    namespace_target_release(&target);
}

START_TEST(others_namespaces_are_entered)
{
    fixture_run(go_and_return);
    ck_assert(fixture_halted);
}
END_TEST

static void without_rights(void)
{
    struct namespace_target target = { .processes = pid_namespace_own() };

    may(0);
    ck_assert_int_eq(namespace_enter(&target), -EPERM);
    ck_assert_int_eq(thread_unshare(CLONE_NEW_NAMES), -EPERM);
    ck_assert_int_eq(thread_unshare(CLONE_NEW_USERS), -EINVAL);
    may(CAPABILITY_BIT(CAPABILITY_ADMINISTRATION));
    target.of[NAMESPACE_MOUNTS] = current_namespace(NAMESPACE_MOUNTS);
    ck_assert_int_eq(namespace_enter(&target), -EPERM);    /* CAP_SYS_CHROOT */
    may(CAPABILITIES_ALL);
    places_reference(current_places());
    ck_assert_int_eq(namespace_enter(&target), -EINVAL);    /* they are shared */
    places_release(current_places());
}

START_TEST(rights_are_checked)
{
    fixture_run(without_rights);
    ck_assert(fixture_halted);
}
END_TEST

static void read_links(void)
{
    char text[64] = { 0 };
    int64_t length = namespace_link_text(current_process(), NULL, LINK_NAMES, text, sizeof(text));

    ck_assert_str_eq(text, "uts:[4026531838]");
    ck_assert_int_eq(length, 16);
    ck_assert_int_eq(namespace_link_text(current_process(), NULL, LINK_CHILDREN, text, 3), 3);
    ck_assert_mem_eq(text, "pid", 3);
    may(CAPABILITIES_ALL);
    ck_assert_int_eq(thread_unshare(CLONE_NEW_PROCESSES), 0);
    ck_assert_int_eq(namespace_link_text(current_process(), NULL, LINK_CHILDREN, text, 64),
                     -ENOENT);    /* nobody is in it */
    ck_assert_int_eq(namespace_link_text(current_process(), NULL, LINK_PROCESSES, text, 64), 16);
}

START_TEST(links_name_namespaces)
{
    fixture_run(read_links);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("process/namespaces", names_are_copied_and_change_apart, each_kind_is_left_by_its_flag,
          others_namespaces_are_entered, rights_are_checked, links_name_namespaces)

/* The table of calls: its numbers are those of the host's headers, and its entries are complete. */
#include <string.h>
#include <sys/syscall.h>

#include "abi/abi.h"
#include "abi/linux/descriptors.h"
#include "abi/linux/interruption.h"
#include "abi/linux/names.h"
#include "abi/linux/numbers.h"
#include "harness/test.h"
#include "lib/container.h"
#include "lib/error.h"

/* Newer than the headers of the oldest system that this is built on. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#define SYS_fchmodat2 452
#define SYS_map_shadow_stack 453
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#define SYS_statmount 457
#define SYS_listmount 458
#define SYS_lsm_get_self_attr 459
#define SYS_lsm_set_self_attr 460
#define SYS_lsm_list_modules 461
#define SYS_mseal 462
#endif

static const struct {
    const char *name;
    int number, host_number;
} numbers[] = {
#define SYSCALL(number, name, status, ...) { #name, number, SYS_##name },
#include "abi/linux/syscalls.def"
#undef SYSCALL
};

START_TEST(numbers_are_the_hosts)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        ck_assert_msg(numbers[i].number == numbers[i].host_number, "%s is %d, not %d",
                      numbers[i].name, numbers[i].host_number, numbers[i].number);
}
END_TEST

START_TEST(numbers_rise)
{
    for (size_t i = 1; i < ARRAY_SIZE(numbers); i++)
        ck_assert_int_lt(numbers[i - 1].number, numbers[i].number);
}
END_TEST

START_TEST(entries_are_complete)
{
    for (size_t i = 0; i < ARRAY_SIZE(syscall_descriptors); i++) {
        const struct syscall_descriptor *descriptor = &syscall_descriptors[i];
        const struct syscall *call = &abi_linux.table[descriptor->number];

        ck_assert_uint_lt(descriptor->number, abi_linux.table_size);
        ck_assert_str_eq(call->name, descriptor->name);
        ck_assert_uint_eq(call->status, descriptor->status);
        ck_assert_uint_eq(call->argument_count, descriptor->argument_count);
        ck_assert_int_eq(call->call != NULL, descriptor->status != DESCRIPTOR_ABSENT);
        for (unsigned j = 0; j < SYSCALL_ARGUMENTS_MAX; j++) {
            ck_assert_uint_eq(call->arguments[j].kind, descriptor->kinds[j]);
            ck_assert_int_eq(descriptor->kinds[j] != KIND_NONE, j < call->argument_count);
        }
    }
}
END_TEST

START_TEST(flags_and_enumerations_have_names)
{
    for (uint32_t i = 0; i < abi_linux.table_size; i++) {
        const struct syscall *call = &abi_linux.table[i];

        for (unsigned j = 0; j < call->argument_count; j++) {
            unsigned kind = call->arguments[j].kind;
            bool named = kind == KIND_FLAGS || kind == KIND_FLAGS64 || kind == KIND_ENUM ||
                         kind == KIND_REQUEST;
            size_t count;

            (void)name_set_values(call->arguments[j].set, &count);
            ck_assert_msg(named == (count > 0), "%s, argument %u", call->name, j);
        }
    }
}
END_TEST

START_TEST(interruptions_are_classified)
{
    ck_assert_int_eq(call_interruption(NUMBER_read, -EINTR), CALL_RESTART);
    ck_assert_int_eq(call_interruption(NUMBER_read, 5), 0);
    ck_assert_int_eq(call_interruption(NUMBER_read, -EIO), 0);
    ck_assert_int_eq(call_interruption(NUMBER_select, -EINTR), CALL_RESTART_NO_HANDLER);
    ck_assert_int_eq(call_interruption(NUMBER_epoll_wait, -EINTR), 0);
    ck_assert_int_eq(call_interruption(NUMBER_nanosleep, -CALL_RESUME), CALL_RESUME);
    ck_assert_int_eq(call_interruption(NUMBER_pause, -CALL_RESTART_NO_HANDLER),
                     CALL_RESTART_NO_HANDLER);
    /* What a frame holds in rax is the program's own. */
    ck_assert_int_eq(call_interruption(NUMBER_rt_sigreturn, -EINTR), 0);
    ck_assert_int_eq(call_interruption(NUMBER_rt_sigreturn, -CALL_RESTART), 0);
}
END_TEST

TEST_MAIN("abi/linux/table", numbers_are_the_hosts, numbers_rise, entries_are_complete,
          flags_and_enumerations_have_names, interruptions_are_classified)

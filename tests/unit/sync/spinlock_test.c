/* Spin locks: nesting, interrupts, ranks, owners. */
#include "sync/spinlock.h"

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "sched/per_cpu.h"

static struct spinlock low = SPINLOCK_INITIAL(RANK_PROCESS, "low");
static struct spinlock middle = SPINLOCK_INITIAL(RANK_SIGNAL, "middle");
static struct spinlock middle_too = SPINLOCK_INITIAL(RANK_SIGNAL, "middle too");
static struct spinlock high = SPINLOCK_INITIAL(RANK_RANDOM, "high");

/* No scheduler_init: locks work from the first instruction on. */
static void begin(bool interrupts_on)
{
    fake_machine_init(0);
    fake_machine_info.cpu_count = 2;
    fake_machine.cpus[0].interrupts_enabled = interrupts_on;
    fake_machine.cpus[1].interrupts_enabled = interrupts_on;
}

START_TEST(spinlock_locks_and_unlocks)
{
    begin(true);
    ck_assert(!spin_is_held(&low));
    spin_lock(&low);
    ck_assert(spin_is_held(&low));
    spin_unlock(&low);
    ck_assert(!spin_is_held(&low));
    spin_lock(&low);
    spin_unlock(&low);
}
END_TEST

START_TEST(spinlock_is_held_only_by_the_cpu_that_took_it)
{
    begin(true);
    fake_machine.cpu = 1;
    spin_lock(&low);
    ck_assert(spin_is_held(&low));
    fake_machine.cpu = 0;
    ck_assert(!spin_is_held(&low));
}
END_TEST

START_TEST(spinlock_turns_interrupts_off_until_the_last)
{
    begin(true);
    spin_lock(&low);
    ck_assert(!machine_interrupts_enabled());
    spin_lock(&middle);
    spin_unlock(&middle);
    ck_assert(!machine_interrupts_enabled());
    spin_unlock(&low);
    ck_assert(machine_interrupts_enabled());
}
END_TEST

START_TEST(spinlock_leaves_interrupts_off_if_they_were)
{
    begin(false);
    spin_lock(&low);
    spin_lock(&middle);
    spin_unlock(&middle);
    spin_unlock(&low);
    ck_assert(!machine_interrupts_enabled());
}
END_TEST

START_TEST(spinlock_delivers_what_came_meanwhile_at_the_end)
{
    begin(true);
    spin_lock(&low);
    fake_machine_raise(0, INTERRUPT_NOTIFY);
    ck_assert_uint_eq(fake_machine.cpus[0].delivered[INTERRUPT_NOTIFY], 0);
    spin_unlock(&low);
    ck_assert_uint_eq(fake_machine.cpus[0].delivered[INTERRUPT_NOTIFY], 1);
}
END_TEST

START_TEST(spinlock_unlock_in_any_order)
{
    begin(true);
    spin_lock(&low);
    spin_lock(&middle);
    spin_lock(&high);
    spin_unlock(&middle);
    ck_assert(spin_is_held(&low) && spin_is_held(&high) && !spin_is_held(&middle));
    spin_unlock(&low);
    ck_assert(!machine_interrupts_enabled());
    spin_unlock(&high);
    ck_assert(machine_interrupts_enabled());
    ck_assert_ptr_null(this_cpu()->held);
}
END_TEST

START_TEST(spinlock_same_rank_when_asked_for)
{
    begin(true);
    spin_lock(&middle);
    spin_lock_same_rank(&middle_too);
    spin_unlock(&middle_too);
    spin_unlock(&middle);
}
END_TEST

/* While CPU 0 spins, CPU 1 gives the lock back. */
static void unlock_on_cpu_1(void)
{
    if (fake_machine.relaxations < 10)
        return;
    ck_assert(!machine_interrupts_enabled());
    fake_machine.cpu = 1;
    spin_unlock(&low);
    fake_machine.cpu = 0;
}

START_TEST(spinlock_waits_for_another_cpu)
{
    begin(true);
    fake_machine.cpu = 1;
    spin_lock(&low);
    fake_machine.cpu = 0;
    fake_machine.relax = unlock_on_cpu_1;
    spin_lock(&low);
    ck_assert_uint_eq(fake_machine.relaxations, 10);
    ck_assert(spin_is_held(&low));
}
END_TEST

START_TEST(spinlock_cpus_have_separate_ranks)
{
    begin(true);
    spin_lock(&high);
    fake_machine.cpu = 1;
    spin_lock(&low);
    spin_unlock(&low);
    ck_assert(machine_interrupts_enabled());
    fake_machine.cpu = 0;
    ck_assert(!machine_interrupts_enabled());
}
END_TEST

START_TEST(spinlock_lower_rank_panics)
{
    begin(true);
    spin_lock(&high);
    spin_lock(&low);
}
END_TEST

START_TEST(spinlock_equal_rank_panics)
{
    begin(true);
    spin_lock(&middle);
    spin_lock(&middle_too);
}
END_TEST

START_TEST(spinlock_lower_rank_panics_even_if_same_rank_is_allowed)
{
    begin(true);
    spin_lock(&middle);
    spin_lock_same_rank(&low);
}
END_TEST

START_TEST(spinlock_rank_counts_after_unlocking_out_of_order)
{
    begin(true);
    spin_lock(&low);
    spin_lock(&high);
    spin_unlock(&low);
    spin_lock(&middle);
}
END_TEST

START_TEST(spinlock_second_lock_panics)
{
    begin(true);
    spin_lock(&low);
    spin_lock(&low);
}
END_TEST

START_TEST(spinlock_second_lock_panics_even_if_same_rank_is_allowed)
{
    begin(true);
    spin_lock(&low);
    spin_lock_same_rank(&low);
}
END_TEST

START_TEST(spinlock_second_unlock_panics)
{
    begin(true);
    spin_lock(&low);
    spin_unlock(&low);
    spin_unlock(&low);
}
END_TEST

START_TEST(spinlock_unlock_by_another_cpu_panics)
{
    begin(true);
    spin_lock(&low);
    fake_machine.cpu = 1;
    spin_unlock(&low);
}
END_TEST

START_TEST(spinlock_never_initialised_panics)
{
    struct spinlock lock = { 0 };

    begin(true);
    spin_lock(&lock);
}
END_TEST

START_TEST(spinlock_rank_of_a_mutex_panics)
{
    struct spinlock lock;

    begin(true);
    spin_init(&lock, RANK_INODE, "not a spin lock");
}
END_TEST

START_TEST(spinlock_unlock_with_interrupts_on_panics)
{
    begin(true);
    spin_lock(&low);
    machine_interrupts_restore(true);
    spin_unlock(&low);
}
END_TEST

TEST_MAIN_WITH_PANICS("sync/spinlock",
                      PANICS(spinlock_lower_rank_panics, spinlock_equal_rank_panics,
                             spinlock_lower_rank_panics_even_if_same_rank_is_allowed,
                             spinlock_rank_counts_after_unlocking_out_of_order,
                             spinlock_second_lock_panics,
                             spinlock_second_lock_panics_even_if_same_rank_is_allowed,
                             spinlock_second_unlock_panics, spinlock_unlock_by_another_cpu_panics,
                             spinlock_never_initialised_panics, spinlock_rank_of_a_mutex_panics,
                             spinlock_unlock_with_interrupts_on_panics),
                      spinlock_locks_and_unlocks, spinlock_is_held_only_by_the_cpu_that_took_it,
                      spinlock_turns_interrupts_off_until_the_last,
                      spinlock_leaves_interrupts_off_if_they_were,
                      spinlock_delivers_what_came_meanwhile_at_the_end,
                      spinlock_unlock_in_any_order, spinlock_same_rank_when_asked_for,
                      spinlock_waits_for_another_cpu, spinlock_cpus_have_separate_ranks)

/*
 * Eight processes add one to a counter a hundred times each.  Adding takes deliberately long, so
 * that a process may well be preempted between reading and writing, and what others added in
 * the meantime is lost.  With a spin lock or a semaphore around it the result is 800.
 *
 *     counter [none | spin | semaphore | both]     without an argument: asks; nothing: both
 */
#include "teaching.h"

enum { PROCESSES = 8, ROUNDS = 100, PAUSES = 0x100, ANSWER_SIZE = 16 };
enum semaphore { COUNTER_SEMAPHORE = 0xdeadbeef };
enum protection { PROTECTION_NONE, PROTECTION_SPIN, PROTECTION_SEMAPHORE };

static volatile int counter;
static struct spin_lock counter_lock;

static REPORTED void delay(void)
{
    for (volatile int i = 0; i < PAUSES; i++)
        cpu_relax();
}

/* The critical section. */
static REPORTED void counter_add(void)
{
    int value;

    delay();
    value = counter;
    delay();
    value++;
    delay();
    counter = value;
}

static REPORTED void counter_add_with_spin_lock(void)
{
    SPIN_GUARD(&counter_lock);
    counter_add();
}

static REPORTED void counter_add_with_semaphore(void)
{
    SEMAPHORE_GUARD(COUNTER_SEMAPHORE);
    counter_add();
}

static void adder_run(int protection)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (protection == PROTECTION_SPIN)
            counter_add_with_spin_lock();
        else if (protection == PROTECTION_SEMAPHORE)
            counter_add_with_semaphore();
        else
            counter_add();
    }
}

static REPORTED int counter_run(enum protection protection)
{
    int children[PROCESSES];

    counter = 0;
    for (int i = 0; i < PROCESSES; i++)
        children[i] = process_start(adder_run, protection);
    (void)process_wait_all(children, PROCESSES);
    return counter;
}

int main(int argc, char **argv)
{
    char answer[ANSWER_SIZE];
    bool known = false;

    (void)question_ask(&(struct question){ argc, argv, 1,
                                           "Protection (none, spin, semaphore, both): " },
                       answer, sizeof(answer));
    if (text_equal(answer, "none")) {
        print("COUNTER result without protection: %d\n", counter_run(PROTECTION_NONE));
        return 0;
    }
    if (text_equal(answer, "both"))
        answer[0] = '\0';
    if (answer[0] == '\0' || text_equal(answer, "spin")) {
        known = true;
        print("COUNTER result with a spin lock: %d\n", counter_run(PROTECTION_SPIN));
    }
    if (answer[0] == '\0' || text_equal(answer, "semaphore")) {
        known = true;
        (void)semaphore_new(COUNTER_SEMAPHORE, 1);
        print("COUNTER result with a semaphore: %d\n", counter_run(PROTECTION_SEMAPHORE));
        (void)semaphore_remove(COUNTER_SEMAPHORE);
    }
    if (!known)
        print("counter: there is no protection \"%s\"\n", answer);
    return known ? 0 : 1;
}

/*
 * sched_setaffinity, sched_getaffinity, getcpu: sizes, bad arguments, other threads; and that a
 * thread is on a processor where it may be as soon as the call has returned, whether it runs, waits
 * or is ready.  How many processors there are is not printed: it differs.
 */
#include "with_threads.h"

#include <sys/wait.h>

#define ROUNDS 50
#define MASK_BYTES 128
#define NOBODY 65534

static unsigned char mask[MASK_BYTES + 8];

static long get(int id, unsigned size)
{
    return syscall(SYS_sched_getaffinity, id, size, mask);
}

static long set_one(int id, unsigned cpu)
{
    unsigned char one[MASK_BYTES] = { 0 };

    one[cpu / 8] = (unsigned char)(1u << (cpu % 8));
    return syscall(SYS_sched_setaffinity, id, sizeof(one), one);
}

static long set_all(int id)
{
    unsigned char all[MASK_BYTES];

    memset(all, 0xff, sizeof(all));
    return syscall(SYS_sched_setaffinity, id, sizeof(all), all);
}

static unsigned cpu_now(void)
{
    unsigned cpu = ~0u;

    (void)syscall(SYS_getcpu, &cpu, NULL, NULL);
    return cpu;
}

static unsigned processors(void)
{
    unsigned count = 0;

    memset(mask, 0, sizeof(mask));
    (void)get(0, MASK_BYTES);
    for (unsigned i = 0; i < MASK_BYTES * 8; i++)
        count += (mask[i / 8] >> (i % 8)) & 1u;
    return count;
}

static void test_sizes(void)
{
    static const unsigned char none[MASK_BYTES];
    unsigned char one = 1;

    SECTION("sizes");
    CALL(get(0, 0));
    CALL(get(0, 1));
    CALL(get(0, 7));
    CALL(get(0, 9));
    CALL(get(0, 8) > 0);
    CALL(get(0, MASK_BYTES) > 0);
    CALL(get(0, 0x20000000));
    CALL(get(0, 0x20000008) > 0);
    CALL(syscall(SYS_sched_setaffinity, 0, 1, &one));
    CALL(processors());
    CALL(set_all(0));
    CALL(syscall(SYS_sched_setaffinity, 0, 0, &one));
    CALL(syscall(SYS_sched_setaffinity, 0, sizeof(none), none));
    CALL(syscall(SYS_sched_setaffinity, 0, 8, none));
    CALL(set_one(0, 1000));
}

static void test_arguments(void)
{
    SECTION("bad arguments, and which is found first");
    CALL(syscall(SYS_sched_setaffinity, 0, 8, (void *)8));
    CALL(syscall(SYS_sched_setaffinity, 0, 0, (void *)8));
    CALL(syscall(SYS_sched_setaffinity, 4000000, 8, (void *)8));
    CALL(set_one(4000000, 0));
    CALL(set_one(4000000, 1000));
    CALL(set_one(-1, 0));
    CALL(syscall(SYS_sched_getaffinity, 0, 8, (void *)8));
    CALL(syscall(SYS_sched_getaffinity, 4000000, 8, (void *)8));
    CALL(syscall(SYS_sched_getaffinity, 4000000, 7, (void *)8));
    CALL(get(-1, 8));
    CALL(syscall(SYS_getcpu, NULL, NULL, NULL));
    CALL(syscall(SYS_getcpu, (void *)8, NULL, NULL));
    CALL(syscall(SYS_getcpu, NULL, (void *)8, NULL));
    FACT(cpu_now() < 1000);
}

static void test_own(void)
{
    unsigned count = processors(), wrong = 0, tries = 0;

    SECTION("a thread that moves itself");
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned cpu = 0; cpu < count; cpu++, tries++) {
            if (set_one(0, cpu) != 0 || cpu_now() != cpu)
                wrong++;
        }
    }
    FACT(tries >= ROUNDS);
    VALUE(wrong);
    CALL(set_all(0));
    FACT(processors() == count);
}

/* ---- Others -------------------------------------------------------------------------------- */

static volatile int member_id;
static _Atomic unsigned member_cpu;
static _Atomic uint32_t looks, stop, gate;

/* Says where it is, again and again. */
static void *spin(void *argument)
{
    (void)argument;
    member_id = own_id();
    while (!stop) {
        member_cpu = cpu_now();
        looks++;
    }
    return NULL;
}

/* Until it has looked at least twice since: once wholly after the call. */
static void await_looks(void)
{
    uint32_t before = looks;

    while (looks < before + 2)
        (void)sched_yield();
}

static void test_running(void)
{
    unsigned count = processors(), wrong = 0;
    pthread_t thread = start(spin, NULL);

    SECTION("a thread that runs");
    while (!member_id)
        (void)sched_yield();
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned cpu = round % count;

        if (set_one(member_id, cpu) != 0)
            wrong++;
        await_looks();
        if (member_cpu != cpu)
            wrong++;
    }
    VALUE(wrong);
    stop = 1;
    (void)join(thread);
}

/* Waits, says where it woke up. */
static void *sleep_and_look(void *argument)
{
    uint32_t seen = 0;

    (void)argument;
    member_id = own_id();
    while (!stop) {
        (void)futex(&gate, FUTEX_WAIT | PRIVATE, seen);
        seen = gate;
        member_cpu = cpu_now();
        looks = seen;
    }
    return NULL;
}

static void test_waiting(void)
{
    unsigned count = processors(), wrong = 0;
    pthread_t thread;

    SECTION("a thread that waits");
    stop = 0;
    looks = 0;
    member_id = 0;
    thread = start(sleep_and_look, NULL);
    while (!member_id)
        (void)sched_yield();
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned cpu = round % count;

        if (set_one(member_id, cpu) != 0)
            wrong++;
        gate = round;
        (void)futex(&gate, FUTEX_WAKE | PRIVATE, 1);
        while (looks != round)
            (void)sched_yield();
        if (member_cpu != cpu)
            wrong++;
    }
    VALUE(wrong);
    stop = 1;
    gate = 0;
    (void)futex(&gate, FUTEX_WAKE | PRIVATE, 1);
    (void)join(thread);
}

static void *count_own(void *argument)
{
    (void)argument;
    return answer(processors());
}

static void test_inheritance(void)
{
    int status;
    pid_t child;

    SECTION("children");
    CALL(set_one(0, 0));
    show("a thread may be on", join(start(count_own, NULL)));
    child = fork();
    if (child == 0)
        _exit((int)processors());
    (void)waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
    CALL(set_all(0));
}

static void test_permission(void)
{
    int status;
    pid_t child;

    SECTION("without privileges");
    child = fork();
    if (child == 0) {
        CALL(setuid(NOBODY));
        CALL(set_one(getppid(), 0));
        CALL(set_one(getppid(), 1000));
        CALL(set_one(0, 0));
        CALL(get(getppid(), 8) > 0);
        _exit(0);
    }
    (void)waitpid(child, &status, 0);
}

static void test_status(void)
{
    char line[256];
    FILE *file;

    SECTION("/proc/self/status");
    CALL(set_one(0, 0));
    file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file)) {
        /* The mask itself is as wide as there are processors. */
        if (strncmp(line, "Cpus_allowed_list:", 18) == 0)
            (void)printf("%s", line);
        else if (strncmp(line, "Cpus_allowed:", 13) == 0)
            (void)printf("the mask is %lu\n", strtoul(line + 13, NULL, 16));
    }
    if (file)
        (void)fclose(file);
    CALL(set_all(0));
}

int main(void)
{
    test_sizes();
    test_arguments();
    test_own();
    test_running();
    test_waiting();
    test_inheritance();
    test_permission();
    test_status();
    return 0;
}

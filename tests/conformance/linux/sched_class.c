/* sched_setscheduler, sched_setparam, sched_getparam, sched_getscheduler and their ranges: classes
 * and priorities, bad arguments, threads that are gone, and who may change what. */
#include "with_threads.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define POLICY_DEADLINE 6
#define RESET_ON_FORK 0x40000000
#define NOBODY 65534

/* The calls themselves: musl's refuse. */
static long set_class(int id, int policy, int priority)
{
    struct sched_param parameters = { .sched_priority = priority };

    return syscall(SYS_sched_setscheduler, id, policy, &parameters);
}

static long set_priority(int id, int priority)
{
    struct sched_param parameters = { .sched_priority = priority };

    return syscall(SYS_sched_setparam, id, &parameters);
}

static long get_class(int id)
{
    return syscall(SYS_sched_getscheduler, id);
}

static long get_priority(int id)
{
    struct sched_param parameters = { .sched_priority = -7 };
    long result = syscall(SYS_sched_getparam, id, &parameters);

    return result < 0 ? result : parameters.sched_priority;
}

static void test_ranges(void)
{
    SECTION("ranges");
    for (int policy = -1; policy <= 6; policy++) {
        (void)printf("policy %d: ", policy);
        CALL(syscall(SYS_sched_get_priority_min, policy));
        CALL(syscall(SYS_sched_get_priority_max, policy));
    }
    CALL(syscall(SYS_sched_get_priority_max, SCHED_FIFO | RESET_ON_FORK));
}

static void test_matrix(void)
{
    static const int priorities[] = { -1, 0, 1, 50, 99, 100 };

    SECTION("every class with every kind of priority");
    for (int policy = -1; policy <= 6; policy++) {
        for (unsigned i = 0; i < COUNT(priorities); i++) {
            (void)printf("policy %d, priority %d: ", policy, priorities[i]);
            if (CALL(set_class(0, policy, priorities[i])) == 0)
                (void)printf("now %ld with %ld\n", get_class(0), get_priority(0));
            (void)set_class(0, SCHED_OTHER, 0);
        }
    }
}

static void test_parameters(void)
{
    SECTION("parameters");
    CALL(set_priority(0, 0));
    CALL(set_priority(0, 1));
    CALL(set_class(0, SCHED_FIFO, 10));
    CALL(set_priority(0, 0));
    CALL(set_priority(0, 20));
    CALL(get_priority(0));
    CALL(set_priority(0, 100));
    CALL(set_priority(0, -1));
    CALL(get_class(0));
    CALL(set_class(0, SCHED_RR | RESET_ON_FORK, 5));
    CALL(get_class(0) == (SCHED_RR | RESET_ON_FORK));
    CALL(set_priority(0, 6));
    CALL(get_class(0) == (SCHED_RR | RESET_ON_FORK));
    CALL(set_class(0, SCHED_IDLE, 0));
    CALL(get_class(0));
    CALL(set_class(0, SCHED_BATCH, 0));
    CALL(get_class(0));
    CALL(set_class(0, SCHED_OTHER, 0));
}

static void test_arguments(void)
{
    struct sched_param parameters = { 0 };
    void *wrong = (void *)8;

    SECTION("bad arguments, and which is found first");
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL));
    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, wrong));
    CALL(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, wrong));
    CALL(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &parameters));
    CALL(syscall(SYS_sched_setscheduler, 0, -1, wrong));
    CALL(syscall(SYS_sched_setscheduler, 0, 99, wrong));
    CALL(syscall(SYS_sched_setscheduler, 4000000, 99, &parameters));
    CALL(syscall(SYS_sched_setscheduler, 4000000, SCHED_OTHER, wrong));
    CALL(syscall(SYS_sched_setparam, 0, NULL));
    CALL(syscall(SYS_sched_setparam, 0, wrong));
    CALL(syscall(SYS_sched_setparam, -1, &parameters));
    CALL(syscall(SYS_sched_setparam, 4000000, &parameters));
    CALL(syscall(SYS_sched_getparam, 0, NULL));
    CALL(syscall(SYS_sched_getparam, 0, wrong));
    CALL(syscall(SYS_sched_getparam, -1, wrong));
    CALL(syscall(SYS_sched_getparam, 4000000, wrong));
    CALL(get_class(-1));
    CALL(get_class(4000000));
}

static void test_intervals(void)
{
    struct timespec time;

    SECTION("intervals");
    CALL(syscall(SYS_sched_rr_get_interval, -1, &time));
    CALL(syscall(SYS_sched_rr_get_interval, 4000000, &time));
    CALL(syscall(SYS_sched_rr_get_interval, 4000000, (void *)8));
    CALL(syscall(SYS_sched_rr_get_interval, 0, (void *)8));
    CALL(set_class(0, SCHED_FIFO, 1));
    CALL(syscall(SYS_sched_rr_get_interval, 0, &time));
    VALUE(time.tv_sec);
    VALUE(time.tv_nsec);
    CALL(set_class(0, SCHED_RR, 1));
    CALL(syscall(SYS_sched_rr_get_interval, 0, &time));
    VALUE(time.tv_sec);
    VALUE(time.tv_nsec);
    CALL(set_class(0, SCHED_OTHER, 0));
    CALL(syscall(SYS_sched_rr_get_interval, 0, &time));
    VALUE(time.tv_sec);
}

/* ---- Other threads ------------------------------------------------------------------------- */

static volatile int member_id;
static uint32_t leave;

static void *member(void *argument)
{
    (void)argument;
    member_id = own_id();
    while (futex(&leave, FUTEX_WAIT, 0) != 0 && leave == 0)
        continue;
    return answer(get_class(0) * 1000 + get_priority(0));
}

static void test_threads(void)
{
    pthread_t thread = start(member, NULL);

    SECTION("another thread");
    while (!member_id)
        sleep_ms(1);
    CALL(set_class(member_id, SCHED_RR, 7));
    CALL(get_class(member_id));
    CALL(get_priority(member_id));
    CALL(get_class(0));
    CALL(set_priority(member_id, 8));
    leave = 1;
    (void)futex(&leave, FUTEX_WAKE, 1);
    show("it says", join(thread));
    await_end(member_id);
    CALL(get_class(member_id));
    CALL(set_class(member_id, SCHED_OTHER, 0));
}

/* ---- Permission ---------------------------------------------------------------------------- */

static void set_limit(int which, rlim_t value)
{
    const struct rlimit limit = { value, value };

    if (setrlimit((unsigned)which, &limit) != 0)
        (void)printf("setrlimit: %s\n", error_name(errno));
}

static void be_nobody(void)
{
    CALL(set_class(getppid(), SCHED_OTHER, 0));
    CALL(set_class(0, SCHED_FIFO, 1));
    CALL(set_class(0, SCHED_RR, 1));
    CALL(set_class(0, SCHED_BATCH, 0));
    CALL(set_class(0, SCHED_IDLE, 0));
    CALL(set_class(0, SCHED_OTHER, 0));
    CALL(set_class(0, POLICY_DEADLINE, 0));
    CALL(set_class(0, SCHED_OTHER | RESET_ON_FORK, 0));
    CALL(set_class(0, SCHED_OTHER, 0));
    CALL(set_class(0, SCHED_FIFO, 0));
}

/* It was in a real-time class when it lost its privileges. */
static void be_nobody_in_real_time(void)
{
    CALL(set_priority(0, 11));
    CALL(set_priority(0, 10));
    CALL(set_priority(0, 3));
    CALL(set_priority(0, 4));
    CALL(set_class(0, SCHED_RR, 1));
    CALL(set_class(0, SCHED_FIFO, 1));
    CALL(set_class(0, SCHED_OTHER, 0));
    CALL(set_class(0, SCHED_FIFO, 1));
    CALL(set_class(0, SCHED_IDLE, 0));
    CALL(set_class(0, SCHED_IDLE, 0));
    CALL(set_class(0, SCHED_BATCH, 0));
}

/* In a child without privileges and limits of 0. */
static void as_nobody(const char *name, void (*prepare)(void), void (*body)(void))
{
    pid_t child;

    SECTION(name);
    child = fork();
    if (child == 0) {
        set_limit(RLIMIT_RTPRIO, 0);
        set_limit(RLIMIT_NICE, 0);
        if (prepare)
            prepare();
        CALL(setuid(NOBODY));
        body();
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

static void become_urgent(void)
{
    CALL(set_class(0, SCHED_FIFO, 10));
}

int main(void)
{
    test_ranges();
    test_matrix();
    test_parameters();
    test_arguments();
    test_intervals();
    test_threads();
    as_nobody("without privileges", NULL, be_nobody);
    as_nobody("without privileges any more", become_urgent, be_nobody_in_real_time);
    return 0;
}

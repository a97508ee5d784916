/* What threads get that compute all the time: on one processor shares by nice values, on several
 * one each. */
#include "with_threads.h"

#include <sys/resource.h>

#define MEMBERS_MAX 64
#define ENOUGH_MS 300.0
#define PATIENCE_MS 20000.0
#define PATIENCE_SHARES_MS 5000.0

static _Atomic bool stop;
static struct member {
    int nice, policy;
    _Atomic int id;
    _Atomic unsigned cpu;
    volatile double used_ms;
} members[MEMBERS_MAX];

static double clock_ms(clockid_t clock)
{
    struct timespec time;

    (void)clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void be(const struct member *member)
{
    const struct sched_param none = { .sched_priority = 0 };

    if (setpriority(PRIO_PROCESS, 0, member->nice) != 0 ||
        syscall(SYS_sched_setscheduler, 0, member->policy, &none) != 0)
        (void)printf("not so nice: %s\n", error_name(errno));
}

static void *compute(void *argument)
{
    struct member *member = argument;

    be(member);
    member->id = own_id();
    while (!stop) {
        unsigned cpu = 0;

        for (volatile int i = 0; i < 1000; i++)
            continue;
        (void)syscall(SYS_getcpu, &cpu, NULL, NULL);
        member->cpu = cpu;
        member->used_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
    }
    return NULL;
}

static void set_affinity(bool all)
{
    unsigned char cpus[128] = { 1 };

    if (all)
        memset(cpus, 0xff, sizeof(cpus));
    CALL(syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus));
}

/* Two threads beside each other on the first processor: whether the first one comes to get so many
 * times more.  A turn is longer when the machine has other work, which the next ones make good. */
static bool compare(struct member first, struct member second, double least, double most)
{
    pthread_t threads[2];
    double begin = clock_ms(CLOCK_PROCESS_CPUTIME_ID), used_ms, ratio;

    stop = false;
    members[0] = first;
    members[1] = second;
    for (int i = 0; i < 2; i++)
        threads[i] = start(compute, &members[i]);
    do {
        sleep_ms(5);
        used_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - begin;
        ratio = members[0].used_ms / members[1].used_ms;
    } while (used_ms < ENOUGH_MS ||
             (used_ms < PATIENCE_SHARES_MS && !(ratio > least && ratio < most)));
    stop = true;
    for (int i = 0; i < 2; i++)
        (void)join(threads[i]);
    return ratio > least && ratio < most;
}

#define NICE(value) (struct member){ .nice = (value) }
#define POLICY(value) (struct member){ .policy = (value) }

static void test_shares(void)
{
    SECTION("shares");
    set_affinity(false);
    FACT(compare(NICE(0), NICE(0), 0.6, 1.6));
    FACT(compare(NICE(0), NICE(5), 2, 5));
    FACT(compare(NICE(5), NICE(15), 5, 16));
    FACT(compare(NICE(0), POLICY(SCHED_IDLE), 5, 1e9));
    FACT(compare(NICE(0), POLICY(SCHED_BATCH), 0.6, 1.6));
    set_affinity(true);
}

static bool have_one_each(int count)
{
    uint64_t seen = 0;

    for (int i = 0; i < count; i++) {
        if (!members[i].id)
            return false;
        seen |= UINT64_C(1) << (members[i].cpu % 64);
    }
    return __builtin_popcountll(seen) == count;
}

/* As many threads as processors, that all begin on the first one. */
static void test_spread(void)
{
    int count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    unsigned char all[128];
    pthread_t threads[MEMBERS_MAX];
    double begin = now_ms();
    bool reached = false;

    SECTION("one processor each");
    if (count > MEMBERS_MAX)
        count = MEMBERS_MAX;
    memset(all, 0xff, sizeof(all));
    stop = false;
    set_affinity(false);
    memset(members, 0, sizeof(members));
    for (int i = 0; i < count; i++)
        threads[i] = start(compute, &members[i]);
    for (int i = 0; i < count; i++) {
        while (!members[i].id)
            sleep_ms(1);
        (void)syscall(SYS_sched_setaffinity, members[i].id, sizeof(all), all);
    }
    while (!reached && now_ms() - begin < PATIENCE_MS) {
        sleep_ms(2);
        reached = have_one_each(count);
    }
    FACT(reached);
    stop = true;
    for (int i = 0; i < count; i++)
        (void)join(threads[i]);
    set_affinity(true);
}

int main(void)
{
    test_shares();
    test_spread();
    return 0;
}

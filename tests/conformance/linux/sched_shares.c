/* What threads get that compute all the time: on one processor shares by nice values, on several
 * one each. */
#include "with_threads.h"

#include <sys/resource.h>

#define MEMBERS_MAX 64
#define ENOUGH_MS 300.0
#define PATIENCE_MS 20000.0

static _Atomic bool stop;
static struct member {
    int nice, policy;
    _Atomic int id;
    _Atomic unsigned cpu;
    double used_ms;
} members[MEMBERS_MAX];

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
    struct timespec used;

    be(member);
    member->id = own_id();
    while (!stop) {
        unsigned cpu = 0;

        for (volatile int i = 0; i < 1000; i++)
            continue;
        (void)syscall(SYS_getcpu, &cpu, NULL, NULL);
        member->cpu = cpu;
    }
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    member->used_ms = (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
    return NULL;
}

static void set_affinity(bool all)
{
    unsigned char cpus[128] = { 1 };

    if (all)
        memset(cpus, 0xff, sizeof(cpus));
    CALL(syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus));
}

static double processor_ms(void)
{
    struct timespec used;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

/* Two threads beside each other on the first processor: how many times more the first one got. */
static double compare(struct member first, struct member second)
{
    pthread_t threads[2];
    double begin = processor_ms();

    stop = false;
    members[0] = first;
    members[1] = second;
    for (int i = 0; i < 2; i++)
        threads[i] = start(compute, &members[i]);
    while (processor_ms() - begin < ENOUGH_MS)
        sleep_ms(5);
    stop = true;
    for (int i = 0; i < 2; i++)
        (void)join(threads[i]);
    return members[0].used_ms / members[1].used_ms;
}

static void test_shares(void)
{
    double ratio;

    SECTION("shares");
    set_affinity(false);
    ratio = compare((struct member){ .nice = 0 }, (struct member){ .nice = 0 });
    FACT(ratio > 0.6 && ratio < 1.6);
    ratio = compare((struct member){ .nice = 0 }, (struct member){ .nice = 5 });
    FACT(ratio > 2 && ratio < 5);
    ratio = compare((struct member){ .nice = 5 }, (struct member){ .nice = 15 });
    FACT(ratio > 5 && ratio < 16);
    ratio = compare((struct member){ .nice = 0 }, (struct member){ .policy = SCHED_IDLE });
    FACT(ratio > 5);
    ratio = compare((struct member){ .nice = 0 }, (struct member){ .policy = SCHED_BATCH });
    FACT(ratio > 0.6 && ratio < 1.6);
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

/* sched_setattr and sched_getattr: sizes, flags, parameters of all classes, permission. */
#include "with_threads.h"

#include <sys/resource.h>
#include <sys/wait.h>

#define POLICY_DEADLINE 6
#define SIZE_FIRST 48
#define SIZE_SECOND 56
#define RESET_ON_FORK 0x01
#define KEEP_POLICY 0x08
#define KEEP_PARAMETERS 0x10
#define NOBODY 65534

struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t clamp_minimum, clamp_maximum;
};

static union {
    struct attributes known;
    unsigned char bytes[8192];
} area __attribute__((aligned(4096)));

static long set(const struct attributes *wanted)
{
    area.known = *wanted;
    if (area.known.size == 0)
        area.known.size = SIZE_FIRST;
    return syscall(SYS_sched_setattr, 0, &area, 0);
}

#define SET(...) CALL(set(&(struct attributes){ __VA_ARGS__ }))

/* Without what Linux tells of slices since 6.12. */
static void show_own(void)
{
    struct attributes own = { 0 };

    if (syscall(SYS_sched_getattr, 0, &own, SIZE_FIRST, 0) != 0) {
        (void)printf("sched_getattr: %s\n", error_name(errno));
        return;
    }
    (void)printf("size %u, policy %u, flags %#llx, nice %d, priority %u\n", own.size, own.policy,
                 (unsigned long long)own.flags, own.nice, own.priority);
}

static void test_classes(void)
{
    SECTION("classes");
    show_own();
    SET(.policy = SCHED_OTHER, .nice = 5);
    show_own();
    SET(.policy = SCHED_BATCH, .nice = 7);
    show_own();
    SET(.policy = SCHED_IDLE, .nice = 9);
    show_own();
    SET(.policy = SCHED_FIFO, .priority = 20, .nice = 3);
    show_own();
    SET(.policy = SCHED_RR, .priority = 21);
    show_own();
    SET(.policy = SCHED_OTHER);
    show_own();
    SET(.policy = SCHED_OTHER, .nice = 100);
    show_own();
    SET(.policy = SCHED_OTHER, .nice = -100);
    show_own();
    SET(.policy = SCHED_OTHER);
    SET(.policy = SCHED_OTHER, .priority = 1);
    SET(.policy = SCHED_FIFO);
    SET(.policy = SCHED_FIFO, .priority = 100);
    SET(.policy = 4);
    SET(.policy = 7, .priority = 1);
    SET(.policy = 0x80000000u);
    SET(.policy = SCHED_OTHER | 0x40000000);
}

static void test_flags(void)
{
    SECTION("flags");
    SET(.policy = SCHED_RR, .priority = 2, .flags = RESET_ON_FORK);
    show_own();
    SET(.policy = SCHED_RR, .priority = 2);
    show_own();
    SET(.policy = SCHED_OTHER, .priority = 3, .flags = KEEP_POLICY);
    show_own();
    SET(.policy = 77, .priority = 4, .flags = KEEP_POLICY | RESET_ON_FORK);
    show_own();
    SET(.policy = SCHED_OTHER, .nice = 4);
    SET(.policy = SCHED_OTHER, .nice = 6, .flags = KEEP_POLICY | KEEP_PARAMETERS);
    show_own();
    SET(.policy = SCHED_OTHER, .flags = 0x80);
    SET(.policy = SCHED_OTHER, .flags = 1ULL << 40);
    SET(.policy = SCHED_OTHER, .flags = 0x10000000);
    SET(.policy = SCHED_OTHER, .flags = 0x20);
    SET(.policy = SCHED_OTHER);
}

static void test_deadlines(void)
{
    SECTION("deadlines that are none");
    SET(.policy = POLICY_DEADLINE);
    SET(.policy = POLICY_DEADLINE, .runtime = 1000, .deadline = 1000000);
    SET(.policy = POLICY_DEADLINE, .runtime = 2000000, .deadline = 1000000);
    SET(.policy = POLICY_DEADLINE, .runtime = 2000, .deadline = 50000);
    SET(.policy = POLICY_DEADLINE, .runtime = 2000, .deadline = 1ULL << 63);
    SET(.policy = POLICY_DEADLINE, .runtime = 2000, .deadline = 1000000, .period = 900000);
    SET(.policy = POLICY_DEADLINE, .runtime = 2000, .deadline = 1000000, .period = 1ULL << 40);
    SET(.policy = POLICY_DEADLINE, .runtime = 5000, .deadline = 1000000, .priority = 1);
    show_own();
}

static long set_size(uint32_t size, unsigned beyond)
{
    long result;

    memset(&area, 0, sizeof(area));
    area.known.size = size;
    if (beyond)
        area.bytes[beyond] = 1;
    result = syscall(SYS_sched_setattr, 0, &area, 0);
    if (result != 0)
        (void)printf("(size is now %u) ", area.known.size);
    return result;
}

static void test_sizes(void)
{
    struct attributes own;
    unsigned char *end = area.bytes + 4096;

    SECTION("sizes");
    CALL(set_size(0, 0));
    CALL(set_size(1, 0));
    CALL(set_size(47, 0));
    CALL(set_size(SIZE_FIRST, 0));
    CALL(set_size(52, 0));
    CALL(set_size(SIZE_SECOND, 0));
    CALL(set_size(64, 0));
    CALL(set_size(64, 60));
    CALL(set_size(4096, 0));
    CALL(set_size(4096, 4095));
    CALL(set_size(4097, 0));
    CALL(set_size(0xffffffff, 0));
    CALL(syscall(SYS_sched_getattr, 0, &own, 0, 0));
    CALL(syscall(SYS_sched_getattr, 0, &own, 47, 0));
    CALL(syscall(SYS_sched_getattr, 0, &own, SIZE_FIRST, 0));
    VALUE(own.size);
    CALL(syscall(SYS_sched_getattr, 0, &own, 52, 0));
    VALUE(own.size);
    CALL(syscall(SYS_sched_getattr, 0, &own, SIZE_SECOND, 0));
    VALUE(own.size);
    CALL(syscall(SYS_sched_getattr, 0, &area, 4096, 0));
    VALUE(area.known.size);
    CALL(syscall(SYS_sched_getattr, 0, &area, 4097, 0));
    CALL(mprotect(end, 4096, PROT_NONE));
    memset(end - SIZE_FIRST, 0, SIZE_FIRST);
    CALL(syscall(SYS_sched_setattr, 0, end - SIZE_FIRST, 0));
    *(uint32_t *)(void *)(end - SIZE_FIRST) = SIZE_SECOND;
    CALL(syscall(SYS_sched_setattr, 0, end - SIZE_FIRST, 0));
    CALL(syscall(SYS_sched_getattr, 0, end - SIZE_FIRST, SIZE_FIRST, 0));
    CALL(syscall(SYS_sched_getattr, 0, end - SIZE_FIRST, SIZE_SECOND, 0));
    CALL(mprotect(end, 4096, PROT_READ | PROT_WRITE));
}

static void test_arguments(void)
{
    SECTION("bad arguments, and which is found first");
    CALL(syscall(SYS_sched_setattr, 0, NULL, 0));
    CALL(syscall(SYS_sched_setattr, -1, &area, 0));
    CALL(syscall(SYS_sched_setattr, 0, &area, 1));
    CALL(syscall(SYS_sched_setattr, 0, (void *)8, 0));
    CALL(syscall(SYS_sched_setattr, 4000000, (void *)8, 0));
    memset(&area, 0, sizeof(area));
    CALL(syscall(SYS_sched_setattr, 4000000, &area, 0));
    area.known.policy = 55;
    CALL(syscall(SYS_sched_setattr, 4000000, &area, 0));
    CALL(syscall(SYS_sched_getattr, 0, NULL, SIZE_FIRST, 0));
    CALL(syscall(SYS_sched_getattr, -1, &area, SIZE_FIRST, 0));
    CALL(syscall(SYS_sched_getattr, 0, &area, SIZE_FIRST, 1));
    CALL(syscall(SYS_sched_getattr, 0, (void *)8, SIZE_FIRST, 0));
    CALL(syscall(SYS_sched_getattr, 4000000, (void *)8, SIZE_FIRST, 0));
}

static void test_nobody(void)
{
    const struct rlimit none = { 0, 0 };
    pid_t child;

    SECTION("without privileges");
    child = fork();
    if (child == 0) {
        (void)setrlimit(RLIMIT_RTPRIO, &none);
        (void)setrlimit(RLIMIT_NICE, &none);
        CALL(setuid(NOBODY));
        SET(.policy = SCHED_OTHER, .nice = 5);
        SET(.policy = SCHED_OTHER, .nice = 2);
        SET(.policy = SCHED_OTHER, .nice = 1);
        SET(.policy = SCHED_BATCH, .nice = 3);
        SET(.policy = SCHED_FIFO, .priority = 1);
        SET(.policy = POLICY_DEADLINE, .runtime = 5000, .deadline = 1000000);
        SET(.policy = SCHED_OTHER, .nice = 4, .flags = RESET_ON_FORK);
        SET(.policy = SCHED_OTHER, .nice = 4);
        SET(.policy = SCHED_OTHER, .nice = 4, .flags = RESET_ON_FORK);
        show_own();
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
}

int main(void)
{
    test_classes();
    test_flags();
    test_deadlines();
    test_sizes();
    test_arguments();
    test_nobody();
    return 0;
}

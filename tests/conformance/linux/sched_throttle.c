/* A thread of SCHED_FIFO that never waits leaves some of its processor to others: in each
 * sched_rt_period_us it has sched_rt_runtime_us.  And what these settings refuse. */
#include "with_threads.h"

#include <fcntl.h>

#define RUNTIME "/proc/sys/kernel/sched_rt_runtime_us"
#define PERIOD "/proc/sys/kernel/sched_rt_period_us"
#define SECONDS_AT_MOST 10

/* It takes a second: with one C library is enough. */
#ifdef __GLIBC__
#define HAS_TIME true
#else
#define HAS_TIME false
#endif

static _Atomic int is_spinning;
static _Atomic int is_told;

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *spin(void *unused)
{
    struct sched_param parameters = { .sched_priority = 50 };

    CALL(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &parameters));
    is_spinning = 1;
    for (double start = now(); !is_told && now() < start + SECONDS_AT_MOST;) {
    }
    FACT(is_told == 1);
    return unused;
}

static void test_turn(void)
{
    cpu_set_t cpus;
    pthread_t thread;

    SECTION("a spinner and another thread on one processor");
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    CALL(sched_setaffinity(0, sizeof(cpus), &cpus));
    (void)pthread_create(&thread, NULL, spin, NULL);
    while (!is_spinning)
        (void)sched_yield();
    is_told = 1;
    (void)pthread_join(thread, NULL);
}

static void show_setting(const char *path)
{
    char text[32] = { 0 };
    int file = open(path, O_RDONLY | O_CLOEXEC);

    (void)!read(file, text, sizeof(text) - 1);
    TEXT(text);
    (void)close(file);
}

/* Nothing that would change the machine natively. */
static void test_settings(void)
{
    static const char *const texts[] = {
        "-2", "1000001", "0x", "some", "950000\n", "4294967296", " 950000", "+950000",
    };
    int runtime = open(RUNTIME, O_WRONLY | O_CLOEXEC);
    int period = open(PERIOD, O_WRONLY | O_CLOEXEC);

    SECTION("settings");
    show_setting(RUNTIME);
    show_setting(PERIOD);
    for (unsigned i = 0; i < COUNT(texts); i++) {
        (void)printf("runtime \"%s\": ", texts[i]);
        CALL(pwrite(runtime, texts[i], strlen(texts[i]), 0));
    }
    CALL(pwrite(period, "0\n", 2, 0));
    CALL(pwrite(period, "-1", 2, 0));
    CALL(pwrite(period, "949999", 6, 0));
    CALL(pwrite(period, "1000000", 7, 0));
    show_setting(RUNTIME);
    show_setting(PERIOD);
    (void)close(runtime);
    (void)close(period);
}

int main(void)
{
    test_settings();
    if (HAS_TIME)
        test_turn();
    return 0;
}

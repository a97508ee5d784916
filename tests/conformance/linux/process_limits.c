/* Resource limits and usage: errors, their order, and what a change does. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)

static void errors(void)
{
    struct rlimit limit = { 2, 1 };

    SECTION("errors");
    CALL(syscall(SYS_getrlimit, 99, WILD));
    CALL(syscall(SYS_getrlimit, RLIMIT_STACK, WILD));
    CALL(syscall(SYS_setrlimit, 99, WILD));
    CALL(syscall(SYS_setrlimit, 99, &limit));
    CALL(syscall(SYS_setrlimit, RLIMIT_STACK, &limit));
    CALL(syscall(SYS_prlimit64, 0, 16, NULL, NULL));
    CALL(syscall(SYS_prlimit64, 0, 16, WILD, NULL));
    CALL(syscall(SYS_prlimit64, 999999999, 16, NULL, NULL));
    CALL(syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, WILD));
    CALL(syscall(SYS_prlimit64, 0, RLIMIT_STACK, &limit, NULL));
    limit = (struct rlimit){ 1, 1 << 30 };
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
}

static void show(int resource)
{
    struct rlimit limit;

    CALL(getrlimit(resource, &limit));
    printf("soft %lld hard %lld\n", (long long)limit.rlim_cur, (long long)limit.rlim_max);
}

static void changes(void)
{
    struct rlimit limit = { 1 << 20, 1 << 21 };
    struct rlimit old;

    SECTION("changes");
    CALL(setrlimit(RLIMIT_CORE, &limit));
    show(RLIMIT_CORE);
    limit.rlim_cur = 4096;
    CALL(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &limit, &old));
    FACT(old.rlim_cur == 1 << 20 && old.rlim_max == 1 << 21);
    show(RLIMIT_CORE);
    limit = (struct rlimit){ 5, 5 };
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
    FACT(dup(1) >= 0 && dup(1) >= 0);
    CALL(dup(1));
    show(RLIMIT_NOFILE);
}

static void spin(void)
{
    clock_t end = clock() + CLOCKS_PER_SEC / 20;

    while (clock() < end)
        ;
}

static void usage(void)
{
    struct rusage self, thread, children;
    struct tms times_now;
    clock_t before, after;

    SECTION("usage");
    spin();
    CALL(getrusage(RUSAGE_SELF, &self));
    CALL(getrusage(RUSAGE_THREAD, &thread));
    CALL(getrusage(RUSAGE_CHILDREN, &children));
    FACT(self.ru_utime.tv_sec * 1000000 + self.ru_utime.tv_usec +
             self.ru_stime.tv_sec * 1000000 + self.ru_stime.tv_usec >= 40000);
    FACT(self.ru_maxrss > 0);
    FACT(self.ru_minflt > 0);
    FACT(self.ru_ixrss == 0 && self.ru_nswap == 0);
    FACT(children.ru_utime.tv_sec == 0 && children.ru_utime.tv_usec == 0);
    CALL(syscall(SYS_getrusage, 2, &self));
    CALL(syscall(SYS_getrusage, -2, &self));
    CALL(syscall(SYS_getrusage, RUSAGE_SELF, WILD));
    CALL(syscall(SYS_times, WILD));
    before = times(NULL);
    after = times(&times_now);
    FACT(before > 0 && after >= before && after - before < 100);
    FACT(times_now.tms_utime + times_now.tms_stime >= 4);
    FACT(times_now.tms_cutime == 0 && times_now.tms_cstime == 0);
}

int main(void)
{
    errors();
    usage();
    changes();
    return 0;
}

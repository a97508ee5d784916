/* What a program learns about the machine, random numbers, and scheduling. */
#include <limits.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)

static void names(void)
{
    struct utsname name;

    SECTION("uname");
    CALL(uname(&name));
    TEXT(name.sysname);
    TEXT(name.machine);
    FACT(name.nodename[0] && name.release[0] && name.version[0]);
    FACT(name.release[0] >= '5' && name.release[0] <= '9');
    CALL(syscall(SYS_uname, WILD));
    CALL(syscall(SYS_uname, NULL));
}

static void memory(void)
{
    struct sysinfo information;

    SECTION("sysinfo");
    CALL(sysinfo(&information));
    FACT(information.uptime >= 0);
    FACT(information.totalram >= information.freeram);
    FACT(information.freeram * information.mem_unit > 1 << 20);
    FACT(information.procs > 0);
    CALL(syscall(SYS_sysinfo, WILD));
}

static int differ(const unsigned char *bytes, size_t size)
{
    size_t different = 0;

    for (size_t i = 1; i < size; i++)
        different += bytes[i] != bytes[0];
    return different > size / 2;
}

static void randomness(void)
{
    static unsigned char bytes[10000], again[10000];

    SECTION("getrandom");
    CALL(getrandom(bytes, sizeof(bytes), 0));
    CALL(getrandom(again, sizeof(again), GRND_NONBLOCK | GRND_RANDOM));
    FACT(differ(bytes, sizeof(bytes)));
    FACT(memcmp(bytes, again, sizeof(bytes)) != 0);
    CALL(syscall(SYS_getrandom, bytes, 10, 8));
    CALL(syscall(SYS_getrandom, bytes, 10, 6));
    CALL(syscall(SYS_getrandom, bytes, 10, 4));
    CALL(syscall(SYS_getrandom, WILD, 10, 0));
    CALL(syscall(SYS_getrandom, NULL, 0, 0));
    CALL(syscall(SYS_getrandom, WILD, 0, 0));
    CALL(syscall(SYS_getrandom, -1L, 10, 0));
}

static void processors(void)
{
    unsigned long mask[32] = { 0 };
    unsigned cpu = 9999, node = 9999;

    SECTION("processors");
    CALL(syscall(SYS_getcpu, &cpu, &node, NULL));
    FACT(cpu < 1024 && node < 64);
    CALL(syscall(SYS_getcpu, NULL, NULL, NULL));
    CALL(syscall(SYS_getcpu, WILD, NULL, NULL));
    CALL(syscall(SYS_getcpu, NULL, WILD, NULL));
    FACT(syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask) >= 8);
    FACT(mask[0] & 1);
    CALL(syscall(SYS_sched_getaffinity, 0, 0, mask));
    CALL(syscall(SYS_sched_getaffinity, 0, 4, mask));
    CALL(syscall(SYS_sched_getaffinity, 0, 8, WILD));
    CALL(syscall(SYS_sched_getaffinity, 999999999, 8, WILD));
    CALL(syscall(SYS_sched_setaffinity, 0, 8, mask));
    CALL(syscall(SYS_sched_setaffinity, 0, 8, WILD));
    CALL(syscall(SYS_sched_setaffinity, 0, 0, mask));
    CALL(syscall(SYS_sched_setaffinity, 999999999, 8, mask));
    mask[0] = 0;
    CALL(syscall(SYS_sched_setaffinity, 0, 8, mask));
    CALL(sched_yield());
    for (int policy = -1; policy < 7; policy++) {
        CALL(sched_get_priority_max(policy));
        CALL(sched_get_priority_min(policy));
    }
}

int main(void)
{
    names();
    memory();
    randomness();
    processors();
    return 0;
}

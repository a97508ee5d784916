/* Who a process is: its numbers, users, groups and capabilities, and the errors of changing
 * them. */
#include <limits.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define WILD ((void *)1)

static void numbers(void)
{
    SECTION("numbers");
    FACT(getpid() > 0);
    FACT(syscall(SYS_gettid) == getpid());
    FACT(getppid() != getpid());
    FACT(syscall(SYS_set_tid_address, NULL) == getpid());
    FACT(getpgrp() == getpgid(0));
    FACT(getpgid(getpid()) == getpgrp());
    FACT(getsid(0) == getsid(getpid()));
    CALL(getpgid(-1));
    CALL(getpgid(999999999));
    CALL(getsid(999999999));
    CALL(setpgid(0, -1));
    CALL(setpgid(-1, 0));
    CALL(setpgid(999999999, 0));
    CALL(setpgid(0, 999999999));
}

static void children(void)
{
    SECTION("children");
    CALL(waitpid(-1, NULL, 0));
    CALL(waitpid(-1, NULL, WNOHANG));
    CALL(waitpid(getpid(), NULL, 0));
    CALL(waitpid(INT_MIN, NULL, 0));
    CALL(syscall(SYS_wait4, -1, NULL, 4, NULL));
    CALL(syscall(SYS_wait4, -1, NULL, -1, NULL));
    CALL(syscall(SYS_wait4, 0, WILD, WUNTRACED | WCONTINUED, WILD));
}

static void users(void)
{
    unsigned real = 1, effective = 2, saved = 3;

    SECTION("users");
    FACT(getuid() == geteuid());
    FACT(getgid() == getegid());
    CALL(syscall(SYS_getresuid, &real, &effective, &saved));
    FACT(real == getuid() && effective == real && saved == real);
    CALL(syscall(SYS_getresgid, &real, &effective, &saved));
    FACT(real == getgid() && effective == real && saved == real);
    CALL(syscall(SYS_getresuid, WILD, &effective, &saved));
    CALL(syscall(SYS_getresuid, &real, &effective, WILD));
    CALL(syscall(SYS_getresgid, &real, WILD, &saved));
    CALL(syscall(SYS_setuid, -1));
    CALL(syscall(SYS_setgid, -1));
    CALL(syscall(SYS_setuid, getuid()));
    CALL(syscall(SYS_setreuid, -1, -1));
    CALL(syscall(SYS_setregid, -1, -1));
    CALL(syscall(SYS_setresuid, -1, -1, -1));
    CALL(syscall(SYS_setresgid, -1, -1, -1));
    FACT((unsigned)syscall(SYS_setfsuid, -1) == getuid());
    FACT((unsigned)syscall(SYS_setfsgid, -1) == getgid());
}

static void groups(void)
{
    static unsigned list[70000];

    SECTION("groups");
    FACT(syscall(SYS_getgroups, 0, NULL) >= 0);
    CALL(syscall(SYS_getgroups, -1, list));
    FACT(syscall(SYS_getgroups, 65536, list) >= 0);
    if (geteuid() == 0) {
        CALL(syscall(SYS_setgroups, -1, list));
        CALL(syscall(SYS_setgroups, 65537, list));
        CALL(syscall(SYS_setgroups, 2, WILD));
        list[0] = 7;
        list[1] = 5;
        CALL(syscall(SYS_setgroups, 2, list));
        CALL(syscall(SYS_getgroups, 1, list));
        CALL(syscall(SYS_getgroups, 2, WILD));
        CALL(syscall(SYS_getgroups, 0, WILD));
        CALL(syscall(SYS_setgroups, 0, NULL));
        CALL(syscall(SYS_getgroups, 0, NULL));
    }
}

static void capabilities(void)
{
    unsigned header[2] = { 1, 0 };
    unsigned data[6];
    unsigned again[6];

    SECTION("capabilities");
    CALL(syscall(SYS_capget, WILD, NULL));
    CALL(syscall(SYS_capget, header, NULL));
    FACT(header[0] == 0x20080522);
    header[0] = 1;
    CALL(syscall(SYS_capget, header, data));
    CALL(syscall(SYS_capset, header, data));
    header[0] = 0x20080522;
    header[1] = -1u;
    CALL(syscall(SYS_capget, header, data));
    header[1] = 999999999;
    CALL(syscall(SYS_capget, header, data));
    header[1] = 0;
    CALL(syscall(SYS_capget, header, WILD));
    CALL(syscall(SYS_capget, header, data));
    FACT((geteuid() == 0) == (data[0] != 0));
    CALL(syscall(SYS_capset, header, WILD));
    CALL(syscall(SYS_capset, header, data));
    data[0] &= ~1u;
    CALL(syscall(SYS_capset, header, data));
    CALL(syscall(SYS_capget, header, again));
    FACT(again[0] == data[0]);
    data[1] &= ~1u;
    CALL(syscall(SYS_capset, header, data));
    data[1] |= 1;    /* given up for good */
    CALL(syscall(SYS_capset, header, data));
    header[1] = 999999999;
    CALL(syscall(SYS_capset, header, again));
}

static void show_ids(void)
{
    unsigned real, effective, saved;

    (void)syscall(SYS_getresuid, &real, &effective, &saved);
    printf("users %u %u %u", real, effective, saved);
    (void)syscall(SYS_getresgid, &real, &effective, &saved);
    printf(", groups %u %u %u\n", real, effective, saved);
}

/* Root gives itself up, step by step. */
static void changes(void)
{
    SECTION("changes");
    if (geteuid() != 0)
        return;
    CALL(syscall(SYS_setresgid, 10, 11, 12));
    show_ids();
    CALL(syscall(SYS_setregid, 12, -1));
    show_ids();
    CALL(syscall(SYS_setgid, 20));
    show_ids();
    CALL(syscall(SYS_setresuid, 100, 0, 102));
    show_ids();
    CALL(syscall(SYS_setreuid, -1, 100));
    show_ids();
    CALL(syscall(SYS_setgid, 21));
    CALL(syscall(SYS_setresgid, -1, 22, -1));
    CALL(syscall(SYS_setuid, 0));
    CALL(syscall(SYS_setreuid, 102, -1));
    CALL(syscall(SYS_setresuid, 102, 100, 102));
    show_ids();
    CALL(syscall(SYS_setfsuid, 100));
    CALL(syscall(SYS_setfsuid, 55));
    CALL(syscall(SYS_setfsuid, -1));
    CALL(syscall(SYS_setfsgid, 20));
    CALL(syscall(SYS_setgroups, 0, NULL));
    CALL(syscall(SYS_setuid, 102));
    show_ids();
    CALL(syscall(SYS_setuid, 100));
    show_ids();
}

static void lists(void)
{
    char head[24];
    void *list;
    size_t size;

    SECTION("robust list, personality");
    CALL(syscall(SYS_set_robust_list, head, 23));
    CALL(syscall(SYS_set_robust_list, head, 24));
    CALL(syscall(SYS_get_robust_list, 0, &list, &size));
    FACT(list == head && size == 24);
    CALL(syscall(SYS_get_robust_list, 0, WILD, &size));
    CALL(syscall(SYS_get_robust_list, 0, &list, WILD));
    CALL(syscall(SYS_get_robust_list, 999999999, &list, &size));
    CALL(syscall(SYS_get_robust_list, -1, &list, &size));
    CALL(personality(0xffffffff));
    CALL(personality(ADDR_NO_RANDOMIZE));
    CALL(personality(0xffffffff));
}

int main(void)
{
    numbers();
    children();
    users();
    groups();
    lists();
    capabilities();
    changes();
    return 0;
}

/* prctl and arch_prctl: names, settings that are read back, and what is refused. */
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define WILD 1UL
#define PRCTL(option, a, b, c, d) CALL(syscall(SYS_prctl, (long)(option), (long)(a), b, c, d))

static void names(void)
{
    char name[17] = "----------------";

    SECTION("names");
    PRCTL(PR_SET_NAME, "short", 0, 0, 0);
    PRCTL(PR_GET_NAME, name, 0, 0, 0);
    TEXT(name);
    PRCTL(PR_SET_NAME, "a name of more than sixteen bytes", 0, 0, 0);
    PRCTL(PR_GET_NAME, name, 0, 0, 0);
    TEXT(name);
    PRCTL(PR_SET_NAME, "exactly15bytes!", 0, 0, 0);
    PRCTL(PR_GET_NAME, name, 0, 0, 0);
    TEXT(name);
    PRCTL(PR_SET_NAME, "", 0, 0, 0);
    PRCTL(PR_GET_NAME, name, 0, 0, 0);
    TEXT(name);
    PRCTL(PR_SET_NAME, WILD, 0, 0, 0);
    PRCTL(PR_GET_NAME, WILD, 0, 0, 0);
}

static void settings(void)
{
    int value = 77;

    SECTION("settings");
    PRCTL(PR_GET_PDEATHSIG, &value, 0, 0, 0);
    VALUE(value);
    PRCTL(PR_SET_PDEATHSIG, 65, 0, 0, 0);
    PRCTL(PR_SET_PDEATHSIG, 10, 0, 0, 0);
    PRCTL(PR_GET_PDEATHSIG, &value, 0, 0, 0);
    VALUE(value);
    PRCTL(PR_GET_PDEATHSIG, WILD, 0, 0, 0);
    PRCTL(PR_SET_PDEATHSIG, 0, 0, 0, 0);
    PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_SET_DUMPABLE, 2, 0, 0, 0);
    PRCTL(PR_SET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_DUMPABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    PRCTL(PR_SET_KEEPCAPS, 2, 0, 0, 0);
    PRCTL(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    PRCTL(PR_GET_KEEPCAPS, 0, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMERSLACK, 1234, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_GET_TIMERSLACK, 0, 0, 0, 0);
    PRCTL(PR_SET_CHILD_SUBREAPER, 5, 0, 0, 0);
    PRCTL(PR_GET_CHILD_SUBREAPER, &value, 0, 0, 0);
    VALUE(value);
    PRCTL(PR_GET_TSC, &value, 0, 0, 0);
    VALUE(value);
}

static void strict_ones(void)
{
    SECTION("settings that look at all arguments");
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0);
    PRCTL(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    PRCTL(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    PRCTL(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    PRCTL(PR_GET_TIMING, 0, 0, 0, 0);
    PRCTL(PR_SET_TIMING, 1, 0, 0, 0);
    PRCTL(PR_GET_SECCOMP, 0, 0, 0, 0);
    PRCTL(PR_CAPBSET_READ, 40, 0, 0, 0);
    PRCTL(PR_CAPBSET_READ, 41, 0, 0, 0);
    PRCTL(PR_GET_ENDIAN, 0, 0, 0, 0);
    PRCTL(12345, 0, 0, 0, 0);
    PRCTL(-1, 0, 0, 0, 0);
}

static void bases(void)
{
    static unsigned long base;
    unsigned long gs = 0;

    SECTION("segment bases");
    CALL(syscall(SYS_arch_prctl, 0x1001, 0x7ffffffff000));
    CALL(syscall(SYS_arch_prctl, 0x1002, -1L));
    CALL(syscall(SYS_arch_prctl, 0x1001, &base));
    CALL(syscall(SYS_arch_prctl, 0x1004, &gs));
    FACT(gs == (unsigned long)&base);
    __asm__ volatile("movq $99, %%gs:0" ::: "memory");
    VALUE(base);
    CALL(syscall(SYS_arch_prctl, 0x1001, 0));
    CALL(syscall(SYS_arch_prctl, 0x1003, &base));
    FACT(base != 0);
    CALL(syscall(SYS_arch_prctl, 0x1003, WILD));
    CALL(syscall(SYS_arch_prctl, 99, 0));
    CALL(syscall(SYS_arch_prctl, 0x1011, 0));
}

int main(void)
{
    names();
    settings();
    strict_ones();
    bases();
    return 0;
}

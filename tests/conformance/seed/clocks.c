/*
 * All that a program can see of time and chance, so that two runs can be compared: clocks, the
 * processor's counter, random bytes, its identity, and how long sleeping takes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static uint64_t counter(void)
{
    return __builtin_ia32_rdtsc();
}

static uint64_t counter_of(unsigned *processor)
{
    return __builtin_ia32_rdtscp(processor);
}

static void print_bytes(const char *name, const unsigned char *bytes, size_t size)
{
    printf("%s ", name);
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
    putchar('\n');
}

int main(void)
{
    unsigned char bytes[16];
    unsigned processor;
    struct timespec now, rest = { .tv_sec = 100 };
    struct utsname name;
    uint64_t before = counter(), after = counter_of(&processor);

    if (after <= before || processor > 64)
        puts("the counter does not count");
    printf("counter %llu %llu\n", (unsigned long long)before, (unsigned long long)after);
    clock_gettime(CLOCK_REALTIME, &now);
    printf("date %lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    if (getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes))
        print_bytes("getrandom", bytes, sizeof(bytes));
    print_bytes("AT_RANDOM", (const unsigned char *)getauxval(AT_RANDOM), sizeof(bytes));
    uname(&name);
    printf("%s %d %d %d\n", name.nodename, (int)getuid(), (int)getgid(), (int)getpid());
    printf("stack %p, heap %p, program %p\n", (void *)&now, malloc(1), (void *)main);
    for (char **variable = environ; *variable; variable++)
        puts(*variable);
    nanosleep(&rest, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("slept %lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    return 0;
}

/*
 * The vDSO: that it is there, that the C library uses it, and that it says what the calls say:
 * times read in turns by both never go back.
 */
#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 20000

static const char *image;

/* By the table of strings and symbols that the dynamic section names, as libraries do it. */
static void *find(const char *name)
{
    const Elf64_Ehdr *header = (const void *)image;
    const Elf64_Phdr *program = (const void *)(image + header->e_phoff);
    const Elf64_Sym *symbols = NULL;
    const Elf64_Dyn *dynamic = NULL;
    const char *strings = NULL;
    const uint32_t *hash = NULL;

    for (int i = 0; i < header->e_phnum; i++) {
        if (program[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(image + program[i].p_offset);
    }
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        if (dynamic->d_tag == DT_SYMTAB)
            symbols = (const void *)(image + dynamic->d_un.d_ptr);
        if (dynamic->d_tag == DT_STRTAB)
            strings = image + dynamic->d_un.d_ptr;
        if (dynamic->d_tag == DT_HASH)
            hash = (const void *)(image + dynamic->d_un.d_ptr);
    }
    for (uint32_t i = 0; symbols && strings && hash && i < hash[1]; i++) {
        if (strcmp(strings + symbols[i].st_name, name) == 0)
            return (void *)(uintptr_t)(image + symbols[i].st_value);
    }
    return NULL;
}

static void image_itself(void)
{
    static const char *const names[] = {
        "__vdso_clock_gettime", "__vdso_clock_getres", "__vdso_gettimeofday", "__vdso_time",
        "__vdso_getcpu", "clock_gettime", "getcpu", "no_such_name",
    };

    SECTION("the image");
    image = (const char *)getauxval(AT_SYSINFO_EHDR);
    FACT(image != NULL && memcmp(image, ELFMAG, SELFMAG) == 0);
    for (size_t i = 0; image && i < COUNT(names); i++)
        printf("%s %s\n", names[i], find(names[i]) ? "is there" : "is not there");
}

static void map_lines(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    uintptr_t times = 0;
    char line[256];

    SECTION("maps");
    while (maps && fgets(line, sizeof(line), maps)) {
        char access[5] = "";
        unsigned long start, end, offset;

        if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, access, &offset) != 4)
            continue;
        if (strstr(line, "[vvar]")) {
            times = start;
            printf("[vvar] %s at offset %lx\n", access, offset);
        }
        if (strstr(line, "[vdso]")) {
            printf("[vdso] %s at offset %lx\n", access, offset);
            FACT(start == (uintptr_t)image);
        }
    }
    FACT(times != 0);
    CALL(mprotect((void *)times, 4096, PROT_READ | PROT_WRITE));
}

static long long ns_of(const struct timespec *time)
{
    return time->tv_sec * 1000000000LL + time->tv_nsec;
}

/* Functions and system calls in turns. */
static void in_turns(int clock)
{
    int (*read_clock)(int, struct timespec *) = find("__vdso_clock_gettime");
    int (*read_resolution)(int, struct timespec *) = find("__vdso_clock_getres");
    struct timespec time = { 0, 0 }, resolution = { 9, 9 }, called = { 8, 8 };
    long long last = 0, back = 0, failed = 0;

    for (int i = 0; i < ROUNDS; i++) {
        if (i % 8 == 0)
            failed += syscall(SYS_clock_gettime, clock, &time) != 0;
        else if (i % 8 == 1)
            failed += clock_gettime(clock, &time) != 0;
        else
            failed += read_clock(clock, &time) != 0;
        back += ns_of(&time) < last;
        last = ns_of(&time);
    }
    printf("clock %d: %lld times back, %lld failures\n", clock, back, failed);
    VALUE(read_resolution(clock, &resolution));
    (void)syscall(SYS_clock_getres, clock, &called);
    FACT(ns_of(&resolution) == ns_of(&called));
}

static void other_functions(void)
{
    int (*read_clock)(int, struct timespec *) = find("__vdso_clock_gettime");
    int (*read_day)(struct timeval *, void *) = find("__vdso_gettimeofday");
    time_t (*read_seconds)(time_t *) = find("__vdso_time");
    long (*read_cpu)(unsigned *, unsigned *, void *) = find("__vdso_getcpu");
    struct timespec before, after;
    struct timezone zone = { 5, 5 };
    struct timeval day;
    time_t seconds = 0;
    unsigned cpu = 99, node = 99, called = 77;
    cpu_set_t one;

    SECTION("other functions");
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &before);
    VALUE(read_day(&day, &zone));
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &after);
    FACT(day.tv_sec * 1000000LL + day.tv_usec >= ns_of(&before) / 1000);
    FACT(day.tv_sec * 1000000LL + day.tv_usec <= ns_of(&after) / 1000);
    VALUE(zone.tz_minuteswest);
    VALUE(read_day(NULL, NULL));
    FACT(read_seconds(&seconds) >= before.tv_sec && seconds >= before.tv_sec);
    FACT(read_seconds(NULL) >= seconds);
    VALUE(read_clock(99, &after));
    VALUE(read_clock(CLOCK_THREAD_CPUTIME_ID, &after));
    VALUE(read_cpu(NULL, NULL, NULL));
    sched_getaffinity(0, sizeof(one), &one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &one))
            continue;
        CPU_ZERO(&one);
        CPU_SET(i, &one);
        sched_setaffinity(0, sizeof(one), &one);
        break;
    }
    VALUE(read_cpu(&cpu, &node, NULL));
    VALUE(node);
    syscall(SYS_getcpu, &called, NULL, NULL);
    FACT(cpu == called && (int)cpu == sched_getcpu());
}

int main(void)
{
    image_itself();
    if (!image)
        return 1;
    map_lines();
    SECTION("in turns");
    in_turns(CLOCK_REALTIME);
    in_turns(CLOCK_MONOTONIC);
    in_turns(CLOCK_MONOTONIC_RAW);
    in_turns(CLOCK_BOOTTIME);
    in_turns(CLOCK_REALTIME_COARSE);
    in_turns(CLOCK_MONOTONIC_COARSE);
    other_functions();
    return 0;
}

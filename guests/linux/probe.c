/*
 * Asks a kernel for everything that an ordinary static program takes for granted, and prints
 * facts: started natively and hosted, it must print the same, with glibc and with musl.
 * Arguments and environment are printed as given.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

static __thread int thread_number = 42;
static __thread char thread_buffer[100];
static __thread _Alignas(64) long thread_aligned = -1;

static uint64_t checksum(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;

    for (size_t i = 0; i < size; i++)
        sum = (sum ^ bytes[i]) * 0x100000001b3u;
    return sum;
}

/* Its own function, so that errno is read after the call was made. */
static void result(const char *what, long value)
{
    printf("%s: %ld", what, value);
    if (value == -1)
        printf(" errno %d", errno);
    printf("\n");
}

static void probe_file(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    int fd = open(path, O_RDONLY);
    char buffer[5000];
    uint64_t sum = 0, total = 0;
    struct stat status;
    ssize_t count;

    printf("own file opened as %d\n", fd);
    while ((count = read(fd, buffer, sizeof(buffer))) > 0) {
        sum = checksum(sum, buffer, (size_t)count);
        total += (uint64_t)count;
    }
    printf("own file: %lu bytes, checksum %016lx, then %zd\n", total, sum, count);
    result("fstat", fstat(fd, &status));
    printf("size agrees %d, regular %d\n", (uint64_t)status.st_size == total,
           S_ISREG(status.st_mode));
    result("close", close(fd));
    result("close again", close(fd));
}

static void probe_heap(void)
{
    size_t sizes[] = { 1, 24, 1000, 4096, 100000, 1 << 20, 10 << 20, 100 << 20 };
    uint64_t sum = 0;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        unsigned char *block = malloc(sizes[i]);

        if (!block) {
            printf("malloc %zu: %s\n", sizes[i], strerror(errno));
            continue;
        }
        for (size_t offset = 0; offset < sizes[i]; offset += 512)
            block[offset] = (unsigned char)(offset >> 9);
        for (size_t offset = 0; offset < sizes[i]; offset += 512)
            sum = checksum(sum, block + offset, 1);
        printf("malloc %zu: checksum %016lx\n", sizes[i], sum);
        free(block);
    }
    void *zero = calloc(1000, 1000);
    char *grown = malloc(10);

    printf("calloc is zero: %d\n",
           zero && !memcmp(zero, (char *)zero + 1, 999999) && !*(char *)zero);
    strcpy(grown, "kept");
    for (size_t size = 100; size < 20000000; size *= 10)
        grown = realloc(grown, size);
    printf("realloc keeps: %s\n", grown);
    volatile size_t too_much = SIZE_MAX / 4;
    void *volatile impossible = malloc(too_much);

    printf("malloc of too much: %s\n", impossible ? "given" : strerror(errno));
    free(impossible);
    free(grown);
    free(zero);
}

static void probe_floats(void)
{
    volatile double two = 2, zero = 0;
    double sum = 0;

    for (int i = 1; i < 100000; i++)
        sum += 1.0 / i;
    printf("sqrt %.17g, harmonic %.15f, sin %.15f, pow %g\n", sqrt(two), sum, sin(two),
           pow(two, 0.5));
    printf("inf %f, nan %d, tiny %g, hex %a\n", 1 / zero, isnan(zero / zero), 5e-324, 0.1);
    printf("long double %.20Lf, strtod %g\n", 1.0L / 3, strtod("-12.5e3xyz", NULL));
    printf("%8.3f|%-8.2e|%+d|%05d|%x|%s|%c|%%\n", 3.14159, 31415.9, 5, -42, 0xbeef, "text", 'c');
}

static void probe_clocks(void)
{
    struct timespec before, after, pause = { 0, 20000000 }, resolution;
    struct timeval day;

    clock_gettime(CLOCK_MONOTONIC, &before);
    result("nanosleep", nanosleep(&pause, NULL));
    clock_gettime(CLOCK_MONOTONIC, &after);
    long long slept =
        (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;

    printf("slept at least 20 ms: %d, at most 5 s: %d\n", slept >= 20000000, slept < 5000000000LL);
    result("gettimeofday", gettimeofday(&day, NULL));
    printf("it agrees with time: %d\n", labs(day.tv_sec - time(NULL)) <= 1);
    clock_gettime(CLOCK_REALTIME, &after);
    printf("after 2020: %d, tv_nsec in range: %d\n", after.tv_sec > 1577836800,
           after.tv_nsec >= 0 && after.tv_nsec < 1000000000);
    result("clock_getres", clock_getres(CLOCK_MONOTONIC, &resolution));
    printf("resolution: %ld ns\n", resolution.tv_nsec);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    printf("CPU time used: %d\n", after.tv_sec > 0 || after.tv_nsec > 0);
    for (int i = 0; i < 10000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &after);
        if (after.tv_sec < before.tv_sec ||
            (after.tv_sec == before.tv_sec && after.tv_nsec < before.tv_nsec))
            printf("the clock went back\n");
        before = after;
    }
}

static void probe_errors(void)
{
    char buffer[4];

    volatile uintptr_t wild = 8;

    result("open missing", open("/does/not/exist", O_RDONLY));
    result("read bad", read(77, buffer, 4));
    result("write wild", write(1, (void *)wild, 4));
    result("lseek bad", lseek(-1, 0, SEEK_SET));
    result("chdir to a file", chdir((const char *)getauxval(AT_EXECFN)));
}

static jmp_buf jump;

static void leap(int depth)
{
    void (*volatile next)(int) = leap;    /* a real call, on a real stack frame */

    if (depth > 0)
        next(depth - 1);
    longjmp(jump, 7);
}

static int by_number(const void *a, const void *b)
{
    int left = *(const int *)a, right = *(const int *)b;

    return (left > right) - (left < right);
}

static void probe_jump(void)
{
    int landed = setjmp(jump);

    if (landed == 0)
        leap(100);
    printf("setjmp returned %d\n", landed);
}

static void probe_library(void)
{
    enum { COUNT = 100000 };
    int *numbers = malloc(COUNT * sizeof(*numbers));
    unsigned seed = 1, inversions = 0;

    thread_number++;
    thread_aligned--;
    printf("thread-local %d %ld, buffer zero %d, aligned %d\n", thread_number, thread_aligned,
           thread_buffer[0] == 0 && thread_buffer[99] == 0, (uintptr_t)&thread_aligned % 64 == 0);
    for (int i = 0; i < COUNT; i++) {
        seed = seed * 1664525u + 1013904223u;
        numbers[i] = (int)(seed >> 8);
    }
    qsort(numbers, COUNT, sizeof(*numbers), by_number);
    for (int i = 1; i < COUNT; i++)
        inversions += numbers[i - 1] > numbers[i];
    printf("qsort: %u inversions, first %d, last %d\n", inversions, numbers[0], numbers[COUNT - 1]);
    free(numbers);
}

static void probe_stdio(void)
{
    char name[] = "/tmp/probe-XXXXXX", line[200];
    int fd = mkstemp(name), lines = 0;
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;

    if (!file) {
        printf("no file in /tmp: %s\n", strerror(errno));
        return;
    }
    for (int i = 0; i < 5000; i++)
        fprintf(file, "line %d of the file, %s\n", i, i % 2 ? "odd" : "even");
    printf("position %ld", ftell(file));
    rewind(file);
    while (fgets(line, sizeof(line), file))
        lines++;
    printf(", %d lines, last: %s", lines, line);
    fseek(file, 100, SEEK_SET);
    printf("at 100: %c, end of file %d\n", fgetc(file), feof(file));
    result("fclose", fclose(file));
    result("unlink", unlink(name));
    result("access", access(name, F_OK));
}

int main(int argc, char **argv, char **envp)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    probe_start(argc, argv, envp);
    probe_file();
    probe_heap();
    probe_floats();
    probe_vector();
    probe_clocks();
    probe_errors();
    probe_jump();
    probe_library();
    probe_stdio();
    return 42;
}

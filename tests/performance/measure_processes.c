/*
 * Processes and files: fork, exec and wait, pages copied on write, pipes between processes, calls
 * about files.  Whatever takes turns stays on one processor, as one virtual CPU does.
 */
#define _GNU_SOURCE
#include "measure.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define COPIED_PAGES 2048UL
#define BLOCK 4096

static double unit(double start, unsigned long count)
{
    return (now_ns() - start) / (double)count;
}

static double fork_exit(void)
{
    const unsigned long count = 500;
    double start = now_ns();

    for (unsigned long i = 0; i < count; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(0);
        (void)waitpid(child, NULL, 0);
    }
    return unit(start, count);
}

/* The program that is started does nothing: this one with `nothing` as its only argument. */
static void run_nothing(void)
{
    static char self[4096];

    if (self[0] == '\0' && readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
        _exit(1);
    (void)execl(self, "measure", "nothing", (char *)NULL);
    _exit(1);
}

static double fork_exec(void)
{
    const unsigned long count = 300;
    double start = now_ns();

    for (unsigned long i = 0; i < count; i++) {
        pid_t child = fork();

        if (child == 0)
            run_nothing();
        (void)waitpid(child, NULL, 0);
    }
    return unit(start, count);
}

static double vfork_exec(void)
{
    const unsigned long count = 300;
    double start = now_ns();

    for (unsigned long i = 0; i < count; i++) {
        pid_t child = vfork();

        if (child == 0)
            run_nothing();
        (void)waitpid(child, NULL, 0);
    }
    return unit(start, count);
}

static void pass_byte(int from, int to)
{
    char byte;

    if (read(from, &byte, 1) == 1)
        (void)!write(to, &byte, 1);
}

static double pipe_turns(void)
{
    const unsigned long count = 5000;
    int there[2], back[2];
    char byte = 'x';
    pid_t child;
    double start;

    use_one_processor();
    if (pipe(there) != 0 || pipe(back) != 0)
        exit(1);
    child = fork();
    if (child == 0) {
        for (unsigned long i = 0; i < count; i++)
            pass_byte(there[0], back[1]);
        _exit(0);
    }
    start = now_ns();
    for (unsigned long i = 0; i < count; i++) {
        if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
            exit(1);
    }
    start = unit(start, 2 * count);
    (void)waitpid(child, NULL, 0);
    return start;
}

/* What the child measures comes by shared memory; pages that nobody shares any more are not
 * copied, so the parent waits. */
static double copy_on_write(void)
{
    char *area = mmap(NULL, COPIED_PAGES * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double *result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child;

    (void)madvise(area, COPIED_PAGES * PAGE, MADV_NOHUGEPAGE);
    memset(area, 1, COPIED_PAGES * PAGE);
    child = fork();
    if (child == 0) {
        double start = now_ns();

        for (unsigned long i = 0; i < COPIED_PAGES; i++)
            area[i * PAGE] = 2;
        *result = unit(start, COPIED_PAGES);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
    return *result;
}

static double open_close(void)
{
    const unsigned long count = 20000;
    double start = now_ns();

    for (unsigned long i = 0; i < count; i++)
        (void)close(open(measured_file(), O_RDONLY));
    return unit(start, count);
}

static double stat_call(void)
{
    const unsigned long count = 20000;
    struct stat status;
    double start = now_ns();

    for (unsigned long i = 0; i < count; i++)
        (void)!stat(measured_file(), &status);
    return unit(start, count);
}

static double write_small(void)
{
    static char block[BLOCK];
    const unsigned long count = 20000;
    char name[] = "/tmp/measureXXXXXX";
    int fd = mkstemp(name);
    double start = now_ns();

    (void)unlink(name);
    for (unsigned long i = 0; i < count; i++)
        (void)!pwrite(fd, block, BLOCK, (off_t)(i % 256) * BLOCK);
    start = unit(start, count);
    (void)close(fd);
    return start;
}

static double run_shell(const char *script)
{
    double start = now_ns();
    pid_t child = vfork();
    int status;

    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(1);
    }
    if (waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    return now_ns() - start;
}

static double shell_200(void)
{
    return run_shell("i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i + 1)); done");
}

static double compile(void)
{
    return run_shell("cd /tmp && d=$(mktemp -d) && cd $d && "
                     "printf '#include <stdio.h>\\nint main(void){puts(\"x\");}' > x.c && "
                     "gcc -O1 -o x x.c && ./x > out && cd / && rm -r $d");
}

const struct measure process_measures[] = {
    { "fork_exit", fork_exit },
    { "fork_exec", fork_exec },
    { "vfork_exec", vfork_exec },
    { "pipe_turns", pipe_turns },
    { "copy_on_write", copy_on_write },
    { "open_close", open_close },
    { "stat", stat_call },
    { "write_small", write_small },
    { "shell_200", shell_200 },
    { "compile", compile },
    { NULL, NULL },
};

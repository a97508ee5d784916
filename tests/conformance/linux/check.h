#pragma once
/*
 * What every conformance program begins with.  A program makes calls and prints what they gave;
 * it knows no right answers.  The runner starts it natively and inside the kernel, in an empty
 * directory both times, and compares: Linux is the oracle.  So nothing that differs from run to
 * run (addresses, times, inode numbers) may be printed, only facts about it.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Prints the text of an expression, its value and, for -1, the name of errno; gives the value. */
#define CALL(expression) call_show(#expression, (errno = 0, (long)(expression)))
/* The same for calls that give an address: only whether it worked. */
#define MAP(expression) map_show(#expression, (errno = 0, (expression)))
/* Prints the text of a condition and whether it holds. */
#define FACT(condition) (void)printf("%s: %s\n", #condition, (condition) ? "yes" : "no")
/* Prints a number by the text of its expression. */
#define VALUE(expression) (void)printf("%s = %lld\n", #expression, (long long)(expression))
#define OCTAL(expression) (void)printf("%s = %#llo\n", #expression, (long long)(expression))
#define TEXT(expression) (void)printf("%s = \"%s\"\n", #expression, (expression))

#define SECTION(name) (void)printf("-- %s\n", name)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Line by line, so that a program that dies has shown how far it came. */
__attribute__((constructor)) static void print_by_lines(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
}

static const struct {
    int number;
    const char *name;
} error_names[] = {
#define ERROR(name) { name, #name }
    ERROR(EPERM), ERROR(ENOENT), ERROR(ESRCH), ERROR(EINTR), ERROR(EIO), ERROR(ENXIO),
    ERROR(E2BIG), ERROR(ENOEXEC), ERROR(EBADF), ERROR(ECHILD), ERROR(EAGAIN), ERROR(ENOMEM),
    ERROR(EACCES), ERROR(EFAULT), ERROR(ENOTBLK), ERROR(EBUSY), ERROR(EEXIST), ERROR(EXDEV),
    ERROR(ENODEV), ERROR(ENOTDIR), ERROR(EISDIR), ERROR(EINVAL), ERROR(ENFILE), ERROR(EMFILE),
    ERROR(ENOTTY), ERROR(ETXTBSY), ERROR(EFBIG), ERROR(ENOSPC), ERROR(ESPIPE), ERROR(EROFS),
    ERROR(EMLINK), ERROR(EPIPE), ERROR(EDOM), ERROR(ERANGE), ERROR(EDEADLK), ERROR(ENAMETOOLONG),
    ERROR(ENOLCK), ERROR(ENOSYS), ERROR(ENOTEMPTY), ERROR(ELOOP), ERROR(ENODATA),
    ERROR(EOVERFLOW), ERROR(ENOTSUP), ERROR(ETIMEDOUT), ERROR(ENOTSOCK),
#undef ERROR
};

__attribute__((unused)) static const char *error_name(int number)
{
    static char unknown[24];

    for (size_t i = 0; i < COUNT(error_names); i++) {
        if (error_names[i].number == number)
            return error_names[i].name;
    }
    (void)snprintf(unknown, sizeof(unknown), "errno %d", number);
    return unknown;
}

__attribute__((unused)) static long call_show(const char *text, long result)
{
    int error = errno;

    if (result == -1)
        (void)printf("%s = -1 %s\n", text, error_name(error));
    else
        (void)printf("%s = %ld\n", text, result);
    return result;
}

__attribute__((unused)) static void *map_show(const char *text, void *result)
{
    int error = errno;

    if (result == (void *)-1)
        (void)printf("%s = -1 %s\n", text, error_name(error));
    else
        (void)printf("%s = an address%s\n", text, (uintptr_t)result % 4096 ? "?!" : "");
    return result;
}

/* State of a thread of a process as /proc says it: 'S' when it sleeps, 'T' when it is stopped, '?'
   when it is gone. */
__attribute__((unused)) static char state_of_thread(const char *process, int thread)
{
    char name[64], line[512], state = '?';
    FILE *file;

    (void)snprintf(name, sizeof(name), "/proc/%s/task/%d/stat", process, thread);
    file = fopen(name, "r");
    if (!file)
        return state;
    if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
        state = strrchr(line, ')')[2];
    (void)fclose(file);
    return state;
}

/* The same of a process: its first thread. */
__attribute__((unused)) static char state_of(int process)
{
    char name[16];

    (void)snprintf(name, sizeof(name), "%d", process);
    return state_of_thread(name, process);
}

/* A child that sends this process a signal when it sleeps in the call that follows. */
__attribute__((unused)) static pid_t signal_in_sleep(int number)
{
    const struct timespec moment = { 0, 1000000 };
    pid_t child = fork();

    if (child != 0)
        return child;
    do
        (void)nanosleep(&moment, NULL);
    while (state_of(getppid()) != 'S');
    (void)kill(getppid(), number);
    _exit(0);
}

/* A file with these contents. */
__attribute__((unused)) static void make_file(const char *name, const char *contents)
{
    FILE *file = fopen(name, "w");

    if (!file || fputs(contents, file) < 0 || fclose(file) != 0)
        (void)printf("cannot make %s: %s\n", name, error_name(errno));
}

/* Prints what a file holds, at most 200 bytes, with dots for what is not printable. */
__attribute__((unused)) static void show_file(const char *name)
{
    unsigned char bytes[200];
    FILE *file = fopen(name, "r");
    size_t count = file ? fread(bytes, 1, sizeof(bytes), file) : 0;

    if (!file) {
        (void)printf("%s: %s\n", name, error_name(errno));
        return;
    }
    (void)fclose(file);
    (void)printf("%s holds %zu bytes: ", name, count);
    for (size_t i = 0; i < count; i++)
        (void)putchar(bytes[i] >= 32 && bytes[i] < 127 ? bytes[i] : '.');
    (void)putchar('\n');
}

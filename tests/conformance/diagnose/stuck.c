/* Programs of Linux that cannot go on, or only seem so, one by each name: see run_diagnose.py. */
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int word = 1;

static void note(int number)
{
    (void)number;
}

static void futex_without_waker(void)
{
    syscall(SYS_futex, &word, FUTEX_WAIT, 1, NULL, NULL, 0);
}

static void read_input(void)
{
    char byte;
    ssize_t length = read(STDIN_FILENO, &byte, 1);

    printf("read %zd\n", length);
}

/* Somebody at a terminal can still send it. */
static void pause_with_handler(void)
{
    signal(SIGINT, note);
    puts("waits for SIGINT");
    fflush(stdout);
    pause();
    puts("got it");
}

static void pause_until_alarm(void)
{
    signal(SIGALRM, note);
    alarm(1);
    pause();
    puts("the alarm came");
}

static void sleep_long(void)
{
    sleep(1000);
}

static void spin(void)
{
    for (;;)
        continue;
}

static void pause_for_ever(void)
{
    pause();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {
        { "pause", pause_for_ever },      { "futex", futex_without_waker },
        { "read", read_input },           { "handler", pause_with_handler },
        { "alarm", pause_until_alarm },   { "sleep", sleep_long },
        { "spin", spin },
    };

    for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
        if (strcmp(argv[1], ways[i].name) == 0)
            ways[i].run();
    }
    return 0;
}

/* POSIX message queues: names, limits, order, waiting, notification, and refusals. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "with_threads.h"

#define NAME "eft-conformance"

static int open_raw(const char *name, int flags, int mode, const struct mq_attr *attributes)
{
    return (int)syscall(SYS_mq_open, name, flags, mode, attributes);
}

static void names(void)
{
    char longest[300];

    SECTION("names");
    (void)memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    CALL(open_raw(NAME, O_RDWR, 0, NULL));
    CALL(open_raw("", O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw("a/b", O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw("/a", O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw(".", O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw("..", O_RDWR, 0600, NULL));
    CALL(open_raw(longest, O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw((const char *)8, O_RDWR | O_CREAT, 0600, NULL));
    CALL(open_raw(NAME, O_RDWR | O_CREAT, 0600, (const struct mq_attr *)8));
    CALL(syscall(SYS_mq_unlink, NAME));
    CALL(syscall(SYS_mq_unlink, "a/b"));
    CALL(syscall(SYS_mq_unlink, ""));
}

static void creation(void)
{
    static const struct mq_attr wrong[] = {
        { .mq_maxmsg = 0, .mq_msgsize = 8 }, { .mq_maxmsg = 8, .mq_msgsize = 0 },
        { .mq_maxmsg = -1, .mq_msgsize = 8 }, { .mq_maxmsg = 1 << 20, .mq_msgsize = 8 },
        { .mq_maxmsg = 1, .mq_msgsize = 1 << 30 },
    };
    struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 16 };
    struct stat status;
    int fd, other;

    SECTION("creation");
    for (size_t i = 0; i < COUNT(wrong); i++)
        CALL(open_raw(NAME, O_RDWR | O_CREAT, 0600, &wrong[i]));
    (void)umask(027);
    fd = open_raw(NAME, O_RDWR | O_CREAT | O_EXCL, 0666, &attributes);
    FACT(fd >= 0);
    CALL(open_raw(NAME, O_RDWR | O_CREAT | O_EXCL, 0666, NULL));
    CALL(open_raw(NAME, O_ACCMODE, 0, NULL));
    CALL(fcntl(fd, F_GETFD));
    CALL(fcntl(fd, F_GETFL) & ~0100000);
    CALL(fstat(fd, &status));
    OCTAL(status.st_mode);
    VALUE(status.st_size);
    VALUE(status.st_nlink);
    (void)memset(&attributes, 0, sizeof(attributes));
    CALL(syscall(SYS_mq_getsetattr, fd, NULL, &attributes));
    VALUE(attributes.mq_flags);
    VALUE(attributes.mq_maxmsg);
    VALUE(attributes.mq_msgsize);
    VALUE(attributes.mq_curmsgs);
    attributes.mq_flags = O_NONBLOCK;
    CALL(syscall(SYS_mq_getsetattr, fd, &attributes, NULL));
    CALL(fcntl(fd, F_GETFL) & O_NONBLOCK);
    attributes.mq_flags = O_APPEND;
    CALL(syscall(SYS_mq_getsetattr, fd, &attributes, NULL));
    CALL(syscall(SYS_mq_getsetattr, 0, NULL, &attributes));
    CALL(syscall(SYS_mq_getsetattr, -1, NULL, &attributes));
    CALL(syscall(SYS_mq_getsetattr, fd, (void *)8, NULL));
    CALL(syscall(SYS_mq_unlink, NAME));
    CALL(open_raw(NAME, O_RDWR, 0, NULL));
    other = open_raw(NAME, O_RDWR | O_CREAT, 0600, NULL);
    FACT(other >= 0);
    CALL(syscall(SYS_mq_getsetattr, other, NULL, &attributes));
    VALUE(attributes.mq_maxmsg);
    VALUE(attributes.mq_msgsize);
    CALL(syscall(SYS_mq_unlink, NAME));
    CALL(close(other));
    CALL(close(fd));
}

static void show_events(int fd)
{
    struct pollfd poll_fd = { fd, POLLIN | POLLOUT, 0 };

    CALL(poll(&poll_fd, 1, 0));
    VALUE(poll_fd.revents);
}

static void messages(void)
{
    const struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 16 };
    const struct timespec past = { 1, 0 }, wrong = { 1, 1000000000 };
    struct timespec soon;
    unsigned priority;
    char text[16];
    int fd = open_raw(NAME, O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes), reader, writer;

    SECTION("messages");
    reader = open_raw(NAME, O_RDONLY, 0, NULL);
    writer = open_raw(NAME, O_WRONLY, 0, NULL);
    show_events(fd);
    CALL(syscall(SYS_mq_timedreceive, fd, text, 16, NULL, NULL));
    CALL(syscall(SYS_mq_timedreceive, reader, text, 16, NULL, &past));
    CALL(syscall(SYS_mq_timedreceive, reader, text, 16, NULL, &wrong));
    CALL(syscall(SYS_mq_timedreceive, reader, text, 16, NULL, (void *)8));
    CALL(syscall(SYS_mq_timedreceive, writer, text, 16, NULL, NULL));
    CALL(syscall(SYS_mq_timedreceive, fd, text, 15, NULL, NULL));
    soon = from_now(CLOCK_REALTIME, 20);
    CALL(syscall(SYS_mq_timedreceive, reader, text, 16, NULL, &soon));
    CALL(syscall(SYS_mq_timedsend, fd, "one", 4, 1, NULL));
    CALL(syscall(SYS_mq_timedsend, writer, "five", 5, 5, NULL));
    CALL(syscall(SYS_mq_timedsend, fd, "five again", 11, 5, &past));
    show_events(fd);
    CALL(syscall(SYS_mq_timedsend, fd, "", 0, 32767, NULL));
    CALL(syscall(SYS_mq_timedsend, fd, "full", 5, 0, NULL));
    CALL(syscall(SYS_mq_timedsend, writer, "full", 5, 0, &past));
    show_events(fd);
    CALL(syscall(SYS_mq_timedsend, fd, "x", 1, 32768, NULL));
    CALL(syscall(SYS_mq_timedsend, fd, "x", 17, 0, NULL));
    CALL(syscall(SYS_mq_timedsend, reader, "x", 1, 0, NULL));
    CALL(syscall(SYS_mq_timedsend, 1, "x", 1, 0, NULL));
    for (int i = 0; i < 4; i++) {
        CALL(syscall(SYS_mq_timedreceive, fd, text, 16, &priority, NULL));
        VALUE(priority);
    }
    CALL(syscall(SYS_mq_timedsend, fd, (void *)8, 4, 0, NULL));
    CALL(syscall(SYS_mq_timedsend, fd, "lost", 5, 0, NULL));
    CALL(syscall(SYS_mq_timedreceive, fd, (void *)8, 16, NULL, NULL));
    CALL(syscall(SYS_mq_timedreceive, fd, text, 16, NULL, NULL));
    (void)close(reader);
    (void)close(writer);
    (void)close(fd);
    CALL(syscall(SYS_mq_unlink, NAME));
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static int waiting_fd;

static void *receive_all(void *count)
{
    long sum = 0;
    char text[16];

    for (long i = 0; i < (long)(intptr_t)count; i++) {
        if (syscall(SYS_mq_timedreceive, waiting_fd, text, 16, NULL, NULL) == 16)
            sum += atoi(text);
    }
    return answer(sum);
}

static void waiting(void)
{
    const struct mq_attr attributes = { .mq_maxmsg = 2, .mq_msgsize = 16 };
    pthread_t receivers[3];
    long sum = 0;

    SECTION("three receivers and a sender");
    waiting_fd = open_raw(NAME, O_RDWR | O_CREAT, 0600, &attributes);
    for (int i = 0; i < 3; i++)
        receivers[i] = start(receive_all, (void *)100L);
    for (int i = 1; i <= 300; i++) {
        char text[16] = "";

        (void)snprintf(text, sizeof(text), "%d", i);
        if (syscall(SYS_mq_timedsend, waiting_fd, text, 16, i % 7, NULL) != 0)
            (void)printf("not sent: %s\n", error_name(errno));
    }
    for (int i = 0; i < 3; i++)
        sum += join(receivers[i]);
    VALUE(sum);
    (void)close(waiting_fd);
    (void)syscall(SYS_mq_unlink, NAME);
}

/* ---- Notification -------------------------------------------------------------------------- */

static volatile int told;
static volatile siginfo_t seen;

static void note(int number, siginfo_t *information, void *context)
{
    (void)context;
    told += number == SIGUSR1;
    *(siginfo_t *)&seen = *information;
}

static void notification(void)
{
    struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    int fd = open_raw(NAME, O_RDWR | O_CREAT | O_NONBLOCK, 0600, NULL), other;
    char text[8192];

    SECTION("notification");
    (void)sigaction(SIGUSR1, &action, NULL);
    event.sigev_value.sival_int = 4711;
    CALL(syscall(SYS_mq_notify, fd, NULL));
    CALL(syscall(SYS_mq_notify, fd, &event));
    CALL(syscall(SYS_mq_notify, fd, &event));
    CALL(syscall(SYS_mq_timedsend, fd, "a", 1, 0, NULL));
    VALUE(told);
    VALUE(seen.si_code);
    VALUE(seen.si_value.sival_int);
    FACT(seen.si_pid == getpid());
    CALL(syscall(SYS_mq_timedsend, fd, "b", 1, 0, NULL));
    VALUE(told);
    CALL(syscall(SYS_mq_notify, fd, &event));
    CALL(syscall(SYS_mq_timedsend, fd, "not the first", 13, 0, NULL));
    VALUE(told);
    CALL(syscall(SYS_mq_notify, fd, NULL));
    for (int i = 0; i < 3; i++)
        (void)syscall(SYS_mq_timedreceive, fd, text, sizeof(text), NULL, NULL);
    CALL(syscall(SYS_mq_notify, fd, &event));
    other = open_raw(NAME, O_RDWR, 0, NULL);
    (void)fflush(stdout);
    if (fork() == 0) {
        event.sigev_notify = SIGEV_NONE;
        CALL(syscall(SYS_mq_notify, fd, &event));
        CALL(syscall(SYS_mq_notify, fd, NULL));
        _exit(0);
    }
    (void)wait(NULL);
    CALL(syscall(SYS_mq_notify, fd, &event));
    (void)close(other);    /* any of its descriptors takes it back */
    CALL(syscall(SYS_mq_notify, fd, &event));
    event.sigev_signo = 65;
    CALL(syscall(SYS_mq_notify, fd, &event));
    event.sigev_notify = 77;
    CALL(syscall(SYS_mq_notify, fd, &event));
    CALL(syscall(SYS_mq_notify, fd, (void *)8));
    CALL(syscall(SYS_mq_notify, 0, NULL));
    (void)close(fd);
    (void)syscall(SYS_mq_unlink, NAME);
}

int main(void)
{
    (void)syscall(SYS_mq_unlink, NAME);    /* of a run that was interrupted */
    names();
    creation();
    messages();
    waiting();
    notification();
    return 0;
}

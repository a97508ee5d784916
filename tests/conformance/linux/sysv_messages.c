/* System V message queues: sending, choosing, cutting, limits, waiting, removal, order of
 * checks. */
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x45667403
#define NO_ID 0x7fff0000
#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

struct buffer {
    long type;
    char text[9000];
};

static int put(int id, long type, const char *text, size_t size, int flags)
{
    struct buffer buffer = { .type = type };

    memcpy(buffer.text, text, size < sizeof(buffer.text) ? size : sizeof(buffer.text));
    return msgsnd(id, &buffer, size, flags);
}

static void send_text(int id, long type, const char *text)
{
    if (put(id, type, text, strlen(text) + 1, 0) != 0)
        printf("sending: %s\n", error_name(errno));
}

static void take(int id, size_t size, long type, int flags)
{
    struct buffer buffer = { 0 };
    long result = CALL(msgrcv(id, &buffer, size, type, flags | IPC_NOWAIT));

    if (result >= 0)
        printf("type %ld: \"%.20s\"\n", buffer.type, buffer.text);
}

static void getting(void)
{
    int first, second;

    SECTION("getting");
    CALL(msgget(KEY, 0600));
    first = msgget(KEY, 0600 | IPC_CREAT);
    FACT(first >= 0);
    FACT(msgget(KEY, 0) == first);
    CALL(msgget(KEY, 0600 | IPC_CREAT | IPC_EXCL));
    CALL(msgctl(first, IPC_RMID, NULL));
    CALL(msgctl(first, IPC_RMID, NULL));
    second = msgget(KEY, 0600 | IPC_CREAT);
    FACT(second != first);
    CALL(msgctl(second, IPC_RMID, NULL));
}

static void checks(int id)
{
    struct buffer buffer = { .type = 1 };
    static char large[9000];

    SECTION("checks");
    CALL(put(id, 0, "x", 1, 0));
    CALL(put(id, -1, "x", 1, 0));
    CALL(put(-1, 1, "x", 1, 0));
    CALL(put(NO_ID, 1, "x", 1, 0));
    CALL(put(id, 1, large, 8193, 0));
    CALL(msgsnd(id, (void *)8, 8193, 0));
    CALL(msgsnd(id, &buffer, (size_t)-1, 0));
    CALL(msgsnd(NO_ID, (void *)8, 1, 0));
    CALL(msgrcv(-1, &buffer, 1, 0, IPC_NOWAIT));
    CALL(msgrcv(NO_ID, &buffer, 1, 0, IPC_NOWAIT));
    CALL(msgrcv(id, &buffer, (size_t)-1, 0, IPC_NOWAIT));
    CALL(msgrcv(id, &buffer, 1, 0, IPC_NOWAIT));
    CALL(msgrcv(id, &buffer, 1, 0, MSG_COPY));
    CALL(msgrcv(id, &buffer, 1, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT));
    CALL(put(id, 5, "", 0, 0));
    take(id, 0, 0, 0);
    send_text(id, 1, "lost");
    CALL(msgrcv(id, (void *)8, 100, 0, IPC_NOWAIT));
    take(id, 100, 0, 0);
}

static void choosing(int id)
{
    SECTION("choosing");
    send_text(id, 3, "three");
    send_text(id, 1, "one");
    send_text(id, 2, "two");
    send_text(id, 1, "one again");
    send_text(id, 4, "four");
    take(id, 100, 2, 0);
    take(id, 100, 2, 0);
    take(id, 100, 3, MSG_EXCEPT);
    take(id, 100, -3, 0);
    take(id, 100, -2, 0);
    take(id, 100, -3, 0);
    take(id, 3, 0, 0);
    take(id, 3, 0, MSG_NOERROR);
    take(id, 100, 0, 0);
    send_text(id, 7, "low");
    take(id, 100, (long)(1UL << 63), 0);
    send_text(id, (long)(~0UL >> 1), "high");
    take(id, 100, (long)((1UL << 63) + 1), 0);
}

static void limits(int id)
{
    static char large[8192];
    struct msqid_ds found;
    struct msginfo info;

    SECTION("limits");
    CALL(put(id, 1, large, 8192, IPC_NOWAIT));
    CALL(put(id, 1, large, 8192, IPC_NOWAIT));
    CALL(put(id, 1, large, 1, IPC_NOWAIT));
    CALL(put(id, 1, large, 0, IPC_NOWAIT));
    CALL(msgctl(id, IPC_STAT, &found));
    VALUE(found.msg_qnum);
    VALUE(found.__msg_cbytes);
    VALUE(found.msg_qbytes);
    found.msg_qbytes = 100;
    CALL(msgctl(id, IPC_SET, &found));
    take(id, 10, 0, MSG_NOERROR);
    take(id, 10, 0, MSG_NOERROR);
    take(id, 10, 0, 0);
    CALL(put(id, 1, large, 101, IPC_NOWAIT));
    CALL(put(id, 1, large, 100, IPC_NOWAIT));
    take(id, 100, 0, 0);
    found.msg_qbytes = 16384;
    CALL(msgctl(id, IPC_SET, &found));
    FACT(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
    VALUE(info.msgmax);
    VALUE(info.msgmnb);
    VALUE(info.msgmni);
    VALUE(info.msgpool);
    VALUE(info.msgssz);
    VALUE(info.msgseg);
    FACT(msgctl(0, MSG_INFO, (struct msqid_ds *)&info) >= 0);
    FACT(info.msgpool >= 1);
    CALL(msgctl(0, IPC_INFO, (void *)8));
}

static void status(int id)
{
    struct msqid_ds found;
    time_t now = time(NULL);

    SECTION("status");
    send_text(id, 1, "x");
    take(id, 10, 0, 0);
    CALL(msgctl(id, IPC_STAT, &found));
    FACT(found.msg_lspid == getpid() && found.msg_lrpid == getpid());
    FACT(found.msg_stime >= now && found.msg_rtime >= now);
    OCTAL(found.msg_perm.mode);
    CALL(msgctl(id, IPC_STAT, (void *)8));
    CALL(msgctl(id, IPC_SET, (void *)8));
    CALL(msgctl(NO_ID, IPC_SET, (void *)8));
    CALL(msgctl(NO_ID, IPC_STAT, &found));
    CALL(msgctl(-1, IPC_STAT, &found));
    CALL(msgctl(id, 99, &found));
    FACT(msgctl(id & 0x7fff, MSG_STAT, &found) == id);
}

static void finish(pid_t child)
{
    int result;

    waitpid(child, &result, 0);
    printf("child: %s\n", WEXITSTATUS(result) ? error_name(WEXITSTATUS(result)) : "done");
}

/* A child that receives; it ends with 0, or the number of its error. */
static pid_t receiver(int id, size_t size, long type, int flags)
{
    struct buffer buffer;
    pid_t child = fork();

    if (child != 0) {
        while (state_of(child) == 'R')
            usleep(1000);
        return child;
    }
    if (msgrcv(id, &buffer, size, type, flags) < 0)
        _exit(errno);
    printf("received type %ld: \"%.20s\"\n", buffer.type, buffer.text);
    _exit(0);
}

static void note(int number)
{
    (void)number;
}

static void waiting(int id)
{
    static char large[8192];
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };
    pid_t child;

    SECTION("waiting");
    child = receiver(id, 100, 5, 0);
    send_text(id, 4, "not that");
    send_text(id, 5, "that");
    finish(child);
    take(id, 100, 0, 0);
    child = receiver(id, 2, 0, 0);
    send_text(id, 1, "too long");
    finish(child);
    take(id, 100, 0, 0);

    put(id, 1, large, 8192, 0);
    put(id, 1, large, 8192, 0);
    child = fork();
    if (child == 0)
        _exit(put(id, 2, "late", 5, 0) == 0 ? 0 : errno);
    usleep(20000);
    take(id, 9000, 0, 0);
    finish(child);
    take(id, 9000, 0, 0);
    take(id, 9000, 0, 0);

    sigaction(SIGUSR1, &action, NULL);
    child = receiver(id, 100, 0, 0);
    kill(child, SIGUSR1);
    finish(child);
    child = receiver(id, 100, 0, 0);
    CALL(msgctl(id, IPC_RMID, NULL));
    finish(child);
}

static void permissions(void)
{
    int id = msgget(IPC_PRIVATE, 0422);
    struct msqid_ds found;
    pid_t child;

    SECTION("permissions");
    send_text(id, 1, "secret");
    child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(99) != 0 || setuid(99) != 0))
            _exit(1);
        CALL(put(id, 1, "x", 1, 0));
        take(id, 10, 0, 0);
        CALL(msgctl(id, IPC_STAT, &found));
        CALL(msgctl(id, IPC_RMID, NULL));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CALL(msgctl(id, IPC_RMID, NULL));
}

int main(void)
{
    int id;

    getting();
    id = msgget(IPC_PRIVATE, 0600);
    checks(id);
    choosing(id);
    limits(id);
    status(id);
    waiting(id);
    permissions();
    return 0;
}

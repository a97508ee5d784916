/* Processes that wait for each other's locks on ranges: who would close the circle is told so. */
#include <fcntl.h>
#include <time.h>

#include "with_users.h"

#define MEMBERS_MAX 12

static int file, ready[2];

static int take(short type, off_t start, int command)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 1 };

    return fcntl(file, command, &lock);
}

/* Until a process waits for a lock: where that is known, /proc says it. */
static void await_sleep(pid_t process)
{
    char name[64], text[512], *end;
    const struct timespec moment = { 0, 1000000 };

    snprintf(name, sizeof(name), "/proc/%d/stat", process);
    for (;;) {
        int fd = open(name, O_RDONLY);
        long size = read(fd, text, sizeof(text) - 1);

        close(fd);
        text[size > 0 ? size : 0] = 0;
        end = strrchr(text, ')');
        if (end && end[2] == 'S')
            return;
        nanosleep(&moment, NULL);
    }
}

/* Holds its own byte and waits for the next one's. */
static pid_t make_member(int index)
{
    char byte;
    pid_t member = fork();

    if (member == 0) {
        if (take(F_WRLCK, index, F_SETLK) != 0 || write(ready[1], "x", 1) != 1)
            _exit(99);
        _exit(take(F_WRLCK, index + 1, F_SETLKW) == 0 ? 0 : errno);
    }
    if (read(ready[0], &byte, 1) != 1)
        exit(1);
    return member;
}

/* This process has byte 0 and is waited for by the last member of a chain. */
static void circle(int length, short type)
{
    pid_t members[MEMBERS_MAX];
    int status;

    printf("-- %d others\n", length);
    CALL(take(F_WRLCK, length + 1, F_SETLK));
    for (int i = length; i > 0; i--) {
        members[i] = make_member(i);
        await_sleep(members[i]);
    }
    CALL(take(type, 1, F_SETLK));
    CALL(take(type, 1, F_SETLKW));
    CALL(take(F_UNLCK, length + 1, F_SETLK));
    for (int i = length; i > 0; i--) {
        waitpid(members[i], &status, 0);
        VALUE(WEXITSTATUS(status));
    }
}

/* Others who wait for nothing, or for somebody else, make no circle. */
static void no_circle(void)
{
    pid_t member;
    int status;

    SECTION("no circle");
    CALL(take(F_WRLCK, 50, F_SETLK));
    member = fork();
    if (member == 0) {
        take(F_WRLCK, 60, F_SETLK);
        if (write(ready[1], "x", 1) != 1)
            _exit(99);
        nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
        _exit(take(F_UNLCK, 60, F_SETLK));
    }
    char byte;
    CALL(read(ready[0], &byte, 1));
    CALL(take(F_WRLCK, 60, F_SETLKW));
    waitpid(member, &status, 0);
    VALUE(status);
}

int main(void)
{
    file = open("locks", O_RDWR | O_CREAT, 0600);
    if (pipe(ready) != 0)
        return 1;
    circle(1, F_WRLCK);
    circle(1, F_RDLCK);
    circle(2, F_WRLCK);
    circle(3, F_WRLCK);
    circle(9, F_WRLCK);
    no_circle();
    return 0;
}

/* poll and select with two things wrong at once: which of them Linux looks at first. */
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define WILD 8L
#define RAW(name, ...) CALL(syscall(SYS_##name, __VA_ARGS__))

static void waiting(void)
{
    struct timespec bad = { 0, 1000000000 };
    struct pollfd files[2] = { { 99, POLLIN, 0 }, { -1, POLLIN, 7 } };

    SECTION("waiting");
    RAW(poll, WILD, 1L, 0L);
    RAW(poll, WILD, 0L, 0L);
    RAW(poll, WILD, 10000000L, 0L);
    RAW(poll, files, 2L, 0L);
    VALUE(files[0].revents);
    VALUE(files[1].revents);
    RAW(ppoll, WILD, 1L, WILD, WILD, 1L);
    RAW(ppoll, WILD, 1L, &bad, WILD, 1L);
    RAW(ppoll, WILD, 1L, 0L, WILD, 1L);
    RAW(ppoll, WILD, 1L, 0L, WILD, 8L);
    RAW(ppoll, WILD, 10000000L, 0L, 0L, 8L);
    RAW(select, -1L, WILD, 0L, 0L, 0L);
    RAW(select, -1L, 0L, 0L, 0L, WILD);
    RAW(select, 1L, WILD, 0L, 0L, WILD);
    RAW(select, 1L, WILD, 0L, 0L, 0L);
    RAW(pselect6, -1L, WILD, 0L, 0L, &bad, WILD);
    RAW(pselect6, -1L, WILD, 0L, 0L, WILD, WILD);
    RAW(pselect6, -1L, WILD, 0L, 0L, 0L, WILD);
    RAW(pselect6, 1L, WILD, 0L, 0L, 0L, ((long[2]){ WILD, 1 }));
    RAW(pselect6, 1L, WILD, 0L, 0L, 0L, ((long[2]){ 0, 1 }));
}

int main(void)
{
    waiting();
    return 0;
}

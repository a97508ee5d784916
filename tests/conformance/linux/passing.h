#pragma once
/* Letting time pass, and reading it, in programs about timers. */
#include <time.h>
#include <unistd.h>

#define MS 1000000L

/* At least so long, whatever signals come. */
__attribute__((unused)) static void pass(long ns)
{
    struct timespec wait = { ns / 1000000000, ns % 1000000000 };

    while (nanosleep(&wait, &wait) != 0)
        continue;
}

__attribute__((unused)) static long long now_of(int clock)
{
    struct timespec time = { -1, 0 };

    if (clock_gettime(clock, &time) != 0)
        return -1;
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

#pragma once
/* For programs about epoll: prints what is ready, sorted by number. */
#include <sys/epoll.h>

#include "check.h"

#define EPOLL_SHOWN 16

__attribute__((unused)) static int compare_events(const void *left, const void *right)
{
    const struct epoll_event *first = left, *second = right;

    return first->data.u64 < second->data.u64 ? -1 : first->data.u64 > second->data.u64;
}

__attribute__((unused)) static int show_ready_until(int fd, int timeout)
{
    struct epoll_event events[EPOLL_SHOWN];
    int count = epoll_wait(fd, events, EPOLL_SHOWN, timeout);

    if (count < 0) {
        printf("ready: %s\n", error_name(errno));
        return count;
    }
    qsort(events, (size_t)count, sizeof(events[0]), compare_events);
    printf("ready: %d", count);
    for (int i = 0; i < count; i++)
        printf(", %llu has %#x", (unsigned long long)events[i].data.u64, events[i].events);
    printf("\n");
    return count;
}

__attribute__((unused)) static int show_ready(int fd)
{
    return show_ready_until(fd, 0);
}

__attribute__((unused)) static int watch(int epoll, int fd, uint32_t events, uint64_t number)
{
    struct epoll_event event = { .events = events, .data.u64 = number };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

__attribute__((unused)) static int watch_again(int epoll, int fd, uint32_t events, uint64_t number)
{
    struct epoll_event event = { .events = events, .data.u64 = number };

    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

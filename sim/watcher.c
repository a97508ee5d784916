/*
 * The watcher: a host thread that sleeps in poll() for the main thread and raises an interrupt when
 * a descriptor becomes ready.  It moves no data.  It is started when first needed.
 *
 * A request is answered once.  The watcher never touches the kernel; its only effects are a pending
 * bit and a signal that gets the main thread out of user code or out of its sleep.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sim.h"

#define REQUESTS_MAX 16    /* three channels and a terminal, both directions */

struct request {
    int descriptor;
    short events;
    enum machine_interrupt interrupt;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int wake_descriptor = -1;

/* Protected by `lock`. */
static struct request requests[REQUESTS_MAX];
static nfds_t request_count;

static void get_attention(enum machine_interrupt interrupt)
{
    interrupt_raise_outside(interrupt);
    syscall(SYS_tgkill, getpid(), signals_main_thread(), SIGALRM);
}

/* Copies the requests for poll(); slot 0 is the wake descriptor. */
static nfds_t snapshot(struct pollfd *polled)
{
    pthread_mutex_lock(&lock);
    polled[0] = (struct pollfd){ .fd = wake_descriptor, .events = POLLIN };
    for (nfds_t i = 0; i < request_count; i++)
        polled[i + 1] = (struct pollfd){ .fd = requests[i].descriptor,
                                         .events = requests[i].events };

    nfds_t count = request_count + 1;

    pthread_mutex_unlock(&lock);
    return count;
}

static void answer(const struct pollfd *polled)
{
    pthread_mutex_lock(&lock);
    for (nfds_t i = 0; i < request_count; i++) {
        if (requests[i].descriptor != polled->fd || requests[i].events != polled->events)
            continue;
        get_attention(requests[i].interrupt);
        requests[i] = requests[--request_count];
        break;
    }
    pthread_mutex_unlock(&lock);
}

static void *watch(void *unused)
{
    struct pollfd polled[REQUESTS_MAX + 1];
    uint64_t count;

    (void)unused;
    for (;;) {
        nfds_t total = snapshot(polled);

        if (poll(polled, total, -1) < 0)
            continue;
        if (polled[0].revents && read(wake_descriptor, &count, sizeof(count)) < 0)
            continue;
        for (nfds_t i = 1; i < total; i++) {
            if (polled[i].revents)
                answer(&polled[i]);
        }
    }
    return NULL;
}

static void start(void)
{
    sigset_t all, before;
    pthread_t thread;

    wake_descriptor = eventfd(0, EFD_CLOEXEC);
    if (wake_descriptor < 0)
        refuse("the host gives no event descriptor");
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&thread, NULL, watch, NULL) != 0)
        refuse("the host gives no thread");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool is_requested(int descriptor, short events)
{
    for (nfds_t i = 0; i < request_count; i++) {
        if (requests[i].descriptor == descriptor && requests[i].events == events)
            return true;
    }
    return false;
}

void watcher_watch(int descriptor, short events, enum machine_interrupt interrupt)
{
    uint64_t one = 1;

    if (wake_descriptor < 0)
        start();
    pthread_mutex_lock(&lock);
    if (!is_requested(descriptor, events) && request_count < REQUESTS_MAX)
        requests[request_count++] = (struct request){ descriptor, events, interrupt };
    pthread_mutex_unlock(&lock);
    while (write(wake_descriptor, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

/*
 * Signals of the host: what the sim takes, what each means, and how all is given back.
 *
 * The handler runs on the alternate stack with an empty mask and SA_NODEFER (user_run.c says why).
 * Asynchronous signals only set bits, except those that end or stop the sim.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "chooser.h"
#include "outside.h"
#include "search/search.h"
#include "sim.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define FRAME_SIZE_OLD 2048u              /* hosts that do not tell */
#define HANDLER_STACK_SIZE (256u << 10)   /* above the frames of nested signals */

void user_trap_entry(int number, siginfo_t *information, void *context);    /* user_enter.S */

static const int handled[] = {
    SIGSYS, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,                 /* by code */
    SIGALRM, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH,    /* from outside */
};
#define CAUSED_BY_CODE 6    /* the first of them */
#define HANDLED_COUNT (sizeof(handled) / sizeof(handled[0]))

static struct sigaction original[HANDLED_COUNT];
static bool installed;
static pid_t main_thread;

pid_t signals_main_thread(void)
{
    return main_thread;
}

static void install_stack(void)
{
    size_t frame = getauxval(AT_MINSIGSTKSZ);

    if (!frame)
        frame = FRAME_SIZE_OLD;

    stack_t stack = { .ss_size = HANDLER_STACK_SIZE + 4 * frame };

    info_edit()->minimum_signal_stack = frame;
    stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) != 0)
        refuse("no memory for the signal stack");
}

/* Signals that the user had ignored (nohup) stay ignored. */
static bool stays_ignored(int number, const struct sigaction *was)
{
    return was->sa_handler == SIG_IGN && (number == SIGINT || number == SIGQUIT ||
                                          number == SIGHUP || number == SIGTSTP);
}

void signals_init(void)
{
    struct sigaction action = { .sa_sigaction = user_trap_entry,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

    main_thread = gettid();
    install_stack();
    signal(SIGPIPE, SIG_IGN);    /* a write's EPIPE tells the kernel; the guest gets its own */
    for (size_t i = 0; i < HANDLED_COUNT; i++) {
        sigaction(handled[i], NULL, &original[i]);
        if (!stays_ignored(handled[i], &original[i]))
            sigaction(handled[i], &action, NULL);
    }
    installed = true;
}

void signals_restore(void)
{
    if (!installed)
        return;
    installed = false;
    signal(SIGALRM, SIG_IGN);    /* the timer or the watcher may ring until the very end */
    for (size_t i = 0; i < HANDLED_COUNT; i++) {
        if (handled[i] != SIGALRM)
            sigaction(handled[i], &original[i], NULL);
    }
    signal(SIGPIPE, SIG_DFL);
}

/* Ends the sim as the signal would have without it. */
static void die_of(int number)
{
    host_restore();
    signal(number, SIG_DFL);
    raise(number);
    _exit(128 + number);
}

void signals_note(int number)
{
    switch (number) {
    case SIGALRM:
        search_tick();
        clock_alarm_rang();
        atomic_store(&interrupt_attention, 1);
        break;
    case SIGINT:
    case SIGQUIT:
        if (search_interrupt())
            break;
        /* Nobody types into a run that is to repeat. */
        if (chooser_is_active() && !outside_is_interactive())
            die_of(number);
        console_host_key(number == SIGINT ? '\x03' : '\x1c');
        break;
    case SIGTSTP:
        machine_suspend();
        break;
    case SIGCONT:
        console_continued();
        break;
    case SIGWINCH:
        interrupt_raise_outside(INTERRUPT_CONSOLE);
        break;
    default:
        die_of(number);
    }
}

/* The signals that may end a wait: all that are not caused by code. */
static void waking_signals(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = CAUSED_BY_CODE; i < HANDLED_COUNT; i++)
        sigaddset(set, handled[i]);
}

void signals_wait_host(uint64_t rest_ns)
{
    sigset_t waking, before;
    struct timespec timeout, *limit = NULL;

    waking_signals(&waking);
    sigprocmask(SIG_BLOCK, &waking, &before);
    if (rest_ns != UINT64_MAX) {
        timeout.tv_sec = (time_t)(rest_ns / NS_PER_SECOND);
        timeout.tv_nsec = (long)(rest_ns % NS_PER_SECOND);
        limit = &timeout;
    }
    if (!atomic_load(&interrupt_attention) && ppoll(NULL, 0, limit, &before) == 0)
        atomic_store(&interrupt_attention, 1);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void signals_wait(uint64_t deadline_ns)
{
    uint64_t now = machine_time_ns();

    if (deadline_ns == UINT64_MAX)
        signals_wait_host(UINT64_MAX);
    else
        signals_wait_host(deadline_ns > now ? deadline_ns - now : 0);
}

/*
 * A search in several processes.  Each boots a machine of its own and takes every N-th run; what
 * they count is shared.  The first process starts the others before it opens anything, waits for
 * them, and ends like the one that found a failure.
 *
 * What is found does not depend on how many they are, nor on which is faster: of several failures
 * that of the run with the lowest number counts, so who has found one waits for the others to get
 * that far.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"
#include "search/search_internal.h"

#define JOBS_USUAL_MAX 16

static struct pollfd *processes;    /* descriptors of processes; -1: has ended */
static unsigned process_count;
static volatile sig_atomic_t was_interrupted;

static void note_interrupt(int number)
{
    (void)number;
    was_interrupted = 1;
    atomic_store(&search_totals->interrupted, 1);
}

static int end_of(unsigned job)
{
    siginfo_t end = { .si_code = 0 };

    while (waitid((idtype_t)P_PIDFD, (id_t)processes[job].fd, &end, WEXITED) != 0 &&
           errno == EINTR)
        continue;
    close(processes[job].fd);
    processes[job].fd = -1;
    jobs_searched(job);    /* whatever it died of */
    return end.si_code == CLD_EXITED ? end.si_status : EXIT_PANIC;
}

/* The runs are counted in shared memory, so the waiting process can show how far they are. */
static int wait_for_one(void)
{
    for (;;) {
        int ready = poll(processes, process_count, progress_interval_ms());

        progress_show(false);
        for (unsigned job = 0; ready > 0 && job < process_count; job++) {
            if (processes[job].fd >= 0 && processes[job].revents != 0)
                return end_of(job);
        }
    }
}

unsigned jobs_usual(void)
{
    cpu_set_t processors;
    int count = sched_getaffinity(0, sizeof(processors), &processors) == 0
                    ? CPU_COUNT(&processors) : 1;

    return (unsigned)(count < JOBS_USUAL_MAX ? count : JOBS_USUAL_MAX);
}

/* ---- The end of the search ------------------------------------------------------------------ */

void jobs_searched(unsigned job)
{
    if (atomic_exchange(&search_totals->has_searched[job], true))
        return;
    if (atomic_fetch_sub(&search_totals->searching, 1) == 1)
        atomic_store(&search_totals->searched_ns, clock_host_ns());
    syscall(SYS_futex, &search_totals->searching, FUTEX_WAKE, JOBS_MAX, NULL, NULL, 0);
}

/* Interrupted by signals, which may be that the time is over. */
void jobs_wait_for_others(void)
{
    uint32_t others;

    while ((others = atomic_load(&search_totals->searching)) > 0)
        syscall(SYS_futex, &search_totals->searching, FUTEX_WAIT, others, NULL, NULL, 0);
}

/* -------------------------------------------------------------------------------------------- */

static _Noreturn void wait_for_all(void)
{
    int result = 0;

    signal(SIGINT, note_interrupt);
    progress_begin(true);
    for (unsigned i = 0; i < process_count; i++) {
        int status = wait_for_one();

        if (status != 0 && (result == 0 || result == EXIT_INTERRUPTED))
            result = status;
    }
    progress_show(true);
    if (result != EXIT_REFUSED)
        search_summary();
    if (was_interrupted && result == 0)
        result = EXIT_INTERRUPTED;
    exit(result);
}

unsigned jobs_start(unsigned count)
{
    pid_t parent = getpid();

    atomic_store(&search_totals->searching, count);
    if (count == 1)
        return 0;
    processes = calloc(count, sizeof(*processes));
    for (unsigned i = 0; processes && i < count; i++) {
        pid_t process;

        fflush(NULL);
        process = fork();
        if (process == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(EXIT_REFUSED);
            input_own();
            return i;
        }
        processes[i] = (struct pollfd){ .events = POLLIN };
        processes[i].fd = process < 0 ? -1 : (int)syscall(SYS_pidfd_open, process, 0);
        if (processes[i].fd < 0)
            refuse("the host gives no process for job %u", i + 1);
        process_count++;
    }
    wait_for_all();
}

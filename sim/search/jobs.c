/*
 * A search in several processes.  Each boots a machine of its own and takes every N-th run; what
 * they count is shared.  The first process starts the others before it opens anything, waits for
 * them, and ends like the one that found a failure.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim.h"
#include "search/search_internal.h"

static pid_t *processes;
static unsigned process_count;

static void note_interrupt(int number)
{
    (void)number;
    atomic_store(&search_totals->interrupted, 1);
}

/* The runs are counted in shared memory, so the waiting process can show how far they are. */
static int wait_for_one(void)
{
    int status;
    pid_t process;

    for (;;) {
        process = waitpid(-1, &status, WNOHANG);
        if (process > 0)
            return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_PANIC;
        if (process < 0 && errno != EINTR)
            return 0;
        progress_show(false);
        usleep(20000);
    }
}

static _Noreturn void wait_for_all(void)
{
    int result = 0;

    signal(SIGINT, note_interrupt);
    progress_begin(true);
    for (unsigned i = 0; i < process_count; i++) {
        int status = wait_for_one();

        if (status != 0 && result == 0)
            result = status;
        if (status != 0)
            atomic_store(&search_totals->interrupted, 1);    /* the others need not go on */
    }
    progress_show(true);
    search_summary(result != 0 && result != EXIT_INTERRUPTED);
    exit(result);
}

unsigned jobs_start(unsigned count)
{
    pid_t parent = getpid();

    if (count == 1)
        return 0;
    processes = calloc(count, sizeof(*processes));
    for (unsigned i = 0; processes && i < count; i++) {
        fflush(NULL);
        processes[i] = fork();
        if (processes[i] < 0)
            refuse("the host gives no process for job %u", i + 1);
        if (processes[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != parent)
                _exit(EXIT_REFUSED);
            return i;
        }
        process_count++;
    }
    wait_for_all();
}

#pragma once
/*
 * Those who watch threads from a layer above (diagnose/) hang their functions in here; without
 * them nothing is watched and nothing is spent.
 */
#include <stdbool.h>
#include <stdint.h>

struct semaphore;
struct thread;

struct thread_watch {
    /*
     * Every CPU is idle, nothing is ready, no timer is armed, and no thread waits for the world
     * outside.  Called by the last CPU that goes idle, in its idle thread, interrupts off, no lock
     * held.  To be sure that this still holds after a look around: watch_is_stalled(moment).
     */
    void (*stalled)(uint64_t moment);
    /* The current thread is about to block; its waiting_for is set.  No lock held. */
    void (*blocks)(struct thread *thread);
    /* The thread took a semaphore: see thread_acquired. */
    void (*acquired)(struct thread *thread, uint64_t overtaken);
    /* The semaphore goes, with what is known of it.  It is locked. */
    void (*removed)(const struct semaphore *semaphore);
    /* The current thread ends. */
    void (*ended)(struct thread *thread);
    /* The first process has ended, and the machine stops next. */
    void (*stops)(void);
    /* Since that time nothing has run, as long as watch_hang_after said; once in a run.  Called as
     * `stalled` is. */
    void (*hangs)(uint64_t since_ns);
    /* Somebody at the terminal wants to know who waits for what.  Any context, no lock held. */
    void (*asked)(void);
};

/* At boot, once; the structure stays. */
void watch_set(const struct thread_watch *watch);

/* At boot: `hangs` is called when nothing has run for so long. */
void watch_hang_after(uint64_t ns);

/* Whether nothing can run, and nothing has run since `moment`, which watch_look gave. */
bool watch_is_stalled(uint64_t moment);
/* Whether anything but the current thread runs, may become ready at a time, or waits for the world
 * outside. */
bool watch_others_run(void);

/* ---- For those who tell -------------------------------------------------------------------- */

/* Of an idle CPU, interrupts off: calls `stalled` if that is how things are. */
void watch_look(void);
/* A thread begins and ends a wait for the world outside. */
void watch_external(bool begins);
void watch_blocks(struct thread *thread);
void watch_removed(const struct semaphore *semaphore);
void watch_ended(struct thread *thread);
void watch_stops(void);
void watch_asked(void);

/* ---- Times of threads ---------------------------------------------------------------------- */

/* From now on the time that threads spend ready, blocked and asleep is added up; at boot. */
void watch_times(void);
bool watch_has_times(void);
/* The thread took a semaphore, for which it had waited so long (0: not at all) while so many others
 * that came later took it before.  With the semaphore locked. */
void thread_acquired(struct thread *thread, uint64_t waited_ns, uint64_t overtaken);

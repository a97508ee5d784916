#pragma once
/*
 * How much of a CPU threads with a real-time priority may use while others wait there: as on Linux,
 * 950 ms of each second (/proc/sys/kernel/sched_rt_{runtime,period}_us).  What is left of a period
 * then belongs to the others, so one that never waits cannot keep a CPU for ever.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

#define REAL_TIME_UNLIMITED (-1)

/* In each run queue, protected by its lock. */
struct real_time_share {
    uint64_t used_ns;     /* of the period of `until_ns` */
    uint64_t until_ns;    /* up to when it is counted */
    bool is_running;      /* a real-time thread has run since then */
};

void real_time_share_init(struct real_time_share *share);
/* One begins to run, or stops. */
void real_time_share_begin(struct real_time_share *share, uint64_t now_ns);
void real_time_share_end(struct real_time_share *share, uint64_t now_ns);
bool real_time_share_is_used_up(const struct real_time_share *share, uint64_t now_ns);
/* When that may become another answer, as things are. */
uint64_t real_time_share_change_ns(const struct real_time_share *share, uint64_t now_ns);

/* The settings, of all CPUs, in microseconds.  -EINVAL: more runtime than a period has, or not in
 * Linux's range. */
int32_t real_time_runtime_us(void);
int32_t real_time_period_us(void);
MUST_CHECK int real_time_runtime_set(int64_t runtime_us);
MUST_CHECK int real_time_period_set(int64_t period_us);

#pragma once
/* Timers that are read like files (timerfd). */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "time/clock.h"

struct file;

struct timer_file_setting {
    uint64_t expires_ns;    /* 0: disarmed; when read, or relative: from now on */
    uint64_t interval_ns;
};

struct timer_file_change {
    struct timer_file_setting setting;
    bool is_absolute;
    bool ends_when_clock_is_set;    /* TFD_TIMER_CANCEL_ON_SET */
};

/* One reference; `flags`: OPEN_NONBLOCK or 0.  -ENOMEM, -ENFILE. */
MUST_CHECK int timer_file_create(enum clock_base base, uint32_t flags, struct file **file);
/* All of these: -EINVAL if it is another kind of file. */
/* -ECANCELED: the clock was set; the new setting holds nevertheless. */
MUST_CHECK int timer_file_set(struct file *file, const struct timer_file_change *change,
                              struct timer_file_setting *before);
MUST_CHECK int timer_file_get(struct file *file, struct timer_file_setting *setting);

#pragma once
/* Open files that signals are read from (signalfd). */
#include <stdint.h>

#include "lib/error.h"
#include "signal/signal.h"

struct file;

/* What a read gives for each signal; Linux's struct signalfd_siginfo. */
struct signal_record {
    uint32_t number;
    int32_t error, code;
    uint32_t process_id, user_id;
    int32_t descriptor;
    uint32_t timer_id, band, overrun, trap_number;
    int32_t status, value;
    uint64_t pointer, user_ticks, system_ticks, address;
    uint16_t address_part, padding;
    int32_t call;
    uint64_t call_address;
    uint32_t architecture;
    uint8_t reserved[28];
};
_Static_assert(sizeof(struct signal_record) == 128, "read by programs");

/* For these signals; `flags` OPEN_NONBLOCK or 0.  One reference.  -ENFILE, -ENOMEM. */
MUST_CHECK int signal_file_create(signal_set wanted, uint32_t flags, struct file **file);
/* From now on for these.  -EINVAL: the file is another kind of file. */
MUST_CHECK int signal_file_change(struct file *file, signal_set wanted);

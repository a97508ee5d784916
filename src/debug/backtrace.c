/*
 * Backtrace.  All of the kernel is compiled with frame pointers: at the address in rbp are the
 * caller's rbp and the return address.  Nothing read here is trusted: a frame must lie within the
 * stack, be aligned, and be above the one before it, so the walk ends also on a damaged stack.
 */
#include "debug/backtrace.h"

#include "lib/checked.h"
#include "lib/format.h"
#include "machine/machine.h"

#define LINE_SIZE 256

struct frame {
    uintptr_t caller_frame;
    uintptr_t return_address;
};

size_t backtrace_collect(uintptr_t frame, uintptr_t low, uintptr_t high, uintptr_t *addresses,
                         size_t addresses_max)
{
    size_t count = 0;

    while (count < addresses_max && range_within(frame, sizeof(struct frame), low, high) &&
           is_aligned(frame, sizeof(uintptr_t))) {
        const struct frame *record = (const struct frame *)frame;

        if (record->return_address == 0)
            break;
        addresses[count++] = record->return_address;
        low = frame + 1;
        frame = record->caller_frame;
    }
    return count;
}

void backtrace_print(uintptr_t frame, uintptr_t low, uintptr_t high,
                     void (*sink)(const char *line))
{
    uintptr_t addresses[BACKTRACE_MAX];
    size_t count = backtrace_collect(frame, low, high, addresses, BACKTRACE_MAX);
    char name[LINE_SIZE - 32];
    char line[LINE_SIZE];

    for (size_t i = 0; i < count; i++) {
        /* The call is before the address it returns to, perhaps in another line or function. */
        if (machine_describe_address(0, addresses[i] - 1, name, sizeof(name)) == 0)
            name[0] = '\0';
        format(line, sizeof(line), "%#llx %s", (unsigned long long)addresses[i], name);
        sink(line);
    }
}

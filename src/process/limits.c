/* Resource limits a process begins with: those of a Linux machine without further settings. */
#include "process/limits.h"

#include "config.h"
#include "process/process_internal.h"

#define LOCKED_MEMORY_DEFAULT (UINT64_C(8) << 20)
#define MESSAGE_QUEUE_DEFAULT 819200

void limits_init(struct limits *limits)
{
    const struct limit none = { LIMIT_INFINITY, LIMIT_INFINITY };
    const struct limit zero = { 0, 0 };
    const struct limit threads = { THREADS_MAX / 2, THREADS_MAX / 2 };

    for (unsigned i = 0; i < LIMITS_COUNT; i++)
        limits->of[i] = none;
    limits->of[LIMIT_STACK].soft = USER_STACK_SIZE;
    limits->of[LIMIT_CORE].soft = 0;
    limits->of[LIMIT_PROCESSES] = threads;
    limits->of[LIMIT_OPEN_FILES] = (struct limit){ OPEN_FILES_DEFAULT, OPEN_FILES_MAX };
    limits->of[LIMIT_LOCKED_MEMORY] =
        (struct limit){ LOCKED_MEMORY_DEFAULT, LOCKED_MEMORY_DEFAULT };
    limits->of[LIMIT_PENDING_SIGNALS] = threads;
    limits->of[LIMIT_MESSAGE_QUEUE] =
        (struct limit){ MESSAGE_QUEUE_DEFAULT, MESSAGE_QUEUE_DEFAULT };
    limits->of[LIMIT_NICE] = zero;
    limits->of[LIMIT_REALTIME_PRIORITY] = zero;
}

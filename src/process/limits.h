#pragma once
/* Resource limits (RLIMIT_*), Linux's numbers. */
#include <stdint.h>

#define LIMIT_CPU 0
#define LIMIT_FILE_SIZE 1
#define LIMIT_DATA 2
#define LIMIT_STACK 3
#define LIMIT_CORE 4
#define LIMIT_RESIDENT 5
#define LIMIT_PROCESSES 6
#define LIMIT_OPEN_FILES 7
#define LIMIT_LOCKED_MEMORY 8
#define LIMIT_ADDRESS_SPACE 9
#define LIMIT_FILE_LOCKS 10
#define LIMIT_PENDING_SIGNALS 11
#define LIMIT_MESSAGE_QUEUE 12
#define LIMIT_NICE 13
#define LIMIT_REALTIME_PRIORITY 14
#define LIMIT_REALTIME_TIME 15
#define LIMITS_COUNT 16
#define LIMIT_INFINITY UINT64_MAX

struct limit {
    uint64_t soft, hard;
};
struct limits {
    struct limit of[LIMITS_COUNT];
};

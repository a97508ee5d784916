#pragma once
/* Every limit and size of the kernel.  Related limits are tied by static assertions; reaching a
 * limit gives an error to the caller and is tested. */

#define KERNEL_RELEASE "6.6.0-eft"             /* uname -r: the Linux whose calls we follow */
#define KERNEL_VERSION "#1 SMP PREEMPT_DYNAMIC Eft"

#define CPUS_MAX 64
#define THREADS_MAX 16384                      /* threads that exist at once */
#define THREAD_ID_MAX 4194303                  /* as on Linux with 64 bits */
#define THREAD_NAME_SIZE 16                    /* with the NUL, as Linux's comm */
#define KERNEL_STACK_SIZE 32768                /* bytes, a power of two */
#define PROCESS_ID_LIMIT 65535                 /* teaching ABI: ids are 16 bits, this one is -1 */
#define STACK_SLOTS_MAX 8190                   /* teaching ABI: stacks in one address space */
#define SEMAPHORES_MAX 65536                   /* with keys, of all processes */
#define QUEUED_SIGNALS_MAX 32768               /* pending with information, of all processes */
#define POSIX_TIMERS_MAX 8192                  /* of timer_create, of all processes */
#define TIMER_FILES_MAX 8192                   /* of timerfd_create, of all processes */
/* All timers may be armed on one CPU: those of sleeping threads, of processes, of the above. */
#define TIMERS_PER_CPU_MAX (THREADS_MAX * 2 + POSIX_TIMERS_MAX + TIMER_FILES_MAX)
#define TIME_SLICE_NS 10000000                 /* round robin */
#define TIME_SLICE_SHORT_NS 1000000            /* while an urgent thread waits */
#define FAIR_SLICE_NS 4000000                  /* what a thread of the fair policy asks for */
#define REAL_TIME_QUANTUM_NS 100000000         /* SCHED_RR, as Linux */
#define REAL_TIME_PERIOD_US 1000000            /* in each, real-time threads run for ... */
#define REAL_TIME_RUNTIME_US 950000            /* ... so long, if others wait; both as Linux */
#define BALANCE_INTERVAL_NS 20000000           /* at least, between two looks at other CPUs */
#define TIMER_REST_NS 20000                    /* at least, from one timer interrupt to the next */

#define PTYS_MAX 4096                          /* pseudo terminals that exist at once, as Linux */

#define PATH_MAX 4096                          /* with the NUL */
#define NAME_MAX 255
#define SYMLINKS_MAX 40                        /* in one walk, then ELOOP */
#define OPEN_FILES_DEFAULT 1024                /* RLIMIT_NOFILE, soft */
#define OPEN_FILES_MAX 1048576                 /* RLIMIT_NOFILE, hard */
#define SOCKETS_MAX 1048576                    /* with those that wait to be accepted */
#define ASYNC_FILES_MAX 1024                   /* with O_ASYNC, of one pipe, socket or terminal */
#define DIRECTORY_CACHE_MAX 65536              /* cached names without users */
#define MOUNTS_MAX 100000                      /* of all namespaces, as Linux for each */

#define USER_STACK_SIZE (8u << 20)             /* RLIMIT_STACK, soft */
#define STACK_GUARD_PAGES 256                  /* gap below a stack that grows, as Linux */
#define ARGUMENT_SIZE_MAX (128u << 10)         /* one string of argv or envp, with its NUL */
#define ARGUMENTS_SIZE_MIN (128u << 10)        /* all of them: a quarter of the stack, but at ... */
#define ARGUMENTS_SIZE_MAX (6u << 20)          /* ... least and at most this; with pointers */
#define ELF_SEGMENTS_MAX 64                    /* to load, of one program */
#define ELF_PROGRAM_HEADERS_MAX 1024
#define REGIONS_MAX 65530                      /* mappings of one process, as Linux's default */
#define USER_ADDRESS_MINIMUM 0x10000           /* vm.mmap_min_addr */

#define TRACE_RING_EVENTS 4096                 /* per CPU, a power of two */
#define LOG_SIZE 65536                         /* bytes of kernel log kept for /dev/kmsg */

_Static_assert((KERNEL_STACK_SIZE & (KERNEL_STACK_SIZE - 1)) == 0, "a power of two");
_Static_assert((TRACE_RING_EVENTS & (TRACE_RING_EVENTS - 1)) == 0, "a power of two");
_Static_assert(THREADS_MAX < THREAD_ID_MAX, "ids must be able to rest before they are used again");
_Static_assert(ARGUMENTS_SIZE_MAX < USER_STACK_SIZE, "arguments must leave room for a stack");
_Static_assert(ARGUMENT_SIZE_MAX <= ARGUMENTS_SIZE_MIN, "the longest argument always fits");

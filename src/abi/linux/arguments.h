#pragma once
/*
 * The kinds of arguments that syscalls.def uses.  ARGUMENT_<kind> gives four things for each: its
 * C type, its name, its number for tables, and the set of names its values are printed with.
 *
 * Kinds are never macros themselves; they are pasted behind that prefix, so their short names
 * collide with nothing.  Needs only <stdint.h>: guests and tests include it too.
 */
#include <stdint.h>

enum argument_kind {
    KIND_NONE, KIND_FD, KIND_DIRFD, KIND_INT, KIND_U32, KIND_LONG, KIND_U64, KIND_SIZE,
    KIND_OFFSET, KIND_MODE, KIND_PID, KIND_UID, KIND_SIGNAL, KIND_REQUEST, KIND_FLAGS,
    KIND_FLAGS64, KIND_ENUM, KIND_USER, KIND_PATH, KIND_IN, KIND_OUT, KIND_IN_IOVEC,
    KIND_OUT_IOVEC, KIND_OUT_INT, KIND_IN_TIMESPEC, KIND_OUT_TIMESPEC, KIND_IN_TIMESPEC2,
    KIND_IN_TIMEVAL, KIND_OUT_TIMEVAL, KIND_IN_ITIMERVAL, KIND_OUT_ITIMERVAL, KIND_IN_SIGSET,
    KIND_OUT_SIGSET, KIND_IN_SIGACTION, KIND_OUT_SIGACTION, KIND_IN_SIGSTACK, KIND_OUT_SIGSTACK,
    KIND_IN_RLIMIT, KIND_OUT_RLIMIT, KIND_OUT_STAT, KIND_OUT_STATX, KIND_OUT_STATFS,
    KIND_OUT_RUSAGE, KIND_OUT_UTSNAME, KIND_OUT_TMS, KIND_IN_SEMBUF,
    KIND_COUNT
};

#define ARGUMENT_FD(name) int32_t, name, KIND_FD, NONE                /* a descriptor */
#define ARGUMENT_DIRFD(name) int32_t, name, KIND_DIRFD, NONE          /* a descriptor or AT_FDCWD */
#define ARGUMENT_INT(name) int32_t, name, KIND_INT, NONE
#define ARGUMENT_U32(name) uint32_t, name, KIND_U32, NONE
#define ARGUMENT_LONG(name) int64_t, name, KIND_LONG, NONE
#define ARGUMENT_U64(name) uint64_t, name, KIND_U64, NONE
#define ARGUMENT_SIZE(name) uint64_t, name, KIND_SIZE, NONE
#define ARGUMENT_OFFSET(name) int64_t, name, KIND_OFFSET, NONE
#define ARGUMENT_MODE(name) uint32_t, name, KIND_MODE, NONE
#define ARGUMENT_PID(name) int32_t, name, KIND_PID, NONE
#define ARGUMENT_UID(name) uint32_t, name, KIND_UID, NONE             /* of a user or a group */
#define ARGUMENT_SIGNAL(name) int32_t, name, KIND_SIGNAL, NONE
#define ARGUMENT_REQUEST(name) uint32_t, name, KIND_REQUEST, request
#define ARGUMENT_FLAGS(name, set) uint32_t, name, KIND_FLAGS, set     /* bits; names in names.c */
#define ARGUMENT_FLAGS64(name, set) uint64_t, name, KIND_FLAGS64, set
#define ARGUMENT_ENUM(name, set) int32_t, name, KIND_ENUM, set        /* one value */
#define ARGUMENT_USER(name) user_address, name, KIND_USER, NONE       /* not looked at */
#define ARGUMENT_PATH(name) user_address, name, KIND_PATH, NONE       /* a string that is read */
#define ARGUMENT_IN(name) user_address, name, KIND_IN, NONE           /* bytes; next: how many */
#define ARGUMENT_OUT(name) user_address, name, KIND_OUT, NONE         /* bytes; result: how many */
#define ARGUMENT_IN_IOVEC(name) user_address, name, KIND_IN_IOVEC, NONE    /* the same */
#define ARGUMENT_OUT_IOVEC(name) user_address, name, KIND_OUT_IOVEC, NONE
#define ARGUMENT_OUT_INT(name) user_address, name, KIND_OUT_INT, NONE
#define ARGUMENT_IN_TIMESPEC(name) user_address, name, KIND_IN_TIMESPEC, NONE
#define ARGUMENT_OUT_TIMESPEC(name) user_address, name, KIND_OUT_TIMESPEC, NONE
#define ARGUMENT_IN_TIMESPEC2(name) user_address, name, KIND_IN_TIMESPEC2, NONE/* two of them */
#define ARGUMENT_IN_TIMEVAL(name) user_address, name, KIND_IN_TIMEVAL, NONE
#define ARGUMENT_OUT_TIMEVAL(name) user_address, name, KIND_OUT_TIMEVAL, NONE
#define ARGUMENT_IN_ITIMERVAL(name) user_address, name, KIND_IN_ITIMERVAL, NONE
#define ARGUMENT_OUT_ITIMERVAL(name) user_address, name, KIND_OUT_ITIMERVAL, NONE
#define ARGUMENT_IN_SIGSET(name) user_address, name, KIND_IN_SIGSET, NONE
#define ARGUMENT_OUT_SIGSET(name) user_address, name, KIND_OUT_SIGSET, NONE
#define ARGUMENT_IN_SIGACTION(name) user_address, name, KIND_IN_SIGACTION, NONE
#define ARGUMENT_OUT_SIGACTION(name) user_address, name, KIND_OUT_SIGACTION, NONE
#define ARGUMENT_IN_SIGSTACK(name) user_address, name, KIND_IN_SIGSTACK, NONE
#define ARGUMENT_OUT_SIGSTACK(name) user_address, name, KIND_OUT_SIGSTACK, NONE
#define ARGUMENT_IN_RLIMIT(name) user_address, name, KIND_IN_RLIMIT, NONE
#define ARGUMENT_OUT_RLIMIT(name) user_address, name, KIND_OUT_RLIMIT, NONE
#define ARGUMENT_OUT_STAT(name) user_address, name, KIND_OUT_STAT, NONE
#define ARGUMENT_OUT_STATX(name) user_address, name, KIND_OUT_STATX, NONE
#define ARGUMENT_OUT_STATFS(name) user_address, name, KIND_OUT_STATFS, NONE
#define ARGUMENT_OUT_RUSAGE(name) user_address, name, KIND_OUT_RUSAGE, NONE
#define ARGUMENT_OUT_UTSNAME(name) user_address, name, KIND_OUT_UTSNAME, NONE
#define ARGUMENT_OUT_TMS(name) user_address, name, KIND_OUT_TMS, NONE

#define ARGUMENT_IN_SEMBUF(name) user_address, name, KIND_IN_SEMBUF, NONE    /* next: how many */

#define ARGUMENT_TYPE(...) ARGUMENT_TYPE_PICK(__VA_ARGS__)
#define ARGUMENT_TYPE_PICK(type, name, kind, set) type
#define ARGUMENT_PARAMETER(...) ARGUMENT_PARAMETER_PICK(__VA_ARGS__)
#define ARGUMENT_PARAMETER_PICK(type, name, kind, set) type name
#define ARGUMENT_KIND(...) ARGUMENT_KIND_PICK(__VA_ARGS__)
#define ARGUMENT_KIND_PICK(type, name, kind, set) kind
#define ARGUMENT_SET(...) ARGUMENT_SET_PICK(__VA_ARGS__)
#define ARGUMENT_SET_PICK(type, name, kind, set) SET_##set

#define SYSCALL_ARGUMENTS_MAX 6

/* Number of arguments behind the name, 0 to 6. */
#define ARGUMENT_COUNT(name, ...) ARGUMENT_COUNT_PICK(name, ##__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define ARGUMENT_COUNT_PICK(name, a1, a2, a3, a4, a5, a6, count, ...) count

#define ARGUMENT_PASTE(a, b) ARGUMENT_PASTE_EXPANDED(a, b)
#define ARGUMENT_PASTE_EXPANDED(a, b) a##b

/* For each argument ITEM(ARGUMENT_<kind>(...)), with commas between; EMPTY if there is none. */
#define ARGUMENT_LIST(ITEM, EMPTY, name, ...) \
    ARGUMENT_PASTE(ARGUMENT_LIST_, ARGUMENT_COUNT(name, ##__VA_ARGS__))(ITEM, EMPTY, ##__VA_ARGS__)
#define ARGUMENT_LIST_0(ITEM, EMPTY) EMPTY
#define ARGUMENT_LIST_1(ITEM, EMPTY, a) ITEM(ARGUMENT_##a)
#define ARGUMENT_LIST_2(ITEM, EMPTY, a, ...) \
    ITEM(ARGUMENT_##a), ARGUMENT_LIST_1(ITEM, EMPTY, __VA_ARGS__)
#define ARGUMENT_LIST_3(ITEM, EMPTY, a, ...) \
    ITEM(ARGUMENT_##a), ARGUMENT_LIST_2(ITEM, EMPTY, __VA_ARGS__)
#define ARGUMENT_LIST_4(ITEM, EMPTY, a, ...) \
    ITEM(ARGUMENT_##a), ARGUMENT_LIST_3(ITEM, EMPTY, __VA_ARGS__)
#define ARGUMENT_LIST_5(ITEM, EMPTY, a, ...) \
    ITEM(ARGUMENT_##a), ARGUMENT_LIST_4(ITEM, EMPTY, __VA_ARGS__)
#define ARGUMENT_LIST_6(ITEM, EMPTY, a, ...) \
    ITEM(ARGUMENT_##a), ARGUMENT_LIST_5(ITEM, EMPTY, __VA_ARGS__)

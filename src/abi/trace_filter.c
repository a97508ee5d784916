/*
 * Which calls are printed: a list of names and groups, as strace's -e trace= understands it.
 *
 *     read,write     these two           file           a group; %file as well
 *     !file,read     all but these       all, none
 */
#include "abi/trace_internal.h"
#include "lib/bitmap.h"
#include "lib/container.h"
#include "lib/memory.h"
#include "lib/text.h"

#define CALLS_MAX 512
#define WORD_SIZE 40

static const struct abi *const abis[] = { &abi_linux, &abi_teaching };

/* Bits of places in the tables of calls.  Written once at boot, before the first process. */
static uint64_t passing[ARRAY_SIZE(abis)][BITMAP_WORDS(CALLS_MAX)];

/* Groups that are lists of names; file and descriptor go by the kinds of arguments, too. */
static const struct {
    const char *name, *calls;
} groups[] = {
    { "file", "getcwd Open Spawn ListApp " },
    { "descriptor", "pipe pipe2 socket socketpair epoll_create epoll_create1 eventfd eventfd2 "
                    "memfd_create timerfd_create signalfd inotify_init inotify_init1 poll ppoll "
                    "select pselect6 mmap close_range pidfd_open userfaultfd " },
    { "memory", "Brk Allocate Deallocate "
                "brk mmap munmap mprotect mremap msync mincore madvise mlock mlock2 munlock "
                "mlockall munlockall remap_file_pages mbind get_mempolicy set_mempolicy "
                "migrate_pages move_pages pkey_mprotect pkey_alloc pkey_free shmat shmdt "
                "process_madvise mseal map_shadow_stack set_mempolicy_home_node " },
    { "process", "Fork Spawn Exit WaitPid Kill "
                 "clone clone3 fork vfork execve execveat exit exit_group wait4 waitid kill tkill "
                 "tgkill pidfd_open pidfd_send_signal arch_prctl unshare rt_sigqueueinfo "
                 "rt_tgsigqueueinfo " },
    { "signal", "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait "
                "rt_sigqueueinfo rt_tgsigqueueinfo rt_sigsuspend sigaltstack kill tkill tgkill "
                "pause signalfd signalfd4 pidfd_send_signal " },
    { "futex", "futex futex_waitv futex_wait futex_wake futex_requeue set_robust_list "
               "get_robust_list " },
    { "time", "Time "
              "time gettimeofday settimeofday nanosleep clock_gettime clock_settime clock_getres "
              "clock_nanosleep alarm getitimer setitimer timer_create timer_settime "
              "timer_gettime timer_getoverrun timer_delete timerfd_create timerfd_settime "
              "timerfd_gettime times adjtimex clock_adjtime " },
    { "network", "socket connect accept accept4 sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg "
                 "shutdown bind listen getsockname getpeername socketpair setsockopt "
                 "getsockopt " },
    { "ipc", "Sem "
             "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd msgrcv "
             "msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr " },
    { "schedule", "sched_yield sched_setparam sched_getparam sched_setscheduler "
                  "sched_getscheduler sched_get_priority_max sched_get_priority_min "
                  "sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr "
                  "sched_getattr getpriority setpriority getcpu " },
    { "creds", "getuid getgid setuid setgid geteuid getegid setreuid setregid getgroups setgroups "
               "setresuid getresuid setresgid getresgid setfsuid setfsgid capget capset prctl " },
};

/* Is `word` one of the words in `list`, each of which ends in a space? */
static bool list_has(const char *list, const char *word)
{
    size_t length = text_length(word);

    while (*list) {
        const char *end = text_find(list, ' ');

        if ((size_t)(end - list) == length && memcmp(list, word, length) == 0)
            return true;
        list = end + 1;
    }
    return false;
}

static bool has_kind(const struct syscall *call, unsigned kind, unsigned other_kind)
{
    for (unsigned i = 0; i < call->argument_count; i++) {
        if (call->arguments[i].kind == kind || call->arguments[i].kind == other_kind)
            return true;
    }
    return false;
}

static bool is_in_group(const struct syscall *call, size_t group)
{
    if (text_equal(groups[group].name, "file") && has_kind(call, KIND_PATH, KIND_PATH))
        return true;
    if (text_equal(groups[group].name, "descriptor") && has_kind(call, KIND_FD, KIND_DIRFD))
        return true;
    return list_has(groups[group].calls, call->name);
}

static void set_bit(size_t abi, size_t place, bool passes)
{
    if (passes)
        bitmap_set(passing[abi], place);
    else
        bitmap_clear(passing[abi], place);
}

/* Sets the bits of all calls that have the name or, without one, belong to the group; returns
 * whether there are any. */
static bool apply(const char *name, size_t group, bool passes)
{
    bool any = false;

    for (size_t abi = 0; abi < ARRAY_SIZE(abis); abi++) {
        for (uint32_t i = 0; i < abis[abi]->table_size; i++) {
            const struct syscall *call = &abis[abi]->table[i];

            if (!call->name || !(name ? text_equal(call->name, name) : is_in_group(call, group)))
                continue;
            set_bit(abi, i, passes);
            any = true;
        }
    }
    return any;
}

/* Returns whether the word means anything. */
static bool apply_group(const char *word, bool passes)
{
    const char *name = word[0] == '%' ? word + 1 : word;

    if (text_equal(name, "desc"))
        name = "descriptor";
    for (size_t group = 0; group < ARRAY_SIZE(groups); group++) {
        if (text_equal(groups[group].name, name))
            return apply(NULL, group, passes);
    }
    return false;
}

static bool apply_word(const char *word, bool passes)
{
    if (text_equal(word, "all") || text_equal(word, "none")) {
        memset(passing, passes == text_equal(word, "all") ? 0xff : 0, sizeof(passing));
        return true;
    }
    return apply_group(word, passes) || apply(word, 0, passes);
}

int trace_filter_parse(const char *filter, char *wrong, size_t wrong_size)
{
    bool negated = *filter == '!';

    memset(passing, negated || !*filter ? 0xff : 0, sizeof(passing));
    filter += negated;
    while (*filter) {
        char word[WORD_SIZE] = "";
        const char *end = text_find(filter, ',');
        size_t length = end ? (size_t)(end - filter) : text_length(filter);

        memcpy(word, filter, length < sizeof(word) ? length : sizeof(word) - 1);
        if (length >= sizeof(word) || !apply_word(word, !negated)) {
            (void)text_copy(wrong, word, wrong_size);
            return -EINVAL;
        }
        filter += end ? length + 1 : length;
    }
    return 0;
}

bool trace_filter_passes(const struct syscall *call)
{
    for (size_t abi = 0; abi < ARRAY_SIZE(abis); abi++) {
        if (call >= abis[abi]->table && call < abis[abi]->table + abis[abi]->table_size)
            return bitmap_test(passing[abi], (size_t)(call - abis[abi]->table));
    }
    return false;
}

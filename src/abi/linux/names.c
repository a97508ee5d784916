/*
 * The names of flags and other coded arguments, as Linux's headers spell them.
 *
 * VALUE is a whole word, BIT one bit or several that stand together, FIELD a value of some bits.
 */
#include "abi/linux/names.h"

#include "lib/container.h"

#define WORD UINT32_MAX
#define VALUE(value, name) { (value), WORD, name }
#define BIT(bits, name) { (bits), (bits), name }
#define FIELD(value, mask, name) { (value), (mask), name }

static const struct named_value access_names[] = {
    VALUE(0, "F_OK"), BIT(4, "R_OK"), BIT(2, "W_OK"), BIT(1, "X_OK"),
};

static const struct named_value address_family_names[] = {
    VALUE(0, "AF_UNSPEC"), VALUE(1, "AF_UNIX"), VALUE(2, "AF_INET"), VALUE(0xa, "AF_INET6"),
    VALUE(0x10, "AF_NETLINK"), VALUE(0x11, "AF_PACKET"),
};

static const struct named_value advice_names[] = {
    VALUE(0, "MADV_NORMAL"), VALUE(1, "MADV_RANDOM"), VALUE(2, "MADV_SEQUENTIAL"),
    VALUE(3, "MADV_WILLNEED"), VALUE(4, "MADV_DONTNEED"), VALUE(8, "MADV_FREE"),
    VALUE(9, "MADV_REMOVE"), VALUE(0xa, "MADV_DONTFORK"), VALUE(0xb, "MADV_DOFORK"),
    VALUE(0xc, "MADV_MERGEABLE"), VALUE(0xd, "MADV_UNMERGEABLE"), VALUE(0xe, "MADV_HUGEPAGE"),
    VALUE(0xf, "MADV_NOHUGEPAGE"), VALUE(0x10, "MADV_DONTDUMP"), VALUE(0x11, "MADV_DODUMP"),
    VALUE(0x12, "MADV_WIPEONFORK"), VALUE(0x13, "MADV_KEEPONFORK"), VALUE(0x14, "MADV_COLD"),
    VALUE(0x15, "MADV_PAGEOUT"), VALUE(0x16, "MADV_POPULATE_READ"),
    VALUE(0x17, "MADV_POPULATE_WRITE"), VALUE(0x18, "MADV_DONTNEED_LOCKED"),
    VALUE(0x64, "MADV_HWPOISON"),
};

static const struct named_value arch_prctl_names[] = {
    VALUE(0x1001, "ARCH_SET_GS"), VALUE(0x1002, "ARCH_SET_FS"), VALUE(0x1003, "ARCH_GET_FS"),
    VALUE(0x1004, "ARCH_GET_GS"), VALUE(0x1011, "ARCH_GET_CPUID"),
    VALUE(0x1012, "ARCH_SET_CPUID"), VALUE(0x1021, "ARCH_GET_XCOMP_SUPP"),
    VALUE(0x1022, "ARCH_GET_XCOMP_PERM"), VALUE(0x1023, "ARCH_REQ_XCOMP_PERM"),
    VALUE(0x2003, "ARCH_MAP_VDSO_64"), VALUE(0x3001, "ARCH_CET_STATUS"),
    VALUE(0x5001, "ARCH_SHSTK_ENABLE"), VALUE(0x5002, "ARCH_SHSTK_DISABLE"),
    VALUE(0x5005, "ARCH_SHSTK_STATUS"),
};

static const struct named_value at_names[] = {
    BIT(0x100, "AT_SYMLINK_NOFOLLOW"), BIT(0x200, "AT_EACCESS"), BIT(0x400, "AT_SYMLINK_FOLLOW"),
    BIT(0x800, "AT_NO_AUTOMOUNT"), BIT(0x1000, "AT_EMPTY_PATH"),
    BIT(0x2000, "AT_STATX_FORCE_SYNC"), BIT(0x4000, "AT_STATX_DONT_SYNC"),
};

static const struct named_value clock_names[] = {
    VALUE(0, "CLOCK_REALTIME"), VALUE(1, "CLOCK_MONOTONIC"), VALUE(2, "CLOCK_PROCESS_CPUTIME_ID"),
    VALUE(3, "CLOCK_THREAD_CPUTIME_ID"), VALUE(4, "CLOCK_MONOTONIC_RAW"),
    VALUE(5, "CLOCK_REALTIME_COARSE"), VALUE(6, "CLOCK_MONOTONIC_COARSE"),
    VALUE(7, "CLOCK_BOOTTIME"), VALUE(8, "CLOCK_REALTIME_ALARM"),
    VALUE(9, "CLOCK_BOOTTIME_ALARM"), VALUE(0xb, "CLOCK_TAI"),
};

static const struct named_value clone_names[] = {
    BIT(0x100, "CLONE_VM"), BIT(0x200, "CLONE_FS"), BIT(0x400, "CLONE_FILES"),
    BIT(0x800, "CLONE_SIGHAND"), BIT(0x1000, "CLONE_PIDFD"), BIT(0x2000, "CLONE_PTRACE"),
    BIT(0x4000, "CLONE_VFORK"), BIT(0x8000, "CLONE_PARENT"), BIT(0x10000, "CLONE_THREAD"),
    BIT(0x20000, "CLONE_NEWNS"), BIT(0x40000, "CLONE_SYSVSEM"), BIT(0x80000, "CLONE_SETTLS"),
    BIT(0x100000, "CLONE_PARENT_SETTID"), BIT(0x200000, "CLONE_CHILD_CLEARTID"),
    BIT(0x400000, "CLONE_DETACHED"), BIT(0x800000, "CLONE_UNTRACED"),
    BIT(0x1000000, "CLONE_CHILD_SETTID"), BIT(0x2000000, "CLONE_NEWCGROUP"),
    BIT(0x4000000, "CLONE_NEWUTS"), BIT(0x8000000, "CLONE_NEWIPC"),
    BIT(0x10000000, "CLONE_NEWUSER"), BIT(0x20000000, "CLONE_NEWPID"),
    BIT(0x40000000, "CLONE_NEWNET"), BIT(0x80000000, "CLONE_IO"), FIELD(0x11, 0xff, "SIGCHLD"),
};

static const struct named_value close_range_names[] = {
    BIT(2, "CLOSE_RANGE_UNSHARE"), BIT(4, "CLOSE_RANGE_CLOEXEC"),
};

static const struct named_value descriptor_flags_names[] = {
    BIT(0x800, "O_NONBLOCK"), BIT(0x80000, "O_CLOEXEC"), BIT(0x4000, "O_DIRECT"),
    BIT(1, "EFD_SEMAPHORE"),
};

static const struct named_value epoll_names[] = {
    VALUE(1, "EPOLL_CTL_ADD"), VALUE(2, "EPOLL_CTL_DEL"), VALUE(3, "EPOLL_CTL_MOD"),
};

static const struct named_value fcntl_names[] = {
    VALUE(0, "F_DUPFD"), VALUE(1, "F_GETFD"), VALUE(2, "F_SETFD"), VALUE(3, "F_GETFL"),
    VALUE(4, "F_SETFL"), VALUE(5, "F_GETLK"), VALUE(6, "F_SETLK"), VALUE(7, "F_SETLKW"),
    VALUE(8, "F_SETOWN"), VALUE(9, "F_GETOWN"), VALUE(0xa, "F_SETSIG"), VALUE(0xb, "F_GETSIG"),
    VALUE(0xf, "F_SETOWN_EX"), VALUE(0x10, "F_GETOWN_EX"), VALUE(0x24, "F_OFD_GETLK"),
    VALUE(0x25, "F_OFD_SETLK"), VALUE(0x26, "F_OFD_SETLKW"), VALUE(0x400, "F_SETLEASE"),
    VALUE(0x401, "F_GETLEASE"), VALUE(0x402, "F_NOTIFY"), VALUE(0x406, "F_DUPFD_CLOEXEC"),
    VALUE(0x407, "F_SETPIPE_SZ"), VALUE(0x408, "F_GETPIPE_SZ"), VALUE(0x409, "F_ADD_SEALS"),
    VALUE(0x40a, "F_GET_SEALS"),
};

static const struct named_value flock_names[] = {
    BIT(1, "LOCK_SH"), BIT(2, "LOCK_EX"), BIT(8, "LOCK_UN"), BIT(4, "LOCK_NB"),
};

static const struct named_value futex_names[] = {
    FIELD(0, 0x7f, "FUTEX_WAIT"), FIELD(1, 0x7f, "FUTEX_WAKE"), FIELD(2, 0x7f, "FUTEX_FD"),
    FIELD(3, 0x7f, "FUTEX_REQUEUE"), FIELD(4, 0x7f, "FUTEX_CMP_REQUEUE"),
    FIELD(5, 0x7f, "FUTEX_WAKE_OP"), FIELD(6, 0x7f, "FUTEX_LOCK_PI"),
    FIELD(7, 0x7f, "FUTEX_UNLOCK_PI"), FIELD(8, 0x7f, "FUTEX_TRYLOCK_PI"),
    FIELD(9, 0x7f, "FUTEX_WAIT_BITSET"), FIELD(0xa, 0x7f, "FUTEX_WAKE_BITSET"),
    FIELD(0xb, 0x7f, "FUTEX_WAIT_REQUEUE_PI"), FIELD(0xc, 0x7f, "FUTEX_CMP_REQUEUE_PI"),
    FIELD(0xd, 0x7f, "FUTEX_LOCK_PI2"), BIT(0x80, "FUTEX_PRIVATE_FLAG"),
    BIT(0x100, "FUTEX_CLOCK_REALTIME"),
};

static const struct named_value interval_timer_names[] = {
    VALUE(0, "ITIMER_REAL"), VALUE(1, "ITIMER_VIRTUAL"), VALUE(2, "ITIMER_PROF"),
};

static const struct named_value eventfd_names[] = {
    BIT(1, "EFD_SEMAPHORE"), BIT(04000, "EFD_NONBLOCK"), BIT(02000000, "EFD_CLOEXEC"),
};

static const struct named_value ipc_names[] = {
    BIT(01000, "IPC_CREAT"), BIT(02000, "IPC_EXCL"), BIT(04000, "IPC_NOWAIT"),
};

static const struct named_value ipc_key_names[] = { VALUE(0, "IPC_PRIVATE") };

static const struct named_value kcmp_names[] = {
    VALUE(0, "KCMP_FILE"), VALUE(1, "KCMP_VM"), VALUE(2, "KCMP_FILES"), VALUE(3, "KCMP_FS"),
    VALUE(4, "KCMP_SIGHAND"), VALUE(5, "KCMP_IO"), VALUE(6, "KCMP_SYSVSEM"),
    VALUE(7, "KCMP_EPOLL_TFD"),
};

static const struct named_value limit_names[] = {
    VALUE(0, "RLIMIT_CPU"), VALUE(1, "RLIMIT_FSIZE"), VALUE(2, "RLIMIT_DATA"),
    VALUE(3, "RLIMIT_STACK"), VALUE(4, "RLIMIT_CORE"), VALUE(5, "RLIMIT_RSS"),
    VALUE(6, "RLIMIT_NPROC"), VALUE(7, "RLIMIT_NOFILE"), VALUE(8, "RLIMIT_MEMLOCK"),
    VALUE(9, "RLIMIT_AS"), VALUE(0xa, "RLIMIT_LOCKS"), VALUE(0xb, "RLIMIT_SIGPENDING"),
    VALUE(0xc, "RLIMIT_MSGQUEUE"), VALUE(0xd, "RLIMIT_NICE"), VALUE(0xe, "RLIMIT_RTPRIO"),
    VALUE(0xf, "RLIMIT_RTTIME"),
};

static const struct named_value map_names[] = {
    FIELD(1, 0xf, "MAP_SHARED"), FIELD(2, 0xf, "MAP_PRIVATE"),
    FIELD(3, 0xf, "MAP_SHARED_VALIDATE"), BIT(0x10, "MAP_FIXED"), BIT(0x20, "MAP_ANONYMOUS"),
    BIT(0x40, "MAP_32BIT"), BIT(0x100, "MAP_GROWSDOWN"), BIT(0x800, "MAP_DENYWRITE"),
    BIT(0x1000, "MAP_EXECUTABLE"), BIT(0x2000, "MAP_LOCKED"), BIT(0x4000, "MAP_NORESERVE"),
    BIT(0x8000, "MAP_POPULATE"), BIT(0x10000, "MAP_NONBLOCK"), BIT(0x20000, "MAP_STACK"),
    BIT(0x40000, "MAP_HUGETLB"), BIT(0x80000, "MAP_SYNC"), BIT(0x100000, "MAP_FIXED_NOREPLACE"),
};

static const struct named_value mask_change_names[] = {
    VALUE(0, "SIG_BLOCK"), VALUE(1, "SIG_UNBLOCK"), VALUE(2, "SIG_SETMASK"),
};

static const struct named_value membarrier_names[] = {
    VALUE(0, "MEMBARRIER_CMD_QUERY"), VALUE(1, "MEMBARRIER_CMD_GLOBAL"),
    VALUE(2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"),
    VALUE(4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"),
    VALUE(8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"),
    VALUE(0x10, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"),
    VALUE(0x20, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE"),
    VALUE(0x40, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE"),
    VALUE(0x80, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ"),
    VALUE(0x100, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ"),
    VALUE(0x200, "MEMBARRIER_CMD_GET_REGISTRATIONS"),
};

static const struct named_value memfd_names[] = {
    BIT(1, "MFD_CLOEXEC"), BIT(2, "MFD_ALLOW_SEALING"), BIT(4, "MFD_HUGETLB"),
    BIT(8, "MFD_NOEXEC_SEAL"), BIT(0x10, "MFD_EXEC"),
};

static const struct named_value message_names[] = {
    BIT(1, "MSG_OOB"), BIT(2, "MSG_PEEK"), BIT(4, "MSG_DONTROUTE"), BIT(8, "MSG_CTRUNC"),
    BIT(0x20, "MSG_TRUNC"), BIT(0x40, "MSG_DONTWAIT"), BIT(0x80, "MSG_EOR"),
    BIT(0x100, "MSG_WAITALL"), BIT(0x4000, "MSG_NOSIGNAL"), BIT(0x8000, "MSG_MORE"),
    BIT(0x40000000, "MSG_CMSG_CLOEXEC"),
};

static const struct named_value mode_type_names[] = {
    FIELD(0xc000, 0xf000, "S_IFSOCK"), FIELD(0xa000, 0xf000, "S_IFLNK"),
    FIELD(0x8000, 0xf000, "S_IFREG"), FIELD(0x6000, 0xf000, "S_IFBLK"),
    FIELD(0x4000, 0xf000, "S_IFDIR"), FIELD(0x2000, 0xf000, "S_IFCHR"),
    FIELD(0x1000, 0xf000, "S_IFIFO"),
};

static const struct named_value mremap_names[] = {
    BIT(1, "MREMAP_MAYMOVE"), BIT(2, "MREMAP_FIXED"), BIT(4, "MREMAP_DONTUNMAP"),
};

static const struct named_value msync_names[] = {
    BIT(1, "MS_ASYNC"), BIT(2, "MS_INVALIDATE"), BIT(4, "MS_SYNC"),
};

static const struct named_value open_names[] = {
    FIELD(0, 3, "O_RDONLY"), FIELD(1, 3, "O_WRONLY"), FIELD(2, 3, "O_RDWR"), BIT(3, "O_ACCMODE"),
    BIT(0x410000, "O_TMPFILE"), BIT(0x101000, "O_SYNC"), BIT(0x40, "O_CREAT"),
    BIT(0x80, "O_EXCL"), BIT(0x100, "O_NOCTTY"), BIT(0x200, "O_TRUNC"), BIT(0x400, "O_APPEND"),
    BIT(0x800, "O_NONBLOCK"), BIT(0x1000, "O_DSYNC"), BIT(0x2000, "O_ASYNC"),
    BIT(0x4000, "O_DIRECT"), BIT(0x8000, "O_LARGEFILE"), BIT(0x10000, "O_DIRECTORY"),
    BIT(0x20000, "O_NOFOLLOW"), BIT(0x40000, "O_NOATIME"), BIT(0x80000, "O_CLOEXEC"),
    BIT(0x200000, "O_PATH"),
};

static const struct named_value prctl_names[] = {
    VALUE(1, "PR_SET_PDEATHSIG"), VALUE(2, "PR_GET_PDEATHSIG"), VALUE(3, "PR_GET_DUMPABLE"),
    VALUE(4, "PR_SET_DUMPABLE"), VALUE(7, "PR_GET_KEEPCAPS"), VALUE(8, "PR_SET_KEEPCAPS"),
    VALUE(0xd, "PR_GET_TIMING"), VALUE(0xe, "PR_SET_TIMING"), VALUE(0xf, "PR_SET_NAME"),
    VALUE(0x10, "PR_GET_NAME"), VALUE(0x15, "PR_GET_SECCOMP"), VALUE(0x16, "PR_SET_SECCOMP"),
    VALUE(0x17, "PR_CAPBSET_READ"), VALUE(0x18, "PR_CAPBSET_DROP"), VALUE(0x19, "PR_GET_TSC"),
    VALUE(0x1a, "PR_SET_TSC"), VALUE(0x1b, "PR_GET_SECUREBITS"), VALUE(0x1c, "PR_SET_SECUREBITS"),
    VALUE(0x1d, "PR_SET_TIMERSLACK"), VALUE(0x1e, "PR_GET_TIMERSLACK"),
    VALUE(0x21, "PR_MCE_KILL"), VALUE(0x22, "PR_MCE_KILL_GET"), VALUE(0x23, "PR_SET_MM"),
    VALUE(0x24, "PR_SET_CHILD_SUBREAPER"), VALUE(0x25, "PR_GET_CHILD_SUBREAPER"),
    VALUE(0x26, "PR_SET_NO_NEW_PRIVS"), VALUE(0x27, "PR_GET_NO_NEW_PRIVS"),
    VALUE(0x28, "PR_GET_TID_ADDRESS"), VALUE(0x29, "PR_SET_THP_DISABLE"),
    VALUE(0x2a, "PR_GET_THP_DISABLE"), VALUE(0x2f, "PR_CAP_AMBIENT"),
    VALUE(0x34, "PR_GET_SPECULATION_CTRL"), VALUE(0x35, "PR_SET_SPECULATION_CTRL"),
    VALUE(0x39, "PR_SET_IO_FLUSHER"), VALUE(0x3a, "PR_GET_IO_FLUSHER"),
    VALUE(0x3b, "PR_SET_SYSCALL_USER_DISPATCH"), VALUE(0x3e, "PR_SCHED_CORE"),
    VALUE(0x41, "PR_SET_MDWE"), VALUE(0x42, "PR_GET_MDWE"), VALUE(0x53564d41, "PR_SET_VMA"),
};

static const struct named_value protection_names[] = {
    VALUE(0, "PROT_NONE"), BIT(1, "PROT_READ"), BIT(2, "PROT_WRITE"), BIT(4, "PROT_EXEC"),
    BIT(8, "PROT_SEM"), BIT(0x1000000, "PROT_GROWSDOWN"), BIT(0x2000000, "PROT_GROWSUP"),
};

static const struct named_value random_names[] = {
    BIT(1, "GRND_NONBLOCK"), BIT(2, "GRND_RANDOM"), BIT(4, "GRND_INSECURE"),
};

static const struct named_value rename_names[] = {
    BIT(1, "RENAME_NOREPLACE"), BIT(2, "RENAME_EXCHANGE"), BIT(4, "RENAME_WHITEOUT"),
};

static const struct named_value request_names[] = {
    VALUE(0x5401, "TCGETS"), VALUE(0x5402, "TCSETS"), VALUE(0x5403, "TCSETSW"),
    VALUE(0x5404, "TCSETSF"), VALUE(0x5405, "TCGETA"), VALUE(0x5409, "TCSBRK"),
    VALUE(0x540a, "TCXONC"), VALUE(0x540b, "TCFLSH"), VALUE(0x540e, "TIOCSCTTY"),
    VALUE(0x540f, "TIOCGPGRP"), VALUE(0x5410, "TIOCSPGRP"), VALUE(0x5411, "TIOCOUTQ"),
    VALUE(0x5412, "TIOCSTI"), VALUE(0x5413, "TIOCGWINSZ"), VALUE(0x5414, "TIOCSWINSZ"),
    VALUE(0x541b, "FIONREAD"), VALUE(0x5421, "FIONBIO"), VALUE(0x5422, "TIOCNOTTY"),
    VALUE(0x5425, "TCSBRKP"), VALUE(0x5429, "TIOCGSID"), VALUE(0x5450, "FIONCLEX"),
    VALUE(0x5420, "TIOCPKT"), VALUE(0x5441, "TIOCGPTPEER"), VALUE(0x80045430, "TIOCGPTN"),
    VALUE(0x40045431, "TIOCSPTLCK"), VALUE(0x40045436, "TIOCSIG"),
    VALUE(0x5451, "FIOCLEX"), VALUE(0x5452, "FIOASYNC"), VALUE(0x1260, "BLKGETSIZE"),
    VALUE(0x80081272, "BLKGETSIZE64"), VALUE(0x40049409, "FICLONE"),
    VALUE(0x80086601, "FS_IOC_GETFLAGS"), VALUE(0x40086602, "FS_IOC_SETFLAGS"),
    VALUE(0xc020660b, "FS_IOC_FIEMAP"), VALUE(0x802c542a, "TCGETS2"),
};

static const struct named_value scheduler_names[] = {
    VALUE(0, "SCHED_OTHER"), VALUE(1, "SCHED_FIFO"), VALUE(2, "SCHED_RR"),
    VALUE(3, "SCHED_BATCH"), VALUE(5, "SCHED_IDLE"), VALUE(6, "SCHED_DEADLINE"),
};

/* Of the teaching ABI. */
static const struct named_value messages_names[] = {
    BIT(04000, "IPC_NOWAIT"), BIT(010000, "MSG_NOERROR"), BIT(020000, "MSG_EXCEPT"),
    BIT(040000, "MSG_COPY"),
};

static const struct named_value msgctl_names[] = {
    VALUE(0, "IPC_RMID"), VALUE(1, "IPC_SET"), VALUE(2, "IPC_STAT"), VALUE(3, "IPC_INFO"),
    VALUE(0xb, "MSG_STAT"), VALUE(0xc, "MSG_INFO"), VALUE(0xd, "MSG_STAT_ANY"),
};

static const struct named_value shmat_names[] = {
    BIT(010000, "SHM_RDONLY"), BIT(020000, "SHM_RND"), BIT(040000, "SHM_REMAP"),
    BIT(0100000, "SHM_EXEC"),
};

static const struct named_value shmctl_names[] = {
    VALUE(0, "IPC_RMID"), VALUE(1, "IPC_SET"), VALUE(2, "IPC_STAT"), VALUE(3, "IPC_INFO"),
    VALUE(0xb, "SHM_LOCK"), VALUE(0xc, "SHM_UNLOCK"), VALUE(0xd, "SHM_STAT"),
    VALUE(0xe, "SHM_INFO"), VALUE(0xf, "SHM_STAT_ANY"),
};

static const struct named_value semctl_names[] = {
    VALUE(0, "IPC_RMID"), VALUE(1, "IPC_SET"), VALUE(2, "IPC_STAT"), VALUE(3, "IPC_INFO"),
    VALUE(0xb, "GETPID"), VALUE(0xc, "GETVAL"), VALUE(0xd, "GETALL"), VALUE(0xe, "GETNCNT"),
    VALUE(0xf, "GETZCNT"), VALUE(0x10, "SETVAL"), VALUE(0x11, "SETALL"), VALUE(0x12, "SEM_STAT"),
    VALUE(0x13, "SEM_INFO"), VALUE(0x14, "SEM_STAT_ANY"),
};

static const struct named_value semaphore_flags_names[] = {
    BIT(04000, "IPC_NOWAIT"), BIT(010000, "SEM_UNDO"),
};

static const struct named_value semaphore_operation_names[] = {
    VALUE(0, "NEW"), VALUE(1, "REMOVE"), VALUE(2, "SIGNAL"), VALUE(3, "WAIT"),
};

static const struct named_value seek_names[] = {
    VALUE(0, "SEEK_SET"), VALUE(1, "SEEK_CUR"), VALUE(2, "SEEK_END"), VALUE(3, "SEEK_DATA"),
    VALUE(4, "SEEK_HOLE"),
};

static const struct named_value signal_action_names[] = {
    BIT(0x4000000, "SA_RESTORER"), BIT(0x8000000, "SA_ONSTACK"), BIT(0x10000000, "SA_RESTART"),
    BIT(0x40000000, "SA_NODEFER"), BIT(0x80000000, "SA_RESETHAND"), BIT(4, "SA_SIGINFO"),
    BIT(1, "SA_NOCLDSTOP"), BIT(2, "SA_NOCLDWAIT"), BIT(0x800, "SA_EXPOSE_TAGBITS"),
};

static const struct named_value signal_stack_names[] = {
    BIT(1, "SS_ONSTACK"), BIT(2, "SS_DISABLE"), BIT(0x80000000, "SS_AUTODISARM"),
};

static const struct named_value statx_names[] = {
    BIT(0x7ff, "STATX_BASIC_STATS"), BIT(1, "STATX_TYPE"), BIT(2, "STATX_MODE"),
    BIT(4, "STATX_NLINK"), BIT(8, "STATX_UID"), BIT(0x10, "STATX_GID"), BIT(0x20, "STATX_ATIME"),
    BIT(0x40, "STATX_MTIME"), BIT(0x80, "STATX_CTIME"), BIT(0x100, "STATX_INO"),
    BIT(0x200, "STATX_SIZE"), BIT(0x400, "STATX_BLOCKS"), BIT(0x800, "STATX_BTIME"),
    BIT(0x1000, "STATX_MNT_ID"), BIT(0x2000, "STATX_DIOALIGN"),
};

static const struct named_value timer_names[] = {
    BIT(1, "TIMER_ABSTIME"),
};

static const struct named_value unlink_names[] = {
    BIT(0x200, "AT_REMOVEDIR"),
};

static const struct named_value usage_of_names[] = {
    VALUE(0, "RUSAGE_SELF"), VALUE(0xffffffff, "RUSAGE_CHILDREN"), VALUE(1, "RUSAGE_THREAD"),
};

static const struct named_value wait_names[] = {
    BIT(1, "WNOHANG"), BIT(2, "WUNTRACED"), BIT(4, "WEXITED"), BIT(8, "WCONTINUED"),
    BIT(0x1000000, "WNOWAIT"), BIT(0x20000000, "__WNOTHREAD"), BIT(0x40000000, "__WALL"),
    BIT(0x80000000, "__WCLONE"),
};

struct set {
    const struct named_value *values;
    size_t count;
};

static const struct set sets[NAME_SET_COUNT] = {
#define NAME_SET(name) [SET_##name] = { name##_names, ARRAY_SIZE(name##_names) },
    NAME_SETS(NAME_SET)
#undef NAME_SET
};

const struct named_value *name_set_values(enum name_set set, size_t *count)
{
    *count = sets[set].count;
    return sets[set].values;
}

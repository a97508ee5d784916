#pragma once
/*
 * The order in which locks may be taken: a lock's rank must be higher than that of every lock its
 * thread (mutexes) or CPU (spin locks) already holds.  All mutexes rank below all spin locks,
 * because a thread may not sleep with a spin lock held.  docs/locking.md is generated from here.
 */
enum lock_rank {
    /* Sleeping locks. */
    RANK_FAMILY = 10,           /* what a family of processes shares besides its space */
    RANK_POSIX_TIMERS = 12,     /* which timers one process has */
    RANK_SOCKET_BIND = 15,      /* who gives one socket its name */
    RANK_MOUNT = 20,            /* mount table */
    RANK_RENAME = 25,           /* renames between directories of one filesystem */
    RANK_DIRECTORY = 30,        /* entries of one directory; a parent before its child */
    RANK_FILE = 40,             /* one open file's position */
    RANK_EPOLL_NESTING = 44,    /* which epolls watch each other */
    RANK_EPOLL = 45,            /* files of one epoll; an epoll before those it watches */
    RANK_PROC_TEXT = 48,        /* what one open file of /proc shows */
    RANK_INODE = 50,            /* contents and attributes of one inode */
    RANK_SOCKET_READ = 54,      /* reading of one socket */
    RANK_PIPE = 55,             /* contents of one pipe */
    RANK_IPC_TABLE = 56,        /* making of System V objects of one kind */
    RANK_IPC = 57,              /* contents of one System V object */
    RANK_ADDRESS_SPACE = 60,    /* regions and page table of one process */
    RANK_NAMED_QUEUES = 62,     /* names of message queues */
    RANK_PAGE_CACHE = 70,       /* pages of one file */
    RANK_HOSTFS = 80,           /* the host's node table */
    RANK_FLIGHTS = 85,          /* which sockets are in messages to which sockets */

    /* Spin locks. */
    RANK_FILE_OWNERS = 103,     /* who is sent signals by which files */
    RANK_PROCESS_TABLE = 105,   /* which processes exist */
    RANK_PROCESSOR_TIMERS = 107, /* timers on processor time of one process */
    RANK_POSIX_TIMER = 108,     /* state of one timer of a program */
    RANK_PROCESS = 110,         /* small fields of one process */
    RANK_ENDINGS = 115,         /* exit codes and who waits for them */
    RANK_SIGNAL = 120,          /* actions and pending signals of one process */
    RANK_SIGNAL_ACTIONS = 121,  /* what processes that share it do about signals */
    RANK_PLACES = 122,          /* root and working directory of some threads */
    RANK_EVENT_FILE = 124,      /* one counter that is a file */
    RANK_IPC_NAMES = 124,       /* keys and ids of System V objects, what one thread has to undo */
    RANK_FUTEX = 125,           /* waiters of one bucket of futexes */
    RANK_SEMAPHORE_SETS = 126,  /* which sets of semaphores there are */
    RANK_SEMAPHORE_SET = 127,   /* keys of one set */
    RANK_SEMAPHORE = 128,       /* count and waiters of one semaphore */
    RANK_FAMILY_HEAP = 129,     /* the heap that programs of the teaching ABI share */
    RANK_FILE_TABLE = 130,      /* descriptors of one process */
    RANK_NAMED_QUEUE = 131,     /* messages of one queue */
    RANK_SOCKET = 132,          /* state and messages of one socket; two by age */
    RANK_SOCKET_NAMES = 133,    /* names without a file, and which sockets there are */
    RANK_MOUNT_PLACES = 139,    /* what each mount covers */
    RANK_DIRECTORY_CACHE = 140, /* names and their use counts */
    RANK_PAGE_CACHE_LIST = 145, /* which page caches there are */
    RANK_OBJECT_REGIONS = 147,  /* which regions map one memory object */
    RANK_RESERVATIONS = 148,    /* which address spaces have reserved memory */
    RANK_TERMINALS = 149,       /* which terminals control sessions; which ptys there are */
    RANK_CONSOLE = 150,         /* buffers of one terminal */
    RANK_STATISTICS = 155,      /* what is counted for reports */
    RANK_THREAD_TABLE = 160,    /* thread ids */
    RANK_MUTEX_INTERNAL = 165,  /* owner of one mutex */
    RANK_NOTIFY = 166,          /* watches of inotify and what they have to say */
    RANK_PRIORITY = 167,        /* who waits for whom, and what priority that gives */
    RANK_EPOLL_FILES = 168,     /* which epolls watch which files */
    RANK_WAIT_QUEUE_END = 168,  /* wait queues that go while something is on them */
    RANK_TIMER_FILE = 169,      /* state of one timer that is a file */
    RANK_WAIT_QUEUE = 170,      /* waiters of one queue */
    RANK_EPOLL_READY = 172,     /* what is ready in one epoll */
    RANK_CLOCK_TIMERS = 175,    /* timers that are armed for a real time */
    RANK_TIMER = 180,           /* timers of one CPU */
    RANK_RUNQUEUE = 190,        /* threads of one CPU */
    RANK_USER_ACCOUNTS = 195,   /* what each user has of some things */
    RANK_POOL = 200,            /* one object pool */
    RANK_PAGE_ALLOCATOR = 210,  /* free pages */
    RANK_RANDOM = 220,          /* the seeded generator */
};
#define RANK_FIRST_SPIN RANK_FILE_OWNERS

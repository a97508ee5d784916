#pragma once
/*
 * The order in which locks may be taken: a lock's rank must be higher than that of every lock its
 * thread (mutexes) or CPU (spin locks) already holds.  All mutexes rank below all spin locks,
 * because a thread may not sleep with a spin lock held.  docs/locking.md is generated from here.
 */
enum lock_rank {
    /* Sleeping locks. */
    RANK_FAMILY = 10,           /* what a family of processes shares besides its space */
    RANK_MOUNT = 20,            /* mount table */
    RANK_RENAME = 25,           /* renames between directories of one filesystem */
    RANK_DIRECTORY = 30,        /* entries of one directory; a parent before its child */
    RANK_FILE = 40,             /* one open file's position */
    RANK_INODE = 50,            /* contents and attributes of one inode */
    RANK_PIPE = 55,             /* contents of one pipe */
    RANK_ADDRESS_SPACE = 60,    /* regions and page table of one process */
    RANK_PAGE_CACHE = 70,       /* pages of one file */
    RANK_HOSTFS = 80,           /* the host's node table */

    /* Spin locks. */
    RANK_PROCESS_TABLE = 105,   /* which processes exist */
    RANK_PROCESS = 110,         /* small fields of one process */
    RANK_ENDINGS = 115,         /* exit codes and who waits for them */
    RANK_SIGNAL = 120,          /* actions and pending signals of one process */
    RANK_FUTEX = 125,           /* waiters of one bucket of futexes */
    RANK_SEMAPHORE_SETS = 126,  /* which sets of semaphores there are */
    RANK_SEMAPHORE_SET = 127,   /* keys of one set */
    RANK_SEMAPHORE = 128,       /* count and waiters of one semaphore */
    RANK_FAMILY_HEAP = 129,     /* the heap that programs of the teaching ABI share */
    RANK_FILE_TABLE = 130,      /* descriptors of one process */
    RANK_DIRECTORY_CACHE = 140, /* names and their use counts */
    RANK_PAGE_CACHE_LIST = 145, /* which page caches there are */
    RANK_OBJECT_REGIONS = 147,  /* which regions map one memory object */
    RANK_RESERVATIONS = 148,    /* which address spaces have reserved memory */
    RANK_CONSOLE = 150,         /* console buffers */
    RANK_STATISTICS = 155,      /* what is counted for reports */
    RANK_THREAD_TABLE = 160,    /* thread ids */
    RANK_MUTEX_INTERNAL = 165,  /* owner of one mutex */
    RANK_PRIORITY = 167,        /* who waits for whom, and what priority that gives */
    RANK_WAIT_QUEUE = 170,      /* waiters of one queue */
    RANK_TIMER = 180,           /* timers of one CPU */
    RANK_RUNQUEUE = 190,        /* threads of one CPU */
    RANK_POOL = 200,            /* one object pool */
    RANK_PAGE_ALLOCATOR = 210,  /* free pages */
    RANK_RANDOM = 220,          /* the seeded generator */
};
#define RANK_FIRST_SPIN RANK_PROCESS_TABLE

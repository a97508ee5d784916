#pragma once
/*
 * The order in which locks may be taken: a lock's rank must be higher than that of every lock its
 * thread (mutexes) or CPU (spin locks) already holds.  All mutexes rank below all spin locks,
 * because a thread may not sleep with a spin lock held.  docs/locking.md is generated from here.
 */
enum lock_rank {
    /* Sleeping locks. */
    RANK_MOUNT = 20,            /* mount table */
    RANK_RENAME = 25,           /* renames between directories of one filesystem */
    RANK_DIRECTORY = 30,        /* entries of one directory; a parent before its child */
    RANK_FILE = 40,             /* one open file's position */
    RANK_INODE = 50,            /* contents and attributes of one inode */
    RANK_ADDRESS_SPACE = 60,    /* regions and page table of one process */
    RANK_PAGE_CACHE = 70,       /* pages of one file */
    RANK_HOSTFS = 80,           /* the host's node table */

    /* Spin locks. */
    RANK_PROCESS_TABLE = 105,   /* which processes exist */
    RANK_PROCESS = 110,         /* small fields of one process */
    RANK_SIGNAL = 120,          /* actions and pending signals of one process */
    RANK_FUTEX = 125,           /* waiters of one bucket of futexes */
    RANK_FILE_TABLE = 130,      /* descriptors of one process */
    RANK_DIRECTORY_CACHE = 140, /* names and their use counts */
    RANK_PAGE_CACHE_LIST = 145, /* which page caches there are */
    RANK_OBJECT_REGIONS = 147,  /* which regions map one memory object */
    RANK_CONSOLE = 150,         /* console buffers */
    RANK_THREAD_TABLE = 160,    /* thread ids */
    RANK_MUTEX_INTERNAL = 165,  /* owner of one mutex */
    RANK_WAIT_QUEUE = 170,      /* waiters of one queue */
    RANK_TIMER = 180,           /* timers of one CPU */
    RANK_RUNQUEUE = 190,        /* threads of one CPU */
    RANK_POOL = 200,            /* one object pool */
    RANK_PAGE_ALLOCATOR = 210,  /* free pages */
    RANK_RANDOM = 220,          /* the seeded generator */
};
#define RANK_FIRST_SPIN RANK_PROCESS_TABLE

#pragma once
/*
 * Address spaces: the regions of a process, its page table, and the operations that the system
 * calls of both ABIs are made of.
 *
 * Locking: all functions take the space's mutex (RANK_ADDRESS_SPACE) themselves; they may sleep.
 * Addresses and lengths arrive as the user gave them unless stated; checks are here, in Linux's
 * order, so that both ABIs and the ELF loader share them.
 */
#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"
#include "machine/machine.h"
#include "memory/memory_object.h"

struct address_space;
struct file;

enum region_protection {
    PROTECTION_READ = 1 << 0,      /* Linux's PROT_ values */
    PROTECTION_WRITE = 1 << 1,
    PROTECTION_EXECUTE = 1 << 2,
};
/* For address_space_protect only: from the start of the region, which must grow down. */
#define PROTECTION_FROM_START (UINT32_C(1) << 31)
#define PROTECTION_ALL ((uint32_t)(PROTECTION_READ | PROTECTION_WRITE | PROTECTION_EXECUTE))

enum map_flags {
    MAP_SHARED_PAGES = 1 << 0,         /* writes are seen by all; else copy-on-write */
    MAP_AT_ADDRESS = 1 << 1,           /* MAP_FIXED: replaces what is there */
    MAP_NOT_REPLACE = 1 << 2,          /* with MAP_AT_ADDRESS: -EEXIST if something is there */
    MAP_GROWS_DOWN = 1 << 3,           /* a stack */
    MAP_POPULATE_NOW = 1 << 4,
    MAP_BELOW_4G = 1 << 5,             /* MAP_32BIT: in the low 2 GiB */
    MAP_NO_ACCOUNT = 1 << 6,           /* MAP_NORESERVE: no check against the size of memory */
    MAP_LOCK_PAGES = 1 << 7,           /* MAP_LOCKED */
};

struct map_request {
    user_address address;              /* hint, or the place with MAP_AT_ADDRESS */
    uint64_t length;                   /* bytes; rounded up to pages */
    uint32_t protection;               /* enum region_protection */
    uint32_t maximum_protection;       /* what mprotect may later set; 0 means all */
    uint32_t flags;                    /* enum map_flags */
    struct memory_object *object;      /* NULL: private anonymous memory; the region takes a
                                        * reference of its own */
    uint64_t object_offset;            /* bytes, page aligned */
    struct file *file;                 /* for /proc/self/maps only; see region_file hooks below */
    const char *label;                 /* "[stack]", "[heap]" or NULL; static string */
    int object_error;                  /* 0, or why the object cannot be mapped like this: returned
                                        * after the checks of address and length, as in Linux */
};

/* `file` above is opaque to memory: fs sets these once at boot so that a region can keep its
 * file alive. */
struct region_file_operations {
    void (*reference)(struct file *file);
    void (*release)(struct file *file);
    /* A region with this file is gone, and releases it next.  NULL: nobody wants to know. */
    void (*unmapped)(struct file *file);
};
void address_space_set_file_operations(const struct region_file_operations *operations);
/* Also set once at boot: when a page fault finds no memory, this gives pages back that can be had
 * again (clean file pages) and returns how many.  It may take locks above RANK_ADDRESS_SPACE and
 * sleep. */
void address_space_set_reclaim(uint64_t (*reclaim)(uint64_t pages));

/* Takes back memory that is reserved for programs but was never touched, from any space that can be
 * locked at once; how many pages.  For whoever finds no memory; no spin lock held. */
uint64_t address_space_give_back(uint64_t pages);

/* -ENOMEM.  One reference. */
MUST_CHECK int address_space_create(struct address_space **space);
/* Where a thread writes all the time. */
struct address_space_use {
    user_address stack, thread_area;
};
/* A copy with the same contents, for fork: pages are copied when they are written, those in use by
 * the forking thread at once.  -ENOMEM. */
MUST_CHECK int address_space_copy(struct address_space *source,
                                  const struct address_space_use *use,
                                  struct address_space **copy);
void address_space_reference(struct address_space *space);
void address_space_release(struct address_space *space);
/* Have others references too?  A process is one, whoever looks at it another. */
bool address_space_is_shared(const struct address_space *space);
physical_address address_space_root(const struct address_space *space);

MUST_CHECK int address_space_map(struct address_space *space, const struct map_request *request,
                                 user_address *address);
MUST_CHECK int address_space_unmap(struct address_space *space, user_address address,
                                   uint64_t length);
MUST_CHECK int address_space_protect(struct address_space *space, user_address address,
                                     uint64_t length, uint32_t protection);

/* mremap: flags are Linux's MREMAP_ values, already checked to be known ones. */
struct remap_request {
    user_address old_address;
    uint64_t old_length, new_length;
    uint32_t flags;
    user_address new_address;
};
MUST_CHECK int address_space_remap(struct address_space *space,
                                   const struct remap_request *request, user_address *address);
/* remap_file_pages: a shared mapping shows other pages of its file from now on.  -EINVAL: it is not
 * shared and writable, or not one; -EOVERFLOW, -ENOMEM. */
MUST_CHECK int address_space_remap_pages(struct address_space *space, user_address address,
                                         uint64_t length, uint64_t first_page, bool populate);
/* Linux's advice numbers; -EINVAL for unknown ones. */
MUST_CHECK int address_space_advise(struct address_space *space, user_address address,
                                    uint64_t length, int advice);
/* One byte a page into `resident`, which has room for length / PAGE_SIZE of them. */
MUST_CHECK int address_space_resident(struct address_space *space, user_address address,
                                      uint64_t length, uint8_t *resident);
MUST_CHECK int address_space_sync(struct address_space *space, user_address address,
                                  uint64_t length, int flags);

/* The program break.  set_start: by exec, once.  `address_space_break` returns the break after
 * the call: the old one when it could not be moved (as Linux's system call). */
void address_space_set_break_start(struct address_space *space, user_address start);
user_address address_space_break(struct address_space *space, user_address wanted,
                                 uint64_t data_limit);

/* Limits that the process sets: stack growth (RLIMIT_STACK) and total size (RLIMIT_AS); bytes. */
void address_space_set_limits(struct address_space *space, uint64_t stack, uint64_t total);
/* Private writable memory other than stacks (RLIMIT_DATA); bytes. */
void address_space_set_data_limit(struct address_space *space, uint64_t data);

/* Layout, for exec: the stack ends at the stack top; mappings without an address go below the map
 * top, which leaves room for the stack to grow to its limit. */
user_address address_space_stack_top(const struct address_space *space);
user_address address_space_map_top(struct address_space *space);

/* mlock and munlock: `populate` brings the pages in.  -ENOMEM: not all of it is mapped. */
enum lock_mode { LOCK_NONE, LOCK_KEEP, LOCK_ON_FAULT, LOCK_NOW };
MUST_CHECK int address_space_set_locked(struct address_space *space, user_address address,
                                        uint64_t length, enum lock_mode mode);
/* mlockall and munlockall: for what is mapped now (LOCK_KEEP: as it is), and for what will be. */
void address_space_lock_all(struct address_space *space, enum lock_mode now,
                            enum lock_mode future);

enum fault_result {
    FAULT_RESOLVED,
    FAULT_NOT_MAPPED,       /* SIGSEGV, SEGV_MAPERR */
    FAULT_NOT_PERMITTED,    /* SIGSEGV, SEGV_ACCERR */
    FAULT_BUS,              /* SIGBUS, BUS_ADRERR */
    FAULT_NO_MEMORY,        /* the process must die */
};
/* `access` is of enum trap_access. */
enum fault_result address_space_fault(struct address_space *space, user_address address,
                                      uint32_t access);

/* The program that will run there soon touches [start, end), whole pages of one segment.  Of
 * private writable memory it has copies from now on, so nobody may be able to change the file. */
void address_space_bring_ahead(struct address_space *space, user_address start, user_address end);

/* Makes the space the current thread's (and this CPU's) one. NULL: none. */
void address_space_activate(struct address_space *space);

/* For /proc/<pid>/maps: calls for each region in order of addresses. */
struct region_report {
    user_address start, end;
    uint32_t protection;
    bool shared;
    uint64_t offset;
    struct file *file;      /* NULL: none */
    const char *label;      /* NULL: none */
    uint64_t resident_pages;
    uint64_t own_pages;     /* those of them that are not the file's or the shared object's */
    bool locked, grows_down;
};
/* The first region that ends above the address; its file is referenced.  False: there is none. */
MUST_CHECK bool address_space_report_next(struct address_space *space, user_address from,
                                          struct region_report *report);
void address_space_report(struct address_space *space,
                          void (*visit)(const struct region_report *region, void *context),
                          void *context);

/* Does the region at the address permit this (of enum region_protection)?  No: nothing is there. */
bool address_space_permits(struct address_space *space, user_address address, uint32_t protection);

/* For /proc/<pid>/pagemap: what is there for each of `count` pages from `start` on. */
struct page_report {
    physical_address address;
    bool is_present;        /* with the others false: shared zeros, where nothing was written */
    bool of_object;         /* the file's, or shared memory */
    bool is_alone;          /* nobody else has it mapped */
};
void address_space_report_pages(struct address_space *space, user_address start, size_t count,
                                struct page_report *pages);

/* Where the region begins and ends that holds the address; false: nothing is mapped there. */
bool address_space_region_at(struct address_space *space, user_address address,
                             user_address *start, user_address *end);

/* The file that is mapped at an address, and which of its bytes is there. */
struct mapped_file {
    struct file *file;
    uint64_t offset;
};
/* With a reference to the file; false: there is none. */
bool address_space_file_at(struct address_space *space, user_address address,
                           struct mapped_file *mapped);
/* For reports, while nothing else runs: takes neither a lock nor a reference.  False also if
 * somebody was interrupted while changing the mappings. */
bool address_space_peek_file(const struct address_space *space, user_address address,
                             struct mapped_file *mapped);

/* A program that counts its basic blocks: the word it counts in (0: none; for exec). */
void address_space_set_block_budget(struct address_space *space, user_address word);
/* That word in the direct map; NULL if there is none, or if a write to it would fault.  Valid while
 * interrupts stay off, and in user code of this CPU. */
int64_t *address_space_block_budget(const struct address_space *space);

struct address_space_statistics {
    uint64_t total_pages, resident_pages, shared_pages, text_pages, data_pages, stack_pages;
    uint64_t peak_total_pages, peak_resident_pages, locked_pages;
    uint64_t minor_faults, major_faults;
    user_address break_start, break_end;
};
void address_space_statistics(struct address_space *space,
                              struct address_space_statistics *statistics);

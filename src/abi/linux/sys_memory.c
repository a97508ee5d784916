/*
 * System calls on memory: decode Linux's flags and limits, call the address space.
 *
 * Checks of addresses and lengths are the address space's, in Linux's order; what Linux checks
 * after them (may the file be mapped like this?) is decided here and handed over as the request's
 * object_error.
 */
#include "abi/linux/syscalls.h"
#include "config.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/read_write.h"
#include "fs/seal.h"
#include "lib/checked.h"
#include "memory/address_space.h"
#include "memory/memory_object.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define LINUX_MAP_TYPE 0xfu
#define LINUX_MAP_DROPPABLE 0x8u
#define LINUX_MAP_SHARED 0x1u
#define LINUX_MAP_PRIVATE 0x2u
#define LINUX_MAP_SHARED_VALIDATE 0x3u
#define LINUX_MAP_FIXED 0x10u
#define LINUX_MAP_ANONYMOUS 0x20u
#define LINUX_MAP_32BIT 0x40u
#define LINUX_MAP_GROWSDOWN 0x100u
#define LINUX_MAP_LOCKED 0x2000u
#define LINUX_MAP_NORESERVE 0x4000u
#define LINUX_MAP_POPULATE 0x8000u
#define LINUX_MAP_NONBLOCK 0x10000u
#define LINUX_MAP_HUGETLB 0x40000u
#define LINUX_MAP_FIXED_NOREPLACE 0x100000u
/* What MAP_SHARED_VALIDATE accepts: everything that was there before it, huge-page sizes too. */
#define LINUX_MAP_LEGACY UINT64_C(0x7c07f9f3)

#define LINUX_PROT_SEM 0x8u
#define LINUX_PROT_GROWSDOWN 0x01000000u
#define LINUX_PROT_GROWSUP 0x02000000u
#define LINUX_READ_IMPLIES_EXEC 0x0400000u

#define LINUX_MLOCK_ONFAULT 1
#define LINUX_MCL_CURRENT 1
#define LINUX_MCL_FUTURE 2
#define LINUX_MCL_ONFAULT 4

#define MINCORE_CHUNK 4096u    /* pages asked for at a time */

static uint64_t soft_limit(unsigned which)
{
    struct process *process = current_process();

    spin_lock(&process->lock);

    uint64_t soft = process->limits.of[which].soft;

    spin_unlock(&process->lock);
    return soft;
}

static bool may_exceed_lock_limit(void)
{
    return current_can(CAPABILITY_LOCK_MEMORY);
}

static bool may_lock(void)
{
    return may_exceed_lock_limit() || soft_limit(LIMIT_LOCKED_MEMORY) != 0;
}

/* May so many more pages be locked? */
static bool lock_limit_allows(uint64_t pages)
{
    struct address_space_statistics statistics;

    if (may_exceed_lock_limit())
        return true;
    address_space_statistics(current_space(), &statistics);
    return statistics.locked_pages + pages <= soft_limit(LIMIT_LOCKED_MEMORY) / PAGE_SIZE;
}

static uint32_t effective_protection(uint64_t protection)
{
    uint32_t result = (uint32_t)protection & PROTECTION_ALL;

    if ((result & PROTECTION_READ) && (current_process()->personality & LINUX_READ_IMPLIES_EXEC))
        result |= PROTECTION_EXECUTE;
    return result;
}

/* ---- mmap ---------------------------------------------------------------------------------- */

static uint32_t map_flags_of(uint64_t flags)
{
    static const struct {
        uint32_t linux_flag, flag;
    } translation[] = {
        { LINUX_MAP_FIXED, MAP_AT_ADDRESS },
        { LINUX_MAP_FIXED_NOREPLACE, MAP_AT_ADDRESS | MAP_NOT_REPLACE },
        { LINUX_MAP_GROWSDOWN, MAP_GROWS_DOWN },
        { LINUX_MAP_32BIT, MAP_BELOW_4G },
        { LINUX_MAP_NORESERVE, MAP_NO_ACCOUNT },
        { LINUX_MAP_LOCKED, MAP_LOCK_PAGES },
    };
    uint32_t result = 0;

    for (size_t i = 0; i < ARRAY_SIZE(translation); i++)
        if (flags & translation[i].linux_flag)
            result |= translation[i].flag;
    if ((flags & (LINUX_MAP_POPULATE | LINUX_MAP_NONBLOCK)) == LINUX_MAP_POPULATE)
        result |= MAP_POPULATE_NOW;
    return result;
}

static int check_locked(const struct map_request *request)
{
    if (!(request->flags & MAP_LOCK_PAGES))
        return 0;
    if (!may_lock())
        return -EPERM;
    return lock_limit_allows(request->length / PAGE_SIZE) ? 0 : -EAGAIN;
}

static int prepare_anonymous(struct map_request *request, uint64_t flags)
{
    switch (flags & LINUX_MAP_TYPE) {
    case LINUX_MAP_PRIVATE:
        return 0;
    case LINUX_MAP_DROPPABLE:    /* may be dropped when memory is short; it never is */
        request->flags |= MAP_NO_ACCOUNT;
        return request->flags & (MAP_GROWS_DOWN | MAP_LOCK_PAGES) ? -EINVAL : 0;
    case LINUX_MAP_SHARED:
        if (request->flags & MAP_GROWS_DOWN)
            return -EINVAL;
        request->flags |= MAP_SHARED_PAGES;
        return memory_object_create_anonymous(request->length, &request->object);
    default:
        return -EINVAL;
    }
}

static int check_shared_file(struct map_request *request, struct file *file, uint64_t flags)
{
    if ((flags & LINUX_MAP_TYPE) == LINUX_MAP_SHARED_VALIDATE && (flags & ~LINUX_MAP_LEGACY))
        return -EOPNOTSUPP;
    if (!file_is_writable(file)) {
        if (request->protection & PROTECTION_WRITE)
            return -EACCES;
        request->maximum_protection = PROTECTION_READ | PROTECTION_EXECUTE;
    }
    if (!seal_allows_writing(file->inode)) {
        if (request->protection & PROTECTION_WRITE)
            return -EPERM;
        request->maximum_protection = PROTECTION_READ | PROTECTION_EXECUTE;
    }
    request->flags |= MAP_SHARED_PAGES;
    return 0;
}

static int prepare_file(struct map_request *request, struct file *file, uint64_t flags)
{
    uint64_t type = flags & LINUX_MAP_TYPE;
    int error = 0;

    if (type == LINUX_MAP_SHARED || type == LINUX_MAP_SHARED_VALIDATE)
        error = check_shared_file(request, file, flags);
    else if (type != LINUX_MAP_PRIVATE)
        error = -EINVAL;
    if (error)
        return error;
    if (!file_is_readable(file))
        return -EACCES;
    error = file_memory_object(file, false, &request->object);
    if (!error && (request->flags & MAP_GROWS_DOWN))
        error = -EINVAL;
    return error;
}

/* The file of a mapping with a reference; -EBADF. */
static int get_mapped_file(int32_t fd, struct file **file)
{
    *file = file_table_get(current_files(), fd);
    if (!*file)
        return -EBADF;
    if (!(file_flags(*file) & OPEN_PATH))
        return 0;
    file_release(*file);
    return -EBADF;
}

/* Held while a shared mapping of a file with seals is made, so that none is added meanwhile. */
static struct mutex *lock_of_seals(const struct map_request *request, uint64_t flags)
{
    bool is_shared = (flags & LINUX_MAP_TYPE) != LINUX_MAP_PRIVATE;

    if (!request->file || !is_shared || !request->file->inode->has_seals)
        return NULL;
    return &request->file->inode->lock;
}

static int64_t map_request(struct map_request *request, uint64_t flags) LOCKS_UNCHECKED
{
    struct mutex *seals_lock = lock_of_seals(request, flags);
    user_address place;

    if (seals_lock)
        mutex_lock(seals_lock);
    request->object_error = check_locked(request);
    if (!request->object_error)
        request->object_error = request->file ? prepare_file(request, request->file, flags)
                                              : prepare_anonymous(request, flags);

    int error = address_space_map(current_space(), request, &place);

    if (seals_lock)
        mutex_unlock(seals_lock);
    if (request->object)
        memory_object_release(request->object);
    return error ? error : (int64_t)place;
}

int64_t sys_mmap(user_address address, uint64_t length, uint64_t protection, uint64_t flags,
                 int32_t fd, int64_t offset)
{
    struct map_request request = {
        .address = address,
        .length = length,
        .protection = effective_protection(protection),
        .flags = map_flags_of(flags),
        .object_offset = (uint64_t)offset,
    };

    if (!is_aligned((uint64_t)offset, PAGE_SIZE))
        return -EINVAL;
    if (flags & LINUX_MAP_ANONYMOUS) {
        if (flags & LINUX_MAP_HUGETLB)
            return -ENOMEM;    /* as a Linux whose pool of huge pages is empty */
        request.object_offset = 0;
        return map_request(&request, flags);
    }

    int error = get_mapped_file(fd, &request.file);

    if (error)
        return error;

    int64_t result = flags & LINUX_MAP_HUGETLB ? -EINVAL : map_request(&request, flags);

    file_release(request.file);
    return result;
}

int64_t sys_munmap(user_address address, uint64_t length)
{
    return address_space_unmap(current_space(), address, length);
}

int64_t sys_mprotect(user_address address, uint64_t length, uint64_t protection)
{
    const uint64_t grows = LINUX_PROT_GROWSDOWN | LINUX_PROT_GROWSUP;

    if ((protection & grows) == grows)
        return -EINVAL;
    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (length == 0)
        return 0;
    /* A range that wraps comes before unknown bits, as in Linux. */
    if (address + round_up(length, PAGE_SIZE) <= address)
        return -ENOMEM;
    if (protection & ~(PROTECTION_ALL | LINUX_PROT_SEM | grows))
        return -EINVAL;
    if (protection & LINUX_PROT_GROWSUP)
        return -EINVAL;    /* there are no regions that grow up */
    return address_space_protect(current_space(), address, length,
                                 effective_protection(protection) |
                                     (protection & LINUX_PROT_GROWSDOWN ? PROTECTION_FROM_START
                                                                        : 0));
}

int64_t sys_brk(user_address address)
{
    return (int64_t)address_space_break(current_space(), address, soft_limit(LIMIT_DATA));
}

int64_t sys_mremap(user_address address, uint64_t old_length, uint64_t new_length, uint64_t flags,
                   user_address new_address)
{
    const struct remap_request request = {
        .old_address = address,
        .old_length = old_length,
        .new_length = new_length,
        .flags = flags > UINT32_MAX ? UINT32_MAX : (uint32_t)flags,
        .new_address = new_address,
    };
    user_address place;
    int error = address_space_remap(current_space(), &request, &place);

    return error ? error : (int64_t)place;
}

int64_t sys_remap_file_pages(user_address address, uint64_t length, uint64_t protection,
                             uint64_t page, uint64_t flags)
{
    if (protection != 0)
        return -EINVAL;
    return address_space_remap_pages(current_space(), address, length, page,
                                     !(flags & LINUX_MAP_NONBLOCK));
}

/* ---- Advice and questions ------------------------------------------------------------------ */

int64_t sys_madvise(user_address address, uint64_t length, int32_t advice)
{
    return address_space_advise(current_space(), address, length, advice);
}

int64_t sys_msync(user_address address, uint64_t length, uint32_t flags)
{
    return address_space_sync(current_space(), address, length, (int)flags);
}

static int64_t mincore_chunks(user_address address, uint64_t pages, user_address resident,
                              uint8_t *chunk)
{
    while (pages > 0) {
        uint64_t count = pages < MINCORE_CHUNK ? pages : MINCORE_CHUNK;
        int error = address_space_resident(current_space(), address, count * PAGE_SIZE, chunk);

        if (!error)
            error = user_copy_out(current_space(), resident, chunk, count);
        if (error)
            return error;
        address += count * PAGE_SIZE;
        resident += count;
        pages -= count;
    }
    return 0;
}

int64_t sys_mincore(user_address address, uint64_t length, user_address resident)
{
    uint64_t pages = length / PAGE_SIZE + (length % PAGE_SIZE != 0);

    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (!user_range_is_possible(address, length))
        return -ENOMEM;
    if (!user_range_is_possible(resident, pages))
        return -EFAULT;

    uint8_t *chunk = memory_allocate(MINCORE_CHUNK);

    if (!chunk)
        return -EAGAIN;

    int64_t result = mincore_chunks(address, pages, resident, chunk);

    memory_free(chunk, MINCORE_CHUNK);
    return result;
}

/* ---- Locking ------------------------------------------------------------------------------- */

static int64_t lock_range(user_address address, uint64_t length, enum lock_mode mode)
{
    if (!may_lock())
        return -EPERM;
    if (!lock_limit_allows(round_up(length + address % PAGE_SIZE, PAGE_SIZE) / PAGE_SIZE))
        return -ENOMEM;
    return address_space_set_locked(current_space(), address, length, mode);
}

int64_t sys_mlock(user_address address, uint64_t length)
{
    return lock_range(address, length, LOCK_NOW);
}

int64_t sys_mlock2(user_address address, uint64_t length, int32_t flags)
{
    if (flags & ~LINUX_MLOCK_ONFAULT)
        return -EINVAL;
    return lock_range(address, length, flags & LINUX_MLOCK_ONFAULT ? LOCK_ON_FAULT : LOCK_NOW);
}

int64_t sys_munlock(user_address address, uint64_t length)
{
    return address_space_set_locked(current_space(), address, length, LOCK_NONE);
}

int64_t sys_mlockall(int32_t flags)
{
    enum lock_mode mode = flags & LINUX_MCL_ONFAULT ? LOCK_ON_FAULT : LOCK_NOW;
    struct address_space_statistics statistics;

    if (flags == 0 || (flags & ~(LINUX_MCL_CURRENT | LINUX_MCL_FUTURE | LINUX_MCL_ONFAULT)) ||
        flags == LINUX_MCL_ONFAULT)
        return -EINVAL;
    if (!may_lock())
        return -EPERM;
    address_space_statistics(current_space(), &statistics);
    if ((flags & LINUX_MCL_CURRENT) &&
        !lock_limit_allows(statistics.total_pages - statistics.locked_pages))
        return -ENOMEM;
    address_space_lock_all(current_space(), flags & LINUX_MCL_CURRENT ? mode : LOCK_KEEP,
                           flags & LINUX_MCL_FUTURE ? mode : LOCK_NONE);
    return 0;
}

int64_t sys_munlockall(void)
{
    address_space_lock_all(current_space(), LOCK_NONE, LOCK_NONE);
    return 0;
}

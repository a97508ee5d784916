/* What /proc/self/pagemap says of pages, and memory that is locked as it is touched. */
#include <fcntl.h>
#include <sys/mman.h>

#include "with_users.h"

#define PAGE 4096UL
#define ABOVE 0x7fffffffefffUL    /* where user memory ends */

static int map_file;

static char *fresh(size_t pages, int flags)
{
    char *area = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

    (void)madvise(area, pages * PAGE, MADV_NOHUGEPAGE);
    return area;
}

static uint64_t entry_of(const void *address)
{
    uint64_t entry = 0;

    if (pread(map_file, &entry, sizeof(entry), (off_t)((uintptr_t)address / PAGE * 8)) != 8)
        (void)printf("cannot read: %s\n", error_name(errno));
    return entry;
}

/* Present, swapped, of a file or shared, ours alone; is there a frame. */
static void describe(const char *what, const void *address)
{
    uint64_t entry = entry_of(address);

    (void)printf("%s: %d %d %d %d %d\n", what, (int)(entry >> 63 & 1), (int)(entry >> 62 & 1),
                 (int)(entry >> 61 & 1), (int)(entry >> 56 & 1),
                 (entry & ((UINT64_C(1) << 55) - 1)) != 0);
}

static void pages(void)
{
    char *area = fresh(64, MAP_PRIVATE), *shared = fresh(4, MAP_SHARED);
    volatile char *reader = area;
    pid_t child;

    SECTION("pagemap");
    describe("untouched", area);
    area[0] = 'x';
    describe("written", area);
    (void)reader[32 * PAGE];
    describe("read", area + 32 * PAGE);
    (void)mprotect(area, PAGE, PROT_NONE);
    describe("without access", area);
    (void)mprotect(area, PAGE, PROT_READ | PROT_WRITE);
    (void)madvise(area, PAGE, MADV_DONTNEED);
    describe("given back", area);
    shared[0] = 'x';
    describe("shared", shared);
    describe("not mapped", (void *)0x1000);
    area[0] = 'y';
    child = fork();
    if (child == 0) {
        map_file = open("/proc/self/pagemap", O_RDONLY);
        describe("of both", area);
        area[0] = 'z';
        describe("copied", area);
        exit(0);
    }
    (void)waitpid(child, NULL, 0);
    (void)munmap(area, 64 * PAGE);
    describe("unmapped", area);
}

static void edges(void)
{
    uint64_t entries[4];

    SECTION("edges");
    CALL(pread(map_file, entries, 7, 0));
    CALL(pread(map_file, entries, 8, 4));
    CALL(pread(map_file, entries, 0, 8));
    CALL(pread(map_file, entries, 32, 0));
    CALL(pread(map_file, (void *)8, 8, 0));
    CALL(pread(map_file, entries, 32, (off_t)(ABOVE / PAGE * 8 - 8)));
    CALL(pread(map_file, entries, 32, (off_t)(ABOVE / PAGE * 8)));
    CALL(pread(map_file, entries, 32, (off_t)(ABOVE / PAGE * 8 + 800)));
    CALL(lseek(map_file, 16, SEEK_SET));
    CALL(read(map_file, entries, 16));
    CALL(lseek(map_file, 8, SEEK_CUR));
    CALL(lseek(map_file, 0, SEEK_END));
    CALL(write(map_file, entries, 8));
    CALL(open("/proc/self/pagemap", O_RDWR | O_DIRECTORY));
}

static void other_user(void)
{
    char path[64];

    be_user(TWO);
    (void)snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)target);
    CALL(open(path, O_RDONLY));
}

/* Frames are for administrators. */
static void own_user(void)
{
    char *area = fresh(1, MAP_PRIVATE);

    be_user(ONE);
    (void)prctl(PR_SET_DUMPABLE, 1);
    area[0] = 'x';
    map_file = open("/proc/self/pagemap", O_RDONLY);
    describe("own", area);
}

/* KiB in memory of the mapping that begins at this address, and whether it is locked. */
static void show_mapping(const char *what, const char *address)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[300], *flags;
    unsigned long start;
    int resident = -1;
    int is_ours = 0;

    while (file && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-'))
            is_ours = start == (uintptr_t)address;
        if (is_ours)
            (void)sscanf(line, "Rss: %d kB", &resident);
        flags = is_ours ? strstr(line, "VmFlags:") : NULL;
        if (flags)
            (void)printf("%s: %d KiB,%s locked\n", what, resident,
                         strstr(flags, " lo") ? "" : " not");
    }
    if (file)
        (void)fclose(file);
}

static void on_fault(void)
{
    char *area = fresh(16, MAP_PRIVATE), *later, *grown;

    SECTION("locked as it is touched");
    CALL(syscall(SYS_mlock2, area, 16 * PAGE, 1));
    show_mapping("nothing", area);
    area[2 * PAGE] = area[9 * PAGE] = 'x';
    show_mapping("two", area);
    CALL(mlock(area, 16 * PAGE));
    show_mapping("all", area);
    CALL(munlock(area, 16 * PAGE));
    show_mapping("none locked", area);
    later = fresh(4, MAP_PRIVATE);
    later[0] = 'x';
    CALL(syscall(SYS_mlock2, later, 4 * PAGE, 1));
    VALUE(later[0]);
    VALUE(later[PAGE]);
    show_mapping("touched before", later);
    (void)memset(later, 'y', 4 * PAGE);
    show_mapping("all touched", later);
    CALL(mlockall(MCL_FUTURE | MCL_ONFAULT));
    area = fresh(8, MAP_PRIVATE);
    area[0] = 'x';
    show_mapping("future", area);
    grown = mremap(area, 8 * PAGE, 12 * PAGE, MREMAP_MAYMOVE);
    show_mapping("grown", grown);
    CALL(mlockall(MCL_FUTURE));
    area = fresh(8, MAP_PRIVATE);
    show_mapping("future, at once", area);
    CALL(munlockall());
}

int main(void)
{
    map_file = open("/proc/self/pagemap", O_RDONLY);
    pages();
    edges();
    make_target(ONE, 1);
    apart("another's", other_user);
    end_target();
    apart("frames", own_user);
    on_fault();
    return 0;
}

/* /proc: the files are there and say what a parser expects; their contents agree with calls. */
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static char text[65536];

static long slurp(const char *name)
{
    int fd = open(name, O_RDONLY);
    long total = 0, count;

    memset(text, 0, sizeof(text));
    while (fd >= 0 && (count = read(fd, text + total, sizeof(text) - 1 - (size_t)total)) > 0)
        total += count;
    printf("-- %s: %s\n", name, fd < 0 ? error_name(errno) : total > 0 ? "has text" : "is empty");
    close(fd);
    return total;
}

static int field(const char *name)
{
    const char *line = strstr(text, name);

    return line && (line == text || line[-1] == '\n');
}

/* Finds the mapping of an address and prints its permissions and kind. */
static void show_mapping(const char *what, const void *address)
{
    uintptr_t wanted = (uintptr_t)address;
    const char *line = text;

    while (*line) {
        unsigned long start, end, offset, inode;
        char permissions[8], path[300] = "";
        unsigned major_number, minor_number;

        int length = 0;

        if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu%n", &start, &end, permissions, &offset,
                   &major_number, &minor_number, &inode, &length) < 7)
            printf("cannot parse: %.60s\n", line);
        sscanf(line + length, "%*[ ]%299[^\n]", path);
        if (wanted >= start && wanted < end)
            printf("%s: %s, %s, offset %s, inode %s\n", what, permissions,
                   path[0] == '/' ? "a file" : path[0] ? path : "anonymous",
                   offset ? "set" : "0", inode ? "set" : "0");
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
}

int main(void);

static void maps(void)
{
    int fd = open("mapped", O_RDWR | O_CREAT, 0600);
    static const char constant[] = "constant";
    static int data = 5;
    int local = 0;
    char *anonymous = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *file, *shared;
    uintptr_t last = 0;
    int sorted = 1;

    ftruncate(fd, 16384);
    file = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    mprotect(anonymous, 4096, PROT_NONE);
    free(malloc(10));
    slurp("/proc/self/maps");
    show_mapping("text", (const void *)(uintptr_t)main);
    show_mapping("constants", constant);
    show_mapping("data", &data);
    show_mapping("stack", &local);
    show_mapping("break", (char *)sbrk(0) - 1);
    show_mapping("PROT_NONE", anonymous);
    show_mapping("anonymous", anonymous + 4096);
    show_mapping("file", file);
    show_mapping("shared", shared);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        uintptr_t start = strtoul(line, NULL, 16);

        sorted &= start >= last;
        last = start;
    }
    FACT(sorted);
}

static void process_files(void)
{
    char target[4096] = "", path[64];
    const char *slash;
    int id = -1;
    char name[64] = "", state = 0;

    slurp("/proc/self/status");
    FACT(field("Name:\t") && field("State:\tR (running)\n") && field("Pid:\t"));
    FACT(field("PPid:\t") && field("Uid:\t") && field("Gid:\t") && field("VmRSS:\t"));
    FACT(field("Threads:\t1\n") && field("SigBlk:\t0000000000000000\n") && field("VmSize:\t"));
    FACT(field("SigIgn:\t") && field("SigCgt:\t"));
    snprintf(path, sizeof(path), "\nPid:\t%d\n", getpid());
    FACT(strstr(text, path) != NULL);
    slurp("/proc/self/stat");
    FACT(sscanf(text, "%d (%63[^)]) %c", &id, name, &state) == 3 && id == getpid());
    VALUE(state);
    int spaces = 0;

    for (const char *at = strrchr(text, ')'); *at; at++)
        spaces += *at == ' ';
    VALUE(spaces);
    slurp("/proc/self/cmdline");
    slash = strrchr(text, '/');
    FACT(slash != NULL && strcmp(slash + 1, name) >= 0);
    FACT(readlink("/proc/self/exe", target, sizeof(target) - 1) > 0);
    FACT(strcmp(strrchr(target, '/'), slash) == 0);
    snprintf(path, sizeof(path), "/proc/%d/status", getpid());
    FACT(access(path, R_OK) == 0);
    memset(target, 0, sizeof(target));
    FACT(readlink("/proc/self", target, sizeof(target)) > 0 && atoi(target) == getpid());
    slurp("/proc/self/comm");
    slurp("/proc/self/environ");
    slurp("/proc/self/limits");
    FACT(strstr(text, "Max open files") != NULL);
}

static void auxiliary_vector(void)
{
    uint64_t vector[64];
    int fd = open("/proc/self/auxv", O_RDONLY), agree = 1;
    long count = read(fd, vector, sizeof(vector)) / 16;

    FACT(count > 10);
    for (long i = 0; i < count && vector[2 * i] != 0; i++)
        agree &= vector[2 * i] == 0 || getauxval(vector[2 * i]) == vector[2 * i + 1];
    FACT(count > 0 && vector[2 * count - 2] == 0);
    FACT(agree);
    close(fd);
}

static void descriptors(void)
{
    char target[4096] = "", path[64], start[4096];
    int fd = open("seen", O_RDWR | O_CREAT, 0600), again;
    struct stat a, b;

    SECTION("/proc/self/fd");
    getcwd(start, sizeof(start));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    FACT(readlink(path, target, sizeof(target) - 1) > 0);
    FACT(strncmp(target, start, strlen(start)) == 0);
    TEXT(target + strlen(start));
    again = open(path, O_RDONLY);
    fstat(fd, &a);
    fstat(again, &b);
    FACT(a.st_ino == b.st_ino && again != fd);
    unlink("seen");
    memset(target, 0, sizeof(target));
    readlink(path, target, sizeof(target) - 1);
    TEXT(target + strlen(start));
    FACT(lstat(path, &a) == 0 && S_ISLNK(a.st_mode));
    FACT(stat("/proc/self/fd", &a) == 0 && S_ISDIR(a.st_mode));
    CALL(access("/proc/self/fd/99", F_OK));
    CALL(open("/proc/self/fd/99", O_RDONLY));
    CALL(open("/proc/self/fd/x", O_RDONLY));
    CALL(readlink("/proc/self/cwd", target, sizeof(target)) == (long)strlen(start));
    CALL(readlink("/proc/self/root", target, sizeof(target)));
}

static void system_files(void)
{
    double up = 0, idle = 0;
    char version[64] = "";

    slurp("/proc/meminfo");
    FACT(field("MemTotal: ") && field("MemFree: ") && field("MemAvailable: "));
    FACT(field("Buffers: ") && field("Cached: ") && field("SwapTotal: "));
    slurp("/proc/cpuinfo");
    FACT(field("processor\t: 0\n") && field("model name\t: ") && field("flags\t\t: "));
    slurp("/proc/uptime");
    FACT(sscanf(text, "%lf %lf", &up, &idle) == 2 && up >= 0);
    slurp("/proc/loadavg");
    int slashes = 0, words = 1;

    for (const char *at = text; *at; at++) {
        slashes += *at == '/';
        words += *at == ' ';
    }
    printf("%d slashes, %d words\n", slashes, words);
    slurp("/proc/version");
    FACT(sscanf(text, "Linux version %63s", version) == 1);
    slurp("/proc/mounts");
    FACT(strstr(text, " / ") != NULL && strstr(text, " /proc proc ") != NULL);
    slurp("/proc/stat");
    FACT(field("cpu ") && field("cpu0 ") && field("btime ") && field("processes "));
    slurp("/proc/filesystems");
    FACT(strstr(text, "tmpfs") != NULL);
}

static void errors(void)
{
    struct stat status;

    SECTION("errors");
    CALL(open("/proc/absent", O_RDONLY));
    CALL(open("/proc/999999999", O_RDONLY));
    CALL(open("/proc/new", O_RDWR | O_CREAT, 0600));
    CALL(mkdir("/proc/new", 0700));
    CALL(unlink("/proc/uptime"));
    CALL(stat("/proc/uptime", &status));
    printf("mode %#o, size %ld\n", status.st_mode, (long)status.st_size);
    CALL(stat("/proc/self/maps", &status));
    OCTAL(status.st_mode);
    CALL(stat("/proc", &status));
    OCTAL(status.st_mode);
    CALL(lseek(open("/proc/self/maps", O_RDONLY), 10, SEEK_SET));
}

int main(void)
{
    maps();
    process_files();
    auxiliary_vector();
    descriptors();
    system_files();
    errors();
    return 0;
}

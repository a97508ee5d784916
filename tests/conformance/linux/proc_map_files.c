/* /proc/<pid>/map_files: names, permissions, what they lead to. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define SIZE 8192

static char *mapping;

/* The link's path, with other texts before, between and behind the two addresses. */
static const char *name_of(const char *before, const char *between, const char *behind)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "/proc/self/map_files/%s%lx%s%lx%s", before,
                   (unsigned long)mapping, between, (unsigned long)mapping + SIZE, behind);
    return path;
}

static void map(int mode, int protection, int flags)
{
    int fd = open("file", mode);

    mapping = mmap(NULL, SIZE, protection, flags, fd, 0);
    (void)close(fd);
}

static void names(void)
{
    char text[64] = "";

    map(O_RDWR, PROT_READ, MAP_SHARED);
    CALL(readlink(name_of("", "-", ""), text, sizeof(text) - 1) > 0);
    TEXT(strrchr(text, '/'));
    CALL(readlink(name_of(" ", "-", ""), text, sizeof(text)));
    CALL(readlink(name_of("0", "-", ""), text, sizeof(text)));
    CALL(readlink(name_of("", "-0", ""), text, sizeof(text)));
    CALL(readlink(name_of("", " -", ""), text, sizeof(text)));
    CALL(readlink(name_of("", "", ""), text, sizeof(text)));
    CALL(readlink(name_of("", "-", "0"), text, sizeof(text)));
    CALL(readlink(name_of("", "-", "-"), text, sizeof(text)));
    CALL(readlink(name_of("10000000000000000", "-", ""), text, sizeof(text)));
    CALL(readlink(name_of("0x", "-", ""), text, sizeof(text)));
    CALL(access("/proc/self/map_files/0-1000", F_OK));
    CALL(access("/proc/self/map_files/-", F_OK));
    CALL(access("/proc/self/map_files/x", F_OK));
    CALL(munmap(mapping + 4096, 4096));
    CALL(readlink(name_of("", "-", ""), text, sizeof(text)));
    (void)munmap(mapping, SIZE);
    mapping = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(readlink(name_of("", "-", ""), text, sizeof(text)));
    (void)munmap(mapping, SIZE);
}

static void permissions(void)
{
    static const struct {
        int mode, protection, flags;
    } kinds[] = {
        { O_RDWR, PROT_READ, MAP_SHARED }, { O_RDONLY, PROT_READ, MAP_SHARED },
        { O_RDONLY, PROT_NONE, MAP_PRIVATE },
    };
    struct stat status;

    for (size_t i = 0; i < COUNT(kinds); i++) {
        map(kinds[i].mode, kinds[i].protection, kinds[i].flags);
        CALL(lstat(name_of("", "-", ""), &status));
        OCTAL(status.st_mode);    /* it stays mapped: Linux remembers names */
    }
    CALL(lstat("/proc/self/map_files", &status));
    OCTAL(status.st_mode);
    CALL(access("/proc/self/task/none/map_files", F_OK));
}

/* One for each line of maps that has a file. */
static void list(void)
{
    DIR *directory = opendir("/proc/self/map_files");
    struct dirent *entry;
    int links = 0, lines = 0, others = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];

    map(O_RDWR, PROT_READ, MAP_SHARED);
    while (directory && (entry = readdir(directory))) {
        links += entry->d_type == DT_LNK;
        others += entry->d_type != DT_LNK && entry->d_name[0] != '.';
    }
    while (maps && fgets(line, sizeof(line), maps))
        lines += strchr(line, '/') != NULL;
    FACT(links > 1 && links == lines);
    VALUE(others);
    if (directory)
        (void)closedir(directory);
    if (maps)
        (void)fclose(maps);
}

static void follow(void)
{
    char text[8] = "", path[128];
    int fd, status;
    pid_t child;

    map(O_RDWR, PROT_READ, MAP_SHARED);
    CALL(unlink("file"));
    fd = open(name_of("", "-", ""), O_RDONLY);
    CALL(read(fd, text, 4));
    TEXT(text);
    (void)snprintf(path, sizeof(path), "/proc/%d%s", (int)getpid(),
                   name_of("", "-", "") + sizeof("/proc/self") - 1);
    child = fork();
    if (child == 0) {
        (void)setuid(12345);
        CALL(access(path, F_OK));
        CALL(open("/proc/self/map_files", O_RDONLY | O_DIRECTORY) >= 0);
        (void)prctl(PR_SET_DUMPABLE, 1);
        CALL(open(name_of("", "-", ""), O_RDONLY));
        CALL(readlink(name_of("", "-", ""), path, sizeof(path)) > 0);
        exit(3);
    }
    (void)waitpid(child, &status, 0);
    VALUE(WEXITSTATUS(status));
}

int main(void)
{
    static char contents[SIZE + 1];

    memset(contents, 'x', SIZE);
    make_file("file", contents);
    SECTION("names");
    names();
    SECTION("permissions");
    permissions();
    SECTION("list");
    list();
    SECTION("follow");
    follow();
    return 0;
}

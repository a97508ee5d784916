/* getdents64 through readdir and by itself: complete, stable, positions, errors. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define FILES 500

struct entry {    /* struct linux_dirent64 */
    uint64_t inode;
    int64_t next;
    uint16_t length;
    uint8_t type;
    char name[];
};

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void kinds(void)
{
    DIR *directory;
    static char lines[64][300];
    unsigned count = 0;

    SECTION("kinds");
    mkdir("kinds", 0755);
    mkdir("kinds/sub", 0755);
    make_file("kinds/file", "");
    symlink("nowhere", "kinds/link");
    mknod("kinds/fifo", S_IFIFO | 0600, 0);
    directory = opendir("kinds");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        struct stat status;
        char path[300];

        snprintf(path, sizeof(path), "kinds/%s", entry->d_name);
        lstat(path, &status);
        snprintf(lines[count++], sizeof(lines[0]), "%s type %d, inode agrees %d",
                 entry->d_name, entry->d_type,
                 entry->d_ino == status.st_ino);
    }
    qsort(lines, count, sizeof(lines[0]), by_name);
    for (unsigned i = 0; i < count; i++)
        printf("%s\n", lines[i]);
    CALL(closedir(directory));
}

static void many(void)
{
    static char seen[FILES];
    char name[20];
    int doubles = 0, others = 0, missing = 0;
    DIR *directory;

    SECTION("many");
    mkdir("many", 0755);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "many/f%d", i);
        close(open(name, O_WRONLY | O_CREAT, 0600));
    }
    directory = opendir("many");
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = atoi(entry->d_name + 1);

        if (entry->d_name[0] != 'f')
            others++;
        else
            doubles += seen[number]++;
        /* Removing what was read must not hide the rest. */
        snprintf(name, sizeof(name), "many/f%d", number);
        if (entry->d_name[0] == 'f' && number % 3 == 0)
            unlink(name);
    }
    for (int i = 0; i < FILES; i++)
        missing += !seen[i];
    printf("doubles %d, missing %d, others %d\n", doubles, missing, others);
    rewinddir(directory);
    others = 0;
    while (readdir(directory))
        others++;
    printf("after removal and rewind: %d entries\n", others);
    CALL(closedir(directory));
}

static void by_hand(void)
{
    _Alignas(8) char buffer[4096];
    int fd = open("many", O_RDONLY | O_DIRECTORY);
    long count, total = 0, calls = 0, last = 0;

    SECTION("by hand");
    while ((count = syscall(SYS_getdents64, fd, buffer, 200L)) > 0) {
        long offset = 0;

        calls++;
        while (offset < count) {
            struct entry *entry = (struct entry *)(buffer + offset);

            if (entry->length % 8 != 0 || entry->length == 0)
                printf("odd length %u\n", entry->length);
            last = entry->next;
            offset += entry->length;
            total++;
        }
    }
    printf("entries %ld, several calls %d, then %ld\n", total, calls > 10, count);
    CALL(syscall(SYS_getdents64, fd, buffer, 4096L));
    FACT(lseek(fd, 0, SEEK_CUR) == last);
    CALL(lseek(fd, 0, SEEK_SET));
    count = syscall(SYS_getdents64, fd, buffer, 200L);
    last = ((struct entry *)buffer)->next;
    FACT(strcmp(((struct entry *)buffer)->name, ".") == 0);
    CALL(lseek(fd, last, SEEK_SET) == last);
    count = syscall(SYS_getdents64, fd, buffer, 200L);
    FACT(strcmp(((struct entry *)buffer)->name, "..") == 0);
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(syscall(SYS_getdents64, fd, buffer, 10L));
    CALL(syscall(SYS_getdents64, fd, 8L, 200L));
    CALL(syscall(SYS_getdents64, 99, buffer, 200L));
    CALL(syscall(SYS_getdents64, open("kinds/file", O_RDONLY), buffer, 200L));
    CALL(syscall(SYS_getdents64, open("kinds", O_PATH), buffer, 200L));
    CALL(read(fd, buffer, 10));
}

int main(void)
{
    kinds();
    many();
    by_hand();
    return 0;
}

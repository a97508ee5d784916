/* sendfile, copy_file_range, fsync and its relatives, memfd_create, fadvise, fallocate. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static void sending(void)
{
    int in = open("in", O_RDONLY), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t offset = 5;

    SECTION("sendfile");
    CALL(sendfile(out, in, NULL, 4));
    CALL(lseek(in, 0, SEEK_CUR));
    CALL(sendfile(out, in, &offset, 3));
    VALUE(offset);
    CALL(lseek(in, 0, SEEK_CUR));
    show_file("out");
    CALL(sendfile(out, in, NULL, 1 << 20));
    CALL(sendfile(out, in, NULL, 10));
    offset = -1;
    CALL(sendfile(out, in, &offset, 1));
    offset = 1000;
    CALL(sendfile(out, in, &offset, 1));
    CALL(sendfile(in, out, NULL, 1));
    CALL(sendfile(99, in, NULL, 1));
    CALL(sendfile(out, 99, NULL, 1));
    CALL(sendfile(out, out, NULL, 0));
    CALL(syscall(SYS_sendfile, out, in, 8L, 1L));
    CALL(sendfile(out, open(".", O_RDONLY), NULL, 1));
    CALL(sendfile(1, in, (offset = 0, &offset), 11));
    printf("\n");
    close(in);
    close(out);
}

static void copying(void)
{
    int in = open("in", O_RDONLY), out = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    long from = 2, to = 30;

    SECTION("copy_file_range");
    CALL(copy_file_range(in, NULL, out, NULL, 5, 0));
    CALL(copy_file_range(in, &from, out, &to, 5, 0));
    VALUE(from);
    VALUE(to);
    show_file("copy");
    CALL(copy_file_range(in, NULL, out, NULL, 1000, 0));
    CALL(copy_file_range(in, NULL, out, NULL, 1000, 0));
    CALL(copy_file_range(in, NULL, out, NULL, 5, 1));
    CALL(copy_file_range(out, NULL, in, NULL, 5, 0));
    from = 0;
    to = 2;
    CALL(copy_file_range(out, &from, out, &to, 10, 0));    /* overlapping */
    CALL(copy_file_range(99, NULL, out, NULL, 5, 0));
    CALL(copy_file_range(in, NULL, open(".", O_RDONLY), NULL, 5, 0));
    CALL(copy_file_range(open(".", O_RDONLY), NULL, out, NULL, 5, 0));
    CALL(copy_file_range(0, NULL, out, NULL, 5, 0));
    fcntl(out, F_SETFL, O_APPEND);
    CALL(copy_file_range(in, NULL, out, NULL, 5, 0));
    close(in);
    close(out);
}

static void synchronising(void)
{
    int fd = open("in", O_RDWR);

    SECTION("fsync and others");
    CALL(fsync(fd));
    CALL(fdatasync(fd));
    CALL(syncfs(fd));
    CALL(fsync(99));
    CALL(fsync(open(".", O_RDONLY)));
    CALL(fsync(open("/dev/null", O_RDONLY)));
    CALL(fsync(0));
    CALL(syscall(SYS_sync));
    CALL(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
    CALL(posix_fadvise(fd, 0, 0, 77));
    CALL(posix_fadvise(99, 0, 0, 0));
    close(fd);
}

static void memory_files(void)
{
    int fd = CALL(memfd_create("name", MFD_CLOEXEC)), other;
    struct stat status;
    char target[100] = "", *map, path[40];

    SECTION("memfd_create");
    CALL(fcntl(fd, F_GETFD));
    CALL(write(fd, "memory", 6));
    map = MAP(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    map[0] = 'M';
    CALL(pread(fd, target, 10, 0));
    TEXT(target);
    CALL(fstat(fd, &status));
    printf("mode %#o links %ld size %ld\n", status.st_mode, (long)status.st_nlink,
           (long)status.st_size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    memset(target, 0, sizeof(target));
    CALL(readlink(path, target, sizeof(target) - 1));
    TEXT(target);
    other = CALL(open(path, O_RDWR));
    CALL(pread(other, target, 3, 0));
    CALL(close(other));
    CALL(memfd_create("", 0));
    CALL(syscall(SYS_memfd_create, 8L, 0));
    CALL(syscall(SYS_memfd_create, "x", 0x8000));
    memset(target, 'n', sizeof(target));
    target[99] = '\0';
    CALL(memfd_create(target, 0) >= 0);
}

int main(void)
{
    make_file("in", "hello world");
    sending();
    copying();
    synchronising();
    memory_files();
    return 0;
}

/* Calls on descriptors with two things wrong at once: which of them Linux looks at first. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define WILD 8L
#define RAW(name, ...) CALL(syscall(SYS_##name, __VA_ARGS__))

static int file, reader, writer, directory, path_only;

static void transfers(void)
{
    SECTION("transfers");
    RAW(read, 99L, WILD, 1L);
    RAW(read, writer, WILD, 1L);
    RAW(read, directory, WILD, 1L);
    RAW(read, file, WILD, -1L);
    RAW(read, path_only, WILD, 1L);
    RAW(write, 99L, WILD, 1L);
    RAW(write, reader, WILD, 1L);
    RAW(write, file, WILD, -1L);
    RAW(write, file, WILD, 0L);
    RAW(pread64, 99L, WILD, 1L, -1L);
    RAW(pread64, writer, WILD, 1L, -1L);
    RAW(pwrite64, reader, WILD, 1L, 0L);
    RAW(readv, 99L, WILD, 1L);
    RAW(readv, writer, WILD, 1L);
    RAW(readv, writer, WILD, -1L);
    RAW(readv, file, WILD, 0L);
    RAW(readv, file, WILD, 1L);
    RAW(readv, file, WILD, 1025L);
    RAW(writev, 99L, WILD, 5000L);
    RAW(writev, reader, WILD, 5000L);
    RAW(preadv, 99L, WILD, 1L, -1L, 0L);
    RAW(preadv2, file, WILD, 1L, 0L, 0L, 0x1000L);
    RAW(preadv2, 99L, WILD, 1L, 0L, 0L, 0x1000L);
    RAW(lseek, 99L, 0L, 99L);
    RAW(lseek, path_only, 0L, 0L);
    RAW(sendfile, 99L, 98L, WILD, 1L);
    RAW(sendfile, file, 99L, WILD, 1L);
    RAW(sendfile, reader, file, WILD, 1L);
    RAW(sendfile, file, writer, 0L, 1L);
    RAW(sendfile, file, directory, 0L, 1L);
    RAW(sendfile, 99L, reader, 0L, 1L);
    RAW(sendfile, reader, reader, 0L, 1L);
    RAW(sendfile, file, reader, 0L, -1L);
    RAW(copy_file_range, 99L, WILD, 98L, WILD, 1L, 1L);
    RAW(copy_file_range, reader, WILD, 98L, WILD, 1L, 1L);
    RAW(copy_file_range, reader, WILD, writer, WILD, 1L, 1L);
    RAW(copy_file_range, reader, 0L, writer, 0L, 1L, 1L);
    RAW(copy_file_range, writer, 0L, reader, 0L, 1L, 0L);
    RAW(copy_file_range, directory, 0L, writer, 0L, 1L, 0L);
}

static void descriptors(void)
{
    char entries[64];

    SECTION("descriptors");
    RAW(dup, 99L);
    CALL(close((int)RAW(dup, path_only)));
    RAW(dup2, 99L, -1L);
    RAW(dup2, 99L, 99L);
    RAW(dup2, file, -1L);
    RAW(dup2, file, 10000000L);
    RAW(dup2, file, file);
    RAW(dup3, 99L, 99L, 1L);
    RAW(dup3, 99L, 99L, 0L);
    RAW(dup3, 99L, 98L, 0L);
    RAW(dup3, file, -1L, 0L);
    RAW(fcntl, 99L, 9999L, 0L);
    RAW(fcntl, file, 9999L, 0L);
    RAW(fcntl, file, (long)F_DUPFD, -1L);
    RAW(fcntl, file, (long)F_DUPFD, 10000000L);
    RAW(fcntl, file, (long)F_GETLK, WILD);
    RAW(fcntl, path_only, (long)F_GETFL, 0L);
    RAW(fcntl, path_only, (long)F_SETFL, 0L);
    RAW(fcntl, path_only, (long)F_GETLK, WILD);
    RAW(fcntl, path_only, (long)F_GETOWN, 0L);
    RAW(ioctl, 99L, 0x5401L, WILD);
    RAW(ioctl, file, 0x5401L, WILD);
    RAW(ioctl, file, 0x5421L, WILD);
    RAW(ioctl, file, 0x541bL, WILD);
    RAW(ioctl, directory, 0x541bL, WILD);
    RAW(ioctl, path_only, 0x5451L, 0L);
    RAW(close_range, 5L, 4L, 0L);
    RAW(close_range, 50L, 60L, 1L);
    RAW(close_range, 50L, 60L, 0L);
    RAW(getdents64, 99L, WILD, 0L);
    RAW(getdents64, file, WILD, 0L);
    RAW(getdents64, path_only, WILD, 0L);
    RAW(getdents64, directory, entries, 0L);
    RAW(getdents64, directory, entries, 10L);
    RAW(getdents64, directory, WILD, 100L);
    RAW(getdents, directory, WILD, 100L);
    RAW(fsync, 99L);
    RAW(fsync, path_only);
    RAW(fsync, directory);
    RAW(fdatasync, reader);
    RAW(syncfs, 99L);
    RAW(fadvise64, 99L, 0L, 0L, 99L);
    RAW(fadvise64, file, 0L, -1L, 0L);
    RAW(fadvise64, file, 0L, 0L, 99L);
    RAW(fadvise64, path_only, 0L, 0L, 0L);
    RAW(fadvise64, directory, 0L, 0L, 0L);
    RAW(readahead, 99L, 0L, 0L);
    RAW(readahead, writer, 0L, 0L);
    RAW(readahead, directory, 0L, 0L);
    RAW(memfd_create, WILD, 0x80000L);
    RAW(memfd_create, WILD, 0L);
}

int main(void)
{
    make_file("file", "contents");
    file = open("file", O_RDWR);
    reader = open("file", O_RDONLY);
    writer = open("file", O_WRONLY);
    directory = open(".", O_RDONLY);
    path_only = open("file", O_PATH);
    transfers();
    descriptors();
    return 0;
}

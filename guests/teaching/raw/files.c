/* The six modes of Open on a file that can be written, and what a fork family shares of it. */
#include "raw.h"

enum { READ_ONLY, APPEND, TRUNCATE, CREATE_NEW, CREATE_TRUNCATED, CREATE_APPEND, MODES };

static const char path[] = "/tmp/file", other[] = "/tmp/other";
static char bytes[64];

static int64_t open(const char *name, uint64_t mode)
{
    return raw(OPEN, at(name), name == path ? 9 : 10, mode);
}

static bool writes(int64_t fd, const char *text, uint64_t length)
{
    return raw(WRITE, (uint64_t)fd, at(text), length) == (int64_t)length;
}

/* Whether the file holds `length` bytes that begin and end with these. */
static bool holds(int64_t length, char first, char last)
{
    int64_t fd = open(path, READ_ONLY), count = raw(READ, (uint64_t)fd, at(bytes), 64);

    (void)raw(CLOSE, (uint64_t)fd, 0, 0);
    return count == length && (length == 0 || (bytes[0] == first && bytes[length - 1] == last));
}

static int64_t read_on(int64_t fd)
{
    return raw(READ, (uint64_t)fd, at(bytes), 2) == 2 && bytes[0] == 'c' ? 0 : 1;
}

static void modes(void)
{
    int64_t fd;

    check("read_what_is_not_there", open(path, READ_ONLY) == 0 && open(path, APPEND) == 0 &&
          open(path, TRUNCATE) == 0);
    fd = open(path, CREATE_NEW);
    check("create", fd >= 3 && writes(fd, "abcd", 4) && raw(CLOSE, (uint64_t)fd, 0, 0) == 1);
    check("create_again", open(path, CREATE_NEW) == 0);
    fd = open(path, APPEND);
    check("append", writes(fd, "ef", 2) && raw(CLOSE, (uint64_t)fd, 0, 0) == 1 &&
          holds(6, 'a', 'f'));
    fd = open(path, READ_ONLY);
    check("write_to_what_is_read", raw(WRITE, (uint64_t)fd, at("x"), 1) == MINUS_ONE);
    (void)raw(READ, (uint64_t)fd, at(bytes), 2);
    check("position_is_shared", raw_wait(raw_start(read_on, fd)) == 0 &&
          raw(READ, (uint64_t)fd, at(bytes), 2) == 2 && bytes[0] == 'e');
    (void)raw(CLOSE, (uint64_t)fd, 0, 0);
    fd = open(path, TRUNCATE);
    check("truncate", holds(0, 0, 0) && raw(CLOSE, (uint64_t)fd, 0, 0) == 1);
    fd = open(other, CREATE_APPEND);
    check("create_or_append", fd >= 3 && raw(CLOSE, (uint64_t)fd, 0, 0) == 1);
    fd = open(path, CREATE_TRUNCATED);
    check("create_or_truncate", fd >= 3 && raw(CLOSE, (uint64_t)fd, 0, 0) == 1);
    check("unknown_mode", open(path, MODES) == 0 && open(path, 255) == 0);
}

/* As many as there can be; then 0, and all can be closed. */
static void many(void)
{
    int64_t fds[300], count = 0, closed = 0;

    while (count < 300 && (fds[count] = open(path, READ_ONLY)) != 0)
        count++;
    check("descriptors_are_bytes", count > 100 && count <= 253);
    for (int64_t i = 0; i < count; i++)
        closed += raw(CLOSE, (uint64_t)fds[i], 0, 0);
    check("all_are_closed", closed == count && open(path, READ_ONLY) >= 3);
}

int64_t raw_main(void)
{
    modes();
    many();
    return raw_failed;
}

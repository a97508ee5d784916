/* epolls above epolls: by how many ways one file may wake them. */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "with_epoll.h"

#define ROWS_MAX 700
#define LENGTH_MAX 6

static int files[ROWS_MAX * LENGTH_MAX];
static unsigned file_count;

static int make_epoll(void)
{
    int fd = epoll_create1(0);

    if (fd < 0)
        printf("no epoll: %s\n", error_name(errno));
    else
        files[file_count++] = fd;
    return fd;
}

static void close_all(void)
{
    while (file_count > 0)
        (void)close(files[--file_count]);
}

/* A row of epolls above the file, begun at the file, or at the top.  The first error. */
static int make_row(int event, unsigned length, int from_top)
{
    int row[LENGTH_MAX + 1] = { event };

    for (unsigned i = 1; i <= length; i++)
        row[i] = make_epoll();
    for (unsigned i = 0; i < length; i++) {
        unsigned at = from_top ? length - 1 - i : i;

        if (watch(row[at + 1], row[at], EPOLLIN, 1) != 0)
            return errno;
    }
    return 0;
}

/* As many rows as there may be. */
static void rows(unsigned length, int from_top)
{
    int event = eventfd(0, EFD_NONBLOCK), error = 0;
    unsigned count = 0;

    while (count < ROWS_MAX && !error) {
        error = make_row(event, length, from_top);
        count += error == 0;
    }
    printf("rows of %u from the %s: %u, %s\n", length, from_top ? "top" : "file", count,
           error ? error_name(error) : "no end");
    CALL(eventfd_write(event, 1));
    show_ready(files[length - 1]);
    close(event);
    close_all();
}

/* All meet again in one at the top. */
static void diamond(void)
{
    int event = eventfd(0, EFD_NONBLOCK), top = make_epoll(), error = 0;
    unsigned count = 0;

    while (count < ROWS_MAX && !error) {
        int middle = make_epoll();

        if (watch(top, middle, EPOLLIN, count) != 0 || watch(middle, event, EPOLLIN, 1) != 0)
            error = errno;
        count += error == 0;
    }
    printf("ways that meet: %u, %s\n", count, error ? error_name(error) : "no end");
    /* What was refused is not watched; after one has gone another may come. */
    CALL(watch(files[file_count - 1], event, EPOLLIN, 1));
    CALL(watch_again(files[file_count - 1], event, EPOLLIN, 1));
    CALL(close(files[1]));
    CALL(watch(files[file_count - 1], event, EPOLLIN, 1));
    CALL(watch(files[file_count - 1], event, EPOLLIN, 1));
    files[1] = files[--file_count];
    close(event);
    close_all();
}

/* A file that is below already comes to be below more by what is done above it. */
static void above(void)
{
    int event = eventfd(0, EFD_NONBLOCK), other = eventfd(0, EFD_NONBLOCK), middle = make_epoll();
    unsigned count = 0;

    CALL(watch(middle, event, EPOLLIN, 1));
    while (count < ROWS_MAX && watch(make_epoll(), middle, EPOLLIN, 1) == 0)
        count++;
    printf("above one: %u, %s\n", count, error_name(errno));
    CALL(watch(middle, other, EPOLLIN, 2));
    close(event);
    close(other);
    close_all();
}

int main(void)
{
    struct rlimit limit;

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    for (unsigned length = 1; length <= LENGTH_MAX; length++)
        rows(length, 0);
    for (unsigned length = 1; length <= LENGTH_MAX; length++)
        rows(length, 1);
    diamond();
    above();
    return 0;
}

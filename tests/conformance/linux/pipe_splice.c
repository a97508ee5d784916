/* splice, tee, vmsplice, sync_file_range: errors and their order, amounts, what stays, waiting. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096

static char bytes[40 * PAGE] __attribute__((aligned(PAGE)));
static int from[2], to[2];

static void open_pipes(int flags)
{
    FACT(pipe2(from, flags) == 0);
    FACT(pipe2(to, flags) == 0);
}

static void close_pipes(void)
{
    for (int i = 0; i < 2; i++) {
        close(from[i]);
        close(to[i]);
    }
}

static void show_content(int fd)
{
    char text[200];
    long count = read(fd, text, sizeof(text));

    printf("content: %.*s\n", count > 0 ? (int)count : 0, text);
}

static void errors(void)
{
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), other = open("file", O_RDONLY);
    int appending = open("file", O_WRONLY | O_APPEND), event = eventfd(0, EFD_NONBLOCK);
    loff_t position = 0, negative = -1;

    SECTION("errors");
    open_pipes(O_NONBLOCK);
    CALL(splice(-1, NULL, -1, NULL, 0, 99));
    CALL(splice(-1, NULL, -1, NULL, 1, 99));
    CALL(splice(-1, NULL, to[1], NULL, 1, 0));
    CALL(splice(from[0], NULL, -1, NULL, 1, 0));
    CALL(splice(file, NULL, other, NULL, 1, 0));
    CALL(splice(other, NULL, file, NULL, 1, 0));
    CALL(splice(from[0], &position, to[1], NULL, 1, 0));
    CALL(splice(from[0], NULL, to[1], &position, 1, 0));
    CALL(splice(from[0], &position, file, NULL, 1, 0));
    CALL(splice(file, NULL, to[1], &position, 1, 0));
    CALL(splice(from[1], NULL, to[1], NULL, 1, 0));
    CALL(splice(from[0], NULL, to[0], NULL, 1, 0));
    CALL(splice(from[0], NULL, from[1], NULL, 1, 0));
    CALL(splice(from[0], NULL, other, NULL, 1, 0));
    CALL(splice(from[0], NULL, appending, NULL, 1, 0));
    CALL(splice(appending, NULL, to[1], NULL, 1, 0));
    CALL(splice(file, (loff_t *)8, to[1], NULL, 1, 0));
    CALL(splice(file, &negative, to[1], NULL, 1, 0));
    CALL(splice(from[0], NULL, file, NULL, 1, 0));
    CALL(splice(from[0], NULL, to[1], NULL, 1, 0));
    CALL(splice(file, NULL, to[1], NULL, 1, 0));
    CALL(tee(from[0], to[1], 1, 99));
    CALL(tee(-1, to[1], 0, 0));
    CALL(tee(-1, to[1], 1, 0));
    CALL(tee(from[0], file, 1, 0));
    CALL(tee(file, to[1], 1, 0));
    CALL(tee(from[0], from[1], 1, 0));
    CALL(tee(from[1], to[1], 1, 0));
    CALL(tee(from[0], to[1], 1, 0));
    CALL(sync_file_range(-1, 0, 0, 99));
    CALL(sync_file_range(file, 0, 0, 99));
    CALL(sync_file_range(file, -1, 0, 0));
    CALL(sync_file_range(file, 1, -1, 0));
    CALL(sync_file_range(file, INT64_MAX, 1, 0));
    CALL(sync_file_range(from[0], 0, 1, 0));
    CALL(sync_file_range(event, 0, 1, 99));
    CALL(sync_file_range(file, 0, 10, 7));
    close_pipes();
    close(event);
    close(appending);
    close(other);
    close(file);
}

/* What can be the source at all. */
static void sources(void)
{
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600), ends[2];
    int directory = open(".", O_RDONLY), event = eventfd(1, EFD_NONBLOCK);
    loff_t position = 0;

    SECTION("sources");
    open_pipes(O_NONBLOCK);
    FACT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    FACT(write(from[1], "pipe", 4) == 4 && write(ends[1], "socket", 6) == 6);
    CALL(splice(directory, NULL, to[1], NULL, 1, 0));
    CALL(splice(event, NULL, to[1], NULL, 8, 0));
    CALL(sendfile(to[1], directory, NULL, 1));
    CALL(sendfile(file, directory, NULL, 1));
    CALL(sendfile(file, event, NULL, 8));
    CALL(sendfile(file, from[0], NULL, 4));
    CALL(sendfile(to[1], from[0], NULL, 4));
    CALL(sendfile(file, from[0], &position, 4));
    CALL(sendfile(file, ends[0], NULL, 6));
    CALL(sendfile(to[1], ends[0], NULL, 6));
    CALL(splice(from[0], NULL, file, NULL, 4, 0));
    position = 0;
    CALL(sendfile(to[1], file, &position, 4));
    CALL(read(to[0], bytes, sizeof(bytes)));
    close_pipes();
    close(ends[0]);
    close(ends[1]);
    close(event);
    close(directory);
    close(file);
}

static void ends(void)
{
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    sigset_t mask;

    SECTION("ends");
    sigemptyset(&mask);
    sigaddset(&mask, SIGPIPE);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    open_pipes(0);
    close(from[1]);
    CALL(splice(from[0], NULL, to[1], NULL, 10, 0));
    CALL(splice(from[0], NULL, file, NULL, 10, 0));
    CALL(tee(from[0], to[1], 10, 0));
    CALL(splice(file, NULL, to[1], NULL, 10, 0));
    FACT(pwrite(file, "abc", 3, 0) == 3);
    close(to[0]);
    CALL(splice(file, NULL, to[1], NULL, 10, 0));
    sigpending(&mask);
    VALUE(sigismember(&mask, SIGPIPE));
    close(from[0]);
    close(to[1]);
    close(file);
}

static void between(void)
{
    SECTION("between pipes");
    open_pipes(O_NONBLOCK);
    FACT(write(from[1], "hello world", 11) == 11);
    CALL(tee(from[0], to[1], 5, 0));
    show_content(to[0]);
    CALL(tee(from[0], to[1], 100, 0));
    show_content(to[0]);
    CALL(splice(from[0], NULL, to[1], NULL, 5, 0));
    show_content(to[0]);
    CALL(splice(from[0], NULL, to[1], NULL, 100, 0));
    CALL(splice(from[0], NULL, to[1], NULL, 100, 0));
    FACT(write(to[1], "!", 1) == 1);
    show_content(to[0]);
    FACT(write(from[1], bytes, sizeof(bytes)) == 16 * PAGE);
    CALL(splice(from[0], NULL, to[1], NULL, sizeof(bytes), 0));
    FACT(write(from[1], "x", 1) == 1);
    CALL(splice(from[0], NULL, to[1], NULL, 1, 0));
    CALL(tee(from[0], to[1], 1, 0));
    CALL(read(to[0], bytes, PAGE));
    CALL(splice(from[0], NULL, to[1], NULL, 1, 0));
    close_pipes();
}

static void with_files(void)
{
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    loff_t position = 3;

    SECTION("with files");
    open_pipes(O_NONBLOCK);
    FACT(write(file, "0123456789", 10) == 10);
    CALL(lseek(file, 2, SEEK_SET));
    CALL(splice(file, NULL, to[1], NULL, 4, 0));
    CALL(lseek(file, 0, SEEK_CUR));
    show_content(to[0]);
    CALL(splice(file, &position, to[1], NULL, 100, 0));
    VALUE(position);
    CALL(lseek(file, 0, SEEK_CUR));
    show_content(to[0]);
    CALL(splice(file, &position, to[1], NULL, 100, 0));
    FACT(write(from[1], "abcdef", 6) == 6);
    position = 8;
    CALL(splice(from[0], NULL, file, &position, 4, 0));
    VALUE(position);
    CALL(lseek(file, 1, SEEK_SET));
    CALL(splice(from[0], NULL, file, NULL, 100, 0));
    CALL(lseek(file, 0, SEEK_CUR));
    show_file("file");
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i / 10);
    FACT(pwrite(file, bytes, sizeof(bytes), 0) == (long)sizeof(bytes));
    position = 5;
    CALL(splice(file, &position, to[1], NULL, 5 * PAGE, 0));
    memset(bytes, 0, sizeof(bytes));
    CALL(read(to[0], bytes, sizeof(bytes)));
    FACT(bytes[0] == 0 && bytes[5] == 1 && bytes[PAGE] == (char)((PAGE + 5) / 10));
    close_pipes();
    close(file);
}

static void memory(void)
{
    char hello[] = "hello", world[] = "world";
    struct iovec two[] = { { hello, 5 }, { world, 5 } };
    struct iovec large = { bytes, sizeof(bytes) }, wrong = { (void *)8, 5 };
    struct iovec none = { hello, 0 };
    int file = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

    SECTION("memory");
    open_pipes(O_NONBLOCK);
    CALL(vmsplice(to[1], two, 2, 99));
    CALL(vmsplice(-1, two, 2, 0));
    CALL(vmsplice(file, two, 2, 0));
    CALL(vmsplice(to[1], two, 0, 0));
    CALL(vmsplice(to[1], two, 1025, 0));
    CALL(vmsplice(to[1], (void *)8, 1, 0));
    CALL(vmsplice(to[1], &wrong, 1, 0));
    CALL(vmsplice(to[1], &none, 1, 0));
    CALL(vmsplice(to[1], two, 2, 0));
    show_content(to[0]);
    CALL(vmsplice(to[0], two, 2, SPLICE_F_NONBLOCK));
    CALL(vmsplice(to[1], &large, 1, SPLICE_F_NONBLOCK));
    CALL(vmsplice(to[1], &large, 1, SPLICE_F_NONBLOCK));
    CALL(vmsplice(to[0], &large, 1, SPLICE_F_NONBLOCK));
    close_pipes();
    close(file);
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void *write_later(void *argument)
{
    usleep(20000);
    if (write(from[1], "later", 5) != 5)
        printf("cannot write\n");
    return argument;
}

static void *read_later(void *argument)
{
    static char sink[16 * PAGE];

    usleep(20000);
    if (read(to[0], sink, sizeof(sink)) != (long)sizeof(sink))
        printf("cannot read all\n");
    return argument;
}

static void handler(int number)
{
    (void)number;
}

static void waiting(void)
{
    struct sigaction action = { .sa_handler = handler };
    pthread_t thread;

    SECTION("waiting");
    open_pipes(0);
    CALL(splice(from[0], NULL, to[1], NULL, 100, SPLICE_F_NONBLOCK));
    pthread_create(&thread, NULL, write_later, NULL);
    CALL(splice(from[0], NULL, to[1], NULL, 100, 0));
    pthread_join(thread, NULL);
    show_content(to[0]);
    FACT(write(to[1], bytes, 16 * PAGE) == 16 * PAGE);
    FACT(write(from[1], "more", 4) == 4);
    CALL(splice(from[0], NULL, to[1], NULL, 100, SPLICE_F_NONBLOCK));
    pthread_create(&thread, NULL, read_later, NULL);
    CALL(splice(from[0], NULL, to[1], NULL, 100, 0));
    pthread_join(thread, NULL);
    show_content(to[0]);
    sigaction(SIGALRM, &action, NULL);
    signal_in_sleep(SIGALRM);
    CALL(splice(from[0], NULL, to[1], NULL, 100, 0));
    signal_in_sleep(SIGALRM);
    CALL(tee(from[0], to[1], 100, 0));
    close_pipes();
}

int main(void)
{
    errors();
    sources();
    ends();
    between();
    with_files();
    memory();
    waiting();
    return 0;
}

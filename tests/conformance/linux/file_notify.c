/* inotify: errors, events of files and directories, moves, flags of watches, reading, overflow. */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static int queue;
static uint32_t first_cookie;

static const struct {
    uint32_t mask;
    const char *name;
} event_names[] = {
    { IN_ACCESS, "access" }, { IN_MODIFY, "modify" }, { IN_ATTRIB, "attributes" },
    { IN_CLOSE_WRITE, "close write" }, { IN_CLOSE_NOWRITE, "close other" }, { IN_OPEN, "open" },
    { IN_MOVED_FROM, "moved from" }, { IN_MOVED_TO, "moved to" }, { IN_CREATE, "create" },
    { IN_DELETE, "delete" }, { IN_DELETE_SELF, "delete self" }, { IN_MOVE_SELF, "move self" },
    { IN_Q_OVERFLOW, "overflow" }, { IN_IGNORED, "ignored" }, { IN_ISDIR, "directory" },
};

static void show_event(const struct inotify_event *event)
{
    printf("  watch %d:", event->wd);
    for (size_t i = 0; i < COUNT(event_names); i++) {
        if (event->mask & event_names[i].mask)
            printf(" %s", event_names[i].name);
    }
    if (event->len > 0)
        printf(", name %s in %u", event->name, event->len);
    if (event->cookie) {
        if (!first_cookie)
            first_cookie = event->cookie;
        printf(", cookie %u", event->cookie - first_cookie);
    }
    printf("\n");
}

static void show_events(const char *what)
{
    char bytes[4096] __attribute__((aligned(8)));
    long count = read(queue, bytes, sizeof(bytes));

    printf("%s:\n", what);
    first_cookie = 0;
    for (long at = 0; at < count;) {
        const struct inotify_event *event = (void *)(bytes + at);

        show_event(event);
        at += (long)(sizeof(*event) + event->len);
    }
}

static void begin(const char *name)
{
    SECTION(name);
    queue = inotify_init1(IN_NONBLOCK);
}

static void errors(void)
{
    char byte, path[64], target[64] = "";
    int file = open("file", O_RDWR | O_CREAT, 0600);

    begin("errors");
    CALL(inotify_init1(1));
    CALL(inotify_add_watch(-1, "file", 0));
    CALL(inotify_add_watch(-1, "file", IN_OPEN));
    CALL(inotify_add_watch(file, "file", IN_OPEN));
    CALL(inotify_add_watch(queue, "file", 0));
    CALL(inotify_add_watch(queue, "absent", IN_OPEN));
    CALL(inotify_add_watch(queue, "", IN_OPEN));
    CALL(syscall(SYS_inotify_add_watch, queue, 8, IN_OPEN));
    CALL(inotify_add_watch(queue, "file", IN_OPEN | IN_ONLYDIR));
    CALL(inotify_add_watch(queue, "file", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE));
    CALL(inotify_rm_watch(-1, 1));
    CALL(inotify_rm_watch(file, 1));
    CALL(inotify_rm_watch(queue, 1));
    CALL(inotify_rm_watch(queue, -1));
    CALL(read(queue, &byte, 1));
    CALL(write(queue, &byte, 1));
    CALL(lseek(queue, 1, SEEK_SET));
    OCTAL(fcntl(queue, F_GETFL));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", queue);
    FACT(readlink(path, target, sizeof(target) - 1) > 0);
    TEXT(target);
    close(queue);
    queue = inotify_init1(IN_CLOEXEC);
    VALUE(fcntl(queue, F_GETFD));
    OCTAL(fcntl(queue, F_GETFL));
    close(queue);
    close(file);
    unlink("file");
}

static void of_file(void)
{
    char bytes[8];
    int fd;

    begin("of a file");
    make_file("watched", "contents");
    VALUE(inotify_add_watch(queue, "watched", IN_ALL_EVENTS));
    fd = open("watched", O_RDONLY);
    show_events("open");
    FACT(read(fd, bytes, 8) == 8);
    FACT(read(fd, bytes, 8) == 0);
    show_events("read");
    close(fd);
    show_events("close");
    fd = open("watched", O_WRONLY);
    FACT(write(fd, "new", 3) == 3);
    FACT(write(fd, "new", 3) == 3);
    FACT(ftruncate(fd, 1) == 0);
    close(fd);
    show_events("write");
    fd = open("watched", O_PATH);
    close(fd);
    show_events("path");
    FACT(truncate("watched", 0) == 0);
    FACT(chmod("watched", 0640) == 0);
    FACT(utimensat(AT_FDCWD, "watched", NULL, 0) == 0);
    show_events("change");
    fd = open("watched", O_WRONLY | O_TRUNC);
    close(fd);
    show_events("truncate");
    FACT(link("watched", "other") == 0);
    show_events("link");
    FACT(rename("watched", "renamed") == 0);
    show_events("rename");
    FACT(unlink("other") == 0);
    show_events("unlink one");
    fd = open("renamed", O_RDONLY);
    FACT(unlink("renamed") == 0);
    show_events("unlink the last");
    close(fd);
    show_events("close the last");
    CALL(inotify_rm_watch(queue, 1));
    close(queue);
}

static void of_directory(void)
{
    int fd;

    begin("of a directory");
    FACT(mkdir("place", 0700) == 0);
    VALUE(inotify_add_watch(queue, "place", IN_ALL_EVENTS));
    make_file("place/one", "1");
    show_events("create");
    fd = open("place/one", O_RDONLY);
    FACT(read(fd, &(char){ 0 }, 1) == 1);
    close(fd);
    show_events("read");
    FACT(mkdir("place/inner", 0700) == 0);
    FACT(symlink("one", "place/link") == 0);
    FACT(mkfifo("place/fifo", 0600) == 0);
    FACT(link("place/one", "place/two") == 0);
    show_events("make");
    FACT(chmod("place/one", 0600) == 0);
    FACT(chmod("place/inner", 0755) == 0);
    FACT(chmod("place", 0755) == 0);
    show_events("modes");
    fd = open("place", O_RDONLY | O_DIRECTORY);
    FACT(syscall(SYS_getdents64, fd, (char[1024]){ 0 }, 1024) > 0);
    close(fd);
    show_events("list");
    FACT(rename("place/one", "place/a name of some length") == 0);
    FACT(rename("place/two", "outside") == 0);
    FACT(rename("outside", "place/two") == 0);
    FACT(rename("place/inner", "place/directory") == 0);
    show_events("moves");
    make_file("place/target", "t");
    show_events("target");
    FACT(rename("place/two", "place/target") == 0);
    show_events("replace");
    FACT(syscall(SYS_renameat2, AT_FDCWD, "place/target", AT_FDCWD, "place/link",
                 RENAME_EXCHANGE) == 0);
    show_events("exchange");
    FACT(unlink("place/target") == 0);
    FACT(unlink("place/link") == 0);
    FACT(unlink("place/fifo") == 0);
    FACT(unlink("place/a name of some length") == 0);
    FACT(rmdir("place/directory") == 0);
    show_events("remove");
    FACT(rename("place", "moved") == 0);
    show_events("move it");
    FACT(rmdir("moved") == 0);
    show_events("remove it");
    close(queue);
}

static void flags(void)
{
    int fd, first, second;

    begin("flags");
    make_file("file", "x");
    FACT(mkdir("directory", 0700) == 0);
    FACT(symlink("file", "link") == 0);
    first = inotify_add_watch(queue, "file", IN_OPEN);
    VALUE(first);
    VALUE(inotify_add_watch(queue, "link", IN_CLOSE_NOWRITE));
    fd = open("file", O_RDONLY);
    close(fd);
    show_events("replaced");
    VALUE(inotify_add_watch(queue, "file", IN_OPEN | IN_MASK_ADD));
    fd = open("file", O_RDONLY);
    close(fd);
    show_events("added");
    CALL(inotify_add_watch(queue, "file", IN_OPEN | IN_MASK_CREATE));
    VALUE(inotify_add_watch(queue, "link", IN_ATTRIB | IN_DONT_FOLLOW));
    CALL(inotify_add_watch(queue, "link", IN_ATTRIB | IN_ONLYDIR));
    CALL(inotify_rm_watch(queue, first));
    CALL(inotify_rm_watch(queue, first));
    show_events("removed");
    VALUE(inotify_add_watch(queue, "file", IN_OPEN | IN_ONESHOT));
    fd = open("file", O_RDONLY);
    close(fd);
    fd = open("file", O_RDONLY);
    close(fd);
    show_events("one shot");
    second = inotify_add_watch(queue, "directory", IN_MODIFY | IN_EXCL_UNLINK);
    fd = open("directory/gone", O_RDWR | O_CREAT, 0600);
    FACT(write(fd, "x", 1) == 1);
    show_events("with a name");
    unlink("directory/gone");
    FACT(write(fd, "x", 1) == 1);
    show_events("without a name");
    VALUE(inotify_add_watch(queue, "directory", IN_MODIFY) == second);
    FACT(write(fd, "x", 1) == 1);
    show_events("without a name, watched");
    close(fd);
    inotify_rm_watch(queue, second);
    show_events("not watched");
    fd = open("directory", O_RDONLY | O_DIRECTORY);
    inotify_add_watch(queue, "directory", IN_CLOSE | IN_ATTRIB | IN_EXCL_UNLINK);
    rmdir("directory");
    close(fd);
    show_events("a directory without a name");
    unlink("link");
    unlink("file");
    close(queue);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static void *open_later(void *argument)
{
    usleep(20000);
    close(open("file", O_RDONLY));
    return argument;
}

static void reading(void)
{
    char bytes[256] __attribute__((aligned(8)));
    struct pollfd wanted;
    pthread_t thread;
    int available;

    SECTION("reading");
    queue = inotify_init();
    wanted = (struct pollfd){ queue, POLLIN | POLLOUT, 0 };
    make_file("file", "x");
    inotify_add_watch(queue, "file", IN_OPEN);
    inotify_add_watch(queue, ".", IN_OPEN);
    VALUE(poll(&wanted, 1, 0));
    pthread_create(&thread, NULL, open_later, NULL);
    VALUE(poll(&wanted, 1, 5000));
    VALUE(wanted.revents);
    pthread_join(thread, NULL);
    FACT(ioctl(queue, FIONREAD, &available) == 0);
    VALUE(available);
    CALL(read(queue, bytes, 8));
    CALL(read(queue, bytes, 40));
    CALL(read(queue, bytes, sizeof(bytes)));
    close(open("file", O_RDONLY));
    close(open("file", O_RDONLY));
    CALL(read(queue, (void *)8, 100));
    CALL(read(queue, bytes, sizeof(bytes)));
    pthread_create(&thread, NULL, open_later, NULL);
    FACT(read(queue, bytes, sizeof(bytes)) > 0);
    pthread_join(thread, NULL);
    close(queue);
    unlink("file");
}

static void overflow(void)
{
    struct inotify_event event;
    unsigned count = 0;
    int fd;

    begin("overflow");
    make_file("file", "x");
    inotify_add_watch(queue, "file", IN_OPEN | IN_CLOSE);
    for (int i = 0; i < 10000; i++) {
        fd = open("file", O_RDONLY);
        close(fd);
    }
    while (read(queue, &event, sizeof(event)) == sizeof(event)) {
        count++;
        if (event.mask & IN_Q_OVERFLOW)
            VALUE(event.wd);
    }
    FACT(count > 1000 && count < 20000);
    close(queue);
    unlink("file");
}

/* Programs ask before they watch many files. */
static void show_limit(const char *name)
{
    char path[64];
    long value = 0;

    (void)snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name);
    FILE *file = fopen(path, "r");

    if (!file || fscanf(file, "%ld", &value) != 1)
        printf("cannot read %s\n", path);
    if (file)
        (void)fclose(file);
    printf("%s is above 100: %s\n", name, value > 100 ? "yes" : "no");
}

int main(void)
{
    errors();
    of_file();
    of_directory();
    flags();
    reading();
    overflow();
    SECTION("limits");
    show_limit("max_queued_events");
    show_limit("max_user_instances");
    show_limit("max_user_watches");
    return 0;
}

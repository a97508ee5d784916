/* open, openat, creat, close: flags, creation, errors and the descriptors that come out. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

static void show_mode(const char *name)
{
    struct stat status;

    if (stat(name, &status) == 0)
        printf("mode of %s: %#o\n", name, status.st_mode);
    else
        printf("stat of %s: %s\n", name, error_name(errno));
}

static void creation(void)
{
    SECTION("creation");
    CALL(open("new", O_RDONLY));
    CALL(open("new", O_WRONLY | O_CREAT | O_EXCL, 0640));
    show_mode("new");
    CALL(write(3, "contents", 8));
    CALL(close(3));
    CALL(open("new", O_WRONLY | O_CREAT | O_EXCL, 0640));
    CALL(open("new", O_RDONLY | O_CREAT, 0777));
    show_mode("new");
    CALL(close(3));
    CALL(open("new", O_WRONLY | O_TRUNC));
    show_file("new");
    CALL(close(3));
    make_file("new", "contents");
    CALL(open("new", O_RDONLY | O_TRUNC));    /* truncates all the same */
    show_file("new");
    CALL(close(3));
    CALL(creat("created", 0604));
    show_mode("created");
    CALL(read(3, (char[1]){ 0 }, 1));
    CALL(close(3));
    umask(077);
    CALL(open("masked", O_RDWR | O_CREAT, 0777));
    show_mode("masked");
    CALL(close(3));
    umask(022);
    CALL(open("odd", O_RDWR | O_CREAT, 07777));
    show_mode("odd");
    CALL(close(3));
    CALL(open("never-writable", O_RDWR | O_CREAT, 0));    /* a new file may be written */
    CALL(write(3, "x", 1));
    CALL(close(3));
}

static void kinds(void)
{
    SECTION("kinds of files");
    mkdir("directory", 0755);
    symlink("new", "link");
    symlink("nowhere", "dangling");
    symlink("directory", "directory-link");
    CALL(open("directory", O_WRONLY));
    CALL(open("directory", O_RDWR));
    CALL(open("directory", O_RDONLY | O_CREAT, 0600));
    CALL(open("directory", O_RDONLY | O_TRUNC));
    CALL(close(open("directory", O_RDONLY)));
    CALL(close(open("directory", O_RDONLY | O_DIRECTORY)));
    CALL(open("new", O_RDONLY | O_DIRECTORY));
    CALL(open("absent", O_RDONLY | O_DIRECTORY));
    CALL(open("absent", O_RDONLY | O_DIRECTORY | O_CREAT, 0600));
    CALL(open("link", O_RDONLY | O_NOFOLLOW));
    CALL(open("directory-link", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    CALL(close(open("link", O_RDONLY)));
    CALL(open("dangling", O_RDONLY));
    CALL(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0600));
    CALL(open("dangling", O_WRONLY | O_CREAT | O_NOFOLLOW, 0600));
    CALL(open("dangling", O_WRONLY | O_CREAT, 0600));    /* makes the target */
    CALL(close(3));
    show_mode("nowhere");
    CALL(open("new/", O_RDONLY));
    CALL(open("absent/", O_RDONLY | O_CREAT, 0600));
    CALL(close(open("directory/", O_RDONLY)));
    CALL(open("", O_RDONLY));
    CALL(open("new/below", O_RDONLY));
    CALL(open("absent/below", O_RDONLY | O_CREAT, 0600));
}

/* O_DIRECT is for files with contents. */
static void directly(void)
{
    int directory = open(".", O_RDONLY), null = open("/dev/null", O_RDWR), pipes[2];

    SECTION("O_DIRECT");
    CALL(open(".", O_RDONLY | O_DIRECT));
    CALL(open("/dev/null", O_RDWR | O_DIRECT));
    CALL(open("/proc/self/status", O_RDONLY | O_DIRECT));
    CALL(close(open(".", O_PATH | O_DIRECT)));
    CALL(fcntl(directory, F_SETFL, O_DIRECT));
    CALL(fcntl(null, F_SETFL, O_DIRECT));
    CALL(pipe(pipes));
    CALL(fcntl(pipes[1], F_SETFL, O_DIRECT));
    close(pipes[0]);
    close(pipes[1]);
    close(null);
    close(directory);
}

static void relative(void)
{
    int directory = open("directory", O_RDONLY), file = open("new", O_RDONLY);

    SECTION("relative to a directory");
    CALL(close(openat(directory, "inside", O_RDWR | O_CREAT, 0600)));
    show_mode("directory/inside");
    CALL(openat(directory, "new", O_RDONLY));
    CALL(close(openat(directory, "../new", O_RDONLY)));
    CALL(openat(file, "new", O_RDONLY));
    CALL(openat(99, "new", O_RDONLY));
    CALL(openat(-1, "new", O_RDONLY));
    CALL(close(openat(-1, "/dev/null", O_RDONLY)));
    CALL(close(openat(AT_FDCWD, "new", O_RDONLY)));
    CALL(openat(directory, "", O_RDONLY));
    close(directory);
    close(file);
}

static void path_only(void)
{
    int fd = CALL(open("new", O_PATH)), link;
    struct stat status;
    char text[20] = "";

    SECTION("O_PATH");
    CALL(read(fd, text, 1));
    CALL(write(fd, "x", 1));
    CALL(lseek(fd, 0, SEEK_SET));
    CALL(fchmod(fd, 0600));
    CALL(ftruncate(fd, 0));
    CALL(ioctl(fd, 0x5401, text));
    CALL(fstat(fd, &status));
    OCTAL(fcntl(fd, F_GETFL));
    CALL(close(dup(fd)));
    CALL(close(fd));
    link = CALL(open("link", O_PATH | O_NOFOLLOW));
    CALL(fstat(link, &status));
    FACT(S_ISLNK(status.st_mode));
    CALL(readlinkat(link, "", text, sizeof(text)));
    TEXT(text);
    CALL(close(link));
    fd = CALL(open("directory", O_PATH | O_DIRECTORY));
    CALL(close(openat(fd, "inside", O_RDONLY)));
    CALL(fchdir(fd));
    CALL(chdir(".."));
    CALL(close(fd));
    CALL(close(open("new", O_PATH | O_CREAT | O_TRUNC, 0600)));    /* flags beside it: ignored */
    show_file("new");
}

static void temporary(void)
{
    int fd;
    struct stat status;
    char name[64];

    SECTION("O_TMPFILE");
    CALL(open(".", O_TMPFILE | O_RDONLY, 0600));
    CALL(open("new", O_TMPFILE | O_RDWR, 0600));
    fd = CALL(open(".", O_TMPFILE | O_RDWR, 0640));
    CALL(write(fd, "nameless", 8));
    CALL(fstat(fd, &status));
    OCTAL(status.st_mode);
    VALUE(status.st_nlink);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, name, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    show_file("named");
    CALL(close(fd));
}

static void errors(void)
{
    SECTION("errors");
    CALL(syscall(SYS_open, NULL, O_RDONLY));
    CALL(syscall(SYS_open, 1L, O_RDONLY));
    CALL(syscall(SYS_open, -1L, O_RDONLY));
    CALL(open("new", 3));    /* neither reading nor writing */
    CALL(read(3, (char[1]){ 0 }, 1));
    CALL(write(3, "x", 1));
    CALL(close(3));
    CALL(syscall(SYS_open, "new", 0x80000000L));    /* unknown flags are ignored */
    CALL(close(3));
    CALL(close(3));
    CALL(close(-1));
    CALL(close(100000));
    CALL(open("new", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_SYNC | O_APPEND));
    OCTAL(fcntl(3, F_GETFL));
    CALL(fcntl(3, F_GETFD));
    CALL(close(3));
    CALL(dup2(0, 5));
    CALL(open("new", O_RDONLY));    /* the lowest free descriptors */
    CALL(open("new", O_RDONLY));
    CALL(open("new", O_RDONLY));
    for (int fd = 3; fd < 7; fd++)
        CALL(close(fd));
}

int main(void)
{
    creation();
    kinds();
    directly();
    relative();
    path_only();
    temporary();
    errors();
    return 0;
}

/* name_to_handle_at and open_by_handle_at: what a handle stands for, sizes, refusals. */
#include <fcntl.h>
#include <sys/stat.h>

#include "with_users.h"

struct handle {
    unsigned size;
    int type;
    unsigned words[32];
};

static int mount_id;

static long get(int directory, const char *path, struct handle *handle, int flags)
{
    return syscall(SYS_name_to_handle_at, directory, path, handle, &mount_id, flags);
}

static struct handle handle_of(const char *path)
{
    struct handle handle = { .size = 128 };

    CALL(get(AT_FDCWD, path, &handle, 0));
    return handle;
}

static long open_it(const struct handle *handle, int flags)
{
    return syscall(SYS_open_by_handle_at, AT_FDCWD, handle, flags);
}

static void show_open(const char *what, const struct handle *handle, int flags)
{
    char text[16] = "";
    struct stat status;
    long fd;

    errno = 0;
    fd = open_it(handle, flags);
    if (fd < 0) {
        (void)printf("%s: %s\n", what, error_name(errno));
        return;
    }
    (void)fstat((int)fd, &status);
    if (S_ISREG(status.st_mode) && pread((int)fd, text, sizeof(text) - 1, 0) < 0)
        (void)printf("cannot read: %s\n", error_name(errno));
    (void)printf("%s: %#o, %d links, \"%s\", fd %#x\n", what, status.st_mode & S_IFMT,
                 (int)status.st_nlink, text, fcntl((int)fd, F_GETFD));
    (void)close((int)fd);
}

static void sizes(void)
{
    struct handle handle = { .size = 0 };
    int kept;

    SECTION("sizes");
    CALL(get(AT_FDCWD, "file", &handle, 0));
    VALUE(handle.size);
    kept = mount_id;
    mount_id = -1;
    handle.size = 11;
    CALL(get(AT_FDCWD, "file", &handle, 0));
    VALUE(handle.size);
    FACT(mount_id == kept);
    CALL(get(AT_FDCWD, "file", &handle, 0));
    VALUE(handle.type);
    handle.size = 129;
    CALL(get(AT_FDCWD, "file", &handle, 0));
    handle.size = 128;
    CALL(get(AT_FDCWD, "file", &handle, 0));
    VALUE(handle.size);
    CALL(get(AT_FDCWD, "file", (struct handle *)8, 0));
    CALL(syscall(SYS_name_to_handle_at, AT_FDCWD, "file", &handle, 8, 0));
}

static void what_it_stands_for(void)
{
    struct handle file = handle_of("file"), directory = handle_of("directory");
    struct handle link = handle_of("link"), root = handle_of("/"), other;
    int fd;

    SECTION("what it stands for");
    (void)root;
    show_open("file", &file, O_RDONLY);
    show_open("for both", &file, O_RDWR | O_CLOEXEC);
    show_open("directory", &directory, O_RDONLY);
    show_open("directory, to write", &directory, O_RDWR);
    show_open("file as directory", &file, O_RDONLY | O_DIRECTORY);
    show_open("link", &link, O_RDONLY);
    show_open("link itself", &link, O_PATH);
    show_open("to create", &file, O_RDWR | O_CREAT);
    show_open("to create alone", &file, O_RDWR | O_CREAT | O_EXCL);
    show_open("to create a directory", &directory, O_RDONLY | O_CREAT);
    other = handle_of("same");
    FACT(memcmp(&file, &other, 8 + file.size) == 0);
    FACT(memcmp(&file, &directory, 8 + file.size) == 0);
    CALL(get(AT_FDCWD, "link", &link, AT_SYMLINK_FOLLOW));
    FACT(memcmp(&file, &link, 8 + file.size) == 0);
    CALL(rename("file", "directory/moved"));
    show_open("moved", &file, O_RDONLY);
    fd = (int)open_it(&file, O_RDWR);
    CALL(unlink("directory/moved"));
    show_open("one name less", &file, O_RDONLY);
    CALL(unlink("same"));
    show_open("without a name", &file, O_RDONLY);
    (void)close(fd);
    show_open("gone", &file, O_RDONLY);
    CALL(rmdir("directory"));
    show_open("directory gone", &directory, O_RDONLY);
    make_file("file", "new");
    show_open("another one", &file, O_RDONLY);
}

static void edges(void)
{
    struct handle handle = handle_of("file"), changed;
    int fds[2], file = open("file", O_RDONLY), path = open("file", O_PATH);

    SECTION("edges");
    CALL(get(AT_FDCWD, "none", &handle, 0));
    CALL(get(AT_FDCWD, "", &handle, 0));
    CALL(get(file, "", &handle, 0));
    CALL(get(file, "", &handle, AT_EMPTY_PATH));
    CALL(get(path, "", &handle, AT_EMPTY_PATH));
    CALL(get(-1, "", &handle, AT_EMPTY_PATH));
    CALL(get(-1, "file", &handle, 0));
    CALL(get(file, "file", &handle, 0));
    CALL(get(AT_FDCWD, (char *)8, &handle, 0));
    CALL(get(AT_FDCWD, "file", &handle, 0x8000));
    CALL(get(AT_FDCWD, "/proc/self/stat", &handle, 0));
    if (pipe(fds) == 0)
        CALL(get(fds[0], "", &handle, AT_EMPTY_PATH));
    changed = handle;
    changed.size = 0;
    CALL(open_it(&changed, O_RDONLY));
    changed.size = 129;
    CALL(open_it(&changed, O_RDONLY));
    changed.size = 4;
    CALL(open_it(&changed, O_RDONLY));
    changed = handle;
    changed.words[1] += 1000;
    CALL(open_it(&changed, O_RDONLY));
    changed = handle;
    changed.words[0]++;
    CALL(open_it(&changed, O_RDONLY));
    changed = handle;
    changed.size = 128;
    show_open("with more behind it", &changed, O_RDONLY);
    CALL(open_it((struct handle *)8, O_RDONLY));
    CALL(syscall(SYS_open_by_handle_at, -1, &handle, O_RDONLY));
    CALL(syscall(SYS_open_by_handle_at, path, &handle, O_RDONLY));
    CALL(syscall(SYS_open_by_handle_at, fds[0], &handle, O_RDONLY));
    CALL(syscall(SYS_open_by_handle_at, file, &handle, O_RDONLY) > 0);
}

static void as_user(void)
{
    struct handle handle, none = { .size = 0 };

    be_user(ONE);
    handle = handle_of("file");
    CALL(open_it(&handle, O_RDONLY));
    CALL(open_it(&none, O_RDONLY));
    CALL(open_it((struct handle *)8, O_RDONLY));
    CALL(syscall(SYS_open_by_handle_at, -1, &handle, O_RDONLY));
}

int main(void)
{
    (void)chmod(".", 0755);
    make_file("file", "contents");
    (void)mkdir("directory", 0755);
    if (link("file", "same") != 0 || symlink("file", "link") != 0)
        return 1;
    sizes();
    what_it_stands_for();
    edges();
    apart("as a user", as_user);
    return 0;
}

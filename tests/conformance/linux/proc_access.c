/* /proc: who may look at whose processes, what can be set there, and processes that go away. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "with_users.h"

static char name[300], text[70000];

static const char *path_of(const char *file)
{
    snprintf(name, sizeof(name), "/proc/%d/%s", target, file);
    return name;
}

static long slurp(const char *path)
{
    int fd = open(path, O_RDONLY);
    long size = 0, count = fd < 0 ? -1 : 0;

    if (fd < 0)
        return -1;
    while ((count = read(fd, text + size, sizeof(text) - 1 - (size_t)size)) > 0)
        size += count;
    if (count < 0)
        size = -1;
    text[size < 0 ? 0 : size] = 0;
    close(fd);
    return size;
}

/* ---- Who may look -------------------------------------------------------------------------- */

static void try_all(const char *who)
{
    static const char *const files[] = {
        "stat", "status", "statm", "cmdline", "comm", "limits", "maps", "smaps", "smaps_rollup",
        "environ", "auxv", "mem", "io", "stack", "syscall", "personality", "wchan", "sched",
        "schedstat", "oom_score", "oom_score_adj", "oom_adj", "cgroup", "loginuid", "uid_map",
        "mounts", "mountinfo", "task", "timerslack_ns", "coredump_filter", "net/unix",
    };
    static const char *const links[] = { "exe", "cwd", "root", "fd/0" };

    printf("-- %s\n", who);
    for (size_t i = 0; i < COUNT(files); i++) {
        int fd = open(path_of(files[i]), O_RDONLY);
        long size = fd < 0 ? -1 : read(fd, text, 100);

        printf("%s: %s, %s\n", files[i], fd < 0 ? error_name(errno) : "opened",
               fd < 0 ? "" : size < 0 ? error_name(errno) : "read");
        close(fd);
    }
    for (size_t i = 0; i < COUNT(links); i++) {
        struct stat status;

        printf("%s: ", links[i]);
        printf("read %s, ", readlink(path_of(links[i]), text, 100) < 0 ? error_name(errno) : "ok");
        printf("followed %s\n", stat(path_of(links[i]), &status) != 0 ? error_name(errno) : "ok");
    }
    for (int i = 0; i < 2; i++) {
        DIR *directory = opendir(path_of(i ? "fd" : "fdinfo"));

        printf("directory: %s\n", directory ? "ok" : error_name(errno));
        if (directory)
            closedir(directory);
    }
    CALL(slurp(path_of("fdinfo/0")) > 0);
    CALL(slurp(path_of("fd/0/../../stat")) > 0);
}

static void show_owner(const char *file)
{
    struct stat status;

    if (lstat(path_of(file), &status) == 0)
        printf("%s: %o, %u:%u\n", file, status.st_mode, status.st_uid, status.st_gid);
    else
        printf("%s: %s\n", file, error_name(errno));
}

static void show_owners(void)
{
    static const char *const files[] = { "", "fd", "fdinfo", "task", "stat", "environ", "maps",
                                         "mem", "exe", "comm", "cwd", "limits", "io", "syscall",
                                         "oom_score_adj", "net", "auxv", "stack", "root" };

    for (size_t i = 0; i < COUNT(files); i++)
        show_owner(files[i]);
}

static void look_as(const char *who, uid_t user)
{
    pid_t child = fork();

    if (child == 0) {
        be_user(user);
        try_all(who);
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void who_may_look(void)
{
    make_target(ONE, 1);
    look_as("the same user", ONE);
    look_as("another user", TWO);
    try_all("root");
    show_owners();
    end_target();
    make_target(ONE, 0);
    look_as("the same user, not dumpable", ONE);
    show_owners();
    end_target();
    make_target(0, 1);
    look_as("root's", ONE);
    end_target();
}

/* ---- What can be set ----------------------------------------------------------------------- */

static long put(const char *file, const char *value)
{
    int fd = open(path_of(file), O_WRONLY);
    long result = fd < 0 ? -1 : write(fd, value, strlen(value));
    int error = errno;

    close(fd);
    errno = error;
    return result;
}

static void show(const char *file)
{
    long size = slurp(path_of(file));

    printf("%s: %s%s", file, size < 0 ? error_name(errno) : text, strchr(text, '\n') ? "" : "\n");
}

static void settings(void)
{
    target = getpid();
    SECTION("settings");
    CALL(put("comm", "a name that is longer than it may be\n"));
    show("comm");
    CALL(put("comm", "short"));
    show("comm");
    CALL(put("oom_score_adj", "500\n"));
    show("oom_score_adj");
    show("oom_adj");
    CALL(put("oom_score_adj", "1001"));
    CALL(put("oom_score_adj", "x"));
    CALL(put("oom_score_adj", "1000"));
    show("oom_adj");
    CALL(put("timerslack_ns", "12345"));
    show("timerslack_ns");
    CALL(prctl(PR_GET_TIMERSLACK));
    CALL(put("stat", "1") < 0);
    pid_t child = fork();

    if (child == 0) {
        show("oom_score_adj");
        target = getppid();
        CALL(put("comm", "x"));
        exit(0);
    }
    waitpid(child, NULL, 0);
}

static void memory(void)
{
    static volatile long word = 4711;
    long seen = 0;
    int fd = open("/proc/self/mem", O_RDWR);

    SECTION("memory");
    CALL(pread(fd, &seen, sizeof(seen), (off_t)(uintptr_t)&word));
    VALUE(seen);
    seen = 42;
    CALL(pwrite(fd, &seen, sizeof(seen), (off_t)(uintptr_t)&word));
    VALUE(word);
    CALL(pread(fd, &seen, sizeof(seen), 16));
    CALL(pread(fd, &seen, 0, 16));
    CALL(lseek(fd, 16, SEEK_SET));
    CALL(lseek(fd, 16, SEEK_CUR));
    CALL(lseek(fd, 0, SEEK_END));
    CALL(read(fd, &seen, sizeof(seen)));
    close(fd);
}

/* ---- Processes that go away ---------------------------------------------------------------- */

static void ends_meanwhile(void)
{
    DIR *tasks, *files;
    int stat_fd, status_fd, directory_fd;
    pid_t child;

    SECTION("it ends meanwhile");
    make_target(ONE, 1);
    child = target;
    stat_fd = open(path_of("stat"), O_RDONLY);
    status_fd = open(path_of("status"), O_RDONLY);
    directory_fd = open(path_of(""), O_RDONLY | O_DIRECTORY);
    tasks = opendir(path_of("task"));
    files = opendir(path_of("fd"));
    CALL(read(status_fd, text, 10));
    CALL(syscall(SYS_pidfd_send_signal, directory_fd, 0, NULL, 0));
    CALL(syscall(SYS_pidfd_send_signal, dirfd(tasks), 0, NULL, 0));
    CALL(syscall(SYS_pidfd_send_signal, stat_fd, 0, NULL, 0));
    CALL(syscall(SYS_pidfd_send_signal, directory_fd, SIGKILL, NULL, 0));
    waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT);
    show_owner("stat");
    CALL(slurp(path_of("cmdline")));
    CALL(slurp(path_of("stat")) > 0);
    FACT(strstr(text, ") Z ") != NULL);
    CALL(readlink(path_of("exe"), text, 100));
    CALL(readlink(path_of("cwd"), text, 100));
    CALL(open(path_of("fd/0"), O_RDONLY));
    waitpid(child, NULL, 0);
    CALL(syscall(SYS_pidfd_send_signal, directory_fd, 0, NULL, 0));
    CALL(read(stat_fd, text, 100));
    CALL(read(status_fd, text, 10) >= 0);
    CALL(openat(directory_fd, "stat", O_RDONLY) < 0);
    CALL(readdir(tasks) == NULL);
    CALL(readdir(files) == NULL);
    CALL(open(path_of("stat"), O_RDONLY));
    CALL(open(path_of(""), O_RDONLY));
}

/* ---- Many ---------------------------------------------------------------------------------- */

#define CHILDREN 300
#define THREADS 100

static unsigned listed(const char *path, const int32_t *ids, unsigned count)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    unsigned found = 0;

    while ((entry = readdir(directory))) {
        for (unsigned i = 0; i < count; i++)
            found += ids[i] == atoi(entry->d_name);
    }
    closedir(directory);
    return found;
}

static pthread_barrier_t barrier;
static int32_t thread_ids[THREADS];

static void *rest(void *index)
{
    thread_ids[(uintptr_t)index] = (int32_t)syscall(SYS_gettid);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

static void many(void)
{
    static int32_t children[CHILDREN];
    static pthread_t threads[THREADS];

    SECTION("many");
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pause();
            exit(0);
        }
    }
    VALUE(listed("/proc", children, CHILDREN));
    for (int i = 0; i < CHILDREN; i += 2) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    VALUE(listed("/proc", children, CHILDREN));
    for (int i = 1; i < CHILDREN; i += 2) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, rest, (void *)i);
    pthread_barrier_wait(&barrier);
    VALUE(listed("/proc/self/task", thread_ids, THREADS));
    slurp("/proc/self/status");
    FACT(strstr(text, "Threads:\t101\n") != NULL);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Small pieces fit together. */
static void pieces(void)
{
    static char whole[sizeof(text)];
    int fd = open("/proc/self/maps", O_RDONLY);
    long size = 0;

    SECTION("pieces");
    slurp("/proc/self/maps");
    while (size < (long)sizeof(whole) - 1 && read(fd, whole + size, 1) == 1)
        size++;
    FACT(strcmp(whole, text) == 0);
    close(fd);
}

int main(void)
{
    who_may_look();
    settings();
    memory();
    ends_meanwhile();
    many();
    pieces();
    return 0;
}

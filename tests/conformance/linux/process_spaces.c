/* Namespaces of mounts, names, System V objects, sockets and processes: unshare, clone, setns by
 * files and by pidfds, the links of /proc/<pid>/ns, and proc mounted in a PID namespace. */
#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ASK_KIND 0xb703    /* NS_GET_NSTYPE */

/* Of this run alone. */
static int key;
static char queue_name[32];

/* Runs it in a child and says how that ended. */
static void within(void (*run)(void))
{
    int status = 0;
    pid_t id = fork();

    if (id == 0) {
        run();
        exit(7);
    }
    (void)waitpid(id, &status, 0);
    printf("exited %d, code %d\n", WIFEXITED(status), WEXITSTATUS(status));
}

/* A child that waits for ever, after `run`. */
static pid_t begin_other(void (*run)(void))
{
    int ready[2];
    char byte;
    pid_t id;

    (void)pipe(ready);
    id = fork();
    if (id == 0) {
        run();
        (void)write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    (void)read(ready[0], &byte, 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return id;
}

static void end_other(pid_t id)
{
    (void)kill(id, SIGKILL);
    (void)waitpid(id, NULL, 0);
}

static int lines_of(const char *path, const char *part)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    int count = 0;

    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, part) != NULL;
    if (file)
        (void)fclose(file);
    return file ? count : -1;
}

static int open_link(pid_t id, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)id, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The number of the namespace as its link has it. */
static long number_of(pid_t id, const char *name)
{
    char path[64], text[64] = "";

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)id, name);
    if (readlink(path, text, sizeof(text) - 1) < 0)
        return -1;
    return strchr(text, '[') ? atol(strchr(text, '[') + 1) : -2;
}

/* ---- Links --------------------------------------------------------------------------------- */

static void show_link(const char *name)
{
    char path[64], text[64] = "", again[64] = "";
    struct stat first, second;
    struct statfs filesystem;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    (void)readlink(path, text, sizeof(text) - 1);
    fd = open(path, O_RDONLY);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    (void)readlink(path, again, sizeof(again) - 1);
    printf("%s: %.*s\n", name, (int)strcspn(text, "["), text);
    FACT(strcmp(text, again) == 0);
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/ns/%s", (int)getpid(), name);
    CALL(fstat(fd, &first));
    CALL(stat(path, &second));
    FACT(first.st_ino == second.st_ino && first.st_dev == second.st_dev);
    FACT((long)first.st_ino == number_of(getpid(), name));
    OCTAL(first.st_mode);
    CALL(fstatfs(fd, &filesystem));
    VALUE(filesystem.f_type);
    CALL(ioctl(fd, ASK_KIND));
    CALL(ioctl(fd, 0xb7ff));
    CALL(read(fd, text, 1));
    CALL(fchmod(fd, 0600));
    CALL(close(fd));
}

static void links(void)
{
    static const char *const names[] = { "ipc", "mnt", "net", "pid", "pid_for_children", "uts" };
    struct stat status;
    siginfo_t information;
    pid_t child;

    for (size_t i = 0; i < COUNT(names); i++)
        show_link(names[i]);
    CALL(open_link(getpid(), "none"));
    CALL(stat("/proc/self/ns", &status));
    OCTAL(status.st_mode);
    child = fork();
    if (child == 0)
        _exit(0);
    (void)waitid(P_PID, (id_t)child, &information, WEXITED | WNOWAIT);
    FACT(number_of(child, "mnt") == -1);
    FACT(number_of(child, "pid") > 0);
    (void)waitpid(child, NULL, 0);
}

/* ---- Names --------------------------------------------------------------------------------- */

static void rename_machine(void)
{
    char name[65] = "";

    CALL(unshare(CLONE_NEWUTS));
    CALL(sethostname("inside", 6));
    CALL(setdomainname("domain", 6));
    CALL(gethostname(name, sizeof(name)));
    TEXT(name);
    VALUE(lines_of("/proc/sys/kernel/hostname", "inside"));
}

static void names(void)
{
    char before[65] = "", after[65] = "";
    pid_t other;
    int own, theirs;

    (void)gethostname(before, sizeof(before));
    other = begin_other(rename_machine);
    (void)gethostname(after, sizeof(after));
    FACT(strcmp(before, after) == 0);
    FACT(number_of(other, "uts") != number_of(getpid(), "uts"));
    FACT(number_of(other, "ipc") == number_of(getpid(), "ipc"));
    own = open_link(getpid(), "uts");
    theirs = open_link(other, "uts");
    end_other(other);
    CALL(setns(theirs, CLONE_NEWIPC));
    CALL(setns(theirs, CLONE_NEWUTS | CLONE_NEWIPC));
    CALL(setns(theirs, 0));    /* its last thread has ended */
    (void)gethostname(after, sizeof(after));
    TEXT(after);
    CALL(setns(own, CLONE_NEWUTS));
    (void)gethostname(after, sizeof(after));
    FACT(strcmp(before, after) == 0);
    (void)close(own);
    (void)close(theirs);
}

/* ---- Mounts -------------------------------------------------------------------------------- */

static void be_private(void)
{
    CALL(unshare(CLONE_NEWNS));
    CALL(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void mount_inside(void)
{
    be_private();
    CALL(mount("source", "place", "tmpfs", 0, NULL));
    CALL(mkdir("place/sub", 0700));
    CALL(chdir("place/sub"));
    VALUE(lines_of("/proc/self/mounts", "/place tmpfs"));
}

static void foreign_mounts(pid_t other, const char *top)
{
    char inside[256], path[4500];

    (void)snprintf(path, sizeof(path), "/proc/%d/root%s/place", (int)other, top);
    CALL(umount(path));
    CALL(mount("none", path, "tmpfs", 0, NULL));
    CALL(mount(path, "place", NULL, MS_BIND, NULL));
    CALL(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    CALL(access(strcat(path, "/sub"), F_OK));
    (void)snprintf(inside, sizeof(inside), "/proc/%d/mounts", (int)other);
    VALUE(lines_of(inside, "/place tmpfs"));
}

static void enter_mounts(void)
{
    int fd = open("/proc/self/ns/mnt", O_RDONLY);
    char top[4096], now[4096];

    (void)getcwd(top, sizeof(top));
    mount_inside();
    CALL(mount("/proc/self/ns/mnt", top, NULL, MS_BIND, NULL));
    CALL(setns(fd, CLONE_NEWNS));
    TEXT(getcwd(now, sizeof(now)));
    CALL(chdir(top));
    CALL(access("place/sub", F_OK));
}

static int share_places(void *fd)
{
    CALL(setns(*(int *)fd, CLONE_NEWNS));
    return 0;
}

static void mounts(void)
{
    static char stack[65536];
    char top[4096];
    pid_t other;
    int fd, status;

    (void)getcwd(top, sizeof(top));
    CALL(mkdir("place", 0755));
    other = begin_other(mount_inside);
    CALL(access("place/sub", F_OK));
    VALUE(lines_of("/proc/self/mounts", "/place tmpfs"));
    FACT(number_of(other, "mnt") != number_of(getpid(), "mnt"));
    foreign_mounts(other, top);
    end_other(other);
    within(enter_mounts);
    fd = open("/proc/self/ns/mnt", O_RDONLY);
    other = clone(share_places, stack + sizeof(stack), CLONE_FS | SIGCHLD, &fd);
    (void)waitpid(other, &status, 0);
    (void)close(fd);
    CALL(clone(share_places, stack + sizeof(stack), CLONE_FS | CLONE_NEWNS | SIGCHLD, &fd));
    CALL(rmdir("place"));
}

/* ---- System V objects and queues ----------------------------------------------------------- */

static int segment;
static char *memory;

static void look_for_objects(void)
{
    struct shmid_ds status;
    int own = open("/proc/self/ns/ipc", O_RDONLY);

    CALL(unshare(CLONE_NEWIPC));
    CALL(shmget(key, 0, 0));
    CALL(shmctl(segment, IPC_STAT, &status));
    CALL(semget(key, 0, 0));
    CALL(msgget(key, 0));
    CALL(mq_open(queue_name, O_RDONLY));
    VALUE(lines_of("/proc/sysvipc/shm", ""));
    FACT(shmget(key, 8192, IPC_CREAT | 0600) >= 0);
    memory = shmat(shmget(key, 0, 0), NULL, 0);
    FACT(msgget(key, IPC_CREAT | 0600) >= 0);
    FACT(mq_open(queue_name, O_CREAT | O_RDWR, 0600, NULL) >= 0);
    VALUE(lines_of("/proc/sysvipc/shm", ""));
    VALUE(lines_of("/proc/sysvipc/msg", ""));
    strcpy(memory, "still there");
    CALL(setns(own, CLONE_NEWIPC));
    TEXT(memory);
    FACT(shmget(key, 0, 0) == segment);
}

static void objects(void)
{
    struct arguments {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } both = { .flags = CLONE_NEWIPC | CLONE_SYSVSEM, .exit_signal = SIGCHLD };
    int set = semget(key, 1, IPC_CREAT | 0600);
    mqd_t queue = mq_open(queue_name, O_CREAT | O_RDWR, 0600, NULL);

    segment = shmget(key, 4096, IPC_CREAT | 0600);
    FACT(set >= 0 && segment >= 0 && queue >= 0);
    within(look_for_objects);
    CALL(mq_unlink(queue_name));
    CALL(shmctl(segment, IPC_RMID, NULL));
    CALL(semctl(set, 0, IPC_RMID));
    CALL(syscall(SYS_clone3, &both, sizeof(both)));
    (void)mq_close(queue);
}

/* ---- Sockets ------------------------------------------------------------------------------- */

static struct sockaddr_un address = { .sun_family = AF_UNIX };    /* an abstract name */
#define ADDRESS (struct sockaddr *)&address, (socklen_t)sizeof(address)

static void look_for_sockets(void)
{
    int before = socket(AF_UNIX, SOCK_STREAM, 0), after;

    CALL(unshare(CLONE_NEWNET));
    after = socket(AF_UNIX, SOCK_STREAM, 0);
    FACT(connect(after, ADDRESS) == -1 && errno == ECONNREFUSED);
    VALUE(lines_of("/proc/net/unix", "@eft-spaces"));
    VALUE(lines_of("/proc/net/unix", ""));
    FACT(bind(after, ADDRESS) == 0);
    VALUE(lines_of("/proc/net/unix", "@eft-spaces"));
    FACT(connect(before, ADDRESS) == 0);    /* it stays in the namespace where it was made */
}

static void sockets(void)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);

    FACT(bind(listener, ADDRESS) == 0);
    CALL(listen(listener, 5));
    within(look_for_sockets);
    (void)close(listener);
}

/* ---- Processes ----------------------------------------------------------------------------- */

/* Names of processes in a /proc. */
static void list_processes(const char *proc)
{
    DIR *directory = opendir(proc);
    struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name))
            printf("process %s\n", entry->d_name);
    }
    if (directory)
        (void)closedir(directory);
}

static void show_last(const char *path, const char *name)
{
    FILE *file = fopen(path, "r");
    char line[4096];

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            printf("%s", line);
    }
    if (file)
        (void)fclose(file);
}

static void look_at_ids(void)
{
    char self[64] = "", line[256] = "";
    pid_t child = fork();
    FILE *file;

    if (child == 0)
        for (;;)
            pause();
    CALL(readlink("/proc/self", self, sizeof(self) - 1) > 0);
    FACT(atoi(self) > 1);    /* that /proc is of the namespace above */
    CALL(mount("proc", "place", "proc", 0, NULL));
    memset(self, 0, sizeof(self));
    (void)readlink("place/self", self, sizeof(self) - 1);
    TEXT(self);
    list_processes("place");
    show_last("place/self/status", "PPid");
    show_last("place/self/status", "NSpid");
    show_last("place/2/status", "PPid");
    show_last("place/2/status", "NSpid");
    FACT(lines_of("place/2/stat", "2 (") == 1);
    file = fopen("place/loadavg", "r");
    if (file && fgets(line, sizeof(line), file) && strrchr(line, ' '))
        printf("last%s", strrchr(line, ' '));
    if (file)
        (void)fclose(file);
    CALL(access("place/3", F_OK));
    CALL(umount("place"));
    end_other(child);
}

static void look_outside(int outside)
{
    CALL(setns(outside, CLONE_NEWPID));    /* upwards */
    exit(0);
}

static void ids(void)
{
    int outside = open("/proc/self/ns/pid", O_RDONLY), inside, status;
    char text[64] = "";
    pid_t first, second;

    be_private();
    CALL(unshare(CLONE_NEWPID));
    CALL(readlink("/proc/self/ns/pid_for_children", text, sizeof(text)));
    first = fork();
    if (first == 0) {
        look_at_ids();
        look_outside(outside);
    }
    (void)waitpid(first, &status, 0);
    VALUE(WEXITSTATUS(status));
    CALL(setns(outside, CLONE_NEWPID));
    first = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID, NULL, NULL, NULL, 0);
    if (first == 0)
        for (;;)
            pause();
    inside = open_link(first, "pid");
    CALL(setns(inside, CLONE_NEWPID));
    FACT(number_of(getpid(), "pid_for_children") == number_of(first, "pid"));
    FACT(number_of(getpid(), "pid") != number_of(first, "pid"));
    second = fork();
    if (second == 0) {
        VALUE(getpid());
        VALUE(getppid());
        exit(0);
    }
    (void)waitpid(second, &status, 0);
    end_other(first);
    CALL(fork());
}

static bool is_listed(const char *proc, pid_t id)
{
    DIR *directory = opendir(proc);
    struct dirent *entry;
    bool found = false;

    while (directory && (entry = readdir(directory)))
        found = found || atoi(entry->d_name) == id;
    if (directory)
        (void)closedir(directory);
    return found;
}

static void look_unprivileged(void)
{
    struct stat status;
    char path[64];

    (void)setgid(12345);
    (void)setuid(12345);
    (void)snprintf(path, sizeof(path), "place/%d", (int)getppid());
    CALL(stat(path, &status));
    FACT(is_listed("place", getppid()));
    FACT(is_listed("place", getpid()));
    CALL(stat("place/self/status", &status));
    CALL(chdir(path));
}

static void options_of_proc(void)
{
    static const char *const options[] = { "subset=pid", "hidepid=1", "hidepid=invisible",
                                           "hidepid=2,gid=12345", "hidepid=3", "gid=x", "none" };
    struct stat status;

    be_private();
    for (size_t i = 0; i < COUNT(options); i++) {
        printf("%s:\n", options[i]);
        if (CALL(mount("proc", "place", "proc", 0, options[i])) != 0)
            continue;
        CALL(stat("place/cpuinfo", &status));
        within(look_unprivileged);
        CALL(umount("place"));
    }
}

static void processes(void)
{
    CALL(mkdir("place", 0755));
    within(ids);
    within(options_of_proc);
    CALL(rmdir("place"));
}

/* ---- pidfds -------------------------------------------------------------------------------- */

static void leave_all(void)
{
    CALL(unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET));
    (void)sethostname("other", 5);
}

static int pidfd_of_other;

static void enter_other(void)
{
    char name[65] = "";

    CALL(setns(pidfd_of_other, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS |
                                   CLONE_NEWPID));
    (void)gethostname(name, sizeof(name));
    TEXT(name);
    TEXT(getcwd(name, sizeof(name)));
}

static void enter_unprivileged(void)
{
    int own = open("/proc/self/ns/uts", O_RDONLY);

    (void)setuid(12345);
    CALL(setns(pidfd_of_other, CLONE_NEWUTS));
    CALL(setns(own, CLONE_NEWUTS));
    CALL(unshare(CLONE_NEWUTS));
    CALL(unshare(CLONE_NEWNS));
    CALL(syscall(SYS_clone, SIGCHLD | CLONE_NEWIPC, NULL, NULL, NULL, 0));
}

static void pidfds(void)
{
    pid_t other = begin_other(leave_all);
    int file = open("/dev/null", O_RDONLY);

    pidfd_of_other = (int)syscall(SYS_pidfd_open, other, 0);
    CALL(setns(pidfd_of_other, 0));
    CALL(setns(pidfd_of_other, -1));
    CALL(setns(pidfd_of_other, CLONE_VM));
    CALL(setns(file, 0));
    CALL(setns(file, CLONE_NEWUTS));
    CALL(setns(-1, 0));
    within(enter_other);
    within(enter_unprivileged);
    (void)kill(other, SIGKILL);
    (void)waitid(P_PID, (id_t)other, NULL, WEXITED | WNOWAIT);
    CALL(setns(pidfd_of_other, CLONE_NEWUTS));
    (void)waitpid(other, NULL, 0);
    CALL(setns(pidfd_of_other, CLONE_NEWUTS));
    (void)close(pidfd_of_other);
    (void)close(file);
}

int main(void)
{
    (void)chmod(".", 0755);    /* other users look, too */
    key = 0x45660000 + getpid();
    (void)snprintf(queue_name, sizeof(queue_name), "/eft-spaces-%d", (int)getpid());
    (void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "eft-spaces-%d",
                   (int)getpid());
    SECTION("links");
    links();
    SECTION("names");
    within(names);
    SECTION("mounts");
    mounts();
    SECTION("objects");
    objects();
    SECTION("sockets");
    sockets();
    SECTION("processes");
    processes();
    SECTION("pidfds");
    pidfds();
    return 0;
}

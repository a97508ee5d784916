/* Users, groups and capabilities: of each thread, what follows what, and set-id programs. */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "with_users.h"

#define RESOURCES (1ull << 24)    /* who runs this may not have this one */

struct sets {
    uint64_t effective, permitted, inheritable;
};

static struct sets get_sets(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &header, data) != 0)
        return (struct sets){ 0 };
    return (struct sets){
        data[0].effective | (uint64_t)data[1].effective << 32,
        data[0].permitted | (uint64_t)data[1].permitted << 32,
        data[0].inheritable | (uint64_t)data[1].inheritable << 32,
    };
}

static long set_sets(struct sets sets)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2] = {
        { (uint32_t)sets.effective, (uint32_t)sets.permitted, (uint32_t)sets.inheritable },
        { (uint32_t)(sets.effective >> 32), (uint32_t)(sets.permitted >> 32),
          (uint32_t)(sets.inheritable >> 32) },
    };

    return syscall(SYS_capset, &header, data);
}

static void show(const char *when)
{
    uid_t real, effective, saved;
    gid_t group, effective_group, saved_group;
    struct sets sets = get_sets();

    syscall(SYS_getresuid, &real, &effective, &saved);
    syscall(SYS_getresgid, &group, &effective_group, &saved_group);
    printf("%s: users %u %u %u file %d, groups %u %u %u file %d, can %llx %llx %llx, dumpable %d\n",
           when, real, effective, saved, setfsuid((uid_t)-1), group, effective_group, saved_group,
           setfsgid((gid_t)-1), (unsigned long long)(sets.effective & ~RESOURCES),
           (unsigned long long)(sets.permitted & ~RESOURCES),
           (unsigned long long)sets.inheritable, prctl(PR_GET_DUMPABLE));
}

/* ---- What follows what --------------------------------------------------------------------- */

static void leave_root(void)
{
    show("root");
    CALL(syscall(SYS_setresuid, -1, ONE, -1));
    show("effective only");
    CALL(syscall(SYS_setresuid, -1, 0, -1));
    show("and back");
    CALL(setfsuid(ONE));
    show("for files");
    CALL(setfsuid(0));
    show("and back");
    CALL(syscall(SYS_setresuid, ONE, ONE, 0));
    show("saved only");
    CALL(syscall(SYS_setuid, 0));
    show("root again");
    CALL(syscall(SYS_setresuid, ONE, ONE, ONE));
    show("never more");
    CALL(syscall(SYS_setuid, 0));
    CALL(syscall(SYS_setgid, TWO));
    CALL(syscall(SYS_setgroups, 0, NULL));
    CALL(setfsuid(TWO));
    CALL(setfsuid(-1));
}

static void keep_capabilities(void)
{
    CALL(prctl(PR_GET_KEEPCAPS));
    CALL(prctl(PR_SET_KEEPCAPS, 2));
    CALL(prctl(PR_SET_KEEPCAPS, 1));
    CALL(prctl(PR_GET_KEEPCAPS));
    CALL(prctl(PR_GET_SECUREBITS));
    CALL(syscall(SYS_setresuid, ONE, ONE, ONE));
    show("kept");
    struct sets sets = get_sets();

    sets.effective = 1ull << CAP_SETUID;
    CALL(set_sets(sets));
    CALL(syscall(SYS_setresuid, TWO, TWO, TWO));
    show("by capability");
    CALL(syscall(SYS_setgid, TWO));
}

static void give_up(void)
{
    struct sets sets = get_sets();

    sets.effective = sets.permitted = 1ull << CAP_CHOWN | 1ull << CAP_KILL;
    CALL(set_sets(sets));
    show("two left");
    sets.permitted |= 1ull << CAP_SYS_TIME;
    CALL(set_sets(sets));
    sets.permitted = 1ull << CAP_KILL;
    CALL(set_sets(sets));
    sets.effective = 0;
    CALL(set_sets(sets));
    sets.inheritable = 1ull << CAP_SYS_TIME;
    CALL(set_sets(sets));
    sets.inheritable = 1ull << CAP_KILL;
    CALL(set_sets(sets));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 99, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, 99, CAP_CHOWN, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, CAP_KILL));
    CALL(prctl(PR_CAPBSET_DROP, CAP_KILL));
    CALL(syscall(SYS_setuid, ONE));
    CALL(chown(".", 0, 0));
}

static void shrink_bounds(void)
{
    CALL(prctl(PR_CAPBSET_READ, 99));
    CALL(prctl(PR_CAPBSET_DROP, 99));
    CALL(prctl(PR_CAPBSET_DROP, CAP_SYS_TIME));
    CALL(prctl(PR_CAPBSET_READ, CAP_SYS_TIME));
    show("not yet");
    struct sets sets = get_sets();

    sets.inheritable = 1ull << CAP_SYS_TIME;
    CALL(set_sets(sets));
    sets.inheritable = 1ull << CAP_KILL;
    CALL(set_sets(sets));
}

static void bad_arguments(void)
{
    struct __user_cap_header_struct header = { 0, 0 };
    struct __user_cap_data_struct data[2];

    CALL(syscall(SYS_capget, NULL, data));
    CALL(syscall(SYS_capget, &header, data));
    VALUE(header.version);
    header.version = 1;
    CALL(syscall(SYS_capget, &header, NULL));
    header.pid = -1;
    CALL(syscall(SYS_capget, &header, data));
    header.pid = 0x3ffffff;
    CALL(syscall(SYS_capget, &header, data));
    header.pid = getppid();
    CALL(syscall(SYS_capget, &header, data));
    CALL(syscall(SYS_capset, &header, data));
    header.pid = getpid();
    CALL(syscall(SYS_capset, &header, NULL));
}

/* ---- Threads ------------------------------------------------------------------------------- */

static void *be_another(void *unused)
{
    char name[64], text[4096] = "";
    int fd;

    CALL(syscall(SYS_setresgid, TWO, TWO, TWO));
    CALL(syscall(SYS_setresuid, TWO, TWO, TWO));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    show("thread");
    snprintf(name, sizeof(name), "/proc/thread-self/status");
    fd = open(name, O_RDONLY);
    CALL(fd >= 0);
    CALL(read(fd, text, sizeof(text) - 1) > 0);
    FACT(strstr(text, "Uid:\t54322\t54322\t54322\t54322\n") != NULL);
    FACT(strstr(text, "NoNewPrivs:\t1\n") != NULL);
    close(fd);
    CALL(open("private", O_RDONLY));
    return unused;
}

static void threads(void)
{
    pthread_t thread;

    CALL(close(open("private", O_CREAT | O_WRONLY, 0600)));
    pthread_create(&thread, NULL, be_another, NULL);
    pthread_join(thread, NULL);
    show("first");
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(close(open("private", O_RDONLY)));
    CALL(setresuid(ONE, ONE, ONE));    /* the library's: all threads */
    show("by the library");
}

/* ---- Files --------------------------------------------------------------------------------- */

static unsigned mode_of(const char *name)
{
    struct stat status;

    return stat(name, &status) == 0 ? status.st_mode & 07777 : 0;
}

static void files(void)
{
    CALL(mkdir("sticky", 0777));
    CALL(chmod("sticky", 01777));
    CALL(close(open("sticky/roots", O_CREAT | O_WRONLY, 0666)));
    CALL(close(open("sticky/mine", O_CREAT | O_WRONLY, 0600)));
    CALL(chown("sticky/mine", ONE, ONE));
    CALL(mkdir("closed", 0700));
    CALL(close(open("closed/file", O_CREAT | O_WRONLY, 0666)));
    CALL(close(open("groups", O_CREAT | O_WRONLY, 0640)));
    CALL(chown("groups", 0, TWO));
    CALL(close(open("owners", O_CREAT | O_WRONLY, 0077)));
    CALL(chmod("owners", 0077));
    CALL(chown("owners", ONE, TWO));
    CALL(chmod("groups", 06755));
    CALL(chown("groups", -1, TWO));
    OCTAL(mode_of("groups"));
    CALL(chmod("groups", 0640));
    CALL(syscall(SYS_setgroups, 1, (gid_t[]){ TWO }));
    CALL(syscall(SYS_setresgid, ONE, ONE, ONE));
    CALL(syscall(SYS_setresuid, 0, ONE, 0));
    CALL(access("closed/file", R_OK));
    CALL(faccessat(AT_FDCWD, "closed/file", R_OK, AT_EACCESS));
    CALL(open("closed/file", O_RDONLY));
    CALL(syscall(SYS_setresuid, ONE, ONE, ONE));
    CALL(access("closed/file", F_OK));
    CALL(open("groups", O_RDONLY) >= 0);
    CALL(open("groups", O_WRONLY));
    CALL(open("owners", O_RDONLY));
    CALL(unlink("sticky/roots"));
    CALL(rename("sticky/roots", "sticky/x"));
    CALL(rename("sticky/mine", "sticky/y"));
    CALL(rename("sticky/y", "sticky/roots"));
    CALL(chmod("sticky/y", 06777));
    OCTAL(mode_of("sticky/y"));
    CALL(chown("sticky/y", -1, TWO));
    OCTAL(mode_of("sticky/y"));
    CALL(chmod("sticky/y", 06777));
    CALL(chown("sticky/y", -1, 99));
    CALL(chown("sticky/y", 99, -1));
    CALL(chown("sticky/y", ONE, ONE));
    OCTAL(mode_of("sticky/y"));
    CALL(chmod("sticky/y", 06777));
    int fd = open("sticky/y", O_WRONLY);
    CALL(write(fd, "x", 1));
    OCTAL(mode_of("sticky/y"));
    CALL(chmod("groups", 0600));
    CALL(mknod("sticky/device", S_IFCHR | 0600, 0x103));
    CALL(unlink("sticky/y"));
}

/* One capability at a time. */
static void with_capability(int capability, const char *name)
{
    pid_t child = fork();

    if (child > 0) {
        waitpid(child, NULL, 0);
        return;
    }
    printf("-- with %s\n", name);
    prctl(PR_SET_KEEPCAPS, 1);
    syscall(SYS_setresgid, ONE, ONE, ONE);
    syscall(SYS_setresuid, ONE, ONE, ONE);
    CALL(set_sets((struct sets){ 1ull << capability, 1ull << capability, 0 }));
    CALL(open("others", O_RDONLY) >= 0);
    CALL(open("others", O_WRONLY) >= 0);
    CALL(access("closed/file", F_OK));
    CALL(chmod("others", 02600));
    OCTAL(mode_of("others"));
    CALL(chown("others", TWO, -1));
    CALL(open("others", O_RDONLY | O_NOATIME) >= 0);
    CALL(setpriority(0, 0, -1) == 0);
    CALL(syscall(SYS_setuid, TWO));
    exit(0);
}

static void capabilities_and_files(void)
{
    CALL(close(open("others", O_CREAT | O_WRONLY, 0600)));
    with_capability(CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE");
    with_capability(CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH");
    with_capability(CAP_FOWNER, "CAP_FOWNER");
    with_capability(CAP_SETUID, "CAP_SETUID");
    with_capability(CAP_SYS_NICE, "CAP_SYS_NICE");
    with_capability(CAP_CHOWN, "CAP_CHOWN");
}

/* ---- Set-id programs ----------------------------------------------------------------------- */

static char program[64];

static void install(uid_t user, gid_t group, mode_t mode)
{
    static char bytes[4 << 20];
    int from = open("/proc/self/exe", O_RDONLY);
    int to = open(program, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    long size;

    while ((size = read(from, bytes, sizeof(bytes))) > 0)
        if (write(to, bytes, (size_t)size) != size)
            exit(9);
    close(from);
    close(to);
    CALL(chown(program, user, group));
    CALL(chmod(program, mode));
}

static void start(const char *what, uid_t user, int no_more)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        printf("-- %s\n", what);
        if (no_more)
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_PDEATHSIG, 10);
        if (user) {
            syscall(SYS_setresgid, ONE, ONE, ONE);
            syscall(SYS_setresuid, user, user, user);
        }
        execl(program, "program", "show", NULL);
        printf("exec: %s\n", error_name(errno));
        exit(1);
    }
    waitpid(child, &status, 0);
    VALUE(status);
}

static void set_id_programs(void)
{
    snprintf(program, sizeof(program), "/tmp/eft-credentials-%d", getpid());
    install(TWO, TWO, 0755);
    start("no bits", ONE, 0);
    CALL(chmod(program, 04755));
    start("set-user-id", ONE, 0);
    start("set-user-id, by root", 0, 0);
    start("set-user-id, no new privileges", ONE, 1);
    CALL(chmod(program, 02755));
    start("set-group-id", ONE, 0);
    CALL(chmod(program, 02745));
    start("set-group-id without x", ONE, 0);
    CALL(chmod(program, 06711));
    start("both, unreadable", ONE, 0);
    CALL(chmod(program, 0711));
    start("unreadable", ONE, 0);
    CALL(chown(program, 0, 0));
    CALL(chmod(program, 04755));
    start("to root", ONE, 0);
    start("to root, no new privileges", ONE, 1);
    CALL(chmod(program, 0700));
    start("not permitted", ONE, 0);
    CALL(chmod(program, 0));
    start("not permitted to root either", 0, 0);
    CALL(unlink(program));
}

static int show_program(void)
{
    int death_signal = -1;

    show("program");
    VALUE(getauxval(AT_SECURE));
    VALUE(getauxval(AT_UID));
    VALUE(getauxval(AT_EUID));
    VALUE(getauxval(AT_GID));
    VALUE(getauxval(AT_EGID));
    CALL(prctl(PR_GET_PDEATHSIG, &death_signal));
    VALUE(death_signal);
    return 0;
}

/* Other users come as far as this. */
static char directory[64];

static void use_open_directory(void)
{
    snprintf(directory, sizeof(directory), "/tmp/eft-files-%d", getpid());
    CALL(mkdir(directory, 0777));
    CALL(chdir(directory));
    CALL(chmod(".", 0777));
}

int main(int count, char **arguments)
{
    (void)arguments;
    if (count > 1)
        return show_program();
    umask(022);
    apart("leaving root", leave_root);
    apart("keeping capabilities", keep_capabilities);
    apart("giving up capabilities", give_up);
    apart("bounds", shrink_bounds);
    apart("bad arguments", bad_arguments);
    apart("threads", threads);
    use_open_directory();
    apart("files", files);
    apart("capabilities and files", capabilities_and_files);
    CALL(unlink("sticky/roots"));
    CALL(rmdir("sticky"));
    CALL(unlink("closed/file"));
    CALL(rmdir("closed"));
    CALL(unlink("groups"));
    CALL(unlink("owners"));
    CALL(unlink("others"));
    CALL(rmdir(directory));
    apart("set-id programs", set_id_programs);
    return 0;
}

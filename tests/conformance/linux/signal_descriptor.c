/* signalfd: signals as records of a file, for whoever reads it. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "with_signals.h"

#define WATCHED (BIT(SIGUSR1) | BIT(SIGUSR2) | BIT(SIGCHLD) | BIT(FIRST_REAL_TIME))

static void *volatile wild = (void *)1;

static int open_file(unsigned long set, int flags)
{
    return (int)syscall(SYS_signalfd4, -1, &set, 8, flags);
}

static void errors(void)
{
    unsigned long set = WATCHED;
    int file, other = open("/dev/null", O_RDONLY);
    char bytes[256];

    SECTION("errors");
    CALL(syscall(SYS_signalfd4, -1, &set, 4, 0));
    CALL(syscall(SYS_signalfd4, -1, wild, 8, 0));
    CALL(syscall(SYS_signalfd4, -1, wild, 8, 1));
    CALL(syscall(SYS_signalfd4, -1, &set, 8, 1));
    CALL(syscall(SYS_signalfd4, -2, &set, 8, 0));
    CALL(syscall(SYS_signalfd4, 999, &set, 8, 0));
    CALL(syscall(SYS_signalfd4, other, &set, 8, 0));
    file = open_file(set, SFD_NONBLOCK | SFD_CLOEXEC);
    FACT(file == other + 1);
    CALL(fcntl(file, F_GETFD));
    CALL(fcntl(file, F_GETFL));
    CALL(read(file, bytes, 0));
    CALL(read(file, bytes, 127));
    CALL(read(file, bytes, 128));
    CALL(write(file, bytes, 128));
    CALL(write(file, bytes, 0));
    CALL(pread(file, bytes, 128, 0));
    CALL(lseek(file, 7, SEEK_SET));
    CALL(lseek(file, 7, 99));
    CALL(ftruncate(file, 0));
    CALL(fsync(file));
    CALL(ioctl(file, FIONREAD, bytes));
    CALL(ioctl(file, TCGETS, bytes));
    CALL(fchmod(file, 0644));
    MAP(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0));
    CALL(syscall(SYS_signalfd4, file, &set, 8, SFD_NONBLOCK));
    CALL(syscall(SYS_signalfd, file, &set, 8));
    CALL(raise(SIGUSR1));
    CALL(read(file, wild, 128));    /* the signal is lost */
    CALL(read(file, bytes, 128));
    CALL(close(file));
    CALL(close(other));
}

static void names(void)
{
    int file = open_file(WATCHED, 0);
    char link[64], text[64] = "";
    struct stat status;

    SECTION("the file");
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
    (void)readlink(link, text, sizeof(text) - 1);
    TEXT(text);
    CALL(fstat(file, &status));
    OCTAL(status.st_mode);
    VALUE(status.st_size);
    CALL(close(file));
}

static void show(const struct signalfd_siginfo *record)
{
    printf("signo %u errno %d code %d pid %s uid %s fd %d tid %u band %u overrun %u trap %u "
           "status %d int %d ptr %#llx addr %#llx\n", record->ssi_signo, record->ssi_errno,
           record->ssi_code, record->ssi_pid == (uint32_t)getpid() ? "own"
           : record->ssi_pid ? "other" : "0", record->ssi_uid == getuid() ? "own" : "other",
           record->ssi_fd, record->ssi_tid, record->ssi_band, record->ssi_overrun,
           record->ssi_trapno, record->ssi_status, record->ssi_int,
           (unsigned long long)record->ssi_ptr, (unsigned long long)record->ssi_addr);
}

static void read_all(int file)
{
    struct signalfd_siginfo records[4];
    long got;

    memset(records, 0x55, sizeof(records));
    while ((got = CALL(read(file, records, sizeof(records)))) > 0) {
        for (long i = 0; i < got / 128; i++)
            show(&records[i]);
    }
}

static void leave(void)
{
    _exit(7);
}

static void fields(void)
{
    int file = open_file(WATCHED, SFD_NONBLOCK);
    struct pollfd poll_it = { .fd = file, .events = POLLIN | POLLOUT };
    siginfo_t information;

    SECTION("fields");
    CALL(poll(&poll_it, 1, 0));
    CALL(kill(getpid(), SIGUSR2));
    CALL(syscall(SYS_tkill, getpid(), SIGUSR1));
    CALL(queue(getpid(), FIRST_REAL_TIME, SI_QUEUE, 99));
    CALL(queue(getpid(), FIRST_REAL_TIME, SI_MESGQ, -5));
    memset(&information, 0, sizeof(information));
    information.si_code = SI_QUEUE;
    information.si_value.sival_ptr = (void *)0x123456789abcUL;
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), FIRST_REAL_TIME, &information));
    CALL(poll(&poll_it, 1, -1));
    VALUE(poll_it.revents);
    read_all(file);
    CALL(poll(&poll_it, 1, 0));
    SECTION("of a child");
    pid_t child = spawn(leave);
    poll_it.events = POLLIN;
    CALL(poll(&poll_it, 1, -1));
    read_all(file);
    reap("child", child);
    SECTION("faults that are sent");
    unsigned long set = BIT(SIGSEGV);
    CALL(syscall(SYS_signalfd4, file, &set, 8, 0) == file);
    (void)change_mask(SIG_BLOCK, set);
    memset(&information, 0, sizeof(information));
    information.si_code = 1;
    information.si_addr = (void *)0x1234;
    CALL(syscall(SYS_rt_sigqueueinfo, getpid(), SIGSEGV, &information));
    read_all(file);
    SECTION("another set: signals that are not in it are not seen");
    set = BIT(SIGUSR2) | BIT(SIGKILL);
    CALL(syscall(SYS_signalfd4, file, &set, 8, 0) == file);
    CALL(raise(SIGUSR1));
    CALL(raise(SIGUSR2));
    read_all(file);
    printf("%#lx\n", pending());
    FACT(take(BIT(SIGUSR1), NULL) == SIGUSR1);
    CALL(close(file));
}

static void pieces(void)
{
    int file = open_file(WATCHED, SFD_NONBLOCK);
    struct signalfd_siginfo record;
    struct iovec halves[2] = {
        { &record, 60 }, { (char *)&record + 60, 68 },
    };

    SECTION("in pieces");
    CALL(raise(SIGUSR1));
    CALL(readv(file, halves, 2));
    show(&record);
    CALL(close(file));
}

/* ---- Blocking, and several threads --------------------------------------------------------- */

static pid_t main_id;
static int shared_file;
static volatile int other_id;

static void *send_to_main(void *argument)
{
    (void)argument;
    await_state(main_id, 'S');
    (void)kill(getpid(), SIGUSR1);
    return NULL;
}

static void waits(void)
{
    struct signalfd_siginfo record;
    struct pollfd poll_it = { .events = POLLIN };
    pthread_t thread;

    SECTION("read waits");
    shared_file = open_file(WATCHED, 0);
    (void)pthread_create(&thread, NULL, send_to_main, NULL);
    CALL(read(shared_file, &record, sizeof(record)));
    show(&record);
    (void)pthread_join(thread, NULL);
    SECTION("poll waits");
    poll_it.fd = shared_file;
    (void)pthread_create(&thread, NULL, send_to_main, NULL);
    CALL(poll(&poll_it, 1, -1));
    (void)pthread_join(thread, NULL);
    CALL(read(shared_file, &record, sizeof(record)));
    SECTION("a handler interrupts");
    handle(SIGUSR1, 0);
    (void)change_mask(SIG_UNBLOCK, BIT(SIGUSR1));
    unsigned long set = BIT(SIGUSR2);
    CALL(syscall(SYS_signalfd4, shared_file, &set, 8, 0) == shared_file);
    (void)pthread_create(&thread, NULL, send_to_main, NULL);
    CALL(read(shared_file, &record, sizeof(record)));
    (void)pthread_join(thread, NULL);
    VALUE(seen[SIGUSR1]);
    (void)change_mask(SIG_BLOCK, BIT(SIGUSR1));
}

static void *look(void *argument)
{
    struct signalfd_siginfo record;
    struct pollfd poll_it = { .fd = shared_file, .events = POLLIN };

    (void)argument;
    other_id = thread_id();
    while (!seen[0])
        pause_ms(1);
    printf("other: poll %d\n", poll(&poll_it, 1, 0));
    while (read(shared_file, &record, sizeof(record)) > 0)
        printf("other: signal %u code %d\n", record.ssi_signo, record.ssi_code);
    return NULL;
}

static void threads(void)
{
    unsigned long set = WATCHED;
    pthread_t thread;

    SECTION("each thread sees its own signals, and those of the process");
    CALL(syscall(SYS_signalfd4, shared_file, &set, 8, 0) == shared_file);
    CALL(fcntl(shared_file, F_SETFL, O_NONBLOCK));
    (void)pthread_create(&thread, NULL, look, NULL);
    while (!other_id)
        pause_ms(1);
    CALL(syscall(SYS_tkill, other_id, SIGUSR2));
    CALL(syscall(SYS_tkill, main_id, SIGUSR1));
    CALL(kill(getpid(), FIRST_REAL_TIME));
    CALL(kill(getpid(), FIRST_REAL_TIME));
    struct signalfd_siginfo record;
    CALL(read(shared_file, &record, sizeof(record)));
    show(&record);
    CALL(read(shared_file, &record, sizeof(record)));
    show(&record);
    seen[0] = 1;
    (void)pthread_join(thread, NULL);
    read_all(shared_file);
}

static void read_in_child(void)
{
    struct signalfd_siginfo record;

    CALL(read(shared_file, &record, sizeof(record)));
    CALL(raise(SIGUSR2));
    CALL(read(shared_file, &record, sizeof(record)));
    show(&record);
}

static void forked(void)
{
    SECTION("a child reads its own signals from the same file");
    CALL(raise(SIGUSR1));
    reap("child", spawn(read_in_child));
    read_all(shared_file);
    CALL(close(shared_file));
}

int main(void)
{
    main_id = thread_id();
    (void)change_mask(SIG_SETMASK, WATCHED);
    errors();
    names();
    fields();
    pieces();
    waits();
    threads();
    forked();
    return 0;
}

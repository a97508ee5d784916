/* kill and its relatives: whom a number means, and who may send what to whom. */
#include <sys/mman.h>

#include "with_signals.h"

#define ONE 54321    /* users without other processes */
#define TWO 54322

static void rest(void)
{
    for (;;)
        pause_ms(1000);
}

static void become(uid_t real, uid_t effective, uid_t saved)
{
    if (setresuid(real, effective, saved) != 0)
        printf("cannot become %u: %s\n", real, error_name(errno));
}

/* ---- Users --------------------------------------------------------------------------------- */

static uid_t target_ids[3], sender_ids[3];
static volatile int *shared;

static void be_target(void)
{
    become(target_ids[0], target_ids[1], target_ids[2]);
    shared[0] = 1;
    rest();
}

static pid_t target;

static void be_sender(void)
{
    become(sender_ids[0], sender_ids[1], sender_ids[2]);
    CALL(kill(target, 0));
    CALL(kill(target, 99));
    CALL(kill(target, SIGCONT));
    CALL(syscall(SYS_tgkill, target, target, 0));
    CALL(queue(target, 0, SI_QUEUE, 0));
    (void)setsid();    /* SIGCONT is allowed within the session only */
    CALL(kill(target, SIGCONT));
    CALL(kill(-1, 0));
}

static void users(void)
{
    static const struct {
        const char *what;
        uid_t sender[3], target[3];    /* real, effective, saved */
    } cases[] = {
        { "the same user", { ONE, ONE, ONE }, { ONE, ONE, ONE } },
        { "another user", { ONE, ONE, ONE }, { TWO, TWO, TWO } },
        { "real is real", { ONE, TWO, TWO }, { ONE, 1, 1 } },
        { "real is effective only", { ONE, TWO, TWO }, { 1, ONE, 1 } },
        { "real is saved", { ONE, TWO, TWO }, { 1, 1, ONE } },
        { "effective is real", { TWO, ONE, TWO }, { ONE, 1, 1 } },
        { "effective is saved", { TWO, ONE, TWO }, { 1, 1, ONE } },
        { "saved is all", { TWO, TWO, ONE }, { ONE, ONE, ONE } },
        { "root's saved", { TWO, TWO, 0 }, { ONE, ONE, ONE } },
        { "root", { ONE, 0, ONE }, { TWO, TWO, TWO } },
        { "to root", { ONE, ONE, ONE }, { 0, 0, 0 } },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        SECTION(cases[i].what);
        memcpy(target_ids, cases[i].target, sizeof(target_ids));
        memcpy(sender_ids, cases[i].sender, sizeof(sender_ids));
        shared[0] = 0;
        target = spawn(be_target);
        await(shared, 1);
        reap("sender", spawn(be_sender));
        (void)kill(target, SIGKILL);
        reap("target", target);
    }
}

/* ---- Groups -------------------------------------------------------------------------------- */

static void count(int number)
{
    (void)number;
    __atomic_fetch_add(&shared[1], 1, __ATOMIC_SEQ_CST);
}

static void be_member(void)
{
    (void)signal(SIGUSR1, count);
    __atomic_fetch_add(&shared[0], 1, __ATOMIC_SEQ_CST);
    rest();
}

static void await_count(int number)
{
    await(&shared[1], number);
    VALUE(shared[1]);
    shared[1] = 0;
}

static void groups(void)
{
    pid_t members[3], group;

    SECTION("groups");
    shared[0] = 0;
    (void)signal(SIGUSR1, count);
    for (int i = 0; i < 3; i++) {
        members[i] = spawn(be_member);
        CALL(setpgid(members[i], i == 2 ? members[2] : members[0]));
    }
    group = members[0];
    await(shared, 3);
    CALL(kill(-group, SIGUSR1));
    await_count(2);
    CALL(kill(-members[2], SIGUSR1));
    await_count(1);
    CALL(kill(-group, 0));
    CALL(kill(-group, 99));
    CALL(kill(-members[1], 0));
    CALL(kill(-group, SIGTERM));
    reap("first", members[0]);
    reap("second", members[1]);
    CALL(kill(-group, 0));
    CALL(kill(members[2], SIGTERM));
    pause_ms(20);
    siginfo_t information;
    CALL(waitid(P_PID, (id_t)members[2], &information, WEXITED | WNOWAIT));
    CALL(kill(members[2], SIGTERM));    /* a zombie: nothing happens */
    CALL(kill(members[2], 0));
    CALL(kill(-members[2], 0));
    CALL(syscall(SYS_tgkill, members[2], members[2], 0));
    reap("third", members[2]);
    CALL(kill(members[2], 0));
}

/* Its own group: the signal has come when kill returns. */
static void own_group(void)
{
    (void)setsid();
    handle(SIGUSR1, 0);
    CALL(kill(0, SIGUSR1));
    VALUE(seen[SIGUSR1]);
    CALL(kill(-getpid(), SIGUSR1));
    VALUE(seen[SIGUSR1]);
    CALL(kill(-getpid(), SIGTERM));
    printf("survived\n");
}

int main(void)
{
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (getuid() == 0)
        users();
    groups();
    SECTION("its own group");
    reap("child", spawn(own_group));
    return 0;
}

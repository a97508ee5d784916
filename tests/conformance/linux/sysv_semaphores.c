/* System V semaphores: getting, asking, setting, removing; order of checks; operations that do not
 * wait.  Those that wait: sysv_semaphore_waits.c. */
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x45667401
#define NO_ID 0x7fff0000

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static int operate(int id, int index, int change, int flags)
{
    struct sembuf operation = { (unsigned short)index, (short)change, (short)flags };

    return semop(id, &operation, 1);
}

static int value(int id, int index)
{
    return semctl(id, index, GETVAL);
}

static void getting(void)
{
    int first, second;

    SECTION("getting");
    CALL(semget(IPC_PRIVATE, -1, 0600));
    CALL(semget(IPC_PRIVATE, 0, 0600));
    CALL(semget(IPC_PRIVATE, 32001, 0600));
    CALL(semget(KEY, 1, 0600));
    CALL(semget(KEY, 0, 0600 | IPC_CREAT));
    first = semget(KEY, 3, 0600 | IPC_CREAT);
    FACT(first >= 0);
    FACT(semget(KEY, 3, 0600 | IPC_CREAT) == first);
    FACT(semget(KEY, 0, 0) == first);
    FACT(semget(KEY, 2, 0600) == first);
    CALL(semget(KEY, 4, 0600));
    CALL(semget(KEY, 3, 0600 | IPC_CREAT | IPC_EXCL));
    CALL(semget(KEY, 4, 0600 | IPC_CREAT | IPC_EXCL));
    FACT(semget(KEY, 3, IPC_EXCL) == first);
    second = semget(IPC_PRIVATE, 1, 0600);
    FACT(second >= 0 && second != first);
    CALL(semctl(second, 0, IPC_RMID));
    CALL(semctl(second, 0, IPC_RMID));
    CALL(semctl(second, 0, GETVAL));
    CALL(semctl(first, 0, IPC_RMID));
    CALL(semget(KEY, 3, 0600));
    second = semget(KEY, 3, 0600 | IPC_CREAT);
    FACT(second != first);
    CALL(semctl(second, 0, IPC_RMID));
}

static void control(int id)
{
    unsigned short values[3] = { 1, 2, 3 }, large[3] = { 1, 32768, 3 }, read_back[3] = { 0 };
    union semun argument = { .array = values };

    SECTION("control");
    CALL(semctl(id, 0, GETVAL));
    CALL(semctl(id, 3, GETVAL));
    CALL(semctl(id, -1, GETVAL));
    CALL(semctl(id, 1, GETPID));
    CALL(semctl(id, 0, SETVAL, 5));
    CALL(value(id, 0));
    FACT(semctl(id, 0, GETPID) == getpid());
    CALL(semctl(id, 0, SETVAL, -1));
    CALL(semctl(id, 0, SETVAL, 32767));
    CALL(semctl(id, 0, SETVAL, 32768));
    CALL(semctl(id, 3, SETVAL, 32768));
    CALL(semctl(id, 3, SETVAL, 1));
    CALL(semctl(NO_ID, 3, SETVAL, -1));
    CALL(semctl(NO_ID, 3, SETVAL, 1));
    CALL(semctl(-1, 0, SETVAL, -1));
    CALL(semctl(id, 0, SETALL, argument));
    CALL(value(id, 2));
    FACT(semctl(id, 2, GETPID) == getpid());
    argument.array = large;
    CALL(semctl(id, 0, SETALL, argument));
    CALL(value(id, 0));
    argument.array = (void *)8;
    CALL(semctl(id, 0, SETALL, argument));
    CALL(semctl(id, 0, GETALL, argument));
    argument.array = read_back;
    CALL(semctl(id, 99, GETALL, argument));
    VALUE(read_back[0]);
    VALUE(read_back[1]);
    VALUE(read_back[2]);
    CALL(semctl(id, 0, GETNCNT));
    CALL(semctl(id, 0, GETZCNT));
    CALL(semctl(id, 3, GETNCNT));
    CALL(semctl(id, 0, 99));
    CALL(semctl(NO_ID, 0, 99));
    CALL(semctl(-1, 0, 99));
}

static void status(int id)
{
    struct semid_ds found = { 0 };
    union semun argument = { .buf = &found };
    time_t now = time(NULL);

    SECTION("status");
    CALL(semctl(id, 0, IPC_STAT, argument));
    VALUE(found.sem_nsems);
    OCTAL(found.sem_perm.mode);
    FACT(found.sem_perm.uid == geteuid() && found.sem_perm.cuid == geteuid());
    FACT(found.sem_perm.gid == getegid() && found.sem_perm.cgid == getegid());
    FACT(found.sem_perm.__key == IPC_PRIVATE);
    FACT(found.sem_ctime <= now && found.sem_ctime > now - 60);
    VALUE(found.sem_otime);
    CALL(operate(id, 0, 1, 0));
    CALL(semctl(id, 0, IPC_STAT, argument));
    FACT(found.sem_otime >= now && found.sem_otime < now + 60);
    argument.buf = (void *)8;
    CALL(semctl(id, 0, IPC_STAT, argument));
    CALL(semctl(NO_ID, 0, IPC_STAT, argument));
    CALL(semctl(id, 0, IPC_SET, argument));
    CALL(semctl(NO_ID, 0, IPC_SET, argument));
    argument.buf = &found;
    found.sem_perm.mode = 0107640;
    found.sem_perm.uid = 7;
    found.sem_perm.gid = 8;
    CALL(semctl(id, 0, IPC_SET, argument));
    memset(&found, 0, sizeof(found));
    CALL(semctl(id, 0, IPC_STAT, argument));
    OCTAL(found.sem_perm.mode);
    VALUE(found.sem_perm.uid);
    VALUE(found.sem_perm.gid);
    FACT(found.sem_perm.cuid == geteuid());
    found.sem_perm.uid = (uid_t)-1;
    CALL(semctl(id, 0, IPC_SET, argument));
    found.sem_perm.uid = geteuid();
    CALL(semctl(id, 0, IPC_SET, argument));
}

static void information(int id)
{
    struct seminfo info = { 0 };
    struct semid_ds found = { 0 };
    union semun argument = { .info = &info };
    int last;

    SECTION("information");
    FACT(semctl(0, 0, IPC_INFO, argument) >= 0);
    VALUE(info.semmsl);
    VALUE(info.semopm);
    VALUE(info.semvmx);
    VALUE(info.semmni);
    VALUE(info.semmns);
    VALUE(info.semusz);
    VALUE(info.semaem);
    VALUE(info.semume);
    last = semctl(0, 0, SEM_INFO, argument);
    FACT(last >= 0);
    FACT(info.semusz >= 1);
    FACT(info.semaem >= 3);
    argument.info = (void *)8;
    CALL(semctl(0, 0, IPC_INFO, argument));
    CALL(semctl(-1, 0, IPC_INFO, argument));
    argument.buf = &found;
    FACT(semctl(id & 0x7fff, 0, SEM_STAT, argument) == id);
    VALUE(found.sem_nsems);
    FACT(semctl(id & 0x7fff, 0, SEM_STAT_ANY, argument) == id);
    CALL(semctl(0x7ffe, 0, SEM_STAT, argument));
}

static void operations(int id)
{
    struct sembuf many[501] = { { 0, 0, IPC_NOWAIT } };
    struct sembuf two[2] = { { 0, 3, 0 }, { 1, -1, IPC_NOWAIT } };
    struct sembuf same[3] = { { 0, 2, 0 }, { 0, -1, 0 }, { 0, -1, IPC_NOWAIT } };
    struct sembuf late[2] = { { 0, 1, 0 }, { 9, 1, 0 } };
    struct timespec wrong = { 0, 1000000000 }, negative = { -1, 0 }, none = { 0, 0 };

    SECTION("operations");
    semctl(id, 0, SETVAL, 0);
    semctl(id, 1, SETVAL, 0);
    CALL(semop(id, many, 0));
    CALL(semop(id, many, 501));
    CALL(semop(-1, many, 501));
    CALL(semop(-1, many, 0));
    CALL(semop(NO_ID, many, 1));
    CALL(semop(-1, (void *)8, 1));
    CALL(semop(NO_ID, (void *)8, 1));
    CALL(semop(id, many, 1));
    CALL(semop(id, two, 2));
    CALL(value(id, 0));
    CALL(semop(id, same, 3));
    CALL(value(id, 0));
    CALL(semop(id, late, 2));
    CALL(value(id, 0));
    CALL(operate(id, 3, 1, 0));
    CALL(operate(id, 0, -1, IPC_NOWAIT));
    CALL(operate(id, 0, 32767, 0));
    CALL(operate(id, 0, 1, 0));
    CALL(operate(id, 0, 0, IPC_NOWAIT));
    CALL(operate(id, 0, -32767, 0));
    CALL(operate(id, 0, 0, 0));
    CALL(semtimedop(id, two + 1, 1, &wrong));
    CALL(semtimedop(id, two + 1, 1, &negative));
    CALL(semtimedop(NO_ID, two + 1, 1, &negative));
    CALL(semtimedop(id, many, 0, &wrong));
    CALL(semtimedop(id, many, 501, (void *)8));
    CALL(semtimedop(id, many, 1, (void *)8));
    two[1].sem_flg = 0;
    CALL(semtimedop(id, two + 1, 1, &none));
    FACT(semctl(id, 0, GETPID) == getpid());
}

static void undo_range(int id)
{
    SECTION("range of undos");
    semctl(id, 0, SETVAL, 0);
    CALL(operate(id, 0, 32767, SEM_UNDO));
    CALL(operate(id, 0, -32767, 0));
    CALL(operate(id, 0, 1, SEM_UNDO));
    CALL(operate(id, 0, 2, SEM_UNDO));
    CALL(value(id, 0));
    CALL(operate(id, 5, 1, SEM_UNDO));
    CALL(operate(NO_ID, 0, 1, SEM_UNDO));
    CALL(semctl(id, 0, SETVAL, 1));
    CALL(operate(id, 0, -1, SEM_UNDO));
}

static void permissions(void)
{
    int id = semget(IPC_PRIVATE, 1, 0444);
    int secret = semget(KEY, 1, 0600 | IPC_CREAT);
    pid_t child;

    SECTION("permissions");
    child = fork();
    if (child == 0) {
        struct semid_ds found;
        union semun argument = { .buf = &found };

        if (geteuid() == 0 && (setgid(99) != 0 || setuid(99) != 0))
            _exit(1);
        memset(&found, 0, sizeof(found));
        CALL(operate(id, 0, 0, IPC_NOWAIT));
        CALL(operate(id, 0, 1, 0));
        CALL(operate(id, 7, 1, 0));
        CALL(semctl(id, 0, GETVAL));
        CALL(semctl(id, 0, SETVAL, 1));
        CALL(semctl(id, 0, IPC_STAT, argument));
        CALL(semctl(id, 0, IPC_SET, argument));
        CALL(semctl(id, 0, IPC_RMID));
        CALL(semctl(secret, 0, GETVAL));
        CALL(semctl(secret, 9, GETVAL));
        CALL(semctl(secret, 0, IPC_STAT, argument));
        FACT(semctl(secret & 0x7fff, 0, SEM_STAT_ANY, argument) == secret);
        CALL(semctl(secret & 0x7fff, 0, SEM_STAT, argument));
        CALL(semget(KEY, 1, 0600));
        CALL(semget(KEY, 2, 0600));
        FACT(semget(KEY, 1, 0) == secret);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CALL(semctl(id, 0, IPC_RMID));
    CALL(semctl(secret, 0, IPC_RMID));
}

int main(void)
{
    int id;

    getting();
    id = semget(IPC_PRIVATE, 3, 0640);
    control(id);
    status(id);
    information(id);
    operations(id);
    undo_range(id);
    CALL(semctl(id, 0, IPC_RMID));
    permissions();
    return 0;
}

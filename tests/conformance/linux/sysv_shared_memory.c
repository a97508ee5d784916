/* System V shared memory: getting, attaching where and how, what is counted, removal while it is
 * attached, order of checks. */
#include <signal.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define KEY 0x45667402
#define NO_ID 0x7fff0000
#define SIZE 10000

static long attached(int id)
{
    struct shmid_ds status;

    return shmctl(id, IPC_STAT, &status) == 0 ? (long)status.shm_nattch : -1;
}

static void getting(void)
{
    int first, second;

    SECTION("getting");
    CALL(shmget(IPC_PRIVATE, 0, 0600));
    CALL(shmget(IPC_PRIVATE, (size_t)-1, 0600));
    CALL(shmget(KEY, SIZE, 0600));
    CALL(shmget(KEY, 0, 0600 | IPC_CREAT));
    first = shmget(KEY, SIZE, 0600 | IPC_CREAT);
    FACT(first >= 0);
    FACT(shmget(KEY, 0, 0) == first);
    FACT(shmget(KEY, SIZE, 0600) == first);
    CALL(shmget(KEY, SIZE + 1, 0600));
    CALL(shmget(KEY, 2 * SIZE, 0600));
    CALL(shmget(KEY, SIZE, 0600 | IPC_CREAT | IPC_EXCL));
    CALL(shmctl(first, IPC_RMID, NULL));
    CALL(shmctl(first, IPC_RMID, NULL));
    second = shmget(KEY, SIZE, 0600 | IPC_CREAT);
    FACT(second != first);
    CALL(shmctl(second, IPC_RMID, NULL));
}

static void attaching(int id)
{
    char *first, *second, *room;
    char *wrong = (char *)0x10001;

    SECTION("attaching");
    VALUE(attached(id));
    first = MAP(shmat(id, NULL, 0));
    second = MAP(shmat(id, NULL, SHM_RDONLY));
    FACT(first != second);
    VALUE(attached(id));
    VALUE(first[0]);
    first[0] = 7;
    first[SIZE] = 8;
    VALUE(second[0]);
    VALUE(second[SIZE]);
    CALL(mprotect(second, 4096, PROT_READ | PROT_WRITE));
    CALL(mprotect(first, 4096, PROT_READ));
    VALUE(attached(id));
    CALL(munmap(first + 4096, 4096));
    VALUE(attached(id));
    MAP(shmat(-1, NULL, 0));
    MAP(shmat(NO_ID, NULL, 0));
    MAP(shmat(NO_ID, wrong, 0));
    MAP(shmat(id, wrong, 0));
    MAP(shmat(id, NULL, SHM_REMAP));
    MAP(shmat(id, (char *)1, SHM_RND | SHM_REMAP));
    MAP(shmat(id, second, 0));
    MAP(shmat(id, second + 1, SHM_RND));
    room = mmap(NULL, 8 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(room + 2 * 4096, 4 * 4096);
    FACT(shmat(id, room + 2 * 4096 + 17, SHM_RND) == room + 2 * 4096);
    FACT(shmat(id, room, SHM_REMAP) == room);
    VALUE(attached(id));
    VALUE(room[0]);

    SECTION("detaching");
    CALL(shmdt(NULL));
    CALL(shmdt(room + 1));
    CALL(shmdt(room + 4096));
    CALL(shmdt(room));
    VALUE(attached(id));
    CALL(shmdt(room));
    CALL(shmdt(room + 2 * 4096));
    CALL(shmdt(first));
    VALUE(attached(id));
    CALL(shmdt(first));
    CALL(shmdt(second));
    VALUE(attached(id));
}

static void status(int id)
{
    struct shmid_ds found;
    time_t now = time(NULL);
    pid_t child;

    SECTION("status");
    CALL(shmctl(id, IPC_STAT, &found));
    VALUE(found.shm_segsz);
    OCTAL(found.shm_perm.mode);
    FACT(found.shm_cpid == getpid());
    FACT(found.shm_ctime > now - 60 && found.shm_ctime <= now);
    child = fork();
    if (child == 0) {
        shmat(id, NULL, 0);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CALL(shmctl(id, IPC_STAT, &found));
    FACT(found.shm_lpid == child);
    FACT(found.shm_atime >= now && found.shm_dtime >= now);
    VALUE(found.shm_nattch);
    CALL(shmctl(id, IPC_STAT, (void *)8));
    CALL(shmctl(NO_ID, IPC_STAT, (void *)8));
    CALL(shmctl(id, IPC_SET, (void *)8));
    CALL(shmctl(-1, IPC_STAT, &found));
    CALL(shmctl(id, 99, &found));
    CALL(shmctl(id, -1, &found));
    found.shm_perm.mode = 0640;
    CALL(shmctl(id, IPC_SET, &found));
    CALL(shmctl(id, SHM_LOCK, NULL));
    CALL(shmctl(id, IPC_STAT, &found));
    OCTAL(found.shm_perm.mode);
    CALL(shmctl(id, SHM_UNLOCK, NULL));
    FACT(shmctl(id & 0x7fff, SHM_STAT, &found) == id);
    OCTAL(found.shm_perm.mode);
}

static void information(void)
{
    struct shminfo limits;
    struct shm_info usage;

    SECTION("information");
    FACT(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
    VALUE(limits.shmmax);
    VALUE(limits.shmmin);
    VALUE(limits.shmmni);
    VALUE(limits.shmseg);
    VALUE(limits.shmall);
    FACT(shmctl(0, SHM_INFO, (struct shmid_ds *)&usage) >= 0);
    FACT(usage.used_ids >= 1);
    FACT(usage.shm_tot >= 3);
    CALL(shmctl(0, IPC_INFO, (void *)8));
}

/* Children have what their parent had attached; exec and the end let go of it. */
static void families(int id)
{
    int ends[2];
    char byte;
    pid_t child;
    volatile char *memory = shmat(id, NULL, 0);

    SECTION("families");
    VALUE(attached(id));
    if (pipe(ends) != 0)
        return;
    memory[1] = 1;
    child = fork();
    if (child == 0) {
        memory[1] = 5;
        if (read(ends[0], &byte, 1) != 1)
            _exit(1);
        _exit(0);
    }
    while (memory[1] != 5)
        usleep(1000);
    VALUE(attached(id));
    FACT(write(ends[1], "x", 1) == 1);
    waitpid(child, NULL, 0);
    VALUE(attached(id));
    close(ends[0]);
    close(ends[1]);
    CALL(shmdt((char *)(uintptr_t)memory));
}

static void removal(void)
{
    int id = shmget(KEY, SIZE, 0600 | IPC_CREAT), other;
    struct shmid_ds found;
    char *first = shmat(id, NULL, 0), *second;

    SECTION("removal");
    first[0] = 9;
    CALL(shmctl(id, IPC_RMID, NULL));
    CALL(shmctl(id, IPC_STAT, &found));
    OCTAL(found.shm_perm.mode);
    VALUE(found.shm_perm.__key);
    VALUE(found.shm_nattch);
    CALL(shmget(KEY, SIZE, 0600));
    other = shmget(KEY, SIZE, 0600 | IPC_CREAT);
    FACT(other >= 0 && other != id);
    second = MAP(shmat(id, NULL, 0));
    VALUE(second[0]);
    CALL(shmctl(id, IPC_RMID, NULL));
    CALL(shmdt(first));
    CALL(shmctl(id, IPC_STAT, &found));
    CALL(shmdt(second));
    CALL(shmctl(id, IPC_STAT, &found));
    MAP(shmat(id, NULL, 0));
    CALL(shmctl(other, IPC_RMID, NULL));
}

static void permissions(void)
{
    int id = shmget(IPC_PRIVATE, SIZE, 0444);
    pid_t child;

    SECTION("permissions");
    child = fork();
    if (child == 0) {
        struct shmid_ds found;

        if (geteuid() == 0 && (setgid(99) != 0 || setuid(99) != 0))
            _exit(1);
        MAP(shmat(id, NULL, 0));
        MAP(shmat(id, NULL, SHM_RDONLY));
        MAP(shmat(id, NULL, SHM_RDONLY | SHM_EXEC));
        CALL(shmctl(id, IPC_STAT, &found));
        CALL(shmctl(id, IPC_SET, &found));
        CALL(shmctl(id, SHM_LOCK, NULL));
        CALL(shmctl(id, IPC_RMID, NULL));
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CALL(shmctl(id, IPC_RMID, NULL));
}

int main(void)
{
    int id;

    getting();
    id = shmget(IPC_PRIVATE, SIZE, 0600);
    attaching(id);
    status(id);
    information();
    families(id);
    CALL(shmctl(id, IPC_RMID, NULL));
    removal();
    permissions();
    return 0;
}

/* Many processes and threads use, remove and make anew the same System V objects, and are killed
 * while they do.  Nothing of it can be foreseen but that all of it ends. */
#include <pthread.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define CHILDREN 6
#define ROUNDS 300
#define KEYS 3
#define FIRST_KEY 0x45667410

struct message {
    long type;
    char text[100];
};

static unsigned next(unsigned *seed)
{
    *seed = *seed * 1103515245 + 12345;
    return *seed >> 16;
}

static void use_semaphores(unsigned *seed, key_t key)
{
    const struct timespec little = { 0, 200000 };
    struct sembuf operations[2];
    int id = semget(key, 4, 0600 | IPC_CREAT);

    for (int i = 0; i < 2; i++) {
        operations[i] = (struct sembuf){ (unsigned short)(next(seed) % 4),
                                         (short)((int)(next(seed) % 5) - 2),
                                         next(seed) % 2 ? SEM_UNDO : 0 };
    }
    switch (next(seed) % 8) {
    case 0:
        semctl(id, 0, IPC_RMID);
        break;
    case 1:
        semctl(id, (int)(next(seed) % 4), SETVAL, (int)(next(seed) % 3));
        break;
    default:
        semtimedop(id, operations, 1 + next(seed) % 2, &little);
        break;
    }
}

static void use_memory(unsigned *seed, key_t key)
{
    int id = shmget(key, 20000, 0600 | IPC_CREAT);
    char *memory = shmat(id, NULL, next(seed) % 3 ? 0 : SHM_RDONLY);

    if (next(seed) % 4 == 0)
        shmctl(id, IPC_RMID, NULL);
    if (memory == (char *)-1)
        return;
    (void)*(volatile char *)(memory + next(seed) % 20000);
    if (next(seed) % 8)
        shmdt(memory);
}

static void use_messages(unsigned *seed, key_t key)
{
    int id = msgget(key, 0600 | IPC_CREAT);
    struct message message = { .type = 1 + (long)(next(seed) % 3) };

    switch (next(seed) % 8) {
    case 0:
        msgctl(id, IPC_RMID, NULL);
        break;
    case 1:
    case 2:
    case 3:
        msgsnd(id, &message, next(seed) % sizeof(message.text), IPC_NOWAIT);
        break;
    default:
        msgrcv(id, &message, sizeof(message.text), (long)(next(seed) % 4), IPC_NOWAIT);
        break;
    }
}

static void *use_all(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;

    for (int i = 0; i < ROUNDS; i++) {
        key_t key = (key_t)(FIRST_KEY + next(&seed) % KEYS);

        switch (next(&seed) % 3) {
        case 0:
            use_semaphores(&seed, key);
            break;
        case 1:
            use_memory(&seed, key);
            break;
        default:
            use_messages(&seed, key);
            break;
        }
    }
    return NULL;
}

static void in_child(unsigned number)
{
    pthread_t thread;

    alarm(1 + number % 2 * 60);    /* some do not come to their end */
    pthread_create(&thread, NULL, use_all, (void *)(uintptr_t)(number + 100));
    use_all((void *)(uintptr_t)number);
    pthread_join(thread, NULL);
    _exit(0);
}

static void remove_all(void)
{
    for (int key = FIRST_KEY; key < FIRST_KEY + KEYS; key++) {
        semctl(semget(key, 0, 0), 0, IPC_RMID);
        shmctl(shmget(key, 0, 0), IPC_RMID, NULL);
        msgctl(msgget(key, 0), IPC_RMID, NULL);
    }
}

int main(void)
{
    int ended = 0;

    for (unsigned i = 1; i <= CHILDREN; i++) {
        if (fork() == 0)
            in_child(i);
    }
    while (wait(NULL) > 0)
        ended++;
    remove_all();
    VALUE(ended);
    CALL(semget(FIRST_KEY, 0, 0));
    CALL(shmget(FIRST_KEY, 0, 0));
    CALL(msgget(FIRST_KEY, 0));
    return 0;
}

/* membarrier: registration, order of checks, and that a barrier is one: a pair of flags in which
 * each side stores and then looks, where only one side has a barrier instruction. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 2000

/* Linux's commands: musl's headers have none of them. */
enum {
    MEMBARRIER_CMD_QUERY = 0,
    MEMBARRIER_CMD_GLOBAL = 1 << 0,
    MEMBARRIER_CMD_GLOBAL_EXPEDITED = 1 << 1,
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 1 << 2,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6,
    MEMBARRIER_CMD_GET_REGISTRATIONS = 1 << 9,
};

static int barrier(int command, unsigned flags)
{
    return (int)syscall(SYS_membarrier, command, flags, 0);
}

static void registration(void)
{
    int known = barrier(MEMBARRIER_CMD_QUERY, 0);

    SECTION("registration");
    FACT(known & MEMBARRIER_CMD_GLOBAL);
    FACT(known & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    FACT(known & MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    FACT(known & MEMBARRIER_CMD_GLOBAL_EXPEDITED);
    FACT(known & MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
    CALL(barrier(MEMBARRIER_CMD_QUERY, 1));
    CALL(barrier(3, 0));
    CALL(barrier(-1, 0));
    CALL(barrier(1 << 20, 0));
    CALL(barrier(MEMBARRIER_CMD_GLOBAL, 1));
    CALL(barrier(MEMBARRIER_CMD_GLOBAL, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    CALL(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 1));
    CALL(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 1));
    CALL(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    CALL(barrier(MEMBARRIER_CMD_GET_REGISTRATIONS, 0));
    CALL(barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0));
    CALL(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0));
    CALL(barrier(MEMBARRIER_CMD_GET_REGISTRATIONS, 0));
}

/* A child has what its parent had registered; a new program has nothing. */
static void inheritance(void)
{
    pid_t child = fork();

    if (child == 0) {
        SECTION("child");
        CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
        CALL(barrier(MEMBARRIER_CMD_GET_REGISTRATIONS, 0));
        execl("/proc/self/exe", "again", "again", (char *)NULL);
        _exit(1);
    }
    waitpid(child, NULL, 0);
}

static _Atomic int fast_flag, slow_flag, round_fast, round_slow;
static int fast_saw, slow_saw;

static void await(_Atomic int *word, int value)
{
    for (int i = 0; atomic_load(word) != value; i++) {
        if (i > 1000)
            usleep(1);
    }
}

/* Without a barrier of its own: only the compiler is told. */
static void *fast_side(void *argument)
{
    for (int i = 1; i <= ROUNDS; i++) {
        await(&round_slow, i);
        atomic_store_explicit(&fast_flag, 1, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        fast_saw = atomic_load_explicit(&slow_flag, memory_order_relaxed);
        atomic_store(&round_fast, i);
    }
    return argument;
}

static void order(void)
{
    pthread_t thread;
    int missed = 0;

    SECTION("order");
    pthread_create(&thread, NULL, fast_side, NULL);
    for (int i = 1; i <= ROUNDS; i++) {
        atomic_store(&fast_flag, 0);
        atomic_store(&slow_flag, 0);
        atomic_store(&round_slow, i);
        atomic_store_explicit(&slow_flag, 1, memory_order_relaxed);
        if (barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) != 0)
            break;
        slow_saw = atomic_load_explicit(&fast_flag, memory_order_relaxed);
        await(&round_fast, i);
        missed += !fast_saw && !slow_saw;
    }
    pthread_join(thread, NULL);
    VALUE(missed);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "again") == 0) {
        SECTION("new program");
        CALL(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
        CALL(barrier(MEMBARRIER_CMD_GET_REGISTRATIONS, 0));
        return 0;
    }
    registration();
    inheritance();
    order();
    return 0;
}

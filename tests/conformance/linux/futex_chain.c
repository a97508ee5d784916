/* futex: how long a chain of owners may be that one waits behind. */
#include "with_threads.h"

#define LENGTH 1100
#define TOGETHER 1015     /* so many take their places at once, the others one by one */
#define STACK_SIZE (256 << 10)

static uint32_t locks[LENGTH];
static volatile int refused, refusal;

static uint32_t gate;

/* Takes its own lock, then the one before. */
static void *be_in_chain(void *argument)
{
    int index = (int)(intptr_t)argument;
    long result;

    (void)futex(&locks[index], FUTEX_LOCK_PI | PRIVATE, 0);
    if (index <= TOGETHER)
        (void)futex(&gate, FUTEX_WAIT | PRIVATE, 0);
    result = (long)(intptr_t)answer(futex(&locks[index - 1], FUTEX_LOCK_PI | PRIVATE, 0));
    if (result == 0) {
        (void)futex(&locks[index - 1], FUTEX_UNLOCK_PI | PRIVATE, 0);
    } else {
        refusal = (int)result;
        refused = index;
    }
    (void)futex(&locks[index], FUTEX_UNLOCK_PI | PRIVATE, 0);
    return NULL;
}

/* All of the first ones hold their locks: now they wait. */
static void let_first_ones_wait(void)
{
    await_waiters(&gate, PRIVATE, TOGETHER);
    (void)futex(&gate, FUTEX_WAKE | PRIVATE, INT_MAX);
    for (int i = 0; i < TOGETHER; i++)
        await_bits(&locks[i], FUTEX_WAITERS, FUTEX_WAITERS);
}

/* Until it waits, or was refused.  WAITERS is set before it is: a moment more. */
static void await_link(int index)
{
    const volatile uint32_t *lock = &locks[index - 1];

    for (int i = 0; i < MEMBER_PATIENCE_MS && !refused && !(*lock & FUTEX_WAITERS); i++)
        sleep_ms(1);
    sleep_ms(1);
}

int main(void)
{
    pthread_t threads[LENGTH];
    pthread_attr_t attributes;
    int length = 0;

    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)futex(&locks[0], FUTEX_LOCK_PI | PRIVATE, 0);
    while (!refused && length + 1 < LENGTH) {
        length++;
        if (pthread_create(&threads[length], &attributes, be_in_chain, (void *)(intptr_t)length))
            break;
        if (length == TOGETHER)
            let_first_ones_wait();
        else if (length > TOGETHER)
            await_link(length);
    }
    CALL(futex(&locks[0], FUTEX_UNLOCK_PI | PRIVATE, 0));
    for (int i = 1; i <= length; i++)
        (void)pthread_join(threads[i], NULL);
    VALUE(refused);
    show("refused with", refusal);
    return 0;
}

/*
 * futex: twelve waiters of all kinds on four words, which random calls wake: how many, which of
 * them, and with what result.  Nobody is requeued: who is first at a word afterwards differs on
 * Linux from run to run.
 */
#include "with_nodes.h"

#define CALLS 300
#define SEED 20240608
#define WAITERS 12

enum kind { KIND_WAIT, KIND_BITS, KIND_NEW, KIND_MANY, KINDS };

struct waiter {
    enum kind kind;
    uint32_t *word;
    uint32_t bits, flags;
    struct futex_waitv entries[3];
    unsigned count;
    pthread_t thread;
    volatile int id;
    volatile bool is_over;
    bool is_there;
};

static uint64_t state = SEED;
static struct waiter waiters[WAITERS];
static uint32_t *pages[2];    /* of this process alone; shared */

static uint32_t below(uint32_t count)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33) % count;
}

static uint32_t *any_word(void)
{
    uint32_t *page = pages[below(2)];

    return page + 4 * below(2);
}

static uint32_t any_flags(void)
{
    uint32_t flags = SIZE_32 | (below(2) ? PRIVATE : 0);

    return below(3) == 0 ? flags | WITH_NODE : flags;
}

/* ---- Waiters ------------------------------------------------------------------------------- */

static long call(const struct waiter *waiter)
{
    int flags = (int)(waiter->flags & PRIVATE);

    switch (waiter->kind) {
    case KIND_WAIT:
        return futex(waiter->word, FUTEX_WAIT | flags, 0);
    case KIND_BITS:
        return futex(waiter->word, FUTEX_WAIT_BITSET | flags, 0, NULL, NULL, waiter->bits);
    case KIND_NEW:
        return syscall(CALL_FUTEX_WAIT, waiter->word, 0, waiter->bits, waiter->flags, NULL, 0);
    case KIND_MANY:
        return syscall(CALL_FUTEX_WAITV, waiter->entries, waiter->count, 0, NULL, 0);
    case KINDS:
        break;
    }
    return 0;
}

static void *wait_in_kind(void *argument)
{
    struct waiter *waiter = argument;
    void *result;

    waiter->id = own_id();
    result = answer(call(waiter));
    waiter->is_over = true;
    return result;
}

static bool sleeps(int id)
{
    char path[64], line[256];
    FILE *file;
    bool is_asleep = false;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
    file = fopen(path, "r");
    if (!file)
        return false;
    if (fgets(line, sizeof(line), file) && strrchr(line, ')'))
        is_asleep = strrchr(line, ')')[2] == 'S';
    (void)fclose(file);
    return is_asleep;
}

/* Until each sleeps in its call or has come back from it. */
static void settle(void)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        const struct waiter *waiter = &waiters[i];

        while (waiter->is_there && !waiter->is_over && !(waiter->id && sleeps(waiter->id)))
            sleep_ms(1);
    }
}

static void start_waiter(struct waiter *waiter)
{
    *waiter = (struct waiter){ .kind = (enum kind)below(KINDS), .word = any_word(),
                               .bits = 1 + below(7), .flags = any_flags(), .count = 1 + below(3),
                               .is_there = true };
    for (unsigned i = 0; i < COUNT(waiter->entries); i++) {
        waiter->entries[i].uaddr = (uintptr_t)any_word();
        waiter->entries[i].flags = any_flags();
    }
    waiter->thread = start(wait_in_kind, waiter);
    settle();
}

/* ---- Calls --------------------------------------------------------------------------------- */

static long any_call(void)
{
    uint32_t *word = any_word(), *second = any_word(), flags = any_flags(), bits = 1 + below(7);
    int count = (int)below(3), second_count = (int)below(3);
    int private_flag = below(2) ? PRIVATE : 0;
    uint32_t comparison = below(2) ? FUTEX_OP_CMP_EQ : FUTEX_OP_CMP_NE;

    switch (below(4)) {
    case 0:
        return futex(word, FUTEX_WAKE | private_flag, count);
    case 1:
        return futex(word, FUTEX_WAKE_BITSET | private_flag, count, NULL, NULL, bits);
    case 2:
        return syscall(CALL_FUTEX_WAKE, word, bits, count, flags);
    default:
        return futex(word, FUTEX_WAKE_OP | private_flag, count, second_count, second,
                     FUTEX_OP_SET << 28 | comparison << 24);
    }
}

static void show_call(unsigned number)
{
    for (unsigned i = 0; i < WAITERS; i++) {
        if (!waiters[i].is_there)
            start_waiter(&waiters[i]);
    }
    (void)printf("%u: %ld", number, any_call());
    settle();
    for (unsigned i = 0; i < WAITERS; i++) {
        if (!waiters[i].is_there || !waiters[i].is_over)
            continue;
        waiters[i].is_there = false;
        (void)printf(", waiter %u of kind %d: %ld", i, (int)waiters[i].kind,
                     join(waiters[i].thread));
    }
    (void)printf("\n");
}

int main(void)
{
    need_nodes();
    for (int i = 0; i < 2; i++)
        pages[i] = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                        (i ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < CALLS; i++)
        show_call(i);
    exit(0);
}

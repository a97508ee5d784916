/*
 * Words with a node of memory behind them (FUTEX2_NUMA, FUTEX2_MPOL); the machine is one node.
 */
#include "with_nodes.h"

/* The second half of each is the node of the first. */
static uint32_t words[64] __attribute__((aligned(64)));
static uint32_t *shared_page;
static struct timespec past = { 1, 0 };
static int flags;    /* PRIVATE or 0 */

static long wake(const void *word, uint32_t kind, int count)
{
    return syscall(CALL_FUTEX_WAKE, word, -1u, count, SIZE_32 | kind | (uint32_t)flags);
}

static long wait(const void *word, uint32_t expected, uint32_t kind)
{
    return syscall(CALL_FUTEX_WAIT, word, expected, -1u, SIZE_32 | kind | (uint32_t)flags, &past,
                   CLOCK_MONOTONIC);
}

static struct futex_waitv entry_of(const void *word, uint32_t kind)
{
    return (struct futex_waitv){ .uaddr = (uintptr_t)word,
                                 .flags = SIZE_32 | kind | (uint32_t)flags };
}

/* ---- Nodes --------------------------------------------------------------------------------- */

static const uint32_t nodes[] = { NO_NODE, 0, 1, 63, 1024, NO_NODE - 1 };

static void show_nodes(const char *what)
{
    (void)printf("%s:", what);
    for (unsigned i = 0; i < 4; i++)
        (void)printf(" %d", (int)words[8 * i + 1]);
    (void)printf("\n");
}

static void each_node(void)
{
    for (unsigned i = 0; i < COUNT(nodes); i++) {
        words[0] = 5;
        (void)printf("node %d\n", (int)nodes[i]);
        words[1] = nodes[i];
        CALL(wake(words, WITH_NODE, 1));
        VALUE((int)words[1]);
        words[1] = nodes[i];
        CALL(wait(words, 5, WITH_NODE));
        VALUE((int)words[1]);
        words[1] = nodes[i];
        CALL(wait(words, 4, WITH_NODE));
        VALUE((int)words[1]);
        words[1] = nodes[i];
        CALL(wait(words, 5, WITH_NODE | BY_POLICY));
        VALUE((int)words[1]);
        words[1] = nodes[i];
        CALL(wait(words, 5, BY_POLICY));
        VALUE((int)words[1]);
        words[1] = nodes[i];
        CALL(wake(words, 0, 1));
        VALUE((int)words[1]);
    }
    words[0] = 0;
}

/* Which wrong thing is noticed before the node is looked at, or written. */
static void order_of_checks(void)
{
    uint32_t kind = SIZE_32 | WITH_NODE | (uint32_t)flags;

    words[1] = NO_NODE;
    CALL(wake(words, WITH_NODE | 16, 1));
    CALL(syscall(CALL_FUTEX_WAKE, words, 0, 1, kind));
    CALL(syscall(CALL_FUTEX_WAKE, words, 0x100000000, 1, kind));
    CALL(syscall(CALL_FUTEX_WAIT, words, 0, 0, kind, &past, 1));
    CALL(syscall(CALL_FUTEX_WAIT, words, 0, -1u, kind, 8, 1));
    CALL(syscall(CALL_FUTEX_WAIT, words, 0, -1u, kind, &past, 2));
    VALUE((int)words[1]);
    CALL(wake(words, WITH_NODE, 0));
    VALUE((int)words[1]);
    for (uint32_t size = 0; size < 4; size++)
        CALL(syscall(CALL_FUTEX_WAKE, words, -1u, 1, (kind & ~3u) | size));
}

/* ---- Addresses ----------------------------------------------------------------------------- */

static void addresses(void)
{
    static const uint64_t wrong[] = { 0, 4096, 4100, 0x7ffffffff000, 0xffff800000000000 };

    words[2] = 0;
    CALL(wake(words + 1, WITH_NODE, 1));
    CALL(wake(words + 1, BY_POLICY, 1));
    CALL(wake((char *)words + 2, WITH_NODE, 1));
    for (unsigned i = 0; i < COUNT(wrong); i++) {
        (void)printf("%#llx: ", (unsigned long long)wrong[i]);
        CALL(wake((void *)(uintptr_t)wrong[i], WITH_NODE, 1));
        CALL(wait((void *)(uintptr_t)wrong[i], 0, WITH_NODE));
    }
}

/* Read-only memory: is its node known, asked for, wrong? */
static void read_only(int kind_of_memory)
{
    uint32_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, kind_of_memory | MAP_ANONYMOUS, -1,
                          0);

    CALL(wait(page, 0, WITH_NODE));
    CALL(wake(page, WITH_NODE, 1));
    for (unsigned i = 0; i < COUNT(nodes); i++) {
        (void)mprotect(page, 4096, PROT_READ | PROT_WRITE);
        page[1] = nodes[i];
        (void)mprotect(page, 4096, PROT_READ);
        (void)printf("node %d\n", (int)nodes[i]);
        CALL(wake(page, WITH_NODE, 1));
        CALL(wait(page, 0, WITH_NODE));
        CALL(wait(page, 9, WITH_NODE));
    }
    (void)mprotect(page, 4096, PROT_NONE);
    CALL(wake(page, WITH_NODE, 1));
    (void)munmap(page, 4096);
}

/* ---- Who meets whom ------------------------------------------------------------------------ */

struct waiter {
    uint32_t *word, kind;
};

static void *wait_for_ever(void *argument)
{
    const struct waiter *waiter = argument;

    return answer(syscall(CALL_FUTEX_WAIT, waiter->word, 0, -1u,
                          SIZE_32 | waiter->kind | (uint32_t)flags, NULL, 0));
}

/* Requeueing to where they are counts waiters and moves none. */
static long waiting(const uint32_t *word, uint32_t kind)
{
    struct futex_waitv pair[2] = { entry_of(word, kind), entry_of(word, kind) };

    return syscall(CALL_FUTEX_REQUEUE, pair, 0, 0, INT_MAX);
}

static pthread_t start_waiter(struct waiter *waiter)
{
    pthread_t thread = start(wait_for_ever, waiter);

    for (int i = 0; i < MEMBER_PATIENCE_MS && waiting(waiter->word, waiter->kind) < 1; i++)
        sleep_ms(1);
    return thread;
}

static void meet(uint32_t *word)
{
    static const uint32_t kinds[] = { 0, WITH_NODE, BY_POLICY, WITH_NODE | BY_POLICY };

    for (unsigned i = 0; i < COUNT(kinds); i++) {
        for (unsigned k = 0; k < COUNT(kinds); k++) {
            struct waiter waiter = { word, kinds[i] };
            pthread_t thread;

            word[1] = NO_NODE;
            thread = start_waiter(&waiter);
            (void)printf("waits with %u, woken with %u: %ld\n", kinds[i], kinds[k],
                         wake(word, kinds[k], 1));
            (void)wake(word, kinds[i], 1);
            show("waiter", join(thread));
        }
    }
}

/* The calls of old know no nodes. */
static void older_calls(uint32_t *word)
{
    struct waiter waiter = { word, WITH_NODE };
    pthread_t thread = start_waiter(&waiter);

    CALL(futex(word, FUTEX_REQUEUE | flags, 0, 9, word + 8));
    CALL(futex(word + 8, FUTEX_WAKE | flags, 1));
    CALL(wake(word, WITH_NODE, 1));
    show("waiter", join(thread));
}

/* ---- Requeueing ---------------------------------------------------------------------------- */

static void requeue(const char *what, const struct futex_waitv *source,
                    const struct futex_waitv *target, int wake_count)
{
    struct futex_waitv pair[2] = { *source, *target };

    (void)printf("%s: ", what);
    CALL(syscall(CALL_FUTEX_REQUEUE, pair, 0, wake_count, 9));
    (void)printf("nodes %d, %d\n", (int)words[1], (int)words[9]);
    words[1] = words[9] = NO_NODE;
}

static void requeue_refused(void)
{
    struct futex_waitv source = entry_of(words, WITH_NODE), target = entry_of(words + 8, WITH_NODE);
    struct futex_waitv other = entry_of(words + 8, 0);

    words[1] = words[9] = NO_NODE;
    requeue("only one has a node", &source, &other, 0);
    other.flags = target.flags | BY_POLICY;
    requeue("only one by policy", &source, &other, 0);
    requeue("the same", &source, &source, 0);
    requeue("a negative count", &source, &target, -1);
    words[9] = 77;
    requeue("no such second node", &source, &target, 0);
    words[1] = 77;
    requeue("no such first node", &source, &target, 0);
    source.val = 5;
    requeue("another value", &source, &target, 0);
    words[9] = 77;
    requeue("another value, no such node", &source, &target, 0);
    other = entry_of((void *)4096, WITH_NODE);
    requeue("no second word", &source, &other, 0);
    other = entry_of(words + 9, WITH_NODE);
    requeue("the second between two", &source, &other, 0);
}

static void requeueing(void)
{
    struct futex_waitv source = entry_of(words, WITH_NODE), target = entry_of(words + 8, WITH_NODE);
    struct waiter waiters[3];
    pthread_t threads[3];

    words[1] = words[9] = NO_NODE;
    for (unsigned i = 0; i < COUNT(waiters); i++) {
        waiters[i] = (struct waiter){ words, WITH_NODE };
        threads[i] = start(wait_for_ever, &waiters[i]);
    }
    for (int i = 0; i < MEMBER_PATIENCE_MS && waiting(words, WITH_NODE) < 3; i++)
        sleep_ms(1);
    requeue("one is woken, two are moved", &source, &target, 1);
    CALL(wake(words, WITH_NODE, 9));
    CALL(wake(words + 8, WITH_NODE, 1));
    CALL(wake(words + 8, WITH_NODE, 9));
    for (unsigned i = 0; i < COUNT(waiters); i++)
        show("waiter", join(threads[i]));
}

/* ---- Several words ------------------------------------------------------------------------- */

static struct futex_waitv entries[4];

static void waitv(const char *what)
{
    (void)printf("%s: ", what);
    CALL(syscall(CALL_FUTEX_WAITV, entries, 4, 0, &past, 1));
    show_nodes("nodes");
    for (unsigned i = 0; i < 4; i++) {
        words[8 * i] = 0;
        words[8 * i + 1] = NO_NODE;
        entries[i] = entry_of(words + 8 * i, WITH_NODE);
    }
}

static void several_words(void)
{
    for (unsigned i = 0; i < 4; i++)
        entries[i] = entry_of(words + 8 * i, WITH_NODE);
    waitv("nodes as they were");
    waitv("any node");
    words[17] = 77;
    waitv("the third has no such node");
    words[8] = 5;
    waitv("the second is another");
    words[0] = 5;
    words[17] = 77;
    waitv("the first is another, the third has no such node");
    entries[1].flags &= ~WITH_NODE;
    entries[2] = entry_of(words + 16, BY_POLICY);
    entries[3].flags |= BY_POLICY;
    waitv("of all kinds");
    entries[3].flags |= 16;
    waitv("an unknown flag");
    entries[3].uaddr += 4;
    waitv("between two");
    entries[3].uaddr = 4096;
    waitv("no word");
}

static void *wait_for_several(void *argument)
{
    return answer(syscall(CALL_FUTEX_WAITV, entries, 4, 0, NULL, argument));
}

static void several_words_woken(void)
{
    pthread_t thread;

    for (unsigned i = 0; i < 4; i++)
        entries[i] = entry_of(words + 8 * i, i % 2 ? WITH_NODE : 0);
    for (unsigned i = 0; i < 4; i++) {
        thread = start(wait_for_several, NULL);
        for (int k = 0; k < MEMBER_PATIENCE_MS && waiting(words + 24, WITH_NODE) < 1; k++)
            sleep_ms(1);
        CALL(wake(words + 8 * i, i % 2 ? WITH_NODE : 0, 9));
        show("index", join(thread));
    }
}

static void all(void)
{
    each_node();
    order_of_checks();
    addresses();
    read_only(MAP_PRIVATE);
    read_only(MAP_SHARED);
    meet(words);
    meet(shared_page);
    older_calls(words);
    older_calls(shared_page);
    requeue_refused();
    requeueing();
    several_words();
    several_words_woken();
}

int main(void)
{
    need_nodes();
    shared_page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    private_and_shared(all, &flags);
    return 0;
}

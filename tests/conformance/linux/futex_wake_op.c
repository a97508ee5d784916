/* futex: WAKE_OP, each operation with each comparison, and who is woken. */
#include "with_threads.h"

static uint32_t word, second;

static void *wait_on(void *argument)
{
    return answer(futex(argument, FUTEX_WAIT | PRIVATE, *(uint32_t *)argument));
}

/* Without waiters: what becomes of the word. */
static void try_operation(uint32_t before, uint32_t operation)
{
    long result;

    second = before;
    result = futex(&word, FUTEX_WAKE_OP | PRIVATE, 1, 1, &second, operation);
    (void)printf("%#x with %#x: %s, %#x\n", before, operation,
                 result == -1 ? error_name(errno) : "done", second);
}

static void operations(void)
{
    static const uint32_t values[] = { 0, 1, 5, 0x80000000, 0xffffffff };

    SECTION("operations");
    for (uint32_t operation = 0; operation < 16; operation++) {
        for (size_t i = 0; i < COUNT(values); i++)
            try_operation(values[i], operation << 28 | 3 << 12);
        try_operation(7, operation << 28 | 0xfffu << 12);
        try_operation(7, operation << 28 | 31u << 12);
        try_operation(7, operation << 28 | 0x7ffu << 12);
    }
    SECTION("comparisons");
    for (uint32_t comparison = 0; comparison < 16; comparison++)
        try_operation(7, 1u << 28 | comparison << 24 | 1 << 12 | 7);
}

/* Who is woken when the old value was 5 and is compared so. */
static void woken_by(uint32_t comparison, int32_t with)
{
    pthread_t a, b;

    word = 0;
    second = 5;
    a = start(wait_on, &word);
    b = start(wait_on, &second);
    await_waiters(&word, PRIVATE, 1);
    await_waiters(&second, PRIVATE, 1);
    (void)printf("comparison %u with %d: %ld\n", comparison, with,
                 futex(&word, FUTEX_WAKE_OP | PRIVATE, 1, 1, &second,
                       FUTEX_OP_ADD << 28 | comparison << 24 | 1 << 12 | ((uint32_t)with & 0xfff)));
    VALUE(second);
    (void)futex(&word, FUTEX_WAKE | PRIVATE, 1);
    (void)futex(&second, FUTEX_WAKE | PRIVATE, 1);
    show("first", join(a));
    show("second", join(b));
}

static void counts(void)
{
    pthread_t threads[6];

    SECTION("how many");
    word = second = 0;
    for (int i = 0; i < 6; i++)
        threads[i] = start(wait_on, i < 3 ? &word : &second);
    await_waiters(&word, PRIVATE, 3);
    await_waiters(&second, PRIVATE, 3);
    CALL(futex(&word, FUTEX_WAKE_OP | PRIVATE, 0, 0, &second, 0));
    CALL(futex(&word, FUTEX_WAKE_OP | PRIVATE, 1, 9, &second, FUTEX_OP_CMP_NE << 24));
    CALL(futex(&word, FUTEX_WAKE_OP | PRIVATE, 9, 9, &second, FUTEX_OP_CMP_EQ << 24));
    for (int i = 0; i < 6; i++)
        (void)join(threads[i]);
}

static void same_word(void)
{
    pthread_t thread;

    SECTION("the same word twice");
    word = 0;
    thread = start(wait_on, &word);
    await_waiters(&word, PRIVATE, 1);
    CALL(futex(&word, FUTEX_WAKE_OP | PRIVATE, 1, 1, &word, FUTEX_OP_SET << 28 | 9 << 12));
    VALUE(word);
    (void)join(thread);
}

/* Additions from several threads at once: none may get lost. */
static void *add_often(void *argument)
{
    for (int i = 0; i < 2000; i++)
        (void)futex(&word, FUTEX_WAKE_OP | PRIVATE, 1, 1, argument, FUTEX_OP_ADD << 28 | 1 << 12);
    return NULL;
}

static void *add_by_instruction(void *argument)
{
    for (int i = 0; i < 200000; i++)
        (void)__atomic_fetch_add((uint32_t *)argument, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void is_atomic(void)
{
    pthread_t threads[4];

    SECTION("atomic");
    second = 0;
    for (int i = 0; i < 4; i++)
        threads[i] = start(i < 2 ? add_often : add_by_instruction, &second);
    for (int i = 0; i < 4; i++)
        (void)join(threads[i]);
    VALUE(second);
}

int main(void)
{
    operations();
    SECTION("waking");
    for (uint32_t comparison = 0; comparison < 6; comparison++) {
        for (int32_t with = 4; with <= 6; with++)
            woken_by(comparison, with);
        woken_by(comparison, -5);
    }
    counts();
    same_word();
    is_atomic();
    return 0;
}

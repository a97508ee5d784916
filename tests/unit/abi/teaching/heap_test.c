/* The heap of Allocate: placement, alignment, exhaustion, and what hostile programs give back. */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"

#include <string.h>

#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "memory/user_memory.h"

static struct address_space *space;

static void begin(void)
{
    fake_machine_init(16 << 20);
    page_allocator_init();
    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(teaching_heap_map(space), 0);
}

START_TEST(heap_blocks_do_not_overlap)
{
    user_address first, second;

    begin();
    first = teaching_heap_take(24, 8);
    second = teaching_heap_take(1, 1);
    ck_assert_uint_eq(first, TEACHING_HEAP_START);
    ck_assert_uint_eq(second, first + 32);
    ck_assert_uint_eq(teaching_heap_used(), 48);
    ck_assert(teaching_heap_give(first));
    ck_assert_uint_eq(teaching_heap_take(32, 16), first);
    ck_assert_uint_eq(teaching_heap_take(16, 16), second + 16);
}
END_TEST

START_TEST(heap_aligns)
{
    begin();
    ck_assert_uint_eq(teaching_heap_take(16, 16), TEACHING_HEAP_START);
    for (uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
        user_address block = teaching_heap_take(40, alignment);

        ck_assert_uint_ne(block, 0);
        ck_assert_uint_eq(block % alignment, 0);
    }
}
END_TEST

START_TEST(heap_runs_out_and_comes_back)
{
    begin();
    ck_assert_uint_eq(teaching_heap_take(0, 1), 0);
    ck_assert_uint_eq(teaching_heap_take(TEACHING_HEAP_SIZE + 1, 1), 0);
    ck_assert_uint_eq(teaching_heap_take(UINT64_MAX, 1), 0);
    ck_assert_uint_eq(teaching_heap_take(TEACHING_HEAP_SIZE, 4096), TEACHING_HEAP_START);
    ck_assert_uint_eq(teaching_heap_take(1, 1), 0);
    ck_assert(teaching_heap_give(TEACHING_HEAP_START));
    ck_assert_uint_eq(teaching_heap_used(), 0);
    for (uint64_t i = 0; i < TEACHING_HEAP_SIZE / 16; i++)
        ck_assert_uint_eq(teaching_heap_take(16, 1), TEACHING_HEAP_START + i * 16);
    ck_assert_uint_eq(teaching_heap_take(16, 1), 0);
    /* The last unit is found again. */
    ck_assert(teaching_heap_give(TEACHING_HEAP_START + TEACHING_HEAP_SIZE - 16));
    ck_assert_uint_eq(teaching_heap_take(16, 1), TEACHING_HEAP_START + TEACHING_HEAP_SIZE - 16);
}
END_TEST

START_TEST(heap_takes_back_only_blocks)
{
    user_address block;

    begin();
    block = teaching_heap_take(64, 16);
    ck_assert(!teaching_heap_give(block + 16));
    ck_assert(!teaching_heap_give(block + 1));
    ck_assert(!teaching_heap_give(block - 16));
    ck_assert(!teaching_heap_give(TEACHING_HEAP_START + TEACHING_HEAP_SIZE));
    ck_assert(!teaching_heap_give(UINT64_MAX));
    ck_assert(!teaching_heap_give(1));
    ck_assert_uint_eq(teaching_heap_used(), 64);
    ck_assert(teaching_heap_give(block));
    ck_assert(!teaching_heap_give(block));
    ck_assert_uint_eq(teaching_heap_used(), 0);
}
END_TEST

/* Random takes and gives against a list of what is held. */
START_TEST(heap_agrees_with_a_list)
{
    enum { HELD = 200, STEPS = 20000 };
    static struct { user_address at; uint64_t size; } held[HELD];
    uint32_t state = 1;

    begin();
    for (int step = 0; step < STEPS; step++) {
        state = state * 1103515245 + 12345;

        unsigned i = (state >> 16) % HELD;

        if (held[i].at) {
            ck_assert(teaching_heap_give(held[i].at));
            held[i].at = 0;
            continue;
        }
        held[i].size = (state >> 8) % 9000 + 1;
        held[i].at = teaching_heap_take(held[i].size, UINT64_C(1) << (state >> 24) % 13);
        for (int j = 0; held[i].at && j < HELD; j++) {
            if (j == (int)i || !held[j].at)
                continue;
            ck_assert(held[j].at + held[j].size <= held[i].at ||
                      held[i].at + held[i].size <= held[j].at);
        }
    }
    for (int i = 0; i < HELD; i++)
        ck_assert(!held[i].at || teaching_heap_give(held[i].at));
    ck_assert_uint_eq(teaching_heap_used(), 0);
}
END_TEST

START_TEST(heap_is_shared_while_a_family_has_it)
{
    struct address_space *other;
    uint64_t word = 42;

    begin();
    ck_assert_int_eq(address_space_create(&other), 0);
    ck_assert_int_eq(teaching_heap_map(other), 0);
    ck_assert_int_eq(user_copy_out(space, TEACHING_HEAP_START + 8, &word, sizeof(word)), 0);
    word = 0;
    ck_assert_int_eq(user_copy_in(other, &word, TEACHING_HEAP_START + 8, sizeof(word)), 0);
    ck_assert_uint_eq(word, 42);
    ck_assert_uint_ne(teaching_heap_take(100, 1), 0);
    address_space_release(space);
    teaching_heap_leave();
    ck_assert_uint_eq(teaching_heap_used(), 112);
    address_space_release(other);
    teaching_heap_leave();
    ck_assert_uint_eq(teaching_heap_used(), 0);
    /* The next family finds an empty one. */
    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(teaching_heap_map(space), 0);
    ck_assert_int_eq(user_copy_in(space, &word, TEACHING_HEAP_START + 8, sizeof(word)), 0);
    ck_assert_uint_eq(word, 0);
}
END_TEST

TEST_MAIN("abi/teaching/heap", heap_blocks_do_not_overlap, heap_aligns,
          heap_runs_out_and_comes_back, heap_takes_back_only_blocks, heap_agrees_with_a_list,
          heap_is_shared_while_a_family_has_it)

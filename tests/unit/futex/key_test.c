/* What a futex is called: who meets whom, and the node of memory behind a word. */
#include "unit/futex/futex_fixture.h"

#define NODE (WORD + 4)
#define NO_NODE UINT32_MAX
#define PAGE_OF_ITS_OWN (FIXTURE_DATA + 0x1000)

static int64_t wake_with(user_address address, bool is_private, bool has_node)
{
    const struct futex_word word = { .space = current_space(), .address = address,
                                     .is_private = is_private, .has_node = has_node };

    return futex_wake(&word, FUTEX_ANY, 9, true);
}

static int64_t wake_with_node(user_address address)
{
    return wake_with(address, true, true);
}

FUTEX_TEST(a_node_is_written_where_there_is_none)
{
    put(NODE, NO_NODE);
    ck_assert_int_eq(wake_with_node(WORD), 0);
    ck_assert_uint_eq(get(NODE), 0);
    ck_assert_uint_eq(get(WORD), EXPECTED);
    put(NODE, NO_NODE);
    ck_assert_int_eq(wake(WORD, 9), 0);    /* of a word without one nothing is written */
    ck_assert_uint_eq(get(NODE), NO_NODE);
}

FUTEX_TEST(there_is_one_node)
{
    static const uint32_t others[] = { 1, 63, 1024, NO_NODE - 1 };

    for (unsigned i = 0; i < ARRAY_SIZE(others); i++) {
        put(NODE, others[i]);
        ck_assert_int_eq(wake_with_node(WORD), -EINVAL);
        ck_assert_int_eq(wake_with(WORD, false, true), -EINVAL);
        ck_assert_uint_eq(get(NODE), others[i]);
    }
}

FUTEX_TEST(a_word_and_its_node_are_aligned_together)
{
    put(NODE + 4, 0);
    ck_assert_int_eq(wake_with_node(WORD + 4), -EINVAL);
    ck_assert_int_eq(wake_with_node(WORD + 2), -EINVAL);
    ck_assert_int_eq(wake(WORD + 4, 9), 0);
    ck_assert_int_eq(wake_with_node(NOWHERE + 4), -EINVAL);
    ck_assert_int_eq(wake_with_node(NOWHERE), -EFAULT);
    ck_assert_int_eq(wake_with_node((user_address)-8), -EFAULT);
    ck_assert_int_eq(wake(NOWHERE, 9), 0);
}

FUTEX_TEST(memory_that_can_only_be_read_has_a_node_already)
{
    put(PAGE_OF_ITS_OWN, EXPECTED);
    put(PAGE_OF_ITS_OWN + 4, NO_NODE);
    protect(PAGE_OF_ITS_OWN, PROTECTION_READ);
    ck_assert_int_eq(wake_with_node(PAGE_OF_ITS_OWN), -EFAULT);
    protect(PAGE_OF_ITS_OWN, PROTECTION_READ | PROTECTION_WRITE);
    put(PAGE_OF_ITS_OWN + 4, 0);
    protect(PAGE_OF_ITS_OWN, PROTECTION_READ);
    ck_assert_int_eq(wake_with_node(PAGE_OF_ITS_OWN), 0);
    ck_assert_int_eq(wake_with(PAGE_OF_ITS_OWN, false, true), -EFAULT);    /* never changes */
}

FUTEX_TEST(an_absent_page_is_brought_in_for_the_node)
{
    put(UNTOUCHED + PAGE_SIZE + 4, NO_NODE);
    ck_assert_int_eq(wake_with_node(UNTOUCHED), 0);
    ck_assert_int_eq(wake_with_node(UNTOUCHED + PAGE_SIZE), 0);
    ck_assert_uint_eq(get(UNTOUCHED + PAGE_SIZE + 4), 0);
}

static uint32_t node_of_another;

static void another_settles_it(user_address address)
{
    before_exchange = NULL;
    put(address, node_of_another);
}

FUTEX_TEST(another_thread_may_settle_the_node)
{
    put(NODE, NO_NODE);
    before_exchange = another_settles_it;
    ck_assert_int_eq(wake_with_node(WORD), 0);
    ck_assert_uint_eq(get(NODE), 0);

    put(NODE, NO_NODE);
    node_of_another = 7;
    before_exchange = another_settles_it;
    ck_assert_int_eq(wake_with_node(WORD), -EINVAL);
    ck_assert_uint_eq(get(NODE), 7);
}

/* Private words with a node are others than those without; shared ones are the same. */
FUTEX_TEST(who_meets_whom)
{
    struct memory_object *object;

    ck_assert_int_eq(memory_object_create_anonymous(PAGE_SIZE, &object), 0);
    map_object(PAGE_OF_ITS_OWN, object, PROTECTION_READ | PROTECTION_WRITE);
    put(PAGE_OF_ITS_OWN, EXPECTED);
    for (unsigned i = 0; i < 16; i++) {
        bool shared_wait = (i & 1) != 0, node_wait = (i & 2) != 0;
        bool shared_wake = (i & 4) != 0, node_wake = (i & 8) != 0;
        bool meet = shared_wait == shared_wake && (shared_wait || node_wait == node_wake);
        struct caller *waiter = start(&(struct caller){ .call = call_wait,
                                                        .word = PAGE_OF_ITS_OWN,
                                                        .is_shared = shared_wait,
                                                        .has_node = node_wait });

        ck_assert(!waiter->is_over);
        ck_assert_int_eq(wake_with(PAGE_OF_ITS_OWN, !shared_wake, node_wake), meet);
        if (!meet)
            ck_assert_int_eq(wake_with(PAGE_OF_ITS_OWN, !shared_wait, node_wait), 1);
        settle();
        ck_assert_int_eq(waiter->result, 0);
    }
    memory_object_release(object);
}

TEST_MAIN("futex/key", a_node_is_written_where_there_is_none, there_is_one_node,
          a_word_and_its_node_are_aligned_together,
          memory_that_can_only_be_read_has_a_node_already,
          an_absent_page_is_brought_in_for_the_node, another_thread_may_settle_the_node,
          who_meets_whom)

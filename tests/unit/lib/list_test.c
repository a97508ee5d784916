/* Intrusive list: order, removal from anywhere, and what double insertion and removal do. */
#include "lib/list.h"

#include "harness/test.h"

struct item {
    int number;
    struct list link;
};

#define ITEMS 4

static struct item items[ITEMS];
static struct list head;

static void begin(void)
{
    list_init(&head);
    for (int i = 0; i < ITEMS; i++) {
        items[i].number = i;
        list_init(&items[i].link);
    }
}

/* The numbers on the list as decimal digits, forwards; checks the way back as well. */
static int digits(void)
{
    int forwards = 0;
    int backwards = 0;
    int place = 1;

    LIST_FOR_EACH(node, &head)
        forwards = forwards * 10 + LIST_ENTRY(node, struct item, link)->number + 1;
    for (struct list *node = head.previous; node != &head; node = node->previous) {
        backwards += place * (LIST_ENTRY(node, struct item, link)->number + 1);
        place *= 10;
    }
    ck_assert_int_eq(forwards, backwards);
    return forwards;
}

START_TEST(new_list_is_empty)
{
    begin();
    ck_assert(list_is_empty(&head));
    ck_assert_ptr_null(list_first(&head));
    ck_assert_ptr_null(list_last(&head));
    ck_assert_ptr_null(list_take_first(&head));
    ck_assert(!list_is_linked(&items[0].link));
}
END_TEST

START_TEST(append_and_prepend_keep_order)
{
    begin();
    list_append(&head, &items[1].link);
    list_append(&head, &items[2].link);
    list_prepend(&head, &items[0].link);
    ck_assert_int_eq(digits(), 123);
    ck_assert_ptr_eq(list_first(&head), &items[0].link);
    ck_assert_ptr_eq(list_last(&head), &items[2].link);
    list_insert_before(&items[2].link, &items[3].link);
    ck_assert_int_eq(digits(), 1243);
}
END_TEST

START_TEST(removal_from_every_place)
{
    static const int expected[ITEMS] = { 234, 134, 124, 123 };

    for (int removed = 0; removed < ITEMS; removed++) {
        begin();
        for (int i = 0; i < ITEMS; i++)
            list_append(&head, &items[i].link);
        list_remove(&items[removed].link);
        ck_assert_int_eq(digits(), expected[removed]);
        ck_assert(!list_is_linked(&items[removed].link));
    }
}
END_TEST

START_TEST(take_first_empties_in_order)
{
    begin();
    for (int i = 0; i < ITEMS; i++)
        list_append(&head, &items[i].link);
    for (int i = 0; i < ITEMS; i++)
        ck_assert_ptr_eq(list_take_first(&head), &items[i].link);
    ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(safe_walk_allows_removal)
{
    begin();
    for (int i = 0; i < ITEMS; i++)
        list_append(&head, &items[i].link);
    LIST_FOR_EACH_SAFE(node, following, &head) {
        if (LIST_ENTRY(node, struct item, link)->number % 2 == 0)
            list_remove(node);
    }
    ck_assert_int_eq(digits(), 24);
}
END_TEST

START_TEST(second_insertion_panics)
{
    begin();
    list_append(&head, &items[0].link);
    list_append(&head, &items[0].link);
}
END_TEST

START_TEST(second_removal_panics)
{
    begin();
    list_append(&head, &items[0].link);
    list_remove(&items[0].link);
    list_remove(&items[0].link);
}
END_TEST

START_TEST(rotation_goes_round)
{
    begin();
    ck_assert_ptr_null(list_rotate(&head));
    ck_assert_uint_eq(list_length(&head), 0);
    for (int i = 0; i < 3; i++)
        list_append(&head, &items[i].link);
    ck_assert_ptr_eq(list_rotate(&head), &items[0].link);
    ck_assert_int_eq(digits(), 231);
    ck_assert_ptr_eq(list_rotate(&head), &items[1].link);
    ck_assert_int_eq(digits(), 312);
    ck_assert_uint_eq(list_length(&head), 3);
}
END_TEST

TEST_MAIN_WITH_PANICS("lib/list", PANICS(second_insertion_panics, second_removal_panics),
                      new_list_is_empty, append_and_prepend_keep_order, removal_from_every_place,
                      take_first_empties_in_order, safe_walk_allows_removal,
                      rotation_goes_round)

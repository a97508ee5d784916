/* Words of user memory: reading and changing them without sleeping, and what they are. */
#include "memory/user_word.h"

#include <errno.h>

#include "harness/fake_scheduler.h"
#include "harness/test.h"
#include "memory/memory_object.h"
#include "memory/page.h"
#include "memory/user_memory.h"

#define OWN UINT64_C(0x10000000)
#define READ_ONLY UINT64_C(0x20000000)
#define SHARED UINT64_C(0x30000000)
#define MIRROR UINT64_C(0x40000000)
#define SIZE (4 * PAGE_SIZE)

static struct address_space *space;
static struct memory_object *object;

static void map(user_address at, uint32_t protection, struct memory_object *what, uint64_t offset)
{
    const struct map_request request = {
        .address = at,
        .length = SIZE - offset,
        .protection = protection,
        .flags = MAP_AT_ADDRESS | (what ? MAP_SHARED_PAGES : 0u),
        .object = what,
        .object_offset = offset,
    };
    user_address address;

    ck_assert_int_eq(address_space_map(space, &request, &address), 0);
}

static void begin(void)
{
    fake_scheduler_init(1);
    ck_assert_int_eq(address_space_create(&space), 0);
    ck_assert_int_eq(memory_object_create_anonymous(SIZE, &object), 0);
    map(OWN, PROTECTION_READ | PROTECTION_WRITE, NULL, 0);
    map(READ_ONLY, PROTECTION_READ, NULL, 0);
    map(SHARED, PROTECTION_READ | PROTECTION_WRITE, object, 0);
    map(MIRROR, PROTECTION_READ, object, PAGE_SIZE);
}

START_TEST(an_absent_page_is_brought_in)
{
    uint32_t value = 1;

    begin();
    ck_assert_int_eq(user_word_read(space, OWN, &value), WORD_ABSENT);
    ck_assert_int_eq(user_word_bring_in(space, OWN, false), 0);
    ck_assert_int_eq(user_word_read(space, OWN, &value), WORD_DONE);
    ck_assert_uint_eq(value, 0);
    /* A page of zeros for all: it may be read only. */
    ck_assert_int_eq(user_word_exchange(space, OWN, &value, 5), WORD_ABSENT);
    ck_assert_int_eq(user_word_bring_in(space, OWN, true), 0);
    ck_assert_int_eq(user_word_exchange(space, OWN, &value, 5), WORD_DONE);
    ck_assert_int_eq(user_word_exchange(space, OWN, &value, 6), WORD_DIFFERS);
    ck_assert_uint_eq(value, 5);
    ck_assert_int_eq(user_word_bring_in(space, READ_ONLY, true), -EFAULT);
    ck_assert_int_eq(user_word_bring_in(space, 0x1000, false), -EFAULT);
    ck_assert_int_eq(user_word_bring_in(space, (user_address)-4, false), -EFAULT);
}
END_TEST

static struct user_word_place place_of(user_address word, bool write)
{
    struct user_word_place place;

    ck_assert_int_eq(user_word_locate(space, word, write, &place), 0);
    if (place.object)
        memory_object_release(place.object);
    return place;
}

START_TEST(the_same_memory_is_the_same_place)
{
    struct user_word_place place;

    begin();
    place = place_of(OWN + 8, true);
    ck_assert_ptr_null(place.object);
    ck_assert_uint_eq(place.position, OWN + 8);
    place = place_of(SHARED + PAGE_SIZE + 12, true);
    ck_assert_ptr_eq(place.object, object);
    ck_assert_uint_eq(place.position, PAGE_SIZE + 12);
    place = place_of(MIRROR + 12, false);
    ck_assert_ptr_eq(place.object, object);
    ck_assert_uint_eq(place.position, PAGE_SIZE + 12);
    ck_assert_int_eq(user_word_locate(space, MIRROR, true, &place), -EFAULT);
    ck_assert_int_eq(user_word_locate(space, READ_ONLY, false, &place), -EFAULT);
    ck_assert_int_eq(user_word_locate(space, 0x1000, false, &place), -EFAULT);
    ck_assert_int_eq(user_word_locate(space, (user_address)-4, false, &place), -EFAULT);
}
END_TEST

TEST_MAIN("memory/user_word", an_absent_page_is_brought_in, the_same_memory_is_the_same_place)

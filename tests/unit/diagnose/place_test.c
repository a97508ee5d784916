/* Places, as the machine describes them and as reports print them. */
#include <stdio.h>
#include <string.h>

#include "diagnose/diagnose_internal.h"
#include "harness/fake_machine.h"
#include "harness/test.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "process/abi.h"
#include "process/process.h"

static const char *description;
static struct process process;

static size_t describe(physical_address root, uint64_t address, char *text, size_t size)
{
    (void)root;
    (void)address;
    return description ? (size_t)snprintf(text, size, "%s", description) : 0;
}

/* A process that has nothing mapped: all that is known comes by its space. */
static void begin(void)
{
    static const struct abi abi = { .name = "test" };

    fake_machine_init(1 << 20);
    page_allocator_init();
    fake_machine.describe = describe;
    process = (struct process){ .abi = &abi };
    ck_assert_int_eq(address_space_create(&process.space), 0);
}

static const char *printed(const char *by_machine)
{
    static char text[WHAT_SIZE];
    struct place place;

    begin();
    description = by_machine;
    place_find(&place, &process, 0x4010);
    return place_text(&place, text, sizeof(text));
}

START_TEST(description_is_taken_apart)
{
    ck_assert_str_eq(printed("take+0x12 (dinner.c:41)"), "take (dinner.c:41)");
    ck_assert_str_eq(printed("take (dinner.c:41)"), "take (dinner.c:41)");
    ck_assert_str_eq(printed("take+0x12"), "take");
    ck_assert_str_eq(printed("take"), "take");
    ck_assert_str_eq(printed(NULL), "address 0x4010");
    ck_assert_str_eq(printed("operator+ (a+b.cc:7)"), "operator (a+b.cc:7)");
    ck_assert_str_eq(printed("f (broken"), "f");
}
END_TEST

START_TEST(long_names_are_cut)
{
    char text[140];
    const char *result;

    memset(text, 'f', sizeof(text));
    strcpy(text + 100, " (file.c:3)");
    result = printed(text);
    ck_assert_uint_eq(strspn(result, "f"), sizeof(((struct place *)0)->function) - 1);
    ck_assert_ptr_nonnull(strstr(result, " (file.c:3)"));
}
END_TEST

START_TEST(no_address_has_no_place)
{
    struct place place;

    begin();
    description = "wrong";
    place_find(&place, NULL, 0x10);
    ck_assert_str_eq(place.function, "");
    place_find(&place, &process, 0);
    ck_assert_str_eq(place.function, "");
}
END_TEST

TEST_MAIN("diagnose/place", description_is_taken_apart, long_names_are_cut,
          no_address_has_no_place)

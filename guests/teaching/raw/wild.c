/*
 * Wild pointers and lengths to every call that takes some: each gives its error result, writes
 * nothing where it must not, and the program goes on.
 */
#include "raw.h"

enum { POINTERS = 12, LENGTHS = 8, OPERATIONS = 6 };

/* Nothing of these can be read in full when the length is large. */
static const uint64_t pointers[POINTERS] = {
    0, 1, 0xfff, 0x110fffffffff, HEAP_START, STACK_TOP + 0x100000, 0x7fffffffffff, 0x800000000000,
    0xffff800000000000, 0xffffff0000000000, UINT64_MAX - 8, UINT64_MAX,
};
static const uint64_t lengths[LENGTHS] = {
    1, 4, 8, 0x100, 0x101, 0x100000000, 0x7fffffffffffffff, UINT64_MAX,
};
static char small[16];

/* Calls with each pair; how many do not give `expected`. */
static int wrong_results(uint64_t number, bool pointer_first, int64_t expected)
{
    int wrong = 0;

    for (int i = 0; i < POINTERS; i++) {
        for (int j = 0; j < LENGTHS; j++) {
            int64_t result = pointer_first ? raw(number, pointers[i], lengths[j], 0)
                                           : raw(number, 1, pointers[i], lengths[j]);

            wrong += result != expected;
        }
    }
    return wrong;
}

static void read_everywhere(void)
{
    static const char random[] = "/dev/random", text[] = "unchanged";
    uint64_t fd = (uint64_t)raw(OPEN, at(random), 11, 0);
    int wrong = 0;

    for (int i = 0; i < POINTERS; i++) {
        for (int j = 0; j < LENGTHS; j++)
            wrong += raw(READ, fd, pointers[i], lengths[j]) != MINUS_ONE;
    }
    check("read_to_wild_pointers", wrong == 0);
    check("read_to_constants", raw(READ, fd, at(text), 8) == MINUS_ONE && text[0] == 'u');
    check("read_to_text", raw(READ, fd, 0x111100001000, 8) == MINUS_ONE);
    check("read_of_huge_length", raw(READ, fd, at(small), 1ul << 62) == MINUS_ONE);
    (void)raw(CLOSE, fd, 0, 0);
    check("read_of_input_to_wild_pointer", raw(READ, 0, 0x800000000000, 8) == MINUS_ONE);
}

static void heap_everywhere(void)
{
    uint64_t layout[2] = { 8, 8 };
    int wrong = 0;

    for (int i = 0; i < POINTERS; i++)
        wrong += raw(ALLOCATE, pointers[i], 0, 0) != 0;
    check("allocate_with_wild_layouts", wrong == 0);
    for (int i = 0; i < POINTERS; i++) {
        wrong += raw(DEALLOCATE, pointers[i], at(layout), 0) != DEALLOCATE;
        wrong += raw(DEALLOCATE, STACK_TOP, pointers[i], 0) != DEALLOCATE;
    }
    check("deallocate_of_wild_pointers", wrong == 0);
    for (int i = 0; i < POINTERS; i++) {
        layout[0] = pointers[i];
        layout[1] = lengths[i % LENGTHS] | 1ul << 30;
        wrong += raw(ALLOCATE, at(layout), 0, 0) != 0;
    }
    check("allocate_of_wild_sizes", wrong == 0);
    for (int i = 1; i < POINTERS; i++)
        wrong += raw(BRK, pointers[i], 0, 0) != (pointers[i] == HEAP_START ? (int64_t)HEAP_START
                                                                           : MINUS_ONE);
    check("brk_of_wild_ends", wrong == 0);
}

static void numbers_everywhere(void)
{
    int wrong = 0;

    for (int i = 0; i < POINTERS; i++) {
        if (pointers[i] != 1)    /* output is there */
            wrong += raw(WRITE, pointers[i] | 0x80, at(small), 4) != MINUS_ONE;
        wrong += raw(CLOSE, pointers[i] & ~3ul, 0, 0) != 0;
        wrong += raw(KILL, pointers[i] | 0x8000, 0, 0) != KILL;
    }
    check("wild_numbers", wrong == 0);
    for (int i = 0; i < OPERATIONS; i++)
        wrong += raw_sem((uint64_t)i + 4, pointers[i], lengths[i]) != MINUS_ONE;
    check("wild_operations", wrong == 0);
}

int64_t raw_main(void)
{
    static const char path[] = "/dev/random";

    check("write_of_wild_pointers", wrong_results(WRITE, false, MINUS_ONE) == 0);
    check("open_of_wild_pointers", wrong_results(OPEN, true, 0) == 0);
    check("spawn_of_wild_pointers", wrong_results(SPAWN, true, 0) == 0);
    check("list_of_wild_pointers", wrong_results(LIST, true, LIST) == 0);
    check("open_of_huge_length", raw(OPEN, at(path), 1ul << 40, 0) == 0);
    check("write_of_huge_length", raw(WRITE, 1, at(small), 1ul << 62) == MINUS_ONE);
    read_everywhere();
    heap_everywhere();
    numbers_everywhere();
    return raw_failed;
}

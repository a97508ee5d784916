/* Every call that does not concern processes: its results and its error results. */
#include "raw.h"

enum { KEY = 77, FD_UNKNOWN = 77, WORDS = 8 };

static char bytes[64];
static uint64_t layout[2];

/* align, then size; the address, 0 for failure */
static uint64_t allocate(uint64_t align, uint64_t size)
{
    layout[0] = align;
    layout[1] = size;
    return (uint64_t)raw(ALLOCATE, at(layout), 0, 0);
}

static void read_and_write(void)
{
    static const char text[] = "written\n";

    check("read_of_unknown_descriptor", raw(READ, FD_UNKNOWN, at(bytes), 8) == MINUS_ONE);
    check("read_of_output", raw(READ, 1, at(bytes), 8) == 0);
    check("read_of_error_output", raw(READ, 2, at(bytes), 8) == 0);
    check("read_of_less_than_a_character", raw(READ, 0, at(bytes), 3) <= 0);
    check("write", raw(WRITE, 1, at(text), 8) == 8);
    check("write_of_nothing", raw(WRITE, 1, at(text), 0) == 0);
    check("write_to_error_output", raw(WRITE, 2, at(text), 8) == 8);
    check("write_to_input", raw(WRITE, 0, at(text), 8) == 0);
    check("write_to_unknown_descriptor", raw(WRITE, FD_UNKNOWN, at(text), 8) == MINUS_ONE);
}

static void open_and_close(void)
{
    static const char random[] = "/dev/random", missing[] = "/no/such/file";
    int64_t first = raw(OPEN, at(random), 11, 0);
    int64_t second = raw(OPEN, at(random), 11, 0);

    check("open_of_missing_file", raw(OPEN, at(missing), 13, 0) == 0);
    check("open_of_no_name", raw(OPEN, at(missing), 0, 0) == 0);
    check("first_descriptor_is_3", first == 3);
    check("second_descriptor_is_4", second == 4);
    check("random_fills_the_buffer", raw(READ, (uint64_t)first, at(bytes), 64) == 64);
    check("close", raw(CLOSE, (uint64_t)first, 0, 0) == 1);
    check("close_again", raw(CLOSE, (uint64_t)first, 0, 0) == 0);
    check("read_after_close", raw(READ, (uint64_t)first, at(bytes), 8) == MINUS_ONE);
    check("closed_descriptor_is_used_again", raw(OPEN, at(random), 11, 0) == first);
    check("close_of_standard_descriptors", raw(CLOSE, 0, 0, 0) == 0 && raw(CLOSE, 1, 0, 0) == 0 &&
          raw(CLOSE, 2, 0, 0) == 0);
    check("close_of_unknown_descriptor", raw(CLOSE, FD_UNKNOWN, 0, 0) == 0);
    check("close_both", raw(CLOSE, 3, 0, 0) == 1 && raw(CLOSE, 4, 0, 0) == 1);
}

/* The runner puts it there. */
static void regular_file(void)
{
    static const char path[] = "/hello.txt";
    int64_t fd = raw(OPEN, at(path), 10, 0);

    check("open_of_regular_file", fd >= 3);
    check("read_of_regular_file", raw(READ, (uint64_t)fd, at(bytes), 5) == 5 && bytes[0] == 'H' &&
          bytes[4] == 'o');
    check("read_of_the_rest", raw(READ, (uint64_t)fd, at(bytes), 64) == 9 && bytes[8] == '\n');
    check("read_at_the_end", raw(READ, (uint64_t)fd, at(bytes), 64) == 0);
    check("write_to_regular_file", raw(WRITE, (uint64_t)fd, at(bytes), 5) == MINUS_ONE);
    check("close_of_regular_file", raw(CLOSE, (uint64_t)fd, 0, 0) == 1);
}

static void heap(void)
{
    volatile uint64_t *words = (volatile uint64_t *)HEAP_START;

    check("heap_begins_empty", raw(BRK, 0, 0, 0) == HEAP_START);
    check("heap_grows", raw(BRK, HEAP_START + 10000, 0, 0) >= (int64_t)HEAP_START + 10000);
    words[1249] = 5;
    check("heap_is_memory", words[1249] == 5 && words[0] == 0);
    check("heap_below_its_start", raw(BRK, HEAP_START - 1, 0, 0) == MINUS_ONE);
    check("heap_beyond_4_GiB", raw(BRK, HEAP_START + SLOT_SIZE + PAGE, 0, 0) == MINUS_ONE);
    check("heap_beyond_everything", raw(BRK, UINT64_MAX - 1, 0, 0) == MINUS_ONE);
    check("heap_is_given_back", raw(BRK, HEAP_START, 0, 0) == HEAP_START &&
          raw(BRK, 0, 0, 0) == HEAP_START);
    check("heap_is_empty_again", raw(BRK, HEAP_START + PAGE, 0, 0) == HEAP_START + PAGE &&
          words[1] == 0);
}

static void heap_of_all(void)
{
    uint64_t first = allocate(8, 100), second = allocate(PAGE, PAGE);
    uint64_t count = 0, again = 0;

    check("allocate", first >= SHARED_HEAP_START && first < SHARED_HEAP_START + SHARED_HEAP_SIZE);
    check("allocate_aligned", second != 0 && second % PAGE == 0);
    *(volatile uint64_t *)first = 1;
    *(volatile uint64_t *)(second + PAGE - 8) = 2;
    check("allocated_are_apart", *(volatile uint64_t *)first == 1);
    check("allocate_nothing", allocate(8, 0) == 0);
    check("allocate_too_much", allocate(8, SHARED_HEAP_SIZE + 1) == 0);
    check("allocate_far_too_much", allocate(8, UINT64_MAX - 7) == 0);
    check("allocate_badly_aligned", allocate(3, 5) == 0);
    layout[0] = 8;
    layout[1] = 100;
    check("deallocate_gives_its_number", raw(DEALLOCATE, first, at(layout), 0) == DEALLOCATE);
    check("deallocate_of_null", raw(DEALLOCATE, 0, at(layout), 0) == DEALLOCATE);
    layout[0] = layout[1] = PAGE;
    (void)raw(DEALLOCATE, second, at(layout), 0);
    for (uint64_t i = allocate(8, SHARED_HEAP_SIZE / 4); i != 0; count++) {
        (void)raw(DEALLOCATE, i, at(layout), 0);
        i = count < 100 ? allocate(8, SHARED_HEAP_SIZE / 4) : 0;
    }
    for (uint64_t last = 0; (last = allocate(PAGE, SHARED_HEAP_SIZE / 8)) != 0;)
        again++;
    check("deallocated_is_used_again", count == 101);
    check("heap_gets_full", again >= 6 && again <= 8);
}

static void semaphores(void)
{
    check("sem_unknown_operation", raw_sem(4, KEY, 0) == MINUS_ONE &&
          raw_sem(UINT64_MAX, KEY, 0) == MINUS_ONE);
    check("sem_missing_key", raw_sem(SEM_REMOVE, KEY, 0) == 1 &&
          raw_sem(SEM_SIGNAL, KEY, 0) == 1 && raw_sem(SEM_WAIT, KEY, 0) == 1);
    check("sem_new", raw_sem(SEM_NEW, KEY, 2) == 0);
    check("sem_wait_twice", raw_sem(SEM_WAIT, KEY, 0) == 0 && raw_sem(SEM_WAIT, KEY, 0) == 0);
    check("sem_signal_and_wait", raw_sem(SEM_SIGNAL, KEY, 0) == 0 &&
          raw_sem(SEM_WAIT, KEY, 0) == 0);
    check("sem_new_replaces", raw_sem(SEM_NEW, KEY, 1) == 1 && raw_sem(SEM_WAIT, KEY, 0) == 0);
    check("sem_key_has_32_bits", raw_sem(SEM_SIGNAL, KEY | 1ul << 40, 0) == 0 &&
          raw_sem(SEM_WAIT, KEY, 0) == 0);
    check("sem_remove", raw_sem(SEM_REMOVE, KEY, 0) == 0 && raw_sem(SEM_REMOVE, KEY, 0) == 1);
}

static void others(void)
{
    static const char missing[] = "/no/such/program";
    int64_t pid = raw(GETPID, 0, 0, 0), before = raw(TIME, 0, 0, 0);

    raw_pass_time(2);
    check("pid", pid > 0 && pid < 65536 && raw(GETPID, 0, 0, 0) == pid);
    check("time_is_of_our_days", before > 1500000000l * 1000000000l);
    check("time_passes", raw(TIME, 0, 0, 0) > before);
    check("stat_leaves_rax", raw(STAT, 0, 0, 0) == STAT);
    check("stat_has_two_numbers", raw(STAT_OF_TUTORIAL, 0, 0, 0) == STAT_OF_TUTORIAL);
    check("list_leaves_rax", raw(LIST, at("/"), 1, 0) == LIST);
    check("spawn_of_missing_program", raw(SPAWN, at(missing), 16, 0) == 0);
    check("spawn_of_no_name", raw(SPAWN, at(missing), 0, 0) == 0);
    check("spawn_of_long_name", raw(SPAWN, at(missing), 0x101, 0) == 0);
    check("kill_of_nobody", raw(KILL, 60000, 0, 0) == KILL);
    check("number_without_call", raw(NOTHING, 0, 0, 0) == NOTHING && raw(4, 0, 0, 0) == 4 &&
          raw(1000, 0, 0, 0) == 1000);
}

int64_t raw_main(void)
{
    read_and_write();
    open_and_close();
    regular_file();
    heap();
    heap_of_all();
    semaphores();
    others();
    return raw_failed;
}

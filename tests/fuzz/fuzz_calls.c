/*
 * The fuzzing guest: makes random calls with random arguments until its time is over.
 *
 *     fuzz_calls SEED SECONDS [COUNT]
 *
 * The sequence depends on the seed alone, not on results or time, so a seed that broke something
 * breaks it again.  COUNT ends it after so many calls.  It is made to be run inside the kernel
 * only, and refuses elsewhere: natively, as root, it could do anything.
 */
#include "abi/linux/numbers.h"
#include "fuzz_calls.h"

#define CALLS (sizeof(syscall_descriptors) / sizeof(syscall_descriptors[0]))
#define CALLS_BETWEEN_LOOKS 64
#define CALLS_BETWEEN_REFRESHES 200
#define ABSENT_ONCE_IN 50     /* calls that only answer -ENOSYS are not worth much time */
#define REFILL_ONCE_IN 16

static const struct syscall_descriptor *choose_call(void)
{
    for (;;) {
        const struct syscall_descriptor *call = &syscall_descriptors[random_below(CALLS)];

        if (guard_allows(call) &&
            (call->status != DESCRIPTOR_ABSENT || random_once_in(ABSENT_ONCE_IN)))
            return call;
    }
}

static void make_call(void)
{
    const struct syscall_descriptor *call = choose_call();
    uint64_t a[6];

    if (random_once_in(REFILL_ONCE_IN))
        values_fill_memory();
    for (unsigned i = 0; i < 6; i++)
        a[i] = i < call->argument_count ? value_of(call->kinds[i]) : random_next();
    guard_bend(call, a);
    system_call6(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    guard_repair(call);
}

int main(int argc, char **argv, char **envp)
{
    uint64_t count = 0, limit, seed, end;

    (void)envp;
    if (argc < 3) {
        print_error("usage: fuzz_calls SEED SECONDS [COUNT]\n");
        return 99;
    }
    if (!kernel_is_eft()) {
        print_error("fuzz_calls: not on Linux itself, where it would hit everything\n");
        return 99;
    }
    seed = text_to_number(argv[1]);
    end = clock_now_ns() + text_to_number(argv[2]) * 1000000000u;
    limit = argc > 3 ? text_to_number(argv[3]) : UINT64_MAX;
    print_format(1, "fuzz_calls: seed %u\n", seed);
    random_start(seed);
    if (!guard_start())
        return 98;
    values_fill_memory();
    while (count < limit) {
        make_call();
        if (count % CALLS_BETWEEN_REFRESHES == 0)
            guard_refresh();
        if (++count % CALLS_BETWEEN_LOOKS == 0 && clock_now_ns() >= end)
            break;
    }
    print_format(1, "\nfuzz_calls: %u calls\n", count);
    return 0;
}

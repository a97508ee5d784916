/*
 * Linked into the sim of the variants with the address sanitizer: how that looks at a kernel.
 *
 * Before each call of a function that does not return the tool wants to forget what it has noted
 * about the frames that are left.  Its own way reads the host's list of mappings, with locks and
 * heap: too slow for each trap, and a signal handler that interrupts it and leaves, too, waits for
 * ever.  Here the only frames that are left like that are those of the signal handler, on the
 * alternate stack; the stacks of the kernel's threads are cleaned where a new thread starts
 * (sim/context.c).
 */
#include <sanitizer/asan_interface.h>
#include <signal.h>

const char *__asan_default_options(void);
void __asan_handle_no_return(void);

/* The core has no host heap: there are no leaks to find. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

void __asan_handle_no_return(void)
{
    char *frame = __builtin_frame_address(0);
    stack_t stack;

    if (sigaltstack(NULL, &stack) != 0 || !(stack.ss_flags & SS_ONSTACK))
        return;

    char *end = (char *)stack.ss_sp + stack.ss_size;

    ASAN_UNPOISON_MEMORY_REGION(frame, (size_t)(end - frame));
}

/*
 * The hosted port's program: sets the machine up, starts the kernel, and takes everything down
 * again when the kernel halts.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim.h"

#define RESTARTED "EFT_RESTARTED"              /* in the environment of the second start only */
#define STACK_LIMIT ((rlim_t)8 << 20)
#define PERSONALITY_ASK 0xffffffffu

void host_restore(void)
{
    console_restore();
    signals_restore();
}

void refuse(const char *pattern, ...)
{
    va_list arguments;

    host_restore();
    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(arguments, pattern);
    vfprintf(stderr, pattern, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_REFUSED);
}

void machine_halt(enum machine_halt why, int status)
{
    host_restore();
    switch (why) {
    case MACHINE_HALT_OK:
        exit(status);
    case MACHINE_HALT_REFUSED:
        exit(EXIT_REFUSED);
    case MACHINE_HALT_PANIC:
        _exit(EXIT_PANIC);
    }
    abort();
}

/* In the legacy layout of address spaces, which an unlimited stack or a personality chooses,
 * the host's libraries lie where guests live.  The program starts again without it, once. */
static void leave_legacy_layout(char **arguments)
{
    struct rlimit limit;

    if (soft_tlb_window_is_empty()) {
        unsetenv(RESTARTED);
        return;
    }
    if (getenv(RESTARTED) || getrlimit(RLIMIT_STACK, &limit) != 0)
        refuse("the host placed its own mappings where guests live, below %#llx",
               (unsigned long long)GUEST_END);
    limit.rlim_cur = limit.rlim_max < STACK_LIMIT ? limit.rlim_max : STACK_LIMIT;
    setrlimit(RLIMIT_STACK, &limit);
    personality((unsigned long)personality(PERSONALITY_ASK) & ~(unsigned long)ADDR_COMPAT_LAYOUT);
    setenv(RESTARTED, "1", 1);
    execv("/proc/self/exe", arguments);
    refuse("cannot start again without the legacy layout of address spaces");
}

int main(int argument_count, char **arguments)
{
    struct options options;

    info_init_ranges();
    leave_legacy_layout(arguments);
    channel_init();    /* before anything is opened: 0 to 2 are the guest's, open or not */
    options_parse(argument_count, arguments, &options);
    info_init(&options);
    memory_init(options.memory_size);
    if (options.root) {
        hostfs_init(options.root);
        symbols_init(NULL);
    } else {
        archive_init(options.arguments[0]);
        symbols_init(options.arguments[0]);
        options_add_for_kernel("program", archive_program_name());
    }
    cpu_init(options.cpus);
    signals_init();
    clock_init();
    console_init(options.trace_file);
    user_run_init();
    kernel_start();
}

#pragma once
/*
 * The kernel's side of the seam for tests of the hosted machine, as far as all of them need the
 * same; and what the sim's main.c, which is not linked, has for its other files.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../sim/sim.h"
#include "machine/machine.h"

static const char *const no_strings[] = { NULL };

const char *kernel_name(enum kernel_name of, uint64_t number)
{
    (void)of;
    (void)number;
    return NULL;
}

_Noreturn void kernel_fault(const char *what, uint64_t address, uint64_t instruction)
{
    fprintf(stderr, "kernel fault: %s %#lx %#lx\n", what, (unsigned long)address,
            (unsigned long)instruction);
    abort();
}

_Noreturn void kernel_start(void)
{
    abort();
}

void host_restore(void)
{
    signals_restore();
}

_Noreturn void refuse(const char *pattern, ...)
{
    fputs(pattern, stderr);
    exit(EXIT_REFUSED);
}

void sim_note(const char *pattern, ...)
{
    fputs(pattern, stderr);
}

_Noreturn void machine_halt(enum machine_halt why, int status)
{
    fprintf(stderr, "halt %d %d\n", (int)why, status);
    abort();
}

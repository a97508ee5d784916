#pragma once
/* Kernel contexts (machine_context_init, machine_context_switch) that are fibers. */

/* For a new machine: the contexts that CPUs boot in are none of an earlier one. */
void fake_contexts_reset(void);

#pragma once
/* What ties the subsystems together; used by this folder only. */

/* Runs the current thread's user code for ever; the entry of threads of processes. */
_Noreturn void user_loop(void *argument);

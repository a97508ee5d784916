#pragma once
/*
 * Printing of calls, one line each, as strace does.  Only processes with `traced` get here.
 *
 * A call's line is begun when it is made and printed when it has its result; if another thread's
 * call comes first, what there is of it is printed with "<unfinished ...>" and the rest later.
 */
#include <stdint.h>

struct signal_information;
struct syscall;
struct thread;

void trace_call_begin(struct thread *thread, const struct syscall *call,
                      const uint64_t *arguments);
void trace_call_end(struct thread *thread, int64_t result);
void trace_unknown_call(struct thread *thread, uint32_t number);
/* "--- SIGSEGV {...} ---" and "+++ exited with 0 +++"; operations of struct abi. */
void trace_signal(struct thread *thread, const struct signal_information *information);
void trace_end(struct thread *thread, int status);

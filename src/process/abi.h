#pragma once
/*
 * What an ABI supplies to the layers below it: conventions of registers, signal frames and the
 * first stack.  Two ABIs differ by this structure and by nothing else.  The structures are
 * defined in abi/<name>/; processes point to one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/error.h"
#include "machine/machine.h"

struct elf_image;
struct exec_image;
struct exec_request;
struct process;
struct signal_delivery;
struct signal_information;
struct syscall;
struct text_builder;
struct thread;

/*
 * Results (negative) of calls that a signal interrupted, as functions behind calls may return them.
 * Programs never see them: on the way to user mode the call is repeated, or they become EINTR.  The
 * numbers are Linux's internal ones.
 */
#define CALL_RESTART 512               /* repeat unless a handler without SA_RESTART runs */
#define CALL_RESTART_ALWAYS 513
#define CALL_RESTART_NO_HANDLER 514    /* repeat unless a handler runs */
#define CALL_NO_RESTART 515            /* EINTR whatever happens: a wait with a limit of time */
#define CALL_RESUME 516                /* the same, but go on where it was: restart_syscall */

struct abi {
    const char *name;

    /* ---- Starting ---- */
    /* Is this a program of the ABI?  The first of all ABIs that says so has it. */
    bool (*accepts)(const struct elf_image *elf);
    /* The segments are mapped in image->space: makes what else the program finds when it starts,
     * and says in the image where it starts with what.  On failure exec_discard gives back what it
     * made.  -ENOMEM, ... */
    MUST_CHECK int (*build_start)(const struct exec_request *request, struct exec_image *image);
    /* "function+0x12" for an address in code that the kernel itself put into its programs; 0: it is
     * none.  NULL: there is no such code. */
    size_t (*describe_address)(const struct process *process, user_address address, char *text,
                               size_t size);
    /* The process ends: gives back what it had of its own in a space that others may go on to use.
     * NULL: nothing. */
    void (*leave)(struct process *process);
    /* How the threads of a run are scheduled whose first program is one of these, unless its
     * options say otherwise: see scheduler_choose_policy. */
    const char *scheduling;
    /* The first process of a run gets a higher id than this. */
    int32_t reserved_id;

    /* ---- Calls ---- */
    /* The instruction that its programs make calls with, and who serves them.  The other one is
     * answered -ENOSYS. */
    enum trap_kind call_instruction;
    void (*serve)(struct thread *thread);

    /* Calls by number; see abi/abi.h. */
    const struct syscall *table;
    uint32_t table_size;
    /* The name of a call, where numbers are no indexes of the table; NULL: none has it. */
    const char *(*call_name)(uint64_t number);
    /* What an interrupted call that keeps its own state is repeated as (restart_syscall). */
    uint64_t resume_number;
    /* What a result that may tell of an interruption means for this call: 0 (it is just a
     * result) or a CALL_ value. */
    int (*interruption)(uint32_t number, int64_t result);

    /* Makes `thread` run its handler when it next returns to user mode.  -EFAULT: its stack cannot
     * take the frame. */
    MUST_CHECK int (*push_signal_frame)(struct thread *thread,
                                        const struct signal_delivery *delivery);

    /* Prints the result of a call that is traced.  NULL: a number or a negative error. */
    void (*trace_result)(struct text_builder *line, const struct syscall *call, int64_t result);
    /* Called only for processes with `traced`: the current thread is about to act on a signal; its
     * process has ended with this status. */
    void (*observe_signal)(struct thread *thread, const struct signal_information *information);
    void (*observe_end)(struct thread *thread, int status);
};

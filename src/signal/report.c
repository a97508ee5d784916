/*
 * What is said when a signal ends a process: which signal, what the program did or who sent it, and
 * where the program was, in the words of its symbols.
 */
#include "debug/log.h"
#include "lib/format.h"
#include "process/describe.h"
#include "signal/signal_internal.h"

#define WHAT_SIZE 96
#define WHICH_SIZE 24

#define FAULT_CODE_WRITE 2u
#define FAULT_CODE_EXECUTE 16u

/* As a shell does: these two are how programs are meant to end. */
static bool is_silent(int number)
{
    return number == SIGNAL_INT || number == SIGNAL_PIPE;
}

static bool is_page_fault(const struct signal_information *information)
{
    return (information->number == SIGNAL_SEGV &&
            (information->code == CODE_SEGV_MAPERR || information->code == CODE_SEGV_ACCERR)) ||
           (information->number == SIGNAL_BUS && information->code == CODE_BUS_ADRERR);
}

static void describe_access(const struct signal_information *information, uint32_t error_code,
                            char *text, size_t size)
{
    const char *access = error_code & FAULT_CODE_EXECUTE ? "jump to"
                         : error_code & FAULT_CODE_WRITE ? "write to"
                                                         : "read of";
    const char *why = information->number == SIGNAL_BUS       ? "beyond the end of its file"
                      : information->code == CODE_SEGV_MAPERR ? "not mapped"
                                                              : "not permitted";

    format(text, size, "%s address 0x%llx, %s", access,
           (unsigned long long)information->fault.address, why);
}

static const char *describe_exception(const struct signal_information *information)
{
    switch (information->number) {
    case SIGNAL_FPE:
        return information->code == CODE_FPE_INTDIV ? "integer division by zero or overflow"
                                                    : "floating-point exception";
    case SIGNAL_ILL:
        return "invalid instruction";
    case SIGNAL_BUS:
        return "misaligned access";
    case SIGNAL_TRAP:
        return "single step";
    }
    return "";
}

/* Why the kernel sent it, if that is known. */
static const char *kernel_cause(const struct signal_information *information)
{
    const struct last_fault *fault = &user_thread_of(current_thread())->fault;
    signal_set forced = SIGNALS_SYNCHRONOUS | SIGNAL_BIT(SIGNAL_KILL);

    return fault->cause && (SIGNAL_BIT(information->number) & forced) ? fault->cause : "";
}

/* What led to the signal; empty: nothing to say. */
static void describe_cause(const struct signal_information *information, char *text, size_t size)
{
    struct thread *thread = current_thread();
    const struct last_fault *fault = &user_thread_of(thread)->fault;
    int own_id = thread->process->id;

    if (is_page_fault(information))
        describe_access(information, fault->error_code, text, size);
    else if (information->code == CODE_KERNEL)
        format(text, size, "%s", kernel_cause(information));
    else if (information->code > 0)
        format(text, size, "%s", describe_exception(information));
    else if (information->sender.process_id == own_id)
        format(text, size, "sent by itself");
    else
        format(text, size, "sent by process %d", information->sender.process_id);
}

void signal_report_death(const struct signal_information *information)
{
    const struct thread *thread = current_thread();
    struct process *process = current_process();
    char what[WHAT_SIZE];
    struct code_description place;
    char which[WHICH_SIZE] = "";    /* of several */
    int number = information->number;

    /* A parent is told, and says what it thinks is worth saying. */
    if (is_silent(number) || (process->parent_id != 0 && !process->of_family))
        return;
    describe_cause(information, what, sizeof(what));
    process_describe_code(process, thread->registers.rip, &place);
    if (!place.text[0])
        format(place.text, sizeof(place.text), "0x%llx", (unsigned long long)thread->registers.rip);
    if (process_count() > 1)
        format(which, sizeof(which), " (process %d)", process->id);
    log_line(LOG_ERROR, "%s%s: killed by signal %d (%s)%s%s, at %s%s%s", process_name(process),
             which, number, signal_description(number), what[0] ? ": " : "", what, place.text,
             place.of_library[0] ? " of " : "", place.of_library);
}

/*
 * The lines of the call trace: when each is begun, continued and printed.
 *
 * Invariant: at most one call is `open`, the one whose line was begun last and is not printed yet.
 * Whoever prints another line first prints what there is of the open one, with "<unfinished ...>",
 * and marks it; so lines appear in the order of what happened and every line is one write.
 * A call is touched by its own thread only, except while it is open, and then with the lock held.
 */
#include "abi/trace.h"

#include "abi/trace_internal.h"
#include "debug/log.h"
#include "debug/options.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/process.h"
#include "time/clock.h"

#define SMALL_LINE_SIZE 256
#define WRONG_SIZE 48

static struct pool call_pool = POOL_INITIAL("traced call", struct trace_call, 0);

static struct {
    struct spinlock lock;    /* RANK_CONSOLE */

    /* Protected by `lock`. */
    struct trace_call *open;
} trace = { .lock = SPINLOCK_INITIAL(RANK_CONSOLE, "call trace") };

int trace_calls_init(void)
{
    const char *filter = option_value("trace");
    char wrong[WRONG_SIZE];

    if (!filter || trace_filter_parse(filter, wrong, sizeof(wrong)) == 0)
        return 0;
    log_line(LOG_ERROR, "--trace: no call or group is named \"%s\" (groups: file descriptor memory "
             "process signal futex time network ipc schedule creds)", wrong);
    return -EINVAL;
}

/* ---- Lines --------------------------------------------------------------------------------- */

/* The lock is held. */
static void write_line(struct text_builder *line)
{
    size_t length = line->length;

    if (length >= line->size) {    /* it was cut: end it properly all the same */
        length = line->size - 1;
        memcpy(line->text + length - 4, "...\n", 4);
    }
    (void)machine_console_write(MACHINE_STREAM_TRACE, line->text, length);
}

/* The lock is held. */
static void close_open_call(void)
{
    struct trace_call *call = trace.open;

    if (!call)
        return;
    if (call->printed > 0 && call->printed < call->call->argument_count)
        text_builder_add(&call->builder, ", ");
    text_builder_add(&call->builder, " <unfinished ...>\n");
    write_line(&call->builder);
    call->interrupted = true;
    call->resumed_at = call->printed;
    trace.open = NULL;
}

static void print_line(struct text_builder *line)
{
    spin_lock(&trace.lock);
    close_open_call();
    write_line(line);
    spin_unlock(&trace.lock);
}

/* Says which thread it is when there are several. */
static void begin_line(struct text_builder *line, struct thread *thread)
{
    if (process_count() > 1 || thread->process->live_threads > 1)
        text_builder_add(line, "[pid %5d] ", thread->id);
}

/* ---- Calls --------------------------------------------------------------------------------- */

static bool returns(const struct syscall *call)
{
    return !text_equal(call->name, "exit") && !text_equal(call->name, "exit_group") &&
           !text_equal(call->name, "Exit");
}

static struct trace_call *create_call(const struct syscall *call, const uint64_t *arguments)
{
    struct trace_call *traced = pool_allocate(&call_pool);

    if (!traced)
        return NULL;
    traced->call = call;
    memcpy(traced->arguments, arguments, sizeof(traced->arguments));
    text_builder_init(&traced->builder, traced->line, sizeof(traced->line));
    return traced;
}

void trace_call_begin(struct thread *thread, const struct syscall *call,
                      const uint64_t *arguments)
{
    struct trace_call *traced = NULL;

    if (!call->name)    /* a gap in the table */
        trace_unknown_call(thread, (uint32_t)(call - thread->process->abi->table));
    else if (trace_filter_passes(call))
        traced = create_call(call, arguments);
    user_thread_of(thread)->trace = traced;
    if (!traced)
        return;
    begin_line(&traced->builder, thread);
    text_builder_add(&traced->builder, "%s(", call->name);
    while (traced->printed < call->argument_count &&
           !trace_argument_is_output(call->arguments[traced->printed].kind))
        trace_argument(traced, traced->printed++, false, 0);
    if (!returns(call)) {
        user_thread_of(thread)->trace = NULL;
        text_builder_add(&traced->builder, ") = ?\n");
        print_line(&traced->builder);
        pool_free(&call_pool, traced);
        return;
    }
    spin_lock(&trace.lock);
    close_open_call();
    trace.open = traced;
    spin_unlock(&trace.lock);
    traced->started_ns = clock_monotonic_ns();
}

/* From here on nobody else looks at it. */
static void take_back(struct trace_call *traced)
{
    spin_lock(&trace.lock);
    if (trace.open == traced)
        trace.open = NULL;
    spin_unlock(&trace.lock);
}

void trace_call_end(struct thread *thread, int64_t result)
{
    struct trace_call *traced = user_thread_of(thread)->trace;

    if (!traced)
        return;

    uint64_t taken_us = (clock_monotonic_ns() - traced->started_ns) / 1000;
    struct text_builder *line = &traced->builder;

    user_thread_of(thread)->trace = NULL;
    take_back(traced);
    if (traced->interrupted) {
        text_builder_init(line, traced->line, sizeof(traced->line));
        begin_line(line, thread);
        text_builder_add(line, "<... %s resumed>", traced->call->name);
    }
    while (traced->printed < traced->call->argument_count)
        trace_argument(traced, traced->printed++, true, result);
    text_builder_add(line, ") = ");
    if (thread->process->abi->trace_result)
        thread->process->abi->trace_result(line, traced->call, result);
    else
        trace_result(traced, result);
    text_builder_add(line, " <%llu.%06llu>\n", (unsigned long long)(taken_us / 1000000),
                     (unsigned long long)(taken_us % 1000000));
    print_line(line);
    pool_free(&call_pool, traced);
}

void trace_unknown_call(struct thread *thread, uint32_t number)
{
    char text[SMALL_LINE_SIZE];
    struct text_builder line;
    const char *filter = option_value("trace");

    if (!thread->process->traced || (filter && *filter))
        return;
    text_builder_init(&line, text, sizeof(text));
    begin_line(&line, thread);
    text_builder_add(&line, "syscall_0x%x() = ", number);
    if (thread->process->abi->trace_result) {
        text_builder_add(&line, "?");
    } else {
        text_builder_add(&line, "-1 ");
        trace_error(&line, ENOSYS);
    }
    text_builder_add(&line, "\n");
    print_line(&line);
}

/* ---- Signals and the end ------------------------------------------------------------------- */

static const char *code_name(const struct signal_information *information)
{
    static const struct {
        int number, code;    /* number 0: of any signal */
        const char *name;
    } codes[] = {
        { 0, CODE_USER, "SI_USER" },
        { 0, CODE_KERNEL, "SI_KERNEL" },
        { 0, CODE_QUEUE, "SI_QUEUE" },
        { 0, CODE_TIMER, "SI_TIMER" },
        { 0, CODE_TKILL, "SI_TKILL" },
        { SIGNAL_ILL, CODE_ILL_ILLOPN, "ILL_ILLOPN" },
        { SIGNAL_FPE, CODE_FPE_INTDIV, "FPE_INTDIV" },
        { SIGNAL_FPE, CODE_FPE_FLTDIV, "FPE_FLTDIV" },
        { SIGNAL_FPE, CODE_FPE_FLTOVF, "FPE_FLTOVF" },
        { SIGNAL_FPE, CODE_FPE_FLTUND, "FPE_FLTUND" },
        { SIGNAL_FPE, CODE_FPE_FLTRES, "FPE_FLTRES" },
        { SIGNAL_FPE, CODE_FPE_FLTINV, "FPE_FLTINV" },
        { SIGNAL_SEGV, CODE_SEGV_MAPERR, "SEGV_MAPERR" },
        { SIGNAL_SEGV, CODE_SEGV_ACCERR, "SEGV_ACCERR" },
        { SIGNAL_BUS, CODE_BUS_ADRALN, "BUS_ADRALN" },
        { SIGNAL_BUS, CODE_BUS_ADRERR, "BUS_ADRERR" },
        { SIGNAL_TRAP, CODE_TRAP_BRKPT, "TRAP_BRKPT" },
        { SIGNAL_TRAP, CODE_TRAP_TRACE, "TRAP_TRACE" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
        if (codes[i].code == information->code &&
            (codes[i].number == 0 || codes[i].number == information->number))
            return codes[i].name;
    }
    return "?";
}

void trace_signal(struct thread *thread, const struct signal_information *information)
{
    char text[SMALL_LINE_SIZE];
    struct text_builder line;
    const char *name = signal_name(information->number);

    text_builder_init(&line, text, sizeof(text));
    begin_line(&line, thread);
    text_builder_add(&line, "--- %s {si_signo=%s, si_code=%s", name, name,
                     code_name(information));
    if (information->code > 0 && information->code != CODE_KERNEL) {
        text_builder_add(&line, ", si_addr=");
        trace_address(&line, information->fault.address);
    } else if (information->code != CODE_KERNEL) {
        text_builder_add(&line, ", si_pid=%d, si_uid=%u", information->sender.process_id,
                         information->sender.user_id);
    }
    text_builder_add(&line, "} ---\n");
    print_line(&line);
}

void trace_end(struct thread *thread, int status)
{
    char text[SMALL_LINE_SIZE];
    struct text_builder line;

    text_builder_init(&line, text, sizeof(text));
    if (process_count() > 1)
        text_builder_add(&line, "[pid %5d] ", thread->id);
    if (status & 0x7f)
        text_builder_add(&line, "+++ killed by %s +++\n", signal_name(status & 0x7f));
    else
        text_builder_add(&line, "+++ exited with %lld +++\n",
                         (long long)thread->process->exit_code);
    print_line(&line);
}

/* Short files about a process that hold one setting each, and its limits. */
#include "lib/container.h"
#include "lib/text.h"
#include "memory/page.h"
#include "procfs/procfs_internal.h"

#define SCORE_MAX 1000            /* oom_score_adj: -1000 to 1000 */
#define OLD_SCORE_MAX 15          /* oom_adj, which came before: -17 to 15 */
#define OLD_SCORE_NEVER (-17)
#define DUMP_FILTER 0x33          /* Linux's default; nothing is ever dumped */

int proc_parse_signed(const char *text, int64_t lowest, int64_t highest, int64_t *value)
{
    while (*text == ' ' || *text == '\t' || *text == '\n')
        text++;

    bool is_negative = text[0] == '-';
    uint64_t number;
    int error = text_parse_number(text + is_negative, &number);

    if (error || number > INT32_MAX)
        return -EINVAL;
    *value = is_negative ? -(int64_t)number : (int64_t)number;
    return *value < lowest || *value > highest ? -EINVAL : 0;
}

/* ---- Name ---------------------------------------------------------------------------------- */

static void write_name(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);

    if (!thread)
        return;
    proc_print(output, "%s\n", thread->name);
    thread_release(thread);
}

/* Threads of one process name each other. */
static int store_name(const struct proc_subject *subject, const char *text)
{
    struct thread *thread = proc_thread(subject);

    if (!thread)
        return -ESRCH;
    if (subject->process == current_process())
        (void)text_copy(thread->name, text, sizeof(thread->name));
    thread_release(thread);
    return subject->process == current_process() ? 0 : -EINVAL;
}

/* ---- Out of memory: kept for programs that set it; who asks for too much is who ends -------- */

static void write_score_adjustment(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "%d\n", subject->process->oom_score_adjustment);
}

static void write_old_adjustment(struct proc_output *output, const struct proc_subject *subject)
{
    int adjustment = subject->process->oom_score_adjustment;

    proc_print(output, "%d\n", adjustment == SCORE_MAX ? OLD_SCORE_MAX
                                                       : adjustment * -OLD_SCORE_NEVER / SCORE_MAX);
}

/* As Linux reckons: memory in thousandths of all, and the adjustment. */
static void write_score(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = process_space(subject->process);
    struct address_space_statistics statistics = { 0 };
    int64_t score;

    if (space) {
        address_space_statistics(space, &statistics);
        address_space_release(space);
    }
    score = (int64_t)(statistics.resident_pages * SCORE_MAX / page_statistics().total) +
            subject->process->oom_score_adjustment;
    score = (SCORE_MAX + score) * 2 / 3;
    proc_print(output, "%d\n", score < 0 ? 0 : (int)score);
}

static int adjust(struct process *process, int adjustment)
{
    if (adjustment < process->oom_score_adjustment && !current_can(CAPABILITY_RESOURCES))
        return -EACCES;
    process->oom_score_adjustment = adjustment;
    return 0;
}

static int store_score_adjustment(const struct proc_subject *subject, const char *text)
{
    int64_t value;
    int error = proc_parse_signed(text, -SCORE_MAX, SCORE_MAX, &value);

    return error ? error : adjust(subject->process, (int)value);
}

static int store_old_adjustment(const struct proc_subject *subject, const char *text)
{
    int64_t value;
    int error = proc_parse_signed(text, OLD_SCORE_NEVER, OLD_SCORE_MAX, &value);

    if (error)
        return error;
    value = value == OLD_SCORE_MAX ? SCORE_MAX : value * SCORE_MAX / -OLD_SCORE_NEVER;
    return adjust(subject->process, (int)value);
}

/* ---- Users --------------------------------------------------------------------------------- */

static void write_login_user(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "%u", subject->process->login_user_id);
}

static int store_login_user(const struct proc_subject *subject, const char *text)
{
    uint64_t value;
    int error = text_parse_number(text, &value);

    if (error || value > UINT32_MAX)
        return -EINVAL;
    if (subject->process != current_process())
        return -EPERM;
    subject->process->login_user_id = (uint32_t)value;
    return 0;
}

static void write_no_session(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%u", UINT32_MAX);
}

/* There is one namespace of users, so each id means itself. */
static void write_id_map(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%10u %10u %10u\n", 0, 0, UINT32_MAX);
}

static void write_allow(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "allow\n");
}

/* ---- Others -------------------------------------------------------------------------------- */

static void write_root_group(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "/\n");
}

static void write_control_groups(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "0::/\n");
}

static void write_dump_filter(struct proc_output *output, const struct proc_subject *subject)
{
    (void)subject;
    proc_print(output, "%08x\n", DUMP_FILTER);
}

static void write_personality(struct proc_output *output, const struct proc_subject *subject)
{
    proc_print(output, "%08x\n", subject->process->personality);
}

static void write_timer_slack(struct proc_output *output, const struct proc_subject *subject)
{
    struct thread *thread = proc_thread(subject);

    if (!thread)
        return;
    proc_print(output, "%llu\n", (unsigned long long)thread->timer_slack_ns);
    thread_release(thread);
}

static int store_timer_slack(const struct proc_subject *subject, const char *text)
{
    struct thread *thread = proc_thread(subject);
    uint64_t value;
    int error = text_parse_number(text, &value);

    if (!error && thread && thread != current_thread() && !current_can(CAPABILITY_NICE))
        error = -EPERM;
    if (!error && thread && !thread_is_real_time(thread))
        thread->timer_slack_ns = value ? value : thread->timer_slack_default_ns;
    if (thread)
        thread_release(thread);
    return error;
}

/* ---- Limits -------------------------------------------------------------------------------- */

static void print_limit(struct proc_output *output, uint64_t value)
{
    if (value == LIMIT_INFINITY)
        proc_print(output, "%-20s ", "unlimited");
    else
        proc_print(output, "%-20llu ", (unsigned long long)value);
}

static void write_limits(struct proc_output *output, const struct proc_subject *subject)
{
    static const struct {
        const char *name, *unit;
    } names[LIMITS_COUNT] = {
        [LIMIT_CPU] = { "Max cpu time", "seconds" },
        [LIMIT_FILE_SIZE] = { "Max file size", "bytes" },
        [LIMIT_DATA] = { "Max data size", "bytes" },
        [LIMIT_STACK] = { "Max stack size", "bytes" },
        [LIMIT_CORE] = { "Max core file size", "bytes" },
        [LIMIT_RESIDENT] = { "Max resident set", "bytes" },
        [LIMIT_PROCESSES] = { "Max processes", "processes" },
        [LIMIT_OPEN_FILES] = { "Max open files", "files" },
        [LIMIT_LOCKED_MEMORY] = { "Max locked memory", "bytes" },
        [LIMIT_ADDRESS_SPACE] = { "Max address space", "bytes" },
        [LIMIT_FILE_LOCKS] = { "Max file locks", "locks" },
        [LIMIT_PENDING_SIGNALS] = { "Max pending signals", "signals" },
        [LIMIT_MESSAGE_QUEUE] = { "Max msgqueue size", "bytes" },
        [LIMIT_NICE] = { "Max nice priority", "" },
        [LIMIT_REALTIME_PRIORITY] = { "Max realtime priority", "" },
        [LIMIT_REALTIME_TIME] = { "Max realtime timeout", "us" },
    };

    proc_print(output, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < LIMITS_COUNT; i++) {
        struct limit limit = process_limit(subject->process, i);

        proc_print(output, "%-25s ", names[i].name);
        print_limit(output, limit.soft);
        print_limit(output, limit.hard);
        proc_print(output, "%-10s\n", names[i].unit);
    }
}

/* ---- The table ----------------------------------------------------------------------------- */

const struct proc_entry proc_setting_entries[] = {
    ENTRY_SETTING("comm", 0644, write_name, store_name),
    ENTRY_SETTING("oom_adj", 0644, write_old_adjustment, store_old_adjustment),
    ENTRY_TEXT("oom_score", write_score),
    ENTRY_SETTING("oom_score_adj", 0644, write_score_adjustment, store_score_adjustment),
    ENTRY_SETTING("loginuid", 0644, write_login_user, store_login_user),
    ENTRY_TEXT("sessionid", write_no_session), ENTRY_TEXT("uid_map", write_id_map),
    ENTRY_TEXT("gid_map", write_id_map), ENTRY_TEXT("projid_map", write_id_map),
    ENTRY_TEXT("setgroups", write_allow), ENTRY_TEXT("cpuset", write_root_group),
    ENTRY_TEXT("cgroup", write_control_groups), ENTRY_TEXT("coredump_filter", write_dump_filter),
    ENTRY_CHECKED("personality", 0400, PROC_CHECKED_PERMITTED, write_personality),
    { .name = "timerslack_ns", .kind = PROC_TEXT, .permissions = 0666,
      .check = PROC_FOR_SCHEDULERS, .write = write_timer_slack, .store = store_timer_slack },
    ENTRY_TEXT("limits", write_limits), ENTRY_END,
};

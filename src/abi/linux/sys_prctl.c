/* prctl: one small thing for each option, so a table of functions. */
#include "abi/linux/structures.h"
#include "abi/linux/syscalls.h"
#include "lib/container.h"
#include "lib/text.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define AMBIENT_IS_SET 1
#define AMBIENT_RAISE 2
#define AMBIENT_LOWER 3
#define AMBIENT_CLEAR_ALL 4
#define SECURE_KEEPS_CAPABILITIES 16    /* SECBIT_KEEP_CAPS */

struct prctl_request {
    struct process *process;
    uint64_t argument2, argument3, argument4, argument5;
};

static int64_t put_int(user_address address, int32_t value)
{
    return user_copy_out(current_space(), address, &value, sizeof(value));
}

/* The arguments that an option does not have must be 0. */
static bool has_only_argument2(const struct prctl_request *request)
{
    return !request->argument3 && !request->argument4 && !request->argument5;
}

static bool has_no_argument(const struct prctl_request *request)
{
    return !request->argument2 && has_only_argument2(request);
}

static int64_t set_death_signal(const struct prctl_request *request)
{
    if (request->argument2 > SIGNAL_MAX)
        return -EINVAL;
    request->process->parent_death_signal = (int)request->argument2;
    return 0;
}

static int64_t get_death_signal(const struct prctl_request *request)
{
    return put_int(request->argument2, request->process->parent_death_signal);
}

static int64_t get_dumpable(const struct prctl_request *request)
{
    return request->process->dumpable;
}

static int64_t set_dumpable(const struct prctl_request *request)
{
    if (request->argument2 > 1)
        return -EINVAL;
    request->process->dumpable = (int)request->argument2;
    return 0;
}

static int64_t get_keep_capabilities(const struct prctl_request *request)
{
    (void)request;
    return current_credentials().keeps_capabilities;
}

static int64_t set_keep_capabilities(const struct prctl_request *request)
{
    struct credentials who = current_credentials();

    if (request->argument2 > 1)
        return -EINVAL;
    who.keeps_capabilities = request->argument2 == 1;
    credentials_set(&who);
    return 0;
}

static int64_t get_secure_bits(const struct prctl_request *request)
{
    (void)request;
    return current_credentials().keeps_capabilities ? SECURE_KEEPS_CAPABILITIES : 0;
}

static int64_t set_name(const struct prctl_request *request)
{
    struct thread *thread = current_thread();
    char name[THREAD_NAME_SIZE] = "";
    int64_t length = user_copy_string(current_space(), name, request->argument2,
                                      sizeof(name) - 1);

    if (length == -EFAULT)
        return -EFAULT;
    (void)text_copy(thread->name, name, sizeof(thread->name));    /* cut if it was longer */
    return 0;
}

static int64_t get_name(const struct prctl_request *request)
{
    char name[THREAD_NAME_SIZE] = "";

    (void)text_copy(name, current_thread()->name, sizeof(name));
    return user_copy_out(current_space(), request->argument2, name, sizeof(name));
}

static int64_t answer_zero(const struct prctl_request *request)
{
    (void)request;
    return 0;
}

static int64_t set_timing(const struct prctl_request *request)
{
    return request->argument2 == 0 ? 0 : -EINVAL;
}

static int64_t read_bounding_capability(const struct prctl_request *request)
{
    if (request->argument2 > CAPABILITY_LAST)
        return -EINVAL;
    return (current_credentials().capabilities.bounding >> request->argument2 & 1) != 0;
}

static int64_t drop_bounding_capability(const struct prctl_request *request)
{
    struct credentials who = current_credentials();

    if (!credentials_can(&who, CAPABILITY_SET_CAPABILITIES))
        return -EPERM;
    if (request->argument2 > CAPABILITY_LAST)
        return -EINVAL;
    who.capabilities.bounding &= ~CAPABILITY_BIT(request->argument2);
    credentials_set(&who);
    return 0;
}

/* The set that programs without set-id bits keep. */
static int64_t change_ambient(const struct prctl_request *request)
{
    struct credentials who = current_credentials();
    struct capabilities *sets = &who.capabilities;
    uint64_t what = request->argument2;
    uint64_t bit = CAPABILITY_BIT(request->argument3 & 63);

    if (what == AMBIENT_CLEAR_ALL && (request->argument3 || request->argument4 ||
                                      request->argument5))
        return -EINVAL;
    if (what != AMBIENT_CLEAR_ALL && (request->argument3 > CAPABILITY_LAST ||
                                      request->argument4 || request->argument5))
        return -EINVAL;
    if (what == AMBIENT_IS_SET)
        return (sets->ambient & bit) != 0;
    if (what == AMBIENT_RAISE && !(sets->permitted & sets->inheritable & bit))
        return -EPERM;
    if (what == AMBIENT_RAISE)
        sets->ambient |= bit;
    else if (what == AMBIENT_LOWER)
        sets->ambient &= ~bit;
    else if (what == AMBIENT_CLEAR_ALL)
        sets->ambient = 0;
    else
        return -EINVAL;
    credentials_set(&who);
    return 0;
}

static int64_t get_tsc(const struct prctl_request *request)
{
    return put_int(request->argument2, 1);    /* reading the counter is allowed */
}

/* Of the thread; one that runs in real time has none. */
static int64_t set_timer_slack(const struct prctl_request *request)
{
    struct thread *thread = current_thread();
    uint64_t slack_ns = request->argument2;

    if (!thread_is_real_time(thread))
        thread->timer_slack_ns = slack_ns ? slack_ns : thread->timer_slack_default_ns;
    return 0;
}

static int64_t get_timer_slack(const struct prctl_request *request)
{
    (void)request;
    return thread_is_real_time(current_thread()) ? 0 : (int64_t)current_thread()->timer_slack_ns;
}

static int64_t set_no_new_privileges(const struct prctl_request *request)
{
    struct credentials who = current_credentials();

    if (request->argument2 != 1 || !has_only_argument2(request))
        return -EINVAL;
    who.no_new_privileges = true;
    credentials_set(&who);
    return 0;
}

static int64_t get_no_new_privileges(const struct prctl_request *request)
{
    return has_no_argument(request) ? current_credentials().no_new_privileges : -EINVAL;
}

static int64_t set_child_subreaper(const struct prctl_request *request)
{
    request->process->child_subreaper = request->argument2 != 0;
    return 0;
}

static int64_t get_child_subreaper(const struct prctl_request *request)
{
    return put_int(request->argument2, request->process->child_subreaper);
}

static int64_t get_thread_word(const struct prctl_request *request)
{
    const uint64_t word = user_thread_of(current_thread())->clear_child_id;

    return user_copy_out(current_space(), request->argument2, &word, sizeof(word));
}

static int64_t set_no_huge_pages(const struct prctl_request *request)
{
    if (!has_only_argument2(request))
        return -EINVAL;
    request->process->no_huge_pages = request->argument2 != 0;
    return 0;
}

static int64_t get_no_huge_pages(const struct prctl_request *request)
{
    return has_no_argument(request) ? request->process->no_huge_pages : -EINVAL;
}

static const struct {
    int32_t option;
    int64_t (*serve)(const struct prctl_request *request);
} options[] = {
    { 1, set_death_signal },           /* PR_SET_PDEATHSIG */
    { 2, get_death_signal },           /* PR_GET_PDEATHSIG */
    { 3, get_dumpable },               /* PR_GET_DUMPABLE */
    { 4, set_dumpable },               /* PR_SET_DUMPABLE */
    { 7, get_keep_capabilities },      /* PR_GET_KEEPCAPS */
    { 8, set_keep_capabilities },      /* PR_SET_KEEPCAPS */
    { 13, answer_zero },               /* PR_GET_TIMING: statistical */
    { 14, set_timing },                /* PR_SET_TIMING */
    { 15, set_name },                  /* PR_SET_NAME */
    { 16, get_name },                  /* PR_GET_NAME */
    { 21, answer_zero },               /* PR_GET_SECCOMP: disabled */
    { 23, read_bounding_capability },  /* PR_CAPBSET_READ */
    { 24, drop_bounding_capability },  /* PR_CAPBSET_DROP */
    { 25, get_tsc },                   /* PR_GET_TSC */
    { 27, get_secure_bits },           /* PR_GET_SECUREBITS */
    { 29, set_timer_slack },           /* PR_SET_TIMERSLACK */
    { 30, get_timer_slack },           /* PR_GET_TIMERSLACK */
    { 36, set_child_subreaper },       /* PR_SET_CHILD_SUBREAPER */
    { 37, get_child_subreaper },       /* PR_GET_CHILD_SUBREAPER */
    { 38, set_no_new_privileges },     /* PR_SET_NO_NEW_PRIVS */
    { 39, get_no_new_privileges },     /* PR_GET_NO_NEW_PRIVS */
    { 40, get_thread_word },           /* PR_GET_TID_ADDRESS */
    { 41, set_no_huge_pages },         /* PR_SET_THP_DISABLE */
    { 42, get_no_huge_pages },         /* PR_GET_THP_DISABLE */
    { 47, change_ambient },            /* PR_CAP_AMBIENT */
};

int64_t sys_prctl(int32_t option, uint64_t argument2, uint64_t argument3, uint64_t argument4,
                  uint64_t argument5)
{
    const struct prctl_request request = { current_process(), argument2, argument3, argument4,
                                           argument5 };

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (options[i].option == option)
            return options[i].serve(&request);
    }
    return -EINVAL;
}

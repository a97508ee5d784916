/*
 * The first process: everything that later ones inherit is made here.  Runs in the boot context,
 * so every failure ends in one line for the person at the machine.
 */
#include "debug/log.h"
#include "debug/options.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/path.h"
#include "lib/container.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/execute.h"
#include "process/namespaces.h"
#include "process/places.h"
#include "process/process_internal.h"
#include "sched/scheduler.h"

#define UMASK_DEFAULT 022u
#define TIMER_SLACK_NS 50000    /* what Linux begins with */

static const char *program_path(const struct first_program *program)
{
    return program->path ? program->path : program->arguments[0];
}

/* What the person at the machine called it. */
static const char *program_name(const struct first_program *program)
{
    return program->arguments[0] ? program->arguments[0] : program_path(program);
}

/* What people call the errors that opening a program can give. */
static const char *reason_of(int error)
{
    switch (-error) {
    case ENOENT:
        return "no such file";
    case ENOTDIR:
        return "a part of its path is not a directory";
    case EACCES:
        return "permission denied";
    case EPERM:
        return "not permitted";
    case ELOOP:
        return "too many symbolic links";
    case ENAMETOOLONG:
        return "its path is too long";
    case EISDIR:
        return "is a directory";
    case ENOMEM:
        return "not enough memory";
    }
    return "it cannot be read";
}

static int complain(const struct first_program *program, int error)
{
    log_line(LOG_ERROR, "%s: %s", program_name(program), reason_of(error));
    return error;
}

static const char *first_directory(const struct first_program *program)
{
    return program->working_directory ? program->working_directory : "/";
}

/* The program is not there: says where that is, if its path does not. */
static int complain_of_path(const struct first_program *program, int error)
{
    if (error != -ENOENT || program_path(program)[0] == '/')
        return complain(program, error);
    log_line(LOG_ERROR, "%s: no such file in %s", program_name(program), first_directory(program));
    return error;
}

static void set_credentials(struct process *process)
{
    const struct first_user user = option_first_user();
    struct credentials *credentials = &process->credentials;
    unsigned count = user.is_chosen ? 0 : machine_info()->group_count;

    credentials_init(credentials, user.user_id, user.group_id);
    process->login_user_id = UINT32_MAX;
    for (unsigned i = 0; i < count && i < ARRAY_SIZE(credentials->groups); i++)
        credentials->groups[credentials->group_count++] = machine_info()->groups[i];
}

/* Root, working directory, ids. */
static int set_context(struct process *process, const struct first_program *program)
{
    struct fs_context context = { .root = program->root, .working_directory = program->root };
    const char *directory = first_directory(program);
    struct path path;
    int error;

    set_credentials(process);
    context.credentials = process->credentials;
    error = path_walk(&context, NULL, directory, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);
    if (error) {
        log_line(LOG_ERROR, "working directory %s: %s", directory, reason_of(error));
        return error;
    }
    path_reference(&context.root);
    error = places_create(&context.root, &path, UMASK_DEFAULT, &process->beginning.places);
    if (error) {
        path_release(&context.root);
        path_release(&path);
        return complain(program, error);
    }
    return 0;
}

static int gather_strings(const struct first_program *program, struct exec_strings *strings)
{
    const char *const *text;
    int error = 0;

    for (text = program->arguments; !error && *text; text++)
        error = exec_strings_add_argument(strings, *text);
    for (text = program->environment; !error && text && *text; text++)
        error = exec_strings_add_environment(strings, *text);
    if (error)
        log_line(LOG_ERROR, "%s: %s", program_name(program),
                 error == -E2BIG ? "its arguments and environment are too long"
                                 : "not enough memory");
    return error;
}

/* The program's file, or that of what runs it if it is a script. */
static int find_program(struct process *process, const struct first_program *program,
                        struct exec_strings *strings, struct file **file)
{
    struct fs_context context = { .credentials = process->credentials };
    struct execution execution = {
        .context = &context, .path = program_path(program), .strings = strings,
    };
    int error = process_open_program(process, program_path(program), &execution.file);

    if (error)
        return complain_of_path(program, error);
    places_read(process->beginning.places, &context);
    error = program_follow_scripts(&execution, file);
    fs_context_release(&context);
    file_release(execution.file);
    if (error)
        log_line(LOG_ERROR, "%s: is a script whose interpreter cannot run: %s",
                 program_name(program), reason_of(error));
    return error;
}

static int prepare(struct process *process, const struct first_program *program,
                   struct exec_request *request, struct exec_image *image)
{
    char complaint[EXEC_COMPLAINT_SIZE];
    struct fs_context context = { .credentials = process->credentials };
    int error;

    places_read(process->beginning.places, &context);
    request->context = &context;
    error = exec_prepare(request, image, complaint, sizeof(complaint));
    request->context = NULL;
    fs_context_release(&context);
    if (error)
        log_line(LOG_ERROR, "%s: %s", program_name(program), complaint);
    if (!error && option_value("preempt") && !image->elf.block_budget) {
        log_line(LOG_ERROR, "%s does not count its basic blocks; --preempt=blocks needs a program "
                 "built by eft-cc", program_name(program));
        exec_discard(image);
        error = -ENOEXEC;
    }
    return error;
}

static int choose_scheduling(const struct abi *abi)
{
    const char *wanted = option_value("sched");
    int error = scheduler_choose_policy(wanted ? wanted : abi->scheduling);

    if (error)
        log_line(LOG_ERROR, "--sched=%s is not one of fair, rr, fifo", wanted);
    return error;
}

/* The program is fine; what is left can only run out of memory. */
static int launch(struct process *process, const struct first_program *program,
                  const struct exec_request *request, struct exec_image *image)
{
    struct thread *thread;
    int error;

    thread_ids_begin_after(image->abi->reserved_id);
    error = choose_scheduling(image->abi);
    if (error) {
        exec_discard(image);
        return error;
    }
    error = process_thread_prepare(process, &thread);
    if (error) {
        exec_discard(image);
        return complain(program, error);
    }
    process->group_id = process->session_id = thread->id;
    program->begins(process);
    if (!image->family)    /* the teaching ABI knows nothing of slack */
        thread->timer_slack_ns = thread->timer_slack_default_ns = TIMER_SLACK_NS;
    exec_commit(process, thread, request, image);
    process_thread_launch(process, thread);
    return 0;
}

static int start(struct process *process, const struct first_program *program,
                 struct exec_strings *strings)
{
    struct exec_image *image = memory_allocate(sizeof(*image));
    struct exec_request request = {
        .path = program_path(program),
        .strings = strings,
        .credentials = &process->credentials,
        .limits = &process->limits,
    };
    int error;

    if (!image)
        return complain(program, -ENOMEM);
    for (unsigned i = 0; i < AUXILIARY_RANDOM_SIZE; i++)
        request.random[i] = program->random[i];
    error = gather_strings(program, strings);
    if (!error)
        error = find_program(process, program, strings, &request.executable);
    if (!error) {
        error = prepare(process, program, &request, image);
        if (!error)
            error = launch(process, program, &request, image);
        file_release(request.executable);
    }
    memory_free(image, sizeof(*image));
    return error;
}

int process_start_first(const struct first_program *program)
{
    struct process *process = process_create();
    struct exec_strings strings;
    int error;

    if (!process) {
        file_table_release(program->files);
        return complain(program, -ENOMEM);
    }
    process_set_user_entry(program->user_entry);
    exec_set_abis(program->abis);
    process->beginning.files = program->files;
    process->beginning.namespaces = namespaces_first();
    exec_strings_init(&strings, process->limits.of[LIMIT_STACK].soft);
    error = set_context(process, program);
    if (!error)
        error = start(process, program, &strings);
    exec_strings_destroy(&strings);
    if (error)
        shares_release(&process->beginning);
    process_release(process);
    return error;
}

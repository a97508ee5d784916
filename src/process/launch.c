/*
 * New processes: what they inherit, and the three ways to make one: the first process (first.c), a
 * program that another process starts, and a copy that shares its parent's space.
 *
 * Building comes first and may fail; a process is seen by others only when it is complete.
 */
#include "debug/trace.h"
#include "fs/attributes.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/path.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "process/execute.h"
#include "process/clone.h"
#include "process/family.h"
#include "process/namespaces.h"
#include "process/places.h"
#include "process/process_internal.h"

#define STANDARD_DESCRIPTORS 3

static void (*user_entry)(void *argument);    /* set once, before the first process */

void process_set_user_entry(void (*entry)(void *argument))
{
    user_entry = entry;
}

/* ---- Steps --------------------------------------------------------------------------------- */

/* Ids, limits, credentials.  The child is nobody else's yet. */
void process_inherit(struct process *child, struct process *parent)
{
    spin_lock(&parent->lock);
    child->credentials = current_credentials();
    child->limits = parent->limits;
    child->parent_id = parent->id;
    child->group_id = parent->group_id;
    child->session_id = parent->session_id;
    child->terminal = parent->terminal;
    child->personality = parent->personality;
    child->no_huge_pages = parent->no_huge_pages;
    child->dumpable = parent->dumpable;
    child->oom_score_adjustment = parent->oom_score_adjustment;
    child->login_user_id = parent->login_user_id;
    spin_unlock(&parent->lock);
}

int process_thread_prepare(struct process *process, struct thread **thread)
{
    return process_thread_create(process, "user", user_entry, thread);
}

/* The thread is the first one of the process, and names it. */
void process_take_id(struct process *process, struct thread *thread)
{
    process->id = thread->id;
    process->leader = thread;
    process->pid_namespace = thread->pid_namespace;
    pid_namespace_reference(process->pid_namespace);
    refcount_take(&thread->references);
    if (process->family && process->family->id == 0) {
        process->family->id = process->id;
        process->family->semaphores.id = (uint32_t)process->id;
    }
}

void process_give_id_up(struct process *process)
{
    struct thread *leader = process->leader;

    process->leader = NULL;
    if (leader)
        thread_release(leader);
    process_release(process);
}

bool process_thread_begin(struct process *process, struct thread *thread, bool may_be_refused)
{
    struct thread_shares *shares = &user_thread_of(thread)->shares;

    *shares = process->beginning;
    process_thread_add(process, thread);
    if (!process_begin(process, may_be_refused)) {
        spin_lock(&process->lock);
        *shares = (struct thread_shares){ .files = NULL };
        list_remove(&thread->sibling_node);
        process->live_threads--;
        spin_unlock(&process->lock);
        return false;
    }
    process->beginning = (struct thread_shares){ .files = NULL };
    trace_record(TRACE_process_start, (uint64_t)process->id, (uint64_t)process->parent_id,
                 (uint64_t)thread->id);
    thread_start(thread);
    thread_release(thread);
    return true;
}

void process_thread_launch(struct process *process, struct thread *thread)
{
    process_take_id(process, thread);
    if (!process_thread_begin(process, thread, false))
        UNREACHABLE();    /* nobody asked for that */
}

/* A process that was never started: gives back what it has, and the caller's reference. */
void process_abandon(struct process *process)
{
    struct address_space *space = process->space;
    struct family *family = process->family;
    struct file *executable = process->executable;

    process->space = NULL;
    process->family = NULL;
    process->executable = NULL;
    shares_release(&process->beginning);
    if (space)
        address_space_release(space);
    if (family)
        family_release(family);
    if (executable)
        file_release(executable);
    process_give_id_up(process);
}

/* ---- A copy -------------------------------------------------------------------------------- */

static void share_with(struct process *child, struct process *parent)
{
    child->abi = parent->abi;
    child->space = parent->space;
    address_space_reference(child->space);
    child->family = parent->family;
    family_reference(child->family);
    child->executable = parent->executable;
    if (child->executable)
        file_reference(child->executable);
    child->arguments_start = parent->arguments_start;
    child->arguments_end = parent->arguments_end;
    (void)text_copy(child->executable_path, parent->executable_path,
                    sizeof(child->executable_path));
}

int process_fork_family(user_address stack_pointer, unsigned stack_slot, int32_t *id)
{
    struct process *parent = current_process();
    struct process *child = process_create();
    struct thread *thread;
    int error;

    if (!child)
        return -ENOMEM;
    process_inherit(child, parent);
    share_with(child, parent);
    child->stack_slot = stack_slot;
    error = shares_inherit(&child->beginning, CLONE_FILES);
    if (!error)
        error = process_thread_prepare(child, &thread);
    if (!error && thread->id >= PROCESS_ID_LIMIT) {
        thread_release(thread);
        error = -EAGAIN;
    }
    if (error) {
        process_abandon(child);
        return error;
    }
    thread_copy_registers(thread, 0);
    (void)text_copy(thread->name, current_thread()->name, sizeof(thread->name));
    thread->registers.rsp = stack_pointer;
    *id = thread->id;
    process_take_id(child, thread);
    if (!process_thread_begin(child, thread, true)) {    /* a signal for the whole family */
        thread_release(thread);
        process_abandon(child);
        return -EINTR;
    }
    process_release(child);
    return 0;
}

/* ---- Another program ----------------------------------------------------------------------- */

/* The same open files as 0, 1 and 2, and no others. */
static int copy_standard_files(struct process *child)
{
    int error = file_table_create(&child->beginning.files);

    for (int fd = 0; fd < STANDARD_DESCRIPTORS && !error; fd++) {
        struct file *file = file_table_get(current_files(), fd);

        if (!file)
            continue;
        error = file_table_replace(child->beginning.files, fd, file, false, OPEN_FILES_MAX);
        if (error)
            file_release(file);
    }
    return error;
}

int process_open_program(struct process *process, const char *text, struct file **file)
{
    struct fs_context context = { .credentials = process->credentials };
    struct path path;
    int error;

    places_read(process->beginning.places, &context);
    error = path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path);
    if (!error) {
        if (inode_is_directory(path_inode(&path)))
            error = -EISDIR;
        path_release(&path);
    }
    if (!error)
        error = program_open(&context, NULL, text, LOOKUP_FOLLOW, file);
    fs_context_release(&context);
    return error;
}

/* The image is built: what is left can only run out of memory or ids. */
static int launch_image(struct process *child, const struct exec_request *request,
                        struct exec_image *image, int32_t *id)
{
    struct thread *thread;
    int error = process_thread_prepare(child, &thread);

    if (!error && thread->id >= PROCESS_ID_LIMIT) {
        thread_release(thread);
        error = -EAGAIN;
    }
    if (error) {
        exec_discard(image);
        return error;
    }
    *id = thread->id;
    exec_commit(child, thread, request, image);
    process_take_id(child, thread);
    if (!process_thread_begin(child, thread, true)) {    /* a signal for those on the terminal */
        thread_release(thread);
        return -EINTR;
    }
    return 0;
}

static int load_program(struct process *child, struct exec_request *request, int32_t *id)
{
    char complaint[EXEC_COMPLAINT_SIZE];
    struct exec_image *image = memory_allocate(sizeof(*image));
    struct fs_context context;
    int error;

    if (!image)
        return -ENOMEM;
    places_read(child->beginning.places, &context);
    request->context = &context;
    error = exec_prepare(request, image, complaint, sizeof(complaint));
    request->context = NULL;
    fs_context_release(&context);
    if (!error)
        error = launch_image(child, request, image, id);
    memory_free(image, sizeof(*image));
    return error;
}

int process_spawn(const struct spawn_request *spawn, int32_t *id)
{
    struct process *parent = current_process();
    struct process *child = process_create();
    struct exec_request request = { .path = spawn->path, .strings = spawn->strings };
    int error;

    if (!child)
        return -ENOMEM;
    process_inherit(child, parent);
    memcpy(request.random, spawn->random, sizeof(request.random));
    request.credentials = &child->credentials;
    request.limits = &child->limits;
    error = places_copy(current_places(), &child->beginning.places);
    if (!error)
        error = namespaces_copy(current_namespaces(), 0, NULL, &child->beginning.namespaces);
    if (!error)
        error = copy_standard_files(child);
    if (!error)
        error = process_open_program(child, spawn->path, &request.executable);
    if (!error) {
        error = load_program(child, &request, id);
        file_release(request.executable);
    }
    if (error)
        process_abandon(child);
    else
        process_release(child);
    return error;
}

/* Calls about processes: GetPid, Fork, Spawn, Exit, WaitPid, Kill. */
#include "abi/teaching/calls.h"
#include "config.h"
#include "debug/log.h"
#include "device/random.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/endings.h"
#include "process/exec.h"
#include "process/process.h"
#include "tty/tty.h"

#define PATH_SIZE_MAX 0x100u
#define KILLED_CODE 0xdead
#define KERNEL_ID 1    /* no process of the ABI's own has it, except in a run that Linux began */

int64_t teaching_get_pid(void)
{
    return current_process()->id;
}

int64_t teaching_fork(void)
{
    struct process *process = current_process();
    uint64_t distance;
    unsigned slot;
    int32_t id;
    int error;

    if (teaching_stack_copy(&slot, &distance) != 0)
        return FAILED;
    error = process_fork_family(current_thread()->registers.rsp - distance, slot, &id);
    if (error) {
        teaching_stack_release(process, slot);
        return error == -EINTR ? teaching_interrupted() : FAILED;
    }
    return id;
}

int64_t teaching_exit(int64_t code)
{
    process_exit_code(code);
}

int64_t teaching_wait_pid(uint16_t pid)
{
    const struct operation operation = teaching_operation(OBJECT_PROCESS, OPERATION_TAKE, pid);
    int64_t code;

    if (ending_wait(pid, &operation, &code) != 0)
        return teaching_interrupted();
    return code;
}

int64_t teaching_kill(uint16_t pid)
{
    struct process *target;

    if (pid == KERNEL_ID) {
        log_line(LOG_WARNING, "%s (process %d) wants to kill process %d: refused",
                 current_thread()->name, current_process()->id, KERNEL_ID);
        return 0;
    }
    target = process_find(pid);
    if (target) {
        process_end(target, SIGNAL_KILL, KILLED_CODE);
        process_release(target);
    }
    return 0;
}

/* ---- Spawn --------------------------------------------------------------------------------- */

/* The program's own name is its only argument. */
static int spawn(const char *path, int32_t *id)
{
    struct spawn_request request = { .path = path };
    struct exec_strings strings;
    int error;

    exec_strings_init(&strings, USER_STACK_SIZE);
    error = exec_strings_add_argument(&strings, path);
    if (!error) {
        request.strings = &strings;
        random_bytes(request.random, sizeof(request.random));
        error = process_spawn(&request, id);
    }
    exec_strings_destroy(&strings);
    return error;
}

/* A program of Linux expects that the terminal edits its lines. */
static void prepare_terminal(int32_t id)
{
    struct process *child = process_find(id);
    struct file *input = file_table_get(current_files(), 0);

    if (child && child->abi == &abi_linux && input && input->operations == &tty_file_operations)
        tty_read_by(input->contents, TTY_LINES);
    if (input)
        file_release(input);
    if (child)
        process_release(child);
}

int64_t teaching_spawn(user_address path, uint64_t length)
{
    char *text;
    int32_t id = 0;
    int error;

    if (length == 0 || length > PATH_SIZE_MAX)
        return 0;
    text = memory_allocate(PATH_MAX);
    if (!text)
        return 0;
    error = user_copy_in(current_space(), text, path, (size_t)length);
    if (!error)
        error = teaching_find_program(text);
    if (!error)
        error = spawn(text, &id);
    memory_free(text, PATH_MAX);
    if (error)
        return error == -EINTR ? teaching_interrupted() : 0;
    prepare_terminal(id);
    return id;
}

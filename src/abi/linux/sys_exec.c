/* System calls that replace the program of a process: execve, execveat. */
#include "abi/linux/file_arguments.h"
#include "abi/linux/syscalls.h"
#include "device/random.h"
#include "fs/file_table.h"
#include "lib/format.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/exec.h"
#include "process/execute.h"
#include "process/process.h"

#define EXEC_FLAGS (AT_EMPTY | AT_NO_FOLLOW)
#define DESCRIPTOR_TEXT_SIZE 24u    /* "/dev/fd/" and a number */

typedef int (*add_string)(struct exec_strings *strings, struct address_space *space,
                          user_address text);

/* The strings of an array that ends with NULL; the array itself may be NULL. */
static int add_all(struct exec_strings *strings, user_address array, add_string add)
{
    struct address_space *space = current_space();
    int error = 0;

    while (array && !error) {
        user_address text;

        error = user_copy_in(space, &text, array, sizeof(text));
        if (error || !text)
            break;
        error = add(strings, space, text);
        array += sizeof(text);
    }
    return error;
}

/* A program has a name at least. */
static int gather(struct exec_strings *strings, user_address arguments, user_address environment)
{
    int error = add_all(strings, arguments, exec_strings_copy_argument);

    if (!error && strings->argument_count == 0)
        error = exec_strings_add_argument(strings, "");
    return error ? error : add_all(strings, environment, exec_strings_copy_environment);
}

/* What the program is told its path is.  A text of its own: *size bytes; 0: it is name->text. */
static int make_path(const struct file_name *name, int32_t directory, char **text, size_t *size)
{
    *text = name->text;
    *size = 0;
    if (!name->start || name->text[0] == '/')
        return 0;
    *size = DESCRIPTOR_TEXT_SIZE + PATH_MAX;
    *text = memory_allocate(*size);
    if (!*text)
        return -ENOMEM;
    (void)format(*text, *size, name->text[0] ? "/dev/fd/%d/%s" : "/dev/fd/%d", directory,
                 name->text);
    return 0;
}

/* Does the program's path go through a descriptor that is closed by then? */
static bool is_hidden(const struct file_name *name, int32_t directory)
{
    return name->start && name->text[0] != '/' &&
           file_table_flag(current_files(), directory) > 0;
}

static int execute(struct execution *execution, user_address arguments, user_address environment)
{
    struct exec_strings strings;
    int error;

    exec_strings_init(&strings, process_limit(current_process(), LIMIT_STACK).soft);
    execution->strings = &strings;
    random_bytes(execution->random, sizeof(execution->random));
    error = gather(&strings, arguments, environment);
    if (!error)
        error = process_execute(execution);
    execution->strings = NULL;
    exec_strings_destroy(&strings);
    return error;
}

static int open_program(const struct file_name *name, uint32_t flags, struct file **file)
{
    uint32_t lookup = lookup_of(flags) | (flags & AT_EMPTY ? LOOKUP_EMPTY_PATH : 0);

    if (name->text[0] == '\0' && name->start && !name->start->path.name)
        return -EACCES;
    return program_open(&name->context, file_name_start(name), name->text, lookup, file);
}

static int execute_name(const struct file_name *name, int32_t directory, uint32_t flags,
                        const user_address vectors[2])
{
    struct execution execution = {
        .context = &name->context, .is_hidden = is_hidden(name, directory),
    };
    size_t size;
    char *path;
    int error = open_program(name, flags, &execution.file);

    if (error)
        return error;
    error = make_path(name, directory, &path, &size);
    if (!error) {
        execution.path = path;
        error = execute(&execution, vectors[0], vectors[1]);
        if (size > 0)
            memory_free(path, size);
    }
    file_release(execution.file);
    return error;
}

int64_t sys_execveat(int32_t directory, user_address path, user_address arguments,
                     user_address environment, uint32_t flags)
{
    const user_address vectors[2] = { arguments, environment };
    struct file_name name;
    int error;

    if (flags & ~EXEC_FLAGS)
        return -EINVAL;
    error = file_name_open(&name, directory, path, (flags & AT_EMPTY) != 0);
    if (error)
        return error;
    error = execute_name(&name, directory, flags, vectors);
    file_name_close(&name);
    return error;
}

int64_t sys_execve(user_address path, user_address arguments, user_address environment)
{
    return sys_execveat(AT_WORKING_DIRECTORY, path, arguments, environment, 0);
}

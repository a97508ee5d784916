/* Finding and mapping the interpreter of a dynamic program. */
#include "process/interpreter.h"

#include "fs/file.h"
#include "fs/path.h"
#include "lib/memory.h"
#include "memory/address_space.h"
#include "memory/pool.h"
#include "process/exec.h"
#include "process/execute.h"

struct interpreter {
    struct file *file;
    struct elf_image elf;
};

/* The name that the program's file holds; the buffer has room for all that elf_parse lets by. */
static int read_name(const struct exec_request *request, const struct elf_image *elf, char *name)
{
    const struct elf_source source = exec_source(request->executable);
    int64_t done = source.read(source.context, name, elf->interpreter_size, elf->interpreter);

    if (done < 0)
        return (int)done;
    if ((uint64_t)done != elf->interpreter_size || name[done - 1] != '\0')
        return -ENOEXEC;
    return 0;
}

/* As Linux: a file without room for a header is a bad disk, one with another header no library. */
static int check(struct interpreter *interpreter, struct elf_problem *problem)
{
    const struct elf_source source = exec_source(interpreter->file);
    const struct elf_space space = exec_space();

    if (elf_parse(&source, &space, &interpreter->elf, problem) == ELF_FINE)
        return 0;
    if (problem->fault == ELF_UNREADABLE)
        return problem->error;
    return source.size < ELF_FILE_HEADER_SIZE ? -EIO : -ELIBBAD;
}

/* `name` is its own memory's: the caller frees both. */
static int open_named(const struct exec_request *request, struct interpreter *interpreter,
                      const char *name, char *complaint, size_t complaint_size)
{
    struct elf_problem problem = { .fault = ELF_NO_INTERPRETER };
    int error = program_open(request->context, NULL, name, LOOKUP_FOLLOW, &interpreter->file);

    if (error) {
        elf_describe_interpreter(&problem, name, complaint, complaint_size);
        return error;
    }
    error = check(interpreter, &problem);
    if (error) {
        elf_describe_interpreter(&problem, name, complaint, complaint_size);
        file_release(interpreter->file);
    }
    return error;
}

int interpreter_open(const struct exec_request *request, const struct exec_image *image,
                     struct interpreter **interpreter, char *complaint, size_t complaint_size)
{
    struct elf_problem problem = { .fault = ELF_INTERPRETER_NAME };
    struct interpreter *opened;
    char *name;
    int error;

    *interpreter = NULL;
    if (image->elf.interpreter_size == 0)
        return 0;
    elf_describe(&problem, complaint, complaint_size);
    name = memory_allocate(image->elf.interpreter_size);
    opened = memory_allocate(sizeof(*opened));
    error = name && opened ? read_name(request, &image->elf, name) : -ENOMEM;
    if (!error)
        error = open_named(request, opened, name, complaint, complaint_size);
    if (name)
        memory_free(name, image->elf.interpreter_size);
    if (!error)
        *interpreter = opened;
    else if (opened)
        memory_free(opened, sizeof(*opened));
    return error;
}

/* Below the mappings that there are, as mmap would. */
static int find_room(const struct elf_image *elf, struct address_space *space, uint64_t *bias)
{
    const struct map_request request = { .length = elf->high - elf->low };
    user_address place;
    int error = address_space_map(space, &request, &place);

    if (!error)
        error = address_space_unmap(space, place, request.length);
    *bias = place - elf->low;
    return error;
}

int interpreter_map(const struct interpreter *interpreter, struct exec_image *image)
{
    const struct elf_image *elf = &interpreter->elf;
    uint64_t bias = 0;
    int error = elf->position_independent ? find_room(elf, image->space, &bias) : 0;

    if (!error)
        error = elf_map(image->space, interpreter->file, elf, bias);
    image->entry = elf->entry + bias;
    image->interpreter_base = elf->low + bias;
    return error;
}

void interpreter_close(struct interpreter *interpreter)
{
    if (!interpreter)
        return;
    file_release(interpreter->file);
    memory_free(interpreter, sizeof(*interpreter));
}

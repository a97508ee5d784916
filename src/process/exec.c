/* Building the image of a program, and making it the one that a process runs. */
#include "process/exec.h"

#include "fs/file.h"
#include "fs/read_write.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "process/family.h"
#include "process/interpreter.h"
#include "process/process_internal.h"

#define STACK_ROOM (UINT64_C(128) << 10)    /* mapped below what the stack holds at first */
#define FLAGS_AT_START 0x202                /* interrupts, and the bit that is always set */

static const struct abi *const *all_abis;

void exec_set_abis(const struct abi *const *abis)
{
    all_abis = abis;
}

/* The last one takes what no other wants. */
static const struct abi *choose_abi(const struct elf_image *elf)
{
    const struct abi *const *abi = all_abis;

    while (abi[1] && !abi[0]->accepts(elf))
        abi++;
    return *abi;
}

static int64_t read_file(void *context, void *buffer, size_t size, uint64_t offset)
{
    return file_read_kernel(context, buffer, size, offset);
}

/* The size decides what "cut short" means, so a directory or device is refused before. */
struct elf_source exec_source(struct file *file)
{
    return (struct elf_source){ .read = read_file, .context = file, .size = file->inode->size };
}

struct elf_space exec_space(void)
{
    const struct machine_info *info = machine_info();

    return (struct elf_space){
        .ranges = info->user_ranges,
        .range_count = info->user_range_count,
        .minimum_address = USER_ADDRESS_MINIMUM,
    };
}

static int read_headers(const struct exec_request *request, struct exec_image *image,
                        char *complaint, size_t complaint_size)
{
    const struct elf_source source = exec_source(request->executable);
    const struct elf_space space = exec_space();
    struct elf_problem problem = { .fault = ELF_FINE };

    if (elf_parse(&source, &space, &image->elf, &problem) == ELF_FINE) {
        image->bias = 0;
        if (image->elf.position_independent &&
            !elf_choose_bias(&image->elf, &space, &image->bias))
            UNREACHABLE();    /* elf_parse has tried it */
        return 0;
    }
    elf_describe(&problem, complaint, complaint_size);
    return elf_error(&problem);
}

static int map_stack(const struct exec_image *image, const struct user_stack *stack,
                     user_address top)
{
    uint64_t lowest = round_down(stack->pointer, PAGE_SIZE) - STACK_ROOM;
    const struct map_request request = {
        .address = lowest,
        .length = top - lowest,
        .protection = PROTECTION_READ | PROTECTION_WRITE |
                      (image->elf.stack_executable ? PROTECTION_EXECUTE : 0u),
        .flags = MAP_AT_ADDRESS | MAP_NOT_REPLACE | MAP_GROWS_DOWN,
        .label = "[stack]",
    };
    user_address address;

    return address_space_map(image->space, &request, &address);
}

int exec_build_start(const struct exec_request *request, struct exec_image *image)
{
    struct user_stack_request stack_request = {
        .strings = request->strings,
        .path = request->path,
        .credentials = request->credentials,
        .is_secure = request->is_secure,
        .elf = &image->elf,
        .bias = image->bias,
        .vdso = image->vdso,
        .interpreter_base = image->interpreter_base,
    };
    user_address top = address_space_stack_top(image->space);
    struct user_stack stack;
    int error;

    memcpy(stack_request.random, request->random, sizeof(stack_request.random));
    user_stack_plan(&stack_request, top, &stack);
    error = map_stack(image, &stack, top);
    if (!error)
        error = user_stack_write(&stack_request, &stack, image->space);
    if (error)
        return error;
    image->stack = stack.pointer;
    image->arguments_start = stack.strings;
    image->arguments_end = stack.arguments_end;
    image->environment_start = stack.arguments_end;
    image->environment_end = stack.path;
    memcpy(image->auxiliary_vector, stack.auxiliary_vector, sizeof(image->auxiliary_vector));
    address_space_set_break_start(image->space, image->elf.high + image->bias);
    return 0;
}

/* The limits on memory hold from the start. */
static void set_space_limits(struct address_space *space, const struct limits *limits)
{
    address_space_set_limits(space, limits->of[LIMIT_STACK].soft,
                             limits->of[LIMIT_ADDRESS_SPACE].soft);
    address_space_set_data_limit(space, limits->of[LIMIT_DATA].soft);
}

/* The new space with all that the program begins with.  -ENOMEM, -EIO, -E2BIG. */
static int build(const struct exec_request *request, struct exec_image *image,
                 const struct interpreter *interpreter)
{
    int error = address_space_create(&image->space);

    if (error)
        return error;
    set_space_limits(image->space, request->limits);
    if (image->elf.block_budget)
        address_space_set_block_budget(image->space, image->elf.block_budget + image->bias);
    image->entry = image->elf.entry + image->bias;
    image->interpreter_base = 0;
    error = elf_map(image->space, request->executable, &image->elf, image->bias);
    if (!error && interpreter)
        error = interpreter_map(interpreter, image);
    if (!error)
        error = image->abi->build_start(request, image);
    if (error)
        exec_discard(image);
    return error;
}

int exec_prepare(const struct exec_request *request, struct exec_image *image, char *complaint,
                 size_t complaint_size)
{
    struct interpreter *interpreter;
    int error = read_headers(request, image, complaint, complaint_size);

    if (!error)
        error = interpreter_open(request, image, &interpreter, complaint, complaint_size);
    if (error)
        return error;
    image->abi = choose_abi(&image->elf);
    error = build(request, image, interpreter);
    interpreter_close(interpreter);
    if (error)
        format(complaint, complaint_size, "cannot be loaded: %s",
               error == -ENOMEM ? "not enough memory (more with --memory)" : "reading it failed");
    return error;
}

void exec_discard(struct exec_image *image)
{
    address_space_release(image->space);
    image->space = NULL;
    if (image->family)
        family_release(image->family);
    image->family = NULL;
}

static void set_registers(struct thread *thread, const struct exec_image *image)
{
    struct user_registers *registers = &thread->registers;
    void *vector = registers->vector;

    memset(registers, 0, sizeof(*registers));
    memset(vector, 0, machine_info()->vector_state_size);
    registers->vector = vector;
    registers->rip = image->entry;
    registers->rsp = image->stack;
    registers->rdi = image->first_argument;
    registers->rsi = image->second_argument;
    registers->rflags = FLAGS_AT_START;
}

void exec_commit(struct process *process, struct thread *thread,
                 const struct exec_request *request, struct exec_image *image)
{
    struct address_space *old_space = process->space;
    struct family *old_family = process->family;
    struct file *old_executable = process->executable;

    file_reference(request->executable);
    spin_lock(&process->lock);
    process->abi = image->abi;
    process->space = image->space;
    process->family = image->family;
    process->executable = request->executable;
    process->arguments_start = image->arguments_start;
    process->arguments_end = image->arguments_end;
    process->environment_start = image->environment_start;
    process->environment_end = image->environment_end;
    memcpy(process->auxiliary_vector, image->auxiliary_vector,
           sizeof(process->auxiliary_vector));
    (void)text_copy(process->executable_path, request->path, sizeof(process->executable_path));
    spin_unlock(&process->lock);

    (void)text_copy(thread->name, process_name(process), sizeof(thread->name));
    signal_actions_reset(&process->signals);
    set_registers(thread, image);
    machine_program_loaded(address_space_root(image->space), request->path, image->bias);
    if (image->vdso)
        machine_program_loaded(address_space_root(image->space), "[vdso]", image->vdso);
    if (thread == current_thread())
        address_space_activate(image->space);
    if (old_space)
        address_space_release(old_space);
    if (old_family)
        family_release(old_family);
    if (old_executable)
        file_release(old_executable);
}

/*
 * Addresses in words, and backtraces of other processors.
 *
 * The runner has the files with the debugging information and is asked.  Without it, functions of
 * the kernel have the names that it knows itself, and addresses of programs are numbers.
 */
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/cpu.h"
#include "machine/x86_64/function_names.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define PATH_SIZE 512
#define NAME_SIZE 128
#define FRAMES_MAX 32
#define PROGRAMS_KEPT 64u

/* Programs by their address space; the oldest is forgotten. */
static struct program {
    physical_address root;
    uint64_t bias;
    char path[PATH_SIZE];
} programs[PROGRAMS_KEPT];
static _Atomic unsigned programs_loaded;

struct question {
    uint8_t kind;    /* enum link_code */
    uint8_t address[8], bias[8];
    char path[PATH_SIZE];
};

/* A space that nobody told about is one that was copied: of the program loaded last. */
static const struct program *program_of(physical_address root)
{
    unsigned count = atomic_load(&programs_loaded);

    for (unsigned i = count; i > 0 && count - i < PROGRAMS_KEPT; i--) {
        if (programs[(i - 1) % PROGRAMS_KEPT].root == root)
            return &programs[(i - 1) % PROGRAMS_KEPT];
    }
    return &programs[(count - 1) % PROGRAMS_KEPT];
}

struct asked {
    enum link_code kind;
    const char *path;
    uint64_t bias, address;
};

static size_t ask_runner(const struct asked *asked, char *text, size_t size)
{
    static struct question question;    /* too large for a stack; used on paths that are ending */
    int64_t length;

    question.kind = (uint8_t)asked->kind;
    memcpy(question.address, &asked->address, sizeof(asked->address));
    memcpy(question.bias, &asked->bias, sizeof(asked->bias));
    (void)text_copy(question.path, asked->path, sizeof(question.path));
    length = link_ask(LINK_DESCRIBE,
                      (struct link_part){ &question, offsetof(struct question, path) },
                      (struct link_part){ question.path, text_length(question.path) }, text,
                      size - 1);
    if (length <= 0)
        return 0;
    if ((size_t)length > size - 1)
        length = (int64_t)size - 1;
    text[length] = '\0';
    return (size_t)length;
}

size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size)
{
    const struct program *program = root ? program_of(root) : NULL;
    const struct asked asked = {
        .kind = program ? LINK_CODE_OF_PROGRAM : LINK_CODE_OF_KERNEL,
        .path = program ? program->path : "",
        .bias = program ? program->bias : 0,
        .address = address,
    };

    if (size == 0)
        return 0;
    if (link_is_up())
        return ask_runner(&asked, text, size);
    return root == 0 ? function_name(address, text, size) : 0;
}

size_t machine_describe_file(const char *path, uint64_t offset, char *text, size_t size)
{
    const struct asked asked = { .kind = LINK_CODE_IN_FILE, .path = path, .address = offset };

    return size > 0 && link_is_up() ? ask_runner(&asked, text, size) : 0;
}

void machine_program_loaded(physical_address root, const char *path, uint64_t bias)
{
    struct program *program = &programs[atomic_load(&programs_loaded) % PROGRAMS_KEPT];

    if (path[0] == '[')
        return;    /* code of the kernel's own: it names that itself */
    program->root = root;
    program->bias = bias;
    (void)text_copy(program->path, path, sizeof(program->path));
    atomic_fetch_add(&programs_loaded, 1);
}

static void print_frame(uint64_t address)
{
    char name[NAME_SIZE];

    if (machine_describe_address(0, address, name, sizeof(name)) == 0)
        name[0] = '\0';
    port_log("  %#llx %s", (unsigned long long)address, name);
}

/* Between the first instructions of a trap, the stack is still the program's. */
static bool is_frame(uint64_t frame, uint64_t above)
{
    return above >= DIRECT_MAP_BASE && frame > above && frame % sizeof(uint64_t) == 0 &&
           frame - above < 0x8000;
}

void print_backtrace_from(uint64_t rip, uint64_t rbp, uint64_t rsp)
{
    print_frame(rip);
    for (unsigned i = 0; i < FRAMES_MAX && is_frame(rbp, rsp); i++) {
        const uint64_t *record = (const uint64_t *)(uintptr_t)rbp;

        if (record[1] == 0)
            return;
        print_frame(record[1] - 1);
        rsp = rbp;
        rbp = record[0];
    }
}

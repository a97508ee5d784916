/* What is wrong with a program's file, in words that help the person who tried to run it. */
#include "process/elf.h"

#include "lib/container.h"
#include "lib/format.h"

#define INTERPRETER_SHOWN 128    /* bytes of its name, and of what is wrong with it */
#define ONLY "Eft runs 64-bit x86 programs only"

static const char *machine_name(uint64_t machine)
{
    static const struct {
        uint16_t number;
        const char *name;
    } machines[] = {
        { 2, "SPARC" },          { 3, "32-bit x86" },     { 4, "Motorola 68000" },
        { 8, "MIPS" },           { 15, "PA-RISC" },       { 18, "SPARC" },
        { 20, "PowerPC" },       { 21, "64-bit PowerPC" }, { 22, "S/390" },
        { 40, "ARM" },           { 42, "SuperH" },        { 43, "64-bit SPARC" },
        { 50, "Itanium" },       { 62, "x86-64" },        { 83, "AVR" },
        { 94, "Xtensa" },        { 183, "AArch64" },      { 189, "MicroBlaze" },
        { 243, "RISC-V" },       { 247, "BPF" },          { 258, "LoongArch" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
        if (machines[i].number == machine)
            return machines[i].name;
    }
    return NULL;
}

static void describe_machine(const struct elf_problem *problem, char *text, size_t size)
{
    const char *name = machine_name(problem->number);

    if (name)
        format(text, size, "is a program for %s; " ONLY, name);
    else
        format(text, size, "is a program for another machine (number %llu); " ONLY,
               (unsigned long long)problem->number);
}

static void describe_32_bit(const struct elf_problem *problem, char *text, size_t size)
{
    const char *name = machine_name(problem->number);

    if (problem->number == 3 || problem->number == 62 || !name)
        format(text, size, "is a 32-bit program; " ONLY);
    else
        format(text, size, "is a 32-bit program for %s; " ONLY, name);
}

/* Texts with up to two numbers, in the order %llu or %llx asks for them. */
static const char *const patterns[ELF_FAULTS] = {
    [ELF_EMPTY] = "is empty",
    [ELF_SCRIPT] = "is a script (it begins with #!), not an ELF program",
    [ELF_TEXT] = "is a text file, not an ELF program",
    [ELF_NOT_ELF] = "is not an ELF program",
    [ELF_HEADER_CUT] = "is cut short: it ends within the ELF header (%llu bytes)",
    [ELF_CLASS_BAD] = "is not a valid ELF program: its class is %llu",
    [ELF_BIG_ENDIAN] = "is a big-endian program; " ONLY,
    [ELF_DATA_BAD] = "is not a valid ELF program: its byte order is %llu",
    [ELF_VERSION_BAD] = "is not a valid ELF program: its version is %llu",
    [ELF_RELOCATABLE] = "is an object file that has not been linked",
    [ELF_CORE] = "is a core dump, not a program",
    [ELF_TYPE_BAD] = "is not a program: its ELF type is %llu",
    [ELF_HEADERS_BAD] = "is not a valid ELF program: its program headers have %llu bytes",
    [ELF_HEADERS_MANY] = "has too many program headers (%llu)",
    [ELF_HEADERS_CUT] = "is cut short: it ends before or within its program headers (%llu bytes)",
    [ELF_INTERPRETER_NAME] = "is not a valid ELF program: it has no proper name of an interpreter",
    [ELF_NO_INTERPRETER] = "cannot be opened; --root=/ shows the guest the programs and libraries "
                           "of this machine",
    [ELF_NO_SEGMENTS] = "is not a program: it has nothing to load",
    [ELF_SEGMENTS_MANY] = "has more than %llu segments",
    [ELF_SEGMENT_WRAPS] = "is not a valid ELF program: segment %llu ends beyond all addresses",
    [ELF_SEGMENT_CUT] = "is cut short: segment %llu does not lie within its %llu bytes",
    [ELF_FILE_OVER_MEMORY] =
        "is not a valid ELF program: segment %llu is larger in the file than in memory",
    [ELF_MISALIGNED] =
        "is not a valid ELF program: address and offset of segment %llu do not agree",
    [ELF_OVERLAP] = "is not a valid ELF program: segment %llu overlaps another",
    [ELF_OUTSIDE] = "cannot be loaded: it has a segment at 0x%llx, where no program may lie",
    [ELF_SHARED_LIBRARY] = "is a shared library, not a program",
    [ELF_ENTRY_OUTSIDE] = "is not a valid ELF program: its entry point 0x%llx is in no segment",
};

void elf_describe(const struct elf_problem *problem, char *text, size_t size)
{
    if (problem->fault == ELF_MACHINE_OTHER)
        describe_machine(problem, text, size);
    else if (problem->fault == ELF_CLASS_32)
        describe_32_bit(problem, text, size);
    else if (problem->fault == ELF_UNREADABLE)
        format(text, size, "cannot be read (error %d)", -problem->error);
    else
        format(text, size, patterns[problem->fault] ? patterns[problem->fault] : "is fine",
               (unsigned long long)problem->number, (unsigned long long)problem->number2);
}

void elf_describe_interpreter(const struct elf_problem *problem, const char *name, char *text,
                              size_t size)
{
    char harmless[INTERPRETER_SHOWN], what[INTERPRETER_SHOWN];
    size_t length = 0;

    while (length < sizeof(harmless) - 1 && name[length]) {
        harmless[length] = (uint8_t)name[length] < 0x20 || (uint8_t)name[length] >= 0x7f
                               ? '?' : name[length];
        length++;
    }
    harmless[length] = '\0';
    elf_describe(problem, what, sizeof(what));
    format(text, size, "is dynamically linked, and its interpreter %s %s", harmless, what);
}

int elf_error(const struct elf_problem *problem)
{
    if (problem->fault == ELF_FINE)
        return 0;
    if (problem->fault == ELF_UNREADABLE)
        return problem->error;
    return -ENOEXEC;
}

#pragma once
/*
 * ELF files: reading and checking the headers of an x86-64 program, and mapping its segments.
 *
 * elf_parse is a pure function over a small read interface, so that the unit tests and the fuzzer
 * drive it without a machine.  After it succeeded every number in the image is checked:
 * segments lie within the user ranges and within the file, do not overlap, and no sum wraps.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "lib/error.h"
#include "machine/machine.h"

#define ELF_FILE_HEADER_SIZE 64u

/* Where the file comes from. */
struct elf_source {
    /* Bytes read, fewer at the end of the file; or a negative error. */
    int64_t (*read)(void *context, void *buffer, size_t size, uint64_t offset);
    void *context;
    uint64_t size;
};

/* Where segments may lie. */
struct elf_space {
    const struct machine_range *ranges;    /* sorted, disjoint */
    size_t range_count;
    uint64_t minimum_address;              /* nothing is mapped below */
};

struct elf_segment {
    uint64_t address, memory_size;
    uint64_t offset, file_size;
    uint32_t protection;                   /* enum region_protection */
};

struct elf_image {
    bool position_independent;
    bool names_system;                     /* the header says for which operating system it is */
    bool stack_executable;
    uint64_t entry;                        /* as in the file */
    uint64_t headers_address;              /* AT_PHDR; 0: not in memory */
    uint16_t header_count;
    uint64_t block_budget;                 /* the word in which it counts its blocks; 0: none */
    uint64_t interpreter;                  /* where in the file the name of its interpreter is */
    uint32_t interpreter_size;             /* with its NUL, at most PATH_MAX; 0: it needs none */
    uint64_t low, high;                    /* all segments, rounded to pages */
    uint64_t alignment;                    /* largest p_align, at least a page */
    unsigned segment_count;
    struct elf_segment segments[ELF_SEGMENTS_MAX];    /* by address */
};

enum elf_fault {
    ELF_FINE,
    ELF_UNREADABLE, ELF_EMPTY, ELF_SCRIPT, ELF_TEXT, ELF_NOT_ELF, ELF_HEADER_CUT,
    ELF_CLASS_32, ELF_CLASS_BAD, ELF_BIG_ENDIAN, ELF_DATA_BAD, ELF_VERSION_BAD, ELF_MACHINE_OTHER,
    ELF_RELOCATABLE, ELF_CORE, ELF_TYPE_BAD, ELF_HEADERS_BAD, ELF_HEADERS_MANY, ELF_HEADERS_CUT,
    ELF_INTERPRETER_NAME, ELF_NO_INTERPRETER,
    ELF_NO_SEGMENTS, ELF_SEGMENTS_MANY, ELF_SEGMENT_WRAPS, ELF_SEGMENT_CUT,
    ELF_FILE_OVER_MEMORY, ELF_MISALIGNED, ELF_OVERLAP, ELF_OUTSIDE,
    ELF_SHARED_LIBRARY, ELF_ENTRY_OUTSIDE,
    ELF_FAULTS
};

/* What was wrong, and with what. */
struct elf_problem {
    enum elf_fault fault;
    uint64_t number, number2;    /* machine, type, index of a segment, address: as the fault says */
    int error;                   /* ELF_UNREADABLE: why */
};

/* Returns ELF_FINE and fills `image`, or says in `problem` what is wrong. */
enum elf_fault elf_parse(const struct elf_source *source, const struct elf_space *space,
                         struct elf_image *image, struct elf_problem *problem);
/* The word that the note "Eft", type 1, of a program built by eft-cc names; 0 if there is no such
 * note, or none that makes sense. */
uint64_t elf_note_budget(const struct elf_source *source, uint64_t offset, uint64_t size);
/* "is a 32-bit program; ...": one line for a person, to follow the name of the file. */
void elf_describe(const struct elf_problem *problem, char *text, size_t size);
/* The same of a program's interpreter, whose name may hold any bytes. */
void elf_describe_interpreter(const struct elf_problem *problem, const char *name, char *text,
                              size_t size);
/* What execve answers: -ENOEXEC, -EIO, ... */
MUST_CHECK int elf_error(const struct elf_problem *problem);

/* What to add to the addresses of a position-independent image; the same each time.  Returns
 * false if it fits nowhere. */
bool elf_choose_bias(const struct elf_image *image, const struct elf_space *space,
                     uint64_t *bias);

struct address_space;
struct file;
/* Maps the checked segments of `file` into `space`.  -ENOMEM, -EIO. */
MUST_CHECK int elf_map(struct address_space *space, struct file *file,
                       const struct elf_image *image, uint64_t bias);

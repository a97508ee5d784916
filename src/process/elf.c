/*
 * Reading and checking the headers of an ELF program.
 *
 * Nothing here trusts the file: every number is checked before it is used, in the order in which
 * it is met, and the first thing that is wrong is reported.  Linux takes some files that are
 * refused here (segments that overlap or that the file does not hold): they would die at their
 * first steps, and a clear refusal says more than a signal.
 */
#include "process/elf.h"

#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/address_space.h"
#include "memory/page.h"

#define IDENT_CLASS 4
#define IDENT_DATA 5
#define IDENT_VERSION 6
#define IDENT_SYSTEM 7
#define CLASS_32 1
#define CLASS_64 2
#define DATA_LITTLE_ENDIAN 1
#define DATA_BIG_ENDIAN 2
#define VERSION_CURRENT 1

#define TYPE_RELOCATABLE 1
#define TYPE_EXECUTABLE 2
#define TYPE_SHARED 3
#define TYPE_CORE 4

#define MACHINE_X86_64 62

#define SEGMENT_LOAD 1
#define SEGMENT_INTERPRETER 3
#define SEGMENT_NOTE 4
#define SEGMENT_GNU_STACK 0x6474e551u

#define SEGMENT_EXECUTE 1u
#define SEGMENT_WRITE 2u
#define SEGMENT_READ 4u

struct file_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, headers_offset, sections_offset;
    uint32_t flags;
    uint16_t size, header_size, header_count;
    uint16_t section_size, section_count, section_names;
};
_Static_assert(sizeof(struct file_header) == ELF_FILE_HEADER_SIZE, "as the format says");

struct program_header {
    uint32_t type, flags;
    uint64_t offset, address, physical_address, file_size, memory_size, alignment;
};
_Static_assert(sizeof(struct program_header) == 56, "as the format says");

/* One parse: what it reads, what it fills. */
struct parse {
    const struct elf_source *source;
    const struct elf_space *space;
    struct elf_image *image;
    struct elf_problem *problem;
    struct file_header header;
};

static enum elf_fault fault(struct parse *parse, enum elf_fault what, uint64_t number)
{
    parse->problem->fault = what;
    parse->problem->number = number;
    return what;
}

/* Reads exactly `size` bytes; `cut` is the fault when the file ends before. */
static enum elf_fault read_exactly(struct parse *parse, void *buffer, size_t size, uint64_t offset,
                                   enum elf_fault cut)
{
    int64_t done = parse->source->read(parse->source->context, buffer, size, offset);

    if (done < 0) {
        parse->problem->error = (int)done;
        return fault(parse, ELF_UNREADABLE, 0);
    }
    if ((uint64_t)done != size)
        return fault(parse, cut, parse->source->size);
    return ELF_FINE;
}

static bool is_text(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool printable = bytes[i] >= 0x20 && bytes[i] != 0x7f;

        if (!printable && !(bytes[i] >= '\t' && bytes[i] <= '\r'))
            return false;
    }
    return true;
}

/* What a file is whose first bytes are not those of ELF. */
static enum elf_fault check_magic(struct parse *parse, const uint8_t *bytes, size_t size)
{
    static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

    if (size == 0)
        return fault(parse, ELF_EMPTY, 0);
    if (size >= 2 && bytes[0] == '#' && bytes[1] == '!')
        return fault(parse, ELF_SCRIPT, 0);
    if (memcmp(bytes, magic, size < sizeof(magic) ? size : sizeof(magic)) != 0)
        return fault(parse, is_text(bytes, size) ? ELF_TEXT : ELF_NOT_ELF, 0);
    if (size < sizeof(struct file_header))
        return fault(parse, ELF_HEADER_CUT, size);
    return ELF_FINE;
}

static enum elf_fault check_type(struct parse *parse)
{
    uint16_t type = parse->header.type;

    if (type == TYPE_RELOCATABLE)
        return fault(parse, ELF_RELOCATABLE, type);
    if (type == TYPE_CORE)
        return fault(parse, ELF_CORE, type);
    if (type != TYPE_EXECUTABLE && type != TYPE_SHARED)
        return fault(parse, ELF_TYPE_BAD, type);
    if (type == TYPE_SHARED && parse->header.entry == 0)
        return fault(parse, ELF_SHARED_LIBRARY, 0);
    parse->image->position_independent = type == TYPE_SHARED;
    parse->image->names_system = parse->header.ident[IDENT_SYSTEM] != 0;
    return ELF_FINE;
}

static enum elf_fault check_file_header(struct parse *parse)
{
    const struct file_header *header = &parse->header;

    if (header->ident[IDENT_DATA] == DATA_BIG_ENDIAN)
        return fault(parse, ELF_BIG_ENDIAN, 0);
    if (header->ident[IDENT_DATA] != DATA_LITTLE_ENDIAN)
        return fault(parse, ELF_DATA_BAD, header->ident[IDENT_DATA]);
    if (header->ident[IDENT_CLASS] == CLASS_32)
        return fault(parse, ELF_CLASS_32, header->machine);
    if (header->ident[IDENT_CLASS] != CLASS_64)
        return fault(parse, ELF_CLASS_BAD, header->ident[IDENT_CLASS]);
    if (header->ident[IDENT_VERSION] != VERSION_CURRENT)
        return fault(parse, ELF_VERSION_BAD, header->ident[IDENT_VERSION]);
    if (header->machine != MACHINE_X86_64)
        return fault(parse, ELF_MACHINE_OTHER, header->machine);
    return check_type(parse);
}

static enum elf_fault check_header_table(struct parse *parse)
{
    const struct file_header *header = &parse->header;

    if (header->header_count == 0)
        return fault(parse, ELF_NO_SEGMENTS, 0);
    if (header->header_size != sizeof(struct program_header))
        return fault(parse, ELF_HEADERS_BAD, header->header_size);
    if (header->header_count > ELF_PROGRAM_HEADERS_MAX)
        return fault(parse, ELF_HEADERS_MANY, header->header_count);

    uint64_t size = (uint64_t)header->header_count * sizeof(struct program_header);

    if (!range_within(header->headers_offset, size, 0, parse->source->size))
        return fault(parse, ELF_HEADERS_CUT, parse->source->size);
    return ELF_FINE;
}

/* Does the file hold the bytes, and do the numbers of a segment fit together? */
static enum elf_fault check_segment(struct parse *parse, const struct program_header *header,
                                    unsigned index)
{
    uint64_t end;

    if (header->file_size > header->memory_size)
        return fault(parse, ELF_FILE_OVER_MEMORY, index);
    if (add_overflows(header->address, header->memory_size, &end) ||
        round_up_overflows(end, PAGE_SIZE, &end))
        return fault(parse, ELF_SEGMENT_WRAPS, index);
    if (header->file_size == 0)
        return ELF_FINE;
    if (!is_aligned(header->address - header->offset, PAGE_SIZE))
        return fault(parse, ELF_MISALIGNED, index);
    if (!range_within(header->offset, header->file_size, 0, parse->source->size)) {
        parse->problem->number2 = parse->source->size;
        return fault(parse, ELF_SEGMENT_CUT, index);
    }
    return ELF_FINE;
}

static uint32_t protection_of(uint32_t flags)
{
    return (flags & SEGMENT_READ ? PROTECTION_READ : 0u) |
           (flags & SEGMENT_WRITE ? PROTECTION_WRITE : 0u) |
           (flags & SEGMENT_EXECUTE ? PROTECTION_EXECUTE : 0u);
}

/* Inserts the segment in the order of addresses; it may not overlap another. */
static enum elf_fault insert_segment(struct parse *parse, const struct elf_segment *segment,
                                     unsigned index)
{
    struct elf_image *image = parse->image;
    unsigned place = image->segment_count;

    if (image->segment_count == ELF_SEGMENTS_MAX)
        return fault(parse, ELF_SEGMENTS_MANY, ELF_SEGMENTS_MAX);
    while (place > 0 && image->segments[place - 1].address > segment->address)
        place--;
    if (place > 0) {
        const struct elf_segment *below = &image->segments[place - 1];

        if (below->address + below->memory_size > segment->address)
            return fault(parse, ELF_OVERLAP, index);
    }
    if (place < image->segment_count &&
        segment->address + segment->memory_size > image->segments[place].address)
        return fault(parse, ELF_OVERLAP, index);

    for (unsigned i = image->segment_count; i > place; i--)
        image->segments[i] = image->segments[i - 1];
    image->segments[place] = *segment;
    image->segment_count++;
    return ELF_FINE;
}

static enum elf_fault add_segment(struct parse *parse, const struct program_header *header,
                                  unsigned index)
{
    enum elf_fault wrong = check_segment(parse, header, index);
    uint64_t headers_offset = parse->header.headers_offset;
    struct elf_segment segment = {
        .address = header->address,
        .memory_size = header->memory_size,
        .offset = header->offset,
        .file_size = header->file_size,
        .protection = protection_of(header->flags),
    };

    if (wrong)
        return wrong;
    if (header->memory_size == 0)
        return ELF_FINE;
    if (headers_offset >= header->offset && headers_offset - header->offset < header->file_size)
        parse->image->headers_address = header->address + (headers_offset - header->offset);
    /* As Linux: an alignment that is no power of two means nothing. */
    if (header->alignment > parse->image->alignment && is_aligned(header->alignment,
                                                                  header->alignment))
        parse->image->alignment = header->alignment;
    return insert_segment(parse, &segment, index);
}

/* The first one counts. */
static enum elf_fault note_interpreter(struct parse *parse, const struct program_header *header,
                                       unsigned index)
{
    if (parse->image->interpreter_size > 0)
        return ELF_FINE;
    if (!range_within(header->offset, header->file_size, 0, parse->source->size)) {
        parse->problem->number2 = parse->source->size;
        return fault(parse, ELF_SEGMENT_CUT, index);
    }
    if (header->file_size < 2 || header->file_size > PATH_MAX)
        return fault(parse, ELF_INTERPRETER_NAME, 0);
    parse->image->interpreter = header->offset;
    parse->image->interpreter_size = (uint32_t)header->file_size;
    return ELF_FINE;
}

static enum elf_fault read_program_headers(struct parse *parse)
{
    for (unsigned i = 0; i < parse->header.header_count; i++) {
        struct program_header header;
        uint64_t offset = parse->header.headers_offset + (uint64_t)i * sizeof(header);
        enum elf_fault wrong = read_exactly(parse, &header, sizeof(header), offset,
                                            ELF_HEADERS_CUT);

        if (!wrong && header.type == SEGMENT_LOAD)
            wrong = add_segment(parse, &header, i);
        else if (!wrong && header.type == SEGMENT_INTERPRETER)
            wrong = note_interpreter(parse, &header, i);
        else if (!wrong && header.type == SEGMENT_NOTE && !parse->image->block_budget)
            parse->image->block_budget = elf_note_budget(parse->source, header.offset,
                                                         header.file_size);
        else if (!wrong && header.type == SEGMENT_GNU_STACK)
            parse->image->stack_executable = (header.flags & SEGMENT_EXECUTE) != 0;
        if (wrong)
            return wrong;
    }
    return ELF_FINE;
}

static bool range_usable(const struct elf_space *space, uint64_t start, uint64_t end)
{
    if (start < space->minimum_address)
        return false;
    for (size_t i = 0; i < space->range_count; i++) {
        if (start >= space->ranges[i].start && end <= space->ranges[i].end)
            return true;
    }
    return false;
}

static enum elf_fault check_image(struct parse *parse)
{
    struct elf_image *image = parse->image;
    bool entry_found = false;

    if (image->segment_count == 0)
        return fault(parse, ELF_NO_SEGMENTS, 0);

    const struct elf_segment *last = &image->segments[image->segment_count - 1];

    image->low = round_down(image->segments[0].address, PAGE_SIZE);
    image->high = round_up(last->address + last->memory_size, PAGE_SIZE);
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        uint64_t start = round_down(segment->address, PAGE_SIZE);
        uint64_t end = round_up(segment->address + segment->memory_size, PAGE_SIZE);

        if (!image->position_independent && !range_usable(parse->space, start, end))
            return fault(parse, ELF_OUTSIDE, segment->address);
        if (image->entry >= segment->address &&
            image->entry - segment->address < segment->memory_size)
            entry_found = true;
    }
    if (!entry_found)
        return fault(parse, ELF_ENTRY_OUTSIDE, image->entry);
    return ELF_FINE;
}

enum elf_fault elf_parse(const struct elf_source *source, const struct elf_space *space,
                         struct elf_image *image, struct elf_problem *problem)
{
    struct parse parse = { source, space, image, problem, { .type = 0 } };
    uint64_t bias;
    int64_t size;

    memset(image, 0, sizeof(*image));
    memset(problem, 0, sizeof(*problem));
    size = source->read(source->context, &parse.header, sizeof(parse.header), 0);
    if (size < 0) {
        problem->error = (int)size;
        return fault(&parse, ELF_UNREADABLE, 0);
    }

    enum elf_fault wrong = check_magic(&parse, (const uint8_t *)&parse.header, (size_t)size);

    if (!wrong)
        wrong = check_file_header(&parse);
    if (!wrong)
        wrong = check_header_table(&parse);
    image->entry = parse.header.entry;
    image->header_count = parse.header.header_count;
    image->alignment = PAGE_SIZE;
    if (!wrong)
        wrong = read_program_headers(&parse);
    if (!wrong)
        wrong = check_image(&parse);
    if (!wrong && image->position_independent && !elf_choose_bias(image, space, &bias))
        wrong = fault(&parse, ELF_OUTSIDE, image->low);
    return wrong;
}

/*
 * Two thirds up the largest range, where Linux puts position-independent programs: room for the
 * heap above, and for mappings and the stack at the top.
 */
bool elf_choose_bias(const struct elf_image *image, const struct elf_space *space, uint64_t *bias)
{
    const struct machine_range *largest = NULL;
    uint64_t size = image->high - image->low;

    for (size_t i = 0; i < space->range_count; i++) {
        const struct machine_range *range = &space->ranges[i];

        if (!largest || range->end - range->start > largest->end - largest->start)
            largest = range;
    }
    if (!largest)
        return false;

    uint64_t third = (largest->end - largest->start) / 3;
    uint64_t base = round_down(largest->start + 2 * third, image->alignment);

    *bias = base - round_down(image->low, image->alignment);
    return size < third && base >= largest->start && base >= space->minimum_address &&
           range_usable(space, image->low + *bias, image->high + *bias);
}

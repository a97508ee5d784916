/*
 * Mapping the checked segments of a program.
 *
 * The part of a segment that the file holds is a private mapping of the file; the rest of its
 * last page is cleared, and what follows is anonymous memory.  Segments are mapped from low
 * addresses to high, each over what is there, so two that share a page get it as Linux does.
 */
#include "process/elf.h"

#include "fs/read_write.h"
#include "lib/checked.h"
#include "memory/address_space.h"
#include "memory/memory_object.h"
#include "memory/page.h"
#include "memory/user_memory.h"

static int map_file_part(struct address_space *space, struct file *file,
                         const struct elf_segment *segment, uint64_t bias)
{
    uint64_t before = segment->address % PAGE_SIZE;
    struct map_request request = {
        .address = segment->address - before + bias,
        .length = before + segment->file_size,
        .protection = segment->protection,
        .flags = MAP_AT_ADDRESS,
        .object_offset = segment->offset - before,
        .file = file,
    };
    user_address address;
    int error = file_memory_object(file, false, &request.object);

    if (error)
        return error;
    error = address_space_map(space, &request, &address);
    memory_object_release(request.object);
    return error;
}

static int map_zero_part(struct address_space *space, const struct elf_segment *segment,
                         uint64_t bias, uint64_t start)
{
    uint64_t end = round_up(segment->address + bias + segment->memory_size, PAGE_SIZE);
    const struct map_request request = {
        .address = start,
        .length = end - start,
        .protection = segment->protection,
        .flags = MAP_AT_ADDRESS,
    };
    user_address address;

    if (start >= end)
        return 0;
    return address_space_map(space, &request, &address);
}

static int map_segment(struct address_space *space, struct file *file,
                       const struct elf_segment *segment, uint64_t bias)
{
    uint64_t start = segment->address + bias;
    uint64_t file_end = start + segment->file_size;
    uint64_t file_pages_end = round_up(file_end, PAGE_SIZE);
    uint64_t clear = file_pages_end - file_end;
    uint64_t end = round_up(start + segment->memory_size, PAGE_SIZE);
    int error;

    if (segment->file_size == 0)
        return map_zero_part(space, segment, bias, round_down(start, PAGE_SIZE));
    error = map_file_part(space, file, segment, bias);
    if (!error)
        error = map_zero_part(space, segment, bias, file_pages_end);
    if (error)
        return error;
    address_space_bring_ahead(space, round_down(start, PAGE_SIZE), end);
    /* What a program cannot write is left as the file has it, as on Linux. */
    if (segment->memory_size > segment->file_size && (segment->protection & PROTECTION_WRITE) &&
        user_zero_partial(space, file_end, clear) != clear)
        return -ENOMEM;
    return 0;
}

int elf_map(struct address_space *space, struct file *file, const struct elf_image *image,
            uint64_t bias)
{
    for (unsigned i = 0; i < image->segment_count; i++) {
        int error = map_segment(space, file, &image->segments[i], bias);

        if (error)
            return error;
    }
    return 0;
}

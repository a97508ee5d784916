/*
 * The ELF parser under libFuzzer: any bytes are a file.  Whatever it is, parsing must end with an
 * image that keeps the promises of process/elf.h, or with a fault that has a description of one
 * line.
 *
 * Build: clang -fsanitize=fuzzer,address,undefined -Isrc tests/fuzz/elf_fuzz.c src/process/elf.c
 *        src/process/elf_describe.c src/lib/format.c src/lib/text.c
 * The first byte of the input chooses how often the file is shorter than it says (short reads).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process/elf.h"

#define PAGE 4096u
#define RANGE_START UINT64_C(0x10000)
#define RANGE_END UINT64_C(0x7ffffffff000)

struct input {
    const uint8_t *bytes;
    size_t size;
    uint64_t reads, fail_at;    /* the read that fails; 0: none */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
_Noreturn void assert_failed(const char *condition, const char *file, int line);

/* The core's assertions end here. */
_Noreturn void assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    abort();
}

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "broken promise: %s\n", what);
    abort();
}

static int64_t read_input(void *context, void *buffer, size_t size, uint64_t offset)
{
    struct input *input = context;

    if (++input->reads == input->fail_at)
        return -EIO;
    if (offset >= input->size)
        return 0;
    if (size > input->size - offset)
        size = (size_t)(input->size - offset);
    memcpy(buffer, input->bytes + offset, size);
    return (int64_t)size;
}

static void check_segments(const struct elf_image *image, uint64_t file_size)
{
    require(image->segment_count >= 1 && image->segment_count <= ELF_SEGMENTS_MAX, "count");
    for (unsigned i = 0; i < image->segment_count; i++) {
        const struct elf_segment *segment = &image->segments[i];
        uint64_t end = segment->address + segment->memory_size;

        require(segment->memory_size > 0, "not empty");
        require(end > segment->address, "does not wrap");
        require(segment->file_size <= segment->memory_size, "file within memory");
        require(segment->offset + segment->file_size >= segment->offset || !segment->file_size,
                "offset does not wrap");
        require(!segment->file_size || segment->offset + segment->file_size <= file_size,
                "within the file");
        require(!segment->file_size || (segment->address - segment->offset) % PAGE == 0,
                "congruent");
        require(i == 0 || image->segments[i - 1].address + image->segments[i - 1].memory_size <=
                              segment->address, "sorted and disjoint");
        require(segment->address >= image->low && end <= image->high, "within the image");
        require((segment->protection & ~7u) == 0, "protection");
    }
}

static void check_image(const struct elf_image *image, const struct elf_space *space,
                        uint64_t file_size)
{
    uint64_t bias = 0;

    check_segments(image, file_size);
    require(image->low % PAGE == 0 && image->high % PAGE == 0 && image->low < image->high,
            "extent");
    if (image->position_independent)
        require(elf_choose_bias(image, space, &bias), "a bias exists");
    require(image->low + bias >= RANGE_START && image->high + bias <= RANGE_END &&
                image->low + bias < image->high + bias, "within the user range");
    require(image->entry >= image->low && image->entry < image->high, "entry");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct machine_range range = { RANGE_START, RANGE_END };
    const struct elf_space space = { &range, 1, RANGE_START };
    static struct elf_image image;
    struct elf_problem problem;
    char line[160];

    if (size == 0)
        return 0;

    struct input input = { data + 1, size - 1, 0, data[0] % 16 };
    /* Half of the time the file is said to be larger than it is: it was cut while being read. */
    const struct elf_source source = { read_input, &input, size - 1 + (data[0] & 64) };

    if (elf_parse(&source, &space, &image, &problem) == ELF_FINE) {
        check_image(&image, &space, source.size);
        require(elf_error(&problem) == 0, "no error");
        return 0;
    }
    memset(line, 1, sizeof(line));
    elf_describe(&problem, line, sizeof(line));
    require(memchr(line, 0, sizeof(line)) != NULL, "terminated");
    require(line[0] && !strchr(line, '\n') && strcmp(line, "is fine") != 0, "one line");
    require(elf_error(&problem) < 0, "an error");
    return 0;
}

/*
 * How a program of the teaching ABI begins and ends.
 *
 * Nothing in these files says what they are written for, so the place they are linked at decides: a
 * program that is not position independent and lies wholly in [0x1111_0000_0000, 0x2000_0000_0000)
 * is one, unless its header names an operating system of its own (C libraries of Linux set that).
 *
 * It finds its registers zero, one page of stack and, at its top, the arguments if there are any:
 *
 *     0x4000_0000_0000   end of the stack
 *                        strings
 *                        argv[0] ... argv[argc - 1], NULL     <- rsi; argc in rdi
 *                        8 bytes, as if the program had been called     <- rsp, 16n + 8
 */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "lib/checked.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/exec.h"
#include "process/family.h"

bool teaching_accepts(const struct elf_image *elf)
{
    return !elf->position_independent && !elf->names_system &&
           elf->low >= TEACHING_PROGRAM_START && elf->high <= TEACHING_PROGRAM_END;
}

static int map_stack(struct exec_image *image, uint64_t size)
{
    const struct map_request request = {
        .address = TEACHING_STACKS_END - size,
        .length = size,
        .protection = PROTECTION_READ | PROTECTION_WRITE,
        .flags = MAP_AT_ADDRESS | MAP_NOT_REPLACE | MAP_GROWS_DOWN,
        .label = "[stack]",
    };
    user_address address;

    return address_space_map(image->space, &request, &address);
}

/* Where the arguments go: strings below the end, the array below them. */
struct argument_places {
    user_address strings, array;
    uint64_t array_size;
};

static struct argument_places place_arguments(const struct exec_strings *strings)
{
    struct argument_places places;

    places.strings = round_down(TEACHING_STACKS_END - strings->arguments_size, 16);
    places.array_size = ((uint64_t)strings->argument_count + 1) * sizeof(user_address);
    places.array = round_down(places.strings - places.array_size, 16);
    return places;
}

static int write_arguments(struct exec_image *image, const struct exec_strings *strings,
                           const struct argument_places *places)
{
    user_address *array = memory_allocate(places->array_size);
    size_t offset = 0;
    int error;

    if (!array)
        return -ENOMEM;
    for (uint32_t i = 0; i < strings->argument_count; i++) {
        array[i] = places->strings + offset;
        offset += text_length(strings->bytes + offset) + 1;
    }
    error = user_copy_out(image->space, places->strings, strings->bytes, strings->arguments_size);
    if (!error)
        error = user_copy_out(image->space, places->array, array, places->array_size);
    memory_free(array, places->array_size);
    return error;
}

/* The name of the program alone is no argument. */
static int build_stack(const struct exec_strings *strings, struct exec_image *image)
{
    struct argument_places places = place_arguments(strings);
    int error;

    if (strings->argument_count < 2) {
        image->stack = TEACHING_STACKS_END - sizeof(uint64_t);
        return map_stack(image, PAGE_SIZE);
    }
    image->stack = places.array - sizeof(uint64_t);
    image->first_argument = strings->argument_count;
    image->second_argument = places.array;
    image->arguments_start = places.strings;
    image->arguments_end = places.strings + strings->arguments_size;
    error = map_stack(image, TEACHING_STACKS_END - round_down(image->stack, PAGE_SIZE));
    return error ? error : write_arguments(image, strings, &places);
}

int teaching_build_start(const struct exec_request *request, struct exec_image *image)
{
    int error;

    image->family = family_create();
    if (!image->family || family_take_slot(image->family, 0) != 0)
        return -ENOMEM;
    image->family->break_end = TEACHING_BREAK_START;
    address_space_set_limits(image->space, TEACHING_SLOT_SIZE,
                             request->limits->of[LIMIT_ADDRESS_SPACE].soft);
    address_space_set_break_start(image->space, TEACHING_BREAK_START);
    error = teaching_heap_map(image->space);
    if (error)
        return error;
    image->family->released = teaching_heap_leave;
    return build_stack(request->strings, image);
}

void teaching_leave(struct process *process)
{
    teaching_stack_release(process, process->stack_slot);
}

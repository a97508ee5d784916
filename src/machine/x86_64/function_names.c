/*
 * The table is written by function_names.awk from the image as it was linked without one, and lies
 * behind everything else that is constant, so that no function moves when it is added.  It is
 * sorted by address.  A program that was linked twice has no other way to know its own names where
 * nobody can be asked who has the file: on a machine that GRUB has started.
 */
#include "machine/x86_64/function_names.h"

#include "lib/format.h"
#include "machine/x86_64/layout.h"

struct kernel_function {
    uint32_t start;    /* from KERNEL_BASE */
    uint32_t name;     /* in function_names_text */
};

/* linker.ld */
extern const struct kernel_function function_names_start[], function_names_end[];
extern const char function_names_text[];
extern const char image_start[], image_text_end[];

static const struct kernel_function *function_at(uint32_t place)
{
    const struct kernel_function *low = function_names_start;
    const struct kernel_function *high = function_names_end;

    if (low == high || place < low->start)
        return NULL;
    while (high - low > 1) {
        const struct kernel_function *middle = low + (high - low) / 2;

        if (middle->start <= place)
            low = middle;
        else
            high = middle;
    }
    return low;
}

size_t function_name(uint64_t address, char *text, size_t size)
{
    const struct kernel_function *function;
    uint32_t place = (uint32_t)(address - KERNEL_BASE);

    if (address < (uintptr_t)image_start || address >= (uintptr_t)image_text_end)
        return 0;
    function = function_at(place);
    if (!function)
        return 0;
    return format(text, size, "%s+%#x", function_names_text + function->name,
                  place - function->start);
}

#pragma once
/* Arrays of the host's heap that grow by doubling.  A search that gets no memory ends. */
#include <stdint.h>
#include <stdlib.h>

/* Gives `array` room for at least `wanted` elements; `room` is how many it has. */
#define ARRAY_GROW(array, room, wanted) \
    ((array) = array_grow((array), &(room), (wanted), sizeof(*(array))))

static inline void *array_grow(void *array, uint32_t *room, uint32_t wanted, size_t element_size)
{
    uint32_t next = *room ? *room : 16;

    if (wanted <= *room)
        return array;
    while (next < wanted)
        next *= 2;
    array = realloc(array, next * element_size);
    if (!array)
        abort();
    *room = next;
    return array;
}

/*
 * The four memory functions, for links without a C library (the hosted kernel and the tests use
 * the host's, which are faster).  Plain loops over words would have to break the aliasing rules or
 * use what the processor has: the string instructions, which are fast on every x86-64 of the last
 * ten years, do it in one line.
 *
 * This file must not be compiled into calls of the functions it defines; the Makefile gives it
 * -fno-tree-loop-distribute-patterns (gcc) and -fno-builtin.
 */
#include "lib/memory.h"

#include <stdint.h>

static void copy_upwards(void *target, const void *source, size_t size)
{
    __asm__ volatile("rep movsb" : "+D"(target), "+S"(source), "+c"(size) : : "memory");
}

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
    copy_upwards(target, source, size);
    return target;
}

void *memmove(void *target, const void *source, size_t size)
{
    uint8_t *to = target;
    const uint8_t *from = source;

    /* Upwards is right unless the target begins inside the source. */
    if ((uintptr_t)to - (uintptr_t)from >= size) {
        copy_upwards(target, source, size);
        return target;
    }
    while (size > 0) {
        size--;
        to[size] = from[size];
    }
    return target;
}

void *memset(void *target, int byte, size_t size)
{
    void *at = target;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return target;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a;
    const uint8_t *right = b;

    for (size_t i = 0; i < size; i++) {
        if (left[i] != right[i])
            return (int)left[i] - (int)right[i];
    }
    return 0;
}

/*
 * The four memory functions, for links without a C library (the hosted kernel and the tests use
 * the host's, which are faster).
 *
 * They are loops over words, wherever these lie: a processor that is imitated (QEMU without KVM)
 * takes as long for each byte of `rep movsb` as for a word here, and a real one does not mind.
 *
 * This file must not be compiled into calls of the functions it defines: the Makefile gives it
 * -fno-builtin.
 */
#include "lib/memory.h"

#include <stdint.h>

#define WORDS_AT_ONCE 4u

/* At any address, part of anything. */
struct word {
    uint64_t value;
} __attribute__((packed, may_alias));

#define WORD sizeof(struct word)
#define BLOCK (WORDS_AT_ONCE * WORD)

static void copy_upwards(char *to, const char *from, size_t size)
{
    for (; size >= BLOCK; size -= BLOCK, to += BLOCK, from += BLOCK) {
        const struct word *source = (const void *)from;
        struct word *target = (void *)to;
        struct word a = source[0], b = source[1], c = source[2], d = source[3];

        target[0] = a;
        target[1] = b;
        target[2] = c;
        target[3] = d;
    }
    for (; size >= WORD; size -= WORD, to += WORD, from += WORD)
        *(struct word *)(void *)to = *(const struct word *)(const void *)from;
    for (; size > 0; size--)
        *to++ = *from++;
}

static void copy_downwards(char *to, const char *from, size_t size)
{
    while (size % WORD) {
        size--;
        to[size] = from[size];
    }
    while (size > 0) {
        size -= WORD;
        *(struct word *)(void *)(to + size) = *(const struct word *)(const void *)(from + size);
    }
}

void *memcpy(void *restrict target, const void *restrict source, size_t size)
{
    copy_upwards(target, source, size);
    return target;
}

void *memmove(void *target, const void *source, size_t size)
{
    /* Upwards is right unless the target begins inside the source. */
    if ((uintptr_t)target - (uintptr_t)source >= size)
        copy_upwards(target, source, size);
    else
        copy_downwards(target, source, size);
    return target;
}

void *memset(void *target, int byte, size_t size)
{
    const struct word word = { (uint8_t)byte * UINT64_C(0x0101010101010101) };
    char *to = target;

    for (; size >= BLOCK; size -= BLOCK, to += BLOCK) {
        struct word *words = (void *)to;

        words[0] = word;
        words[1] = word;
        words[2] = word;
        words[3] = word;
    }
    for (; size >= WORD; size -= WORD, to += WORD)
        *(struct word *)(void *)to = word;
    for (; size > 0; size--)
        *to++ = (char)byte;
    return target;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *left = a;
    const uint8_t *right = b;

    while (size >= WORD && ((const struct word *)(const void *)left)->value ==
                               ((const struct word *)(const void *)right)->value) {
        left += WORD;
        right += WORD;
        size -= WORD;
    }
    for (size_t i = 0; i < size; i++) {
        if (left[i] != right[i])
            return (int)left[i] - (int)right[i];
    }
    return 0;
}

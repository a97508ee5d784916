/* Memory and text functions: the four that compilers call by name, and the few that programs
 * use. */
#include "guest.h"

void *memcpy(void *to, const void *from, size_t size)
{
    void *result = to;

    __asm__ __volatile__("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return result;
}

void *memmove(void *to, const void *from, size_t size)
{
    char *target = to;
    const char *source = from;

    if (address_of(to) - address_of(from) >= size)
        return memcpy(to, from, size);
    while (size > 0) {
        size--;
        target[size] = source[size];
        __asm__ __volatile__("" : : : "memory");    /* not a call of itself */
    }
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *result = to;

    __asm__ __volatile__("rep stosb" : "+D"(to), "+c"(size) : "a"(byte) : "memory");
    return result;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a, *right = b;

    for (size_t i = 0; i < size; i++) {
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    }
    return 0;
}

size_t text_length(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

bool text_equal(const char *a, const char *b)
{
    size_t length = text_length(a);

    return length == text_length(b) && memcmp(a, b, length) == 0;
}

uint64_t text_to_number(const char *text)
{
    uint64_t number = 0;
    unsigned base = 10;

    if (text[0] == '0' && text[1] == 'x') {
        base = 16;
        text += 2;
    }
    for (;; text++) {
        unsigned digit;

        if (*text >= '0' && *text <= '9')
            digit = (unsigned)(*text - '0');
        else if (*text >= 'a' && *text <= 'f')
            digit = (unsigned)(*text - 'a') + 10;
        else
            return number;
        if (digit >= base)
            return number;
        number = number * base + digit;
    }
}

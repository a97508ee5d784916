#pragma once
/* instruction.c: where x86-64 instructions begin and end. */
#include <stdbool.h>
#include <stddef.h>

struct instruction {
    unsigned length;    /* 0: none, or it goes on beyond what was given */
    bool can_move;      /* does the same at another address, and goes on behind itself */
};

struct instruction instruction_decode(const unsigned char *code, size_t size);

/*
 * Lengths of x86-64 instructions, and which of them may be executed elsewhere.
 *
 * Invariant: what has no length here is never taken for an instruction; what is said to be movable
 * names no address relative to itself, and passes control to nothing but what follows it.
 */
#include "instruction.h"

#include <stdint.h>

#define LENGTH_MAX 15u
#define REX_W 0x08u

enum map { MAP_ONE, MAP_0F, MAP_0F38, MAP_0F3A, MAP_NONE };

/* Bit n of word n/32 tells of opcode n.  Opcodes of one byte that begin no instruction here:
 * prefixes, and those that 64-bit mode does not have. */
static const uint32_t one_invalid[8] = {
    0xc0c0c0c0, 0xc0c0c0c0, 0x0000ffff, 0x000000f7, 0x04000004, 0x00000000, 0x00704030,
    0x000d0400,
};
static const uint32_t one_modrm[8] = {
    0x0f0f0f0f, 0x0f0f0f0f, 0x00000000, 0x00000a08, 0x0000fffb, 0x00000000, 0xff0f00c3,
    0xc0c00000,
};
static const uint32_t one_byte[8] = {    /* an immediate of one byte */
    0x10101010, 0x10101010, 0x00000000, 0xffff0c00, 0x00000009, 0x00ff0100, 0x00002043,
    0x000008ff,
};
static const uint32_t one_word[8] = {    /* of four; of two behind the prefix 66 */
    0x20202020, 0x20202020, 0x00000000, 0x00000300, 0x00000002, 0xff000200, 0x00000080,
    0x00000000,
};
static const uint32_t one_moves[8] = {
    0x3f3f3f3f, 0x3f3f3f3f, 0xffff0000, 0x00000f08, 0x03ff2ffb, 0xffff0300, 0x000f00c3,
    0xc0c00000,
};
static const uint32_t two_invalid[8] = {
    0x00009410, 0xff4000f0, 0x00000000, 0x00000000, 0x00000000, 0x00000000, 0x00000000,
    0x00000000,
};
static const uint32_t two_no_modrm[8] = {
    0x00004be0, 0x00ff0000, 0x00000000, 0x00800000, 0x0000ffff, 0x00000707, 0x0000ff00,
    0x00000000,
};
static const uint32_t two_byte[8] = {
    0x00000000, 0x00000000, 0x00000000, 0x000f0000, 0x00000000, 0x04001010, 0x00000074,
    0x00000000,
};
static const uint32_t two_moves[8] = {
    0xffff0000, 0x0000ff00, 0xffffffff, 0xffffffff, 0xffff0000, 0xfccbb838, 0xffffff77,
    0x7fffffff,
};

struct decoder {
    const unsigned char *code;
    size_t size, at;
    bool is_short;       /* prefix 66 */
    bool is_narrow;      /* prefix 67 */
    bool is_vector;      /* VEX or EVEX */
    bool is_relative;    /* to the instruction pointer */
    unsigned rex, reg;
};

static bool has(const uint32_t *bits, unsigned opcode)
{
    return bits[opcode / 32] >> (opcode % 32) & 1;
}

/* The next byte; -1 behind the end. */
static int peek(const struct decoder *decoder, size_t ahead)
{
    size_t at = decoder->at + ahead;

    return at < decoder->size && at < LENGTH_MAX ? decoder->code[at] : -1;
}

static void skip_prefixes(struct decoder *decoder)
{
    for (;; decoder->at++) {
        switch (peek(decoder, 0)) {
        case 0x66:
            decoder->is_short = true;
            break;
        case 0x67:
            decoder->is_narrow = true;
            break;
        case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65:
        case 0xf0: case 0xf2: case 0xf3:
            break;
        default:
            return;
        }
    }
}

static enum map map_of_number(unsigned number)
{
    return number >= 1 && number <= 3 ? (enum map)number : MAP_NONE;
}

/* Up to the opcode, which is the next byte then. */
static enum map find_map(struct decoder *decoder)
{
    int first, second;

    skip_prefixes(decoder);
    if ((peek(decoder, 0) & ~15) == 0x40)
        decoder->rex = (unsigned)decoder->code[decoder->at++];
    first = peek(decoder, 0);
    second = peek(decoder, 1);
    if (first < 0 || second < 0)
        return first < 0 ? MAP_NONE : MAP_ONE;
    switch (first) {
    case 0x0f:
        decoder->at += second == 0x38 || second == 0x3a ? 2 : 1;
        return second == 0x38 ? MAP_0F38 : second == 0x3a ? MAP_0F3A : MAP_0F;
    case 0xc4:
        decoder->at += 3;
        decoder->is_vector = true;
        return map_of_number((unsigned)second & 31);
    case 0xc5:
        decoder->at += 2;
        decoder->is_vector = true;
        return MAP_0F;
    case 0x62:
        decoder->at += 4;
        decoder->is_vector = true;
        return map_of_number((unsigned)second & 7);
    default:
        return MAP_ONE;
    }
}

static bool skip_modrm(struct decoder *decoder)
{
    int modrm = peek(decoder, 0);
    unsigned mode = (unsigned)modrm >> 6, base = (unsigned)modrm & 7;

    if (modrm < 0)
        return false;
    decoder->at++;
    decoder->reg = (unsigned)modrm >> 3 & 7;
    if (mode == 3)
        return true;
    if (mode == 0 && base == 5)
        decoder->is_relative = true;
    if (base == 4) {
        int sib = peek(decoder, 0);

        if (sib < 0)
            return false;
        decoder->at++;
        if (mode == 0 && (sib & 7) == 5)
            decoder->at += 4;
    }
    decoder->at += mode == 1 ? 1 : mode == 2 || decoder->is_relative ? 4 : 0;
    return true;
}

static unsigned immediate_of_one(const struct decoder *decoder, unsigned opcode)
{
    unsigned word = decoder->is_short && !(decoder->rex & REX_W) ? 2 : 4;

    if (opcode >= 0xb8 && opcode <= 0xbf && decoder->rex & REX_W)
        return 8;
    if (opcode >= 0xa0 && opcode <= 0xa3)
        return decoder->is_narrow ? 4 : 8;
    if (opcode == 0xc2 || opcode == 0xca)
        return 2;
    if (opcode == 0xc8)
        return 3;
    if (opcode == 0xe8 || opcode == 0xe9)
        return 4;
    if (opcode == 0xf6 && decoder->reg < 2)
        return 1;
    if (opcode == 0xf7 && decoder->reg < 2)
        return word;
    return has(one_byte, opcode) ? 1 : has(one_word, opcode) ? word : 0;
}

static bool moves_of_one(const struct decoder *decoder, unsigned opcode)
{
    if (opcode == 0xc6 || opcode == 0xc7)
        return decoder->reg == 0;    /* the others begin and end transactions */
    if (opcode == 0xff)
        return decoder->reg < 2 || decoder->reg == 6;
    return has(one_moves, opcode);
}

/* Behind the opcode; false: there is no such instruction. */
static bool finish(struct decoder *decoder, enum map map, unsigned opcode, bool *moves)
{
    switch (map) {
    case MAP_ONE:
        if (has(one_invalid, opcode) || (has(one_modrm, opcode) && !skip_modrm(decoder)))
            return false;
        decoder->at += immediate_of_one(decoder, opcode);
        *moves = moves_of_one(decoder, opcode);
        return true;
    case MAP_0F:
        if (has(two_invalid, opcode) ||
            (!(decoder->is_vector ? opcode == 0x77 : has(two_no_modrm, opcode)) &&
             !skip_modrm(decoder)))
            return false;
        decoder->at += has(two_byte, opcode) ? 1 : (opcode & 0xf0) == 0x80 &&
                                                   !decoder->is_vector ? 4 : 0;
        *moves = has(two_moves, opcode);
        return true;
    case MAP_0F38:
    case MAP_0F3A:
        if (!skip_modrm(decoder))
            return false;
        decoder->at += map == MAP_0F3A ? 1 : 0;
        *moves = true;
        return true;
    case MAP_NONE:
        return false;
    }
    __builtin_unreachable();
}

struct instruction instruction_decode(const unsigned char *code, size_t size)
{
    struct decoder decoder = { .code = code, .size = size };
    enum map map = find_map(&decoder);
    int opcode = peek(&decoder, 0);
    bool moves = false;

    decoder.at++;
    if (opcode < 0 || !finish(&decoder, map, (unsigned)opcode, &moves) ||
        decoder.at > size || decoder.at > LENGTH_MAX)
        return (struct instruction){ 0 };
    return (struct instruction){
        .length = (unsigned)decoder.at,
        .can_move = moves && !decoder.is_relative,
    };
}

/* Lengths of instructions and which may move (sim/instruction.c). */
#include <string.h>

#include "harness/test.h"
#include "../../sim/instruction.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *code;
    unsigned length;
    bool can_move;
} cases[] = {
    { BYTES("\xb8\xca\0\0\0"), true },                       /* mov $202, %eax */
    { BYTES("\x48\xb8\1\2\3\4\5\6\7\x8"), true },            /* movabs */
    { BYTES("\x66\xb8\1\2"), true },                         /* mov $, %ax */
    { BYTES("\x48\xc7\xc0\xf\0\0\0"), true },                /* mov $15, %rax */
    { BYTES("\x4c\x8b\x4c\x24\x08"), true },                 /* mov 8(%rsp), %r9 */
    { BYTES("\x48\x8b\x04\xc5\0\0\0\0"), true },             /* mov (, %rax, 8), %rax */
    { BYTES("\x64\x48\x8b\x04\x25\0\0\0\0"), true },         /* mov %fs:0, %rax */
    { BYTES("\x48\x8d\x35\1\0\0\0"), false },                /* lea 1(%rip), %rsi */
    { BYTES("\x8b\x05\1\0\0\0"), false },
    { BYTES("\xf7\xc7\1\2\3\4"), true },                     /* test $, %edi */
    { BYTES("\xf7\xd8"), true },                             /* neg %eax */
    { BYTES("\xf6\xc1\1"), true },
    { BYTES("\x0f\x1f\x84\0\0\0\0\0"), true },               /* nopl */
    { BYTES("\xf3\x0f\x1e\xfa"), true },                     /* endbr64 */
    { BYTES("\x0f\x11\x44\x24\x10"), true },                 /* movups */
    { BYTES("\x66\x0f\x3a\x0f\xc1\x08"), true },             /* palignr */
    { BYTES("\xc5\xf8\x77"), true },                         /* vzeroupper */
    { BYTES("\xc4\xe2\x7d\x58\x05\1\0\0\0"), false },        /* vpbroadcastd 1(%rip) */
    { BYTES("\x62\xf1\x7c\x48\x10\x07"), true },             /* vmovups zmm */
    { BYTES("\xc3"), false },
    { BYTES("\xe8\1\2\3\4"), false },
    { BYTES("\xeb\1"), false },
    { BYTES("\x74\1"), false },
    { BYTES("\x0f\x84\1\2\3\4"), false },
    { BYTES("\xff\xe0"), false },                            /* jmp *%rax */
    { BYTES("\xff\xd0"), false },
    { BYTES("\xff\xc0"), true },                             /* inc %eax */
    { BYTES("\x0f\x05"), false },
    { BYTES("\xcd\x80"), false },
    { BYTES("\xc7\xf8\1\2\3\4"), false },                    /* xbegin */
    { BYTES("\x9d"), false },                                /* popf */
    { BYTES("\xf3\xa4"), false },                            /* rep movsb */
    { BYTES("\xc8\1\2\3"), false },
};

START_TEST(instructions_have_their_lengths)
{
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char code[32];

        memset(code, 0xff, sizeof(code));
        memcpy(code, cases[i].code, cases[i].length);

        struct instruction instruction = instruction_decode(code, sizeof(code));

        ck_assert_uint_eq(instruction.length, cases[i].length);
        ck_assert_int_eq(instruction.can_move, cases[i].can_move);
        for (unsigned size = 0; size < cases[i].length; size++)
            ck_assert_uint_eq(instruction_decode(code, size).length, 0);
    }
}
END_TEST

START_TEST(what_is_none_has_no_length)
{
    static const unsigned char none[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f,
                                          0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xea };
    unsigned char code[16] = { 0 };

    for (unsigned i = 0; i < sizeof(none); i++) {
        code[0] = none[i];
        ck_assert_uint_eq(instruction_decode(code, sizeof(code)).length, 0);
    }
    memset(code, 0x66, sizeof(code));    /* prefixes for ever */
    ck_assert_uint_eq(instruction_decode(code, sizeof(code)).length, 0);
}
END_TEST

TEST_MAIN("sim/instruction", instructions_have_their_lengths, what_is_none_has_no_length)

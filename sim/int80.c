/*
 * Faster `int 0x80`.  Some hosts take 7 to 15 us for the signal of one; a privileged instruction
 * costs 1.3 us.  So once a guest has executed an `int 0x80` (cd 80) in a page that it cannot write,
 * the window gets a private copy of the page in which the first byte is that of HLT (f4), and
 * the fault of the HLT counts as the call.
 *
 * The program could notice by reading its own instructions, or by executing bytes that overlap the
 * `int`.
 */
#include <string.h>

#include "code_copy.h"
#include "sim.h"

#define OPCODE_INT 0xcd
#define OPCODE_HLT 0xf4
#define NUMBER_80 0x80
#define PREFIXES_MAX 14

static bool is_call(physical_address page, unsigned offset)
{
    const unsigned char *bytes =
        (const unsigned char *)machine_info()->direct_map + page + offset;

    return offset + 1 < CODE_PAGE && bytes[0] == OPCODE_INT && bytes[1] == NUMBER_80;
}

void int80_executed(user_address address)
{
    static const unsigned char hlt = OPCODE_HLT;
    user_address page_address = address & ~(CODE_PAGE - 1);
    unsigned offset = (unsigned)(address - page_address);
    struct code_copy *copy = code_copy_of(page_address);

    if (!copy || !is_call(copy->page, offset))
        return;
    if (code_copy_patch_at(copy, offset) || code_copy_add(copy, offset, &hlt, sizeof(hlt)))
        code_copy_show(copy, page_address);
}

static bool has_site(const struct code_copy *copy, user_address address)
{
    const struct code_patch *patch =
        code_copy_patch_at(copy, (unsigned)(address & (CODE_PAGE - 1)));

    return patch && patch->is[0] == OPCODE_HLT;
}

static bool is_prefix(unsigned char byte)
{
    static const unsigned char prefixes[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                              0x66, 0x67, 0xf2, 0xf3 };

    return (byte & 0xf0) == 0x40 || memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

user_address int80_of_fault(user_address address)
{
    const struct code_copy *copy = code_copy_at(address);
    user_address at = address;

    if (!copy)
        return 0;
    while (!has_site(copy, at)) {
        const unsigned char *byte = (const unsigned char *)(uintptr_t)at;

        if (at - address == PREFIXES_MAX || ((at + 1) & (CODE_PAGE - 1)) == 0 || !is_prefix(*byte))
            return 0;
        at++;
    }
    return at;
}

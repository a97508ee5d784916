/*
 * Direct calls.  A `syscall` costs a signal of the host, 1.3 us.  Where one is executed often, the
 * window shows a copy of the page (code_copy.c) in which the instructions that end with it are
 * replaced by a jump to a way of its own, outside the guest's memory:
 *
 *   page                      copy                       way
 *   mov  $202, %eax           jmp *[slot]    ->          mov  $202, %eax
 *   syscall                   (06)                       mov  $behind, %rcx
 *   cmp  $-4095, %rax         cmp  $-4095, %rax          jmp  *[user_direct_call]
 *
 * The jump takes 7 bytes, the call has 2, so others before it move.  They do the same elsewhere
 * and begin where every reading of the 64 bytes before the call says so (find_start).  What may be
 * jumped at between them, the call included, is an opcode that does not exist, for the address of
 * the slot is made of such bytes: there the handler of the signal goes on (direct_call_at).
 *
 * Nothing of the guest's is changed before user_direct_call but rcx, which the call destroys.  A
 * thread never stays on its way: whoever interrupts it finds it at the original address, from which
 * it continues, so ways may go whenever user code does not run.
 *
 * Invariant: a way belongs to the copy that is noted with it as long as their generations agree.
 */
#include "direct_call.h"

#include <string.h>

#include "code_copy.h"
#include "instruction.h"
#include "ranges.h"
#include "sim.h"

#define SYSCALL_SIZE 2u
#define JUMP_SIZE 7u               /* jmp *[address], 32 bits */
#define INVALID 0x06
#define MOVED_MAX (PATCH_SIZE_MAX - SYSCALL_SIZE)
#define WAY_SIZE 40u
#define LOOK_BACK 64u              /* bytes before the call, read from each of the first ... */
#define LOOK_STARTS 24u            /* ... of them: 15 contain the begin of an instruction */
#define HEAT_SIZE 1024u
#define HOT 4u                     /* signals until a jump is worth its price, then twice as many */
#define NUMBER_SIGRETURN 15u

/* Bytes of a slot's address, all of them opcodes that 64-bit mode does not have; the lowest ones
 * leave room for a slot each. */
static const uint8_t low_bytes[] = { 0x06, 0x0e, 0x16, 0x1e, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x82,
                                     0x9a, 0xce, 0xea };
static const uint8_t middle_bytes[] = { 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37,
                                        0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xea };
#define LOW_COUNT sizeof(low_bytes)
#define BLOCK_COUNT (LOW_COUNT * sizeof(middle_bytes))
#define CALLS_MAX (2 * BLOCK_COUNT)    /* 0x6106, 0x6107 */
#define WAYS_OFFSET UINT64_C(0x20000)
#define ENTRY_OFFSET UINT64_C(0x2f000)

_Static_assert(CALLS_START == 0x61060000, "its bytes are no opcodes");
_Static_assert(WAYS_OFFSET + CALLS_MAX * WAY_SIZE <= ENTRY_OFFSET, "room");
_Static_assert(ENTRY_OFFSET + 8 <= CALLS_SIZE, "room");
_Static_assert(MOVED_MAX + 10 + JUMP_SIZE <= WAY_SIZE, "a way has room for what moves");

struct direct_call {
    const struct code_copy *copy;    /* NULL: never used */
    uint64_t generation;
    uint16_t start, call;            /* offsets in the page */
};

extern const char user_direct_call[];    /* user_enter.S */

static struct direct_call calls[CALLS_MAX];
static struct {
    uint16_t calls;
    uint16_t turn;                   /* it is as cold as any if this is over */
} heat[HEAT_SIZE];
static uint16_t turn;
static bool is_on;

static user_address slot_of(unsigned index)
{
    unsigned in_block = index % BLOCK_COUNT;

    return CALLS_START + (index / BLOCK_COUNT << 16) +
           ((unsigned)middle_bytes[in_block / LOW_COUNT] << 8) + low_bytes[in_block % LOW_COUNT];
}

static user_address way_of(unsigned index)
{
    return CALLS_START + WAYS_OFFSET + index * WAY_SIZE;
}

/* How the sim writes there. */
static unsigned char *writable(user_address address)
{
    return (unsigned char *)code_calls_area() + (address - CALLS_START);
}

static bool is_valid(const struct direct_call *call)
{
    return call->copy && call->generation == call->copy->generation;
}

void direct_calls_init(void)
{
    uint64_t entry = (uintptr_t)user_direct_call;

    memcpy(writable(CALLS_START + ENTRY_OFFSET), &entry, sizeof(entry));
    is_on = true;
}

/* ---- Where the instructions begin ---------------------------------------------------------- */

/* Where instructions begin in the last bytes before the call, the last one first. */
struct boundaries {
    unsigned count;
    uint16_t offsets[MOVED_MAX + 1];
};

/* Reads from `start` on.  False: it comes to something that is no instruction.  Otherwise *reaches
 * says whether the call is one of them. */
static bool read_from(const unsigned char *page, unsigned start, unsigned call,
                      struct boundaries *found, bool *reaches)
{
    uint16_t all[LOOK_BACK];
    unsigned count = 0, at = start;

    while (at < call) {
        unsigned length = instruction_decode(page + at, CODE_PAGE - at).length;

        if (length == 0)
            return false;
        all[count++] = (uint16_t)at;
        at += length;
    }
    *reaches = at == call;
    found->count = 0;
    while (count > 0 && call - all[count - 1] <= MOVED_MAX)
        found->offsets[found->count++] = all[--count];
    return true;
}

/* Those on which all readings agree; none if one of them does not come to the call. */
static void find_boundaries(const unsigned char *page, unsigned call, struct boundaries *agreed)
{
    bool is_first = true, reaches;
    struct boundaries found;

    agreed->count = 0;
    for (unsigned i = 0; call >= LOOK_BACK && i < LOOK_STARTS; i++) {
        unsigned same = 0;

        if (!read_from(page, call - LOOK_BACK + i, call, &found, &reaches))
            continue;
        if (!reaches) {
            agreed->count = 0;
            return;
        }
        if (is_first)
            *agreed = found;
        is_first = false;
        while (same < agreed->count && same < found.count &&
               agreed->offsets[same] == found.offsets[same])
            same++;
        agreed->count = same;
    }
}

/* Where a jump can stand that ends before the call does; `call`: nowhere.  No instruction but the
 * first begins in the bytes of the jump that are no slot's. */
static unsigned find_start(const unsigned char *page, unsigned call)
{
    struct boundaries boundaries;

    find_boundaries(page, call, &boundaries);
    for (unsigned i = 0; i < boundaries.count; i++) {
        unsigned start = boundaries.offsets[i];
        struct instruction first = instruction_decode(page + start, call - start);

        if (!first.can_move)
            return call;
        if (call - start >= JUMP_SIZE - SYSCALL_SIZE && first.length >= 3)
            return start;
    }
    return call;
}

/* ---- Making one ---------------------------------------------------------------------------- */

static unsigned find_free(void)
{
    unsigned index = 0;

    while (index < CALLS_MAX && is_valid(&calls[index]))
        index++;
    return index;
}

static void write_jump(unsigned char *code, uint64_t slot)
{
    static const unsigned char jump[] = { 0xff, 0x24, 0x25 };
    uint32_t address = (uint32_t)slot;

    memcpy(code, jump, sizeof(jump));
    memcpy(code + sizeof(jump), &address, sizeof(address));
}

/* Where it goes back to is written when the page has a place (direct_calls_move). */
static void write_way(unsigned index, const unsigned char *page)
{
    static const unsigned char load_rcx[10] = { 0x48, 0xb9 };
    unsigned size = calls[index].call - calls[index].start;
    uint64_t way = way_of(index);
    unsigned char *code = writable(way);

    memcpy(code, page + calls[index].start, size);
    memcpy(code + size, load_rcx, sizeof(load_rcx));
    write_jump(code + size + sizeof(load_rcx), CALLS_START + ENTRY_OFFSET);
    memcpy(writable(slot_of(index)), &way, sizeof(way));
}

static bool add(struct code_copy *copy, const unsigned char *page, unsigned offset)
{
    unsigned index = find_free();
    unsigned start = find_start(page, offset);
    unsigned char is[PATCH_SIZE_MAX];

    if (index == CALLS_MAX || start == offset)
        return false;
    memset(is, INVALID, sizeof(is));
    write_jump(is, slot_of(index));
    if (!code_copy_add(copy, start, is, offset + SYSCALL_SIZE - start))
        return false;
    calls[index] = (struct direct_call){ copy, copy->generation, (uint16_t)start,
                                         (uint16_t)offset };
    write_way(index, page);
    return true;
}

static bool is_syscall(const unsigned char *page, unsigned offset)
{
    return offset + SYSCALL_SIZE <= CODE_PAGE && page[offset] == 0x0f && page[offset + 1] == 0x05;
}

static bool make_direct(user_address call)
{
    user_address page_address = call & ~(CODE_PAGE - 1);
    unsigned offset = (unsigned)(call - page_address);
    struct code_copy *copy = code_copy_of(page_address);
    const unsigned char *page;

    if (!copy)
        return false;
    page = (const unsigned char *)machine_info()->direct_map + copy->page;
    if (!is_syscall(page, offset))
        return false;
    if (!code_copy_patch_at(copy, offset) && !add(copy, page, offset))
        return false;
    code_copy_show(copy, page_address);
    return true;
}

void direct_call_missed(user_address call)
{
    size_t place = (call ^ call >> 12) % HEAT_SIZE;

    if (!is_on)
        return;
    if (heat[place].turn != turn)
        heat[place].calls = 0;
    heat[place].turn = turn;
    heat[place].calls++;
    if (heat[place].calls < HOT || (heat[place].calls & (heat[place].calls - 1)) != 0)
        return;
    if (make_direct(call))
        heat[place].calls = 0;
}

void direct_calls_cool(void)
{
    turn++;
}

void direct_calls_move(const struct code_copy *copy, user_address page_address)
{
    for (unsigned i = 0; is_on && i < CALLS_MAX; i++) {
        uint64_t behind = page_address + calls[i].call + SYSCALL_SIZE;

        if (calls[i].copy == copy && is_valid(&calls[i]))
            memcpy(writable(way_of(i)) + calls[i].call - calls[i].start + 2, &behind,
                   sizeof(behind));
    }
}

/* ---- Threads that are stopped there -------------------------------------------------------- */

enum direct_call_place direct_call_at(user_address address, user_address *way)
{
    const struct code_copy *copy = is_on ? code_copy_at(address) : NULL;
    unsigned offset = (unsigned)(address & (CODE_PAGE - 1));

    for (unsigned i = 0; copy && i < CALLS_MAX; i++) {
        if (calls[i].copy != copy || !is_valid(&calls[i]) || offset <= calls[i].start ||
            offset > calls[i].call)
            continue;
        *way = way_of(i) + offset - calls[i].start;
        return offset == calls[i].call ? DIRECT_CALL_CALL : DIRECT_CALL_INSIDE;
    }
    return DIRECT_CALL_NONE;
}

user_address direct_call_origin(user_address address)
{
    uint64_t distance = address - way_of(0);
    const struct direct_call *call = &calls[distance / WAY_SIZE % CALLS_MAX];
    unsigned done = (unsigned)(distance % WAY_SIZE);

    if (!is_on || distance >= CALLS_MAX * WAY_SIZE || !is_valid(call) || !call->copy->address)
        return address;
    if (done > (unsigned)(call->call - call->start))
        done = call->call - call->start;
    return call->copy->address + call->start + done;
}

bool direct_call_unmake(user_address address)
{
    uint64_t distance = address - way_of(0);
    const struct direct_call *call = &calls[distance / WAY_SIZE];

    code_copy_give_up((struct code_copy *)(uintptr_t)call->copy);
    return distance % WAY_SIZE == 0;
}

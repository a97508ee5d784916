/*
 * Pure spins: a thread that goes round without making a call, and without anything to show for it.
 *
 * User code is a function of its registers and its memory.  If it comes back to the same registers
 * and the same memory it will do so for ever, until somebody else changes its memory; nothing is
 * lost if it is cut there, whatever the number of rounds.  That is looked for by stepping through
 * user code with the processor's trap flag from wherever the alarm found it.
 *
 * Stores: while stepping, the window is read-only.  The first store to a page faults; the page is
 * copied and opened.  When the registers are as at the start, the copies are compared: a lock that
 * is taken by exchanging 1 for 1, a call that leaves the same return address behind, a counter that
 * is reset change nothing in the end.
 *
 * Where it is cut must not depend on where the alarm found it.  The states of the circle are the
 * same wherever it is entered; the canonical one has the lowest instruction address, then the
 * lowest registers, vectors and digest of the pages written to.  One more round finds it, a part of
 * a third goes there.
 */
#include <string.h>
#include <sys/mman.h>

#include "sim.h"
#include "user_layout.h"
#include "user_run.h"

#define PAGE_SIZE 4096u
#define PAGES_MAX 32u
#define VECTOR_MAX 16384u
#define EFLAGS_RESUME 0x10000u
#define LOOKUP_WINDOW PAGE_SIZE
#define ENTRY_PRESENT (UINT64_C(1) << 0)
#define ENTRY_WRITE (UINT64_C(1) << 1)
#define ENTRY_NO_EXECUTE (UINT64_C(1) << 63)
#define ENTRY_ADDRESS UINT64_C(0x000ffffffffff000)
#define DIGEST_FACTOR UINT64_C(0x100000001b3)

struct state {
    struct user_registers registers;
    char vector[VECTOR_MAX];
    uint64_t pages;                /* digest of the pages written to, if that was needed */
};

static struct {
    user_address address;
    char copy[PAGE_SIZE];
} pages[PAGES_MAX];
static unsigned page_count;
static volatile bool stepping;
static struct state start, lowest;

bool spin_is_stepping(void)
{
    return stepping;
}

/* ---- Memory of the guest ------------------------------------------------------------------- */

static const char *guest_page(user_address address, uint64_t *entry)
{
    user_address from, to;

    *entry = page_table_lookup(cpu_current()->root, address, LOOKUP_WINDOW, &from, &to);
    if (!(*entry & ENTRY_PRESENT))
        return NULL;
    return machine_info()->direct_map + (*entry & ENTRY_ADDRESS);
}

/* A store to a page that is read-only for the time being: it is allowed from now on.  False: the
 * tables do not allow it, or there are too many. */
static bool open_page(user_address address)
{
    user_address page = address & ~(user_address)(PAGE_SIZE - 1);
    uint64_t entry;
    const char *contents = guest_page(page, &entry);
    unsigned known = 0;
    int protection = PROT_READ | PROT_WRITE | (entry & ENTRY_NO_EXECUTE ? 0 : PROT_EXEC);

    while (known < page_count && pages[known].address != page)
        known++;
    if (!contents || !(entry & ENTRY_WRITE) || known == PAGES_MAX)
        return false;
    if (!soft_tlb_fill(address, 0) ||
        mprotect((void *)(uintptr_t)page, PAGE_SIZE, protection) != 0)
        return false;
    if (known == page_count) {    /* else the window was emptied in between */
        pages[known].address = page;
        memcpy(pages[known].copy, contents, PAGE_SIZE);
        page_count++;
    }
    return true;
}

static bool pages_are_as_before(void)
{
    uint64_t entry;

    for (unsigned i = 0; i < page_count; i++) {
        const char *contents = guest_page(pages[i].address, &entry);

        if (!contents || memcmp(contents, pages[i].copy, PAGE_SIZE) != 0)
            return false;
    }
    return true;
}

/* Does not depend on the order in which the pages were written to. */
static uint64_t digest_pages(void)
{
    uint64_t sum = 0, entry, word;

    for (unsigned i = 0; i < page_count; i++) {
        const char *contents = guest_page(pages[i].address, &entry);
        uint64_t digest = pages[i].address;

        for (unsigned offset = 0; contents && offset < PAGE_SIZE; offset += sizeof(word)) {
            memcpy(&word, contents + offset, sizeof(word));
            digest = (digest ^ word) * DIGEST_FACTOR;
            digest ^= digest >> 29;
        }
        sum += digest;
    }
    return sum;
}

/* ---- Registers ----------------------------------------------------------------------------- */

static uint64_t flags_of(const struct user_registers *registers)
{
    return registers->rflags & ~(uint64_t)(EFLAGS_TF | EFLAGS_RESUME);
}

static int compare_words(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Instruction address, then the others in the order of the structure, then vectors. */
static int compare_registers(const struct user_registers *registers, const struct state *state)
{
    const struct user_registers *other = &state->registers;
    int order = compare_words(registers->rip, other->rip);

    if (!order)
        order = memcmp(registers, other, offsetof(struct user_registers, rip));
    if (!order)
        order = compare_words(flags_of(registers), flags_of(other));
    if (!order)
        order = compare_words(registers->fs_base, other->fs_base);
    if (!order)
        order = compare_words(registers->gs_base, other->gs_base);
    if (!order)
        order = memcmp(registers->vector, state->vector, machine_info()->vector_state_size);
    return order;
}

static void remember(struct state *state, const struct user_registers *registers)
{
    state->registers = *registers;
    memcpy(state->vector, registers->vector, machine_info()->vector_state_size);
    state->pages = digest_pages();
}

static bool is_lower(const struct user_registers *registers, const struct state *state)
{
    int order = compare_registers(registers, state);

    return order < 0 || (order == 0 && digest_pages() < state->pages);
}

/* ---- Steps --------------------------------------------------------------------------------- */

/* The trap flag would be seen by these, or lost, or looks like one of theirs. */
static bool is_about_flags(const unsigned char *code, unsigned length)
{
    static const unsigned char prefixes[] = { 0x66, 0xf2, 0xf3, 0x2e, 0x36,
                                              0x3e, 0x26, 0x64, 0x65 };
    static const unsigned char opcodes[] = { 0x9c, 0x9d, 0xcf, 0xf1 };    /* pushf popf iret int1 */
    unsigned i = 0;

    while (i < length && (memchr(prefixes, code[i], sizeof(prefixes)) || (code[i] & 0xf0) == 0x40))
        i++;
    return i == length || memchr(opcodes, code[i], sizeof(opcodes));
}

static bool can_step(const struct user_registers *registers)
{
    uint64_t entry;
    const char *page = guest_page(registers->rip, &entry);
    unsigned offset = (unsigned)(registers->rip % PAGE_SIZE);
    unsigned length = PAGE_SIZE - offset < 8 ? PAGE_SIZE - offset : 8;

    return page && registers->rip < HOST_ADDRESS_END &&
           !is_about_flags((const unsigned char *)page + offset, length);
}

/* SPIN_FOUND: one instruction was executed. */
static enum spin_result step(struct user_registers *registers, struct trap *trap)
{
    if (!can_step(registers))
        return SPIN_NOT;
    for (;;) {
        registers->rflags |= EFLAGS_TF;
        *trap = user_run_once(registers);
        registers->rflags &= ~(uint64_t)EFLAGS_TF;
        if (trap->kind == TRAP_EXCEPTION && trap->vector == VECTOR_DEBUG)
            return SPIN_FOUND;
        if (trap->kind == TRAP_INTERRUPT)
            interrupt_collect();    /* the entry was aborted: nothing has run */
        else if (trap->kind != TRAP_PAGE_FAULT)
            return SPIN_TRAPPED;
        else if ((trap->access & ACCESS_WRITE) && !open_page(trap->address))
            return SPIN_NOT;
        else if (!(trap->access & ACCESS_WRITE) && !soft_tlb_fill(trap->address, trap->access))
            return SPIN_TRAPPED;
    }
}

/* Steps until all is as it was at the start. */
static enum spin_result find_circle(struct user_registers *registers, uint64_t limit,
                                    struct trap *trap, uint64_t *length)
{
    remember(&start, registers);
    for (uint64_t steps = 1; steps <= limit; steps++) {
        enum spin_result result = step(registers, trap);

        if (result != SPIN_FOUND)
            return result;
        if (compare_registers(registers, &start) == 0 && pages_are_as_before()) {
            *length = steps;
            return SPIN_FOUND;
        }
    }
    return SPIN_NOT;
}

/* One round; the pages that are written to are known. */
static enum spin_result find_lowest(struct user_registers *registers, uint64_t length,
                                    struct trap *trap, uint64_t *place)
{
    *place = 0;
    remember(&lowest, registers);
    for (uint64_t steps = 1; steps <= length; steps++) {
        enum spin_result result = step(registers, trap);

        if (result != SPIN_FOUND)
            return result;
        if (is_lower(registers, &lowest)) {
            remember(&lowest, registers);
            *place = steps;
        }
    }
    return SPIN_FOUND;
}

static enum spin_result look(struct user_registers *registers, uint64_t limit, struct trap *trap,
                             uint64_t *length)
{
    uint64_t place = 0;
    enum spin_result result = find_circle(registers, limit, trap, length);

    if (result == SPIN_FOUND)
        result = find_lowest(registers, *length, trap, &place);
    for (uint64_t steps = 0; steps < place && result == SPIN_FOUND; steps++)
        result = step(registers, trap);
    return result;
}

enum spin_result spin_check(struct user_registers *registers, uint64_t limit, struct trap *trap,
                            uint64_t *length)
{
    enum spin_result result;

    if (machine_info()->vector_state_size > VECTOR_MAX)
        return SPIN_NOT;
    stepping = true;
    page_count = 0;
    soft_tlb_read_only(true);
    result = look(registers, limit, trap, length);
    soft_tlb_read_only(false);
    stepping = false;
    return result;
}

/* Places in programs' source, as the machine describes them: "function+0x12 (file.c:34)". */
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/page_table.h"
#include "process/describe.h"

#define CALL_INSTRUCTION_SIZE 2    /* of `syscall` and of `int 0x80` */
#define CALL_SIZE_MAX 6            /* of a call of a function, without prefixes */
#define STACK_WORDS_LOOKED_AT 512u
#define CALLS_LOOKED_AT 24u        /* it takes time to find the names of functions */

static void copy_part(char *target, size_t size, const char *start, size_t length)
{
    if (length >= size)
        length = size - 1;
    memcpy(target, start, length);
    target[length] = '\0';
}

/* "function+0x12", without the offset. */
static void read_function(struct place *place, const char *text)
{
    const char *plus = text_find(text, '+');
    const char *space = text_find(text, ' ');
    size_t length = text_length(text);

    if (space)
        length = (size_t)(space - text);
    if (plus && (size_t)(plus - text) < length)
        length = (size_t)(plus - text);
    copy_part(place->function, sizeof(place->function), text, length);
}

/* "... (file.c:34)" */
static void read_file(struct place *place, const char *text)
{
    const char *open = text_find(text, '(');
    const char *colon = open ? text_find(open, ':') : NULL;

    if (!colon)
        return;
    copy_part(place->file, sizeof(place->file), open + 1, (size_t)(colon - open - 1));
    place->line = 0;
    for (const char *digit = colon + 1; *digit >= '0' && *digit <= '9'; digit++)
        place->line = place->line * 10 + (uint32_t)(*digit - '0');
}

void place_find(struct place *place, const struct process *process, user_address address)
{
    struct code_description description;

    *place = (struct place){ .address = address };
    if (address == 0 || !process)
        return;
    process_describe_code_at_rest(process, address, &description);
    if (!description.text[0])
        return;
    read_function(place, description.text);
    read_file(place, description.text);
    (void)text_copy(place->of_library, description.of_library, sizeof(place->of_library));
}

bool place_is_own(const struct place *place)
{
    return place->file[0] && !place->of_library[0];
}

const char *place_text(const struct place *place, char *text, size_t size)
{
    if (place->file[0])
        format(text, size, "%s (%s:%u)", place->function, place->file, place->line);
    else if (place->function[0])
        format(text, size, "%s", place->function);
    else
        format(text, size, "address 0x%llx", (unsigned long long)place->address);
    return text;
}

static bool is_system_call(physical_address root, user_address address)
{
    uint8_t code[CALL_INSTRUCTION_SIZE];

    return peek(root, address, code, sizeof(code)) &&
           ((code[0] == 0x0f && code[1] == 0x05) || (code[0] == 0xcd && code[1] == 0x80));
}

user_address place_of_thread(const struct thread *thread)
{
    user_address next = thread->registers.rip;
    user_address call = next - CALL_INSTRUCTION_SIZE;
    user_address block;

    if (next < CALL_INSTRUCTION_SIZE || next >= USER_SPACE_END)
        return next;
    block = place_of_block(thread);
    if (block)
        return block;
    return is_system_call(thread->user_address_space, call) ? call : next;
}

/* ---- Callers ------------------------------------------------------------------------------- */

/* Is there an instruction `call` that ends here?  *target is what it calls, 0: not known. */
static bool follows_call(physical_address root, user_address address, user_address *target)
{
    uint8_t code[CALL_SIZE_MAX];
    int32_t distance;

    *target = 0;
    if (address < CALL_SIZE_MAX || !peek_is_code(root, address - 1) ||
        !peek(root, address - CALL_SIZE_MAX, code, sizeof(code)))
        return false;
    if (code[1] == 0xe8) {    /* of a function */
        memcpy(&distance, code + 2, sizeof(distance));
        *target = address + (user_address)(int64_t)distance;
        return true;
    }
    return (code[4] == 0xff && (code[5] & 0xf8) == 0xd0) ||        /* of what a register holds */
           (code[3] == 0xff && (code[4] & 0xf8) == 0x50) ||        /* of what is in memory */
           (code[0] == 0xff && (code[1] & 0x38) == 0x10);
}

/* A walk up the stack. */
struct callers {
    const struct process *process;
    physical_address root;
    user_address stack_pointer;
    struct place callee;       /* the last one that is certain */
    unsigned described;
};

/* The stack may hold addresses that were there before: a caller must have called the callee. */
static bool calls_callee(struct callers *callers, user_address target)
{
    struct place called;

    if (target == 0)
        return false;
    place_find(&called, callers->process, target);
    return called.function[0] && text_equal(called.function, callers->callee.function);
}

static user_address find_caller(struct callers *callers, bool is_strict)
{
    user_address word, target;
    struct place place;

    for (unsigned i = 0; i < STACK_WORDS_LOOKED_AT && callers->described < CALLS_LOOKED_AT; i++) {
        if (!peek(callers->root, callers->stack_pointer + i * sizeof(word), &word, sizeof(word)))
            return 0;
        if (!follows_call(callers->root, word, &target))
            continue;
        callers->described++;
        if (is_strict && !calls_callee(callers, target))
            continue;
        place_find(&place, callers->process, word - 1);
        if (place_is_own(&place))
            return word - 1;
        callers->callee = place;
    }
    return 0;
}

user_address place_of_caller(const struct process *process, user_address stack_pointer,
                             const struct place *callee)
{
    struct callers callers = {
        .process = process, .stack_pointer = stack_pointer, .callee = *callee,
    };
    user_address caller;

    if (!process)
        return 0;
    callers.root = address_space_root(process->space);
    caller = find_caller(&callers, true);
    if (caller != 0)
        return caller;
    callers.described = 0;
    return find_caller(&callers, false);    /* some functions do not return to who called them */
}

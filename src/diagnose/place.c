/* Places in programs' source, as the machine describes them: "function+0x12 (file.c:34)". */
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/page_table.h"
#include "process/process.h"

#define DESCRIPTION_SIZE 160
#define CALL_INSTRUCTION_SIZE 2    /* of `syscall` and of `int 0x80` */

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

void place_find(struct place *place, physical_address root, user_address address)
{
    char text[DESCRIPTION_SIZE];

    *place = (struct place){ .address = address };
    if (address == 0 || root == 0)
        return;
    if (machine_describe_address(root, address, text, sizeof(text)) == 0)
        return;
    read_function(place, text);
    read_file(place, text);
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

/* Without sleeping and without bringing a page in; false: it is not there. */
static bool read_code(physical_address root, user_address address, uint8_t *byte)
{
    user_address start, end;
    uint64_t entry = page_table_lookup(root, address, 0, &start, &end);

    if (!(entry & ENTRY_PRESENT))
        return false;
    *byte = *(const uint8_t *)(machine_info()->direct_map + (entry & ENTRY_ADDRESS) +
                               address % PAGE_SIZE);
    return true;
}

static bool is_call(uint8_t first, uint8_t second)
{
    return (first == 0x0f && second == 0x05) || (first == 0xcd && second == 0x80);
}

user_address place_of_thread(const struct thread *thread)
{
    user_address next = thread->registers.rip;
    user_address call = next - CALL_INSTRUCTION_SIZE;
    uint8_t first, second;

    if (next < CALL_INSTRUCTION_SIZE || next >= USER_SPACE_END || thread->user_address_space == 0)
        return next;
    if (!read_code(thread->user_address_space, call, &first) ||
        !read_code(thread->user_address_space, call + 1, &second))
        return next;
    return is_call(first, second) ? call : next;
}

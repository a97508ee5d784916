/*
 * The note of a program that counts its basic blocks (built by eft-cc).
 *
 * Notes only say something to those who know them: whatever is wrong with one, the program runs
 * without it.
 */
#include "lib/checked.h"
#include "lib/memory.h"
#include "process/elf.h"

#define NOTES_SIZE_MAX 1024u    /* of one segment; ours is near the start or alone */
#define NOTE_BUDGET 1
#define NOTE_ALIGNMENT 4u

static const char note_name[4] = "Eft";

struct note_header {
    uint32_t name_size, content_size, type;
};

/* The address in the note at this place, 0: another one. */
static uint64_t budget_of(const uint8_t *note, const struct note_header *header)
{
    uint64_t address;

    if (header->name_size != sizeof(note_name) || header->content_size != sizeof(address) ||
        header->type != NOTE_BUDGET ||
        memcmp(note + sizeof(*header), note_name, sizeof(note_name)) != 0)
        return 0;
    memcpy(&address, note + sizeof(*header) + sizeof(note_name), sizeof(address));
    return is_aligned(address, sizeof(address)) ? address : 0;
}

uint64_t elf_note_budget(const struct elf_source *source, uint64_t offset, uint64_t size)
{
    uint8_t notes[NOTES_SIZE_MAX];
    uint64_t place = 0;
    int64_t count;

    if (!range_within(offset, size, 0, source->size))
        return 0;
    count = source->read(source->context, notes, size < sizeof(notes) ? size : sizeof(notes),
                         offset);
    while (count > 0 && place + sizeof(struct note_header) <= (uint64_t)count) {
        struct note_header header;

        memcpy(&header, notes + place, sizeof(header));

        uint64_t end = place + sizeof(header) +
                       round_up((uint64_t)header.name_size, NOTE_ALIGNMENT) +
                       round_up((uint64_t)header.content_size, NOTE_ALIGNMENT);

        if (end > (uint64_t)count)
            return 0;

        uint64_t address = budget_of(notes + place, &header);

        if (address)
            return address;
        place = end;
    }
    return 0;
}

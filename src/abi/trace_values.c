/* Printing of single values in a call trace, in strace's notation. */
#include "abi/linux/names.h"
#include "abi/trace_internal.h"
#include "lib/bitmap.h"
#include "lib/container.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define BYTES_SHOWN 32
#define PATH_SHOWN 1024

static const struct {
    int number;
    const char *name, *text;
} errors[] = {
#define ERROR(number, meaning) { number, #number, meaning },
#include "abi/errors.def"
#undef ERROR
};

void trace_error(struct text_builder *line, int error)
{
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        if (errors[i].number == error) {
            text_builder_add(line, "%s (%s)", errors[i].name, errors[i].text);
            return;
        }
    }
    text_builder_add(line, "error %d", error);
}

void trace_address(struct text_builder *line, user_address address)
{
    if (address == 0)
        text_builder_add(line, "NULL");
    else
        text_builder_add(line, "0x%llx", (unsigned long long)address);
}

/* Names for all bits that have one, then what is left in hexadecimal. */
void trace_flags(struct text_builder *line, uint64_t value, unsigned set)
{
    size_t count;
    const struct named_value *names = name_set_values(set, &count);
    uint64_t left = value;
    bool first = true;

    for (size_t i = 0; i < count; i++) {
        const struct named_value *name = &names[i];
        bool applies = (value & name->mask) == name->value &&
                       ((left & name->value) == name->value);

        if (!applies || (name->value == 0 && name->mask == UINT32_MAX && !first))
            continue;
        text_builder_add(line, first ? "%s" : "|%s", name->name);
        left &= ~name->value;
        first = false;
    }
    if (left || first)
        text_builder_add(line, first ? (left ? "0x%llx" : "%llx") : "|0x%llx",
                         (unsigned long long)left);
}

static void add_byte(struct text_builder *line, uint8_t byte, bool digit_follows)
{
    static const char letters[] = { ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'v', ['\f'] = 'f',
                                    ['\r'] = 'r' };

    if (byte == '"' || byte == '\\')
        text_builder_add(line, "\\%c", byte);
    else if (byte < sizeof(letters) && letters[byte])
        text_builder_add(line, "\\%c", letters[byte]);
    else if (byte >= 0x20 && byte < 0x7f)
        text_builder_add(line, "%c", byte);
    else
        text_builder_add(line, digit_follows ? "\\%03o" : "\\%o", byte);
}

/* `cut`: three dots follow. */
static void add_quoted(struct text_builder *line, const char *bytes, size_t size, bool cut)
{
    text_builder_add(line, "\"");
    for (size_t i = 0; i < size; i++) {
        bool digit_follows = i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';

        add_byte(line, (uint8_t)bytes[i], digit_follows);
    }
    text_builder_add(line, cut ? "\"..." : "\"");
}

void trace_user_string(struct text_builder *line, user_address address)
{
    char *text = memory_allocate(PATH_SHOWN);
    size_t size = text && address ? user_copy_in_partial(current_space(), text, address,
                                                         PATH_SHOWN)
                                  : 0;
    size_t length = text_length_bounded(text ? text : "", size);

    if (size == 0 || (length == size && size < PATH_SHOWN))
        trace_address(line, address);
    else
        add_quoted(line, text, length, length == size);
    if (text)
        memory_free(text, PATH_SHOWN);
}

void trace_user_bytes(struct text_builder *line, user_address address, uint64_t size)
{
    char bytes[BYTES_SHOWN];
    size_t shown = size < sizeof(bytes) ? (size_t)size : sizeof(bytes);

    if (address == 0 || user_copy_in_partial(current_space(), bytes, address, shown) < shown)
        trace_address(line, address);
    else
        add_quoted(line, bytes, shown, size > shown);
}

/* "[INT CHLD]", or "~[...]" when that is shorter. */
void trace_signal_set(struct text_builder *line, uint64_t set)
{
    bool inverted = bitmap_count(&set, 1) > SIGNAL_MAX / 2;
    bool first = true;

    if (inverted)
        set = ~set;
    text_builder_add(line, inverted ? "~[" : "[");
    for (int number = 1; number <= SIGNAL_MAX; number++) {
        if (!(set & SIGNAL_BIT(number)))
            continue;
        text_builder_add(line, first ? "%s" : " %s", signal_name(number) + 3);
        first = false;
    }
    text_builder_add(line, "]");
}

/*
 * The arguments and environment of a program that is being started, gathered in one piece of
 * kernel memory that grows, and limited as Linux limits them: strings and the pointers to them
 * together take at most a quarter of the stack.
 */
#include "config.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/exec.h"

#define FIRST_CAPACITY 1024

void exec_strings_init(struct exec_strings *strings, uint64_t stack_limit)
{
    uint64_t limit = stack_limit / 4;

    memset(strings, 0, sizeof(*strings));
    strings->limit = limit < ARGUMENTS_SIZE_MIN   ? ARGUMENTS_SIZE_MIN
                     : limit > ARGUMENTS_SIZE_MAX ? ARGUMENTS_SIZE_MAX
                                                  : limit;
}

void exec_strings_destroy(struct exec_strings *strings)
{
    if (strings->bytes)
        memory_free(strings->bytes, strings->capacity);
    memset(strings, 0, sizeof(*strings));
}

static int grow(struct exec_strings *strings, size_t needed)
{
    size_t capacity = strings->capacity ? strings->capacity : FIRST_CAPACITY;
    char *bytes;

    while (capacity < needed)
        capacity *= 2;
    if (capacity == strings->capacity)
        return 0;
    bytes = memory_allocate(capacity);
    if (!bytes)
        return -ENOMEM;
    if (strings->bytes) {
        memcpy(bytes, strings->bytes, strings->size);
        memory_free(strings->bytes, strings->capacity);
    }
    strings->bytes = bytes;
    strings->capacity = capacity;
    return 0;
}

static int add(struct exec_strings *strings, const char *text)
{
    uint64_t size = text_length_bounded(text, ARGUMENT_SIZE_MAX) + 1;
    uint64_t pointers = (uint64_t)strings->argument_count + strings->environment_count + 1;
    int error;

    if (size > ARGUMENT_SIZE_MAX)
        return -E2BIG;
    if (strings->size + size + pointers * sizeof(uint64_t) > strings->limit)
        return -E2BIG;
    error = grow(strings, strings->size + size);
    if (error)
        return error;
    memcpy(strings->bytes + strings->size, text, size);
    strings->size += size;
    return 0;
}

int exec_strings_add_argument(struct exec_strings *strings, const char *text)
{
    int error = add(strings, text);

    if (error)
        return error;
    strings->argument_count++;
    strings->arguments_size = strings->size;
    return 0;
}

int exec_strings_add_environment(struct exec_strings *strings, const char *text)
{
    int error = add(strings, text);

    if (!error)
        strings->environment_count++;
    return error;
}

/* ---- From user memory ---------------------------------------------------------------------- */

#define FIRST_ROOM 256u

/* Is there room for a string of this size and its pointer? */
static bool fits(const struct exec_strings *strings, uint64_t size)
{
    uint64_t pointers = (uint64_t)strings->argument_count + strings->environment_count + 1;

    return size <= ARGUMENT_SIZE_MAX &&
           strings->size + size + pointers * sizeof(uint64_t) <= strings->limit;
}

static int copy(struct exec_strings *strings, struct address_space *space, user_address text)
{
    size_t room = strings->capacity - strings->size;

    if (room < FIRST_ROOM)
        room = FIRST_ROOM;
    for (;;) {
        int error;
        int64_t length;

        if (room > ARGUMENT_SIZE_MAX)
            room = ARGUMENT_SIZE_MAX;
        error = grow(strings, strings->size + room);
        if (error)
            return error;
        length = user_copy_string(space, strings->bytes + strings->size, text, room);
        if (length == -ENAMETOOLONG && room == ARGUMENT_SIZE_MAX)
            return -E2BIG;
        if (length < 0 && length != -ENAMETOOLONG)
            return (int)length;
        if (length >= 0) {
            if (!fits(strings, (uint64_t)length + 1))
                return -E2BIG;
            strings->size += (size_t)length + 1;
            return 0;
        }
        room *= 2;
    }
}

int exec_strings_copy_argument(struct exec_strings *strings, struct address_space *space,
                               user_address text)
{
    int error = copy(strings, space, text);

    if (error)
        return error;
    strings->argument_count++;
    strings->arguments_size = strings->size;
    return 0;
}

int exec_strings_copy_environment(struct exec_strings *strings, struct address_space *space,
                                  user_address text)
{
    int error = copy(strings, space, text);

    if (!error)
        strings->environment_count++;
    return error;
}

int exec_strings_replace_first(struct exec_strings *strings, const char *const *others,
                               unsigned count)
{
    struct exec_strings old = *strings;
    const char *text = old.bytes;
    int error = 0;

    *strings = (struct exec_strings){ .limit = old.limit };
    for (unsigned i = 0; i < count && !error; i++)
        error = exec_strings_add_argument(strings, others[i]);
    for (uint32_t i = 0; i < old.argument_count + old.environment_count && !error; i++) {
        if (i >= old.argument_count)
            error = exec_strings_add_environment(strings, text);
        else if (i > 0)
            error = exec_strings_add_argument(strings, text);
        text += text_length(text) + 1;
    }
    if (error) {
        exec_strings_destroy(strings);
        *strings = old;
        return error;
    }
    exec_strings_destroy(&old);
    return 0;
}

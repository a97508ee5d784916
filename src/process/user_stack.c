/*
 * The stack a program begins with, laid out as Linux does, from high addresses to low:
 *
 *     8 bytes of zero, the path of the program, environment strings, argument strings,
 *     (16-byte boundary) "x86_64", 16 random bytes,
 *     (16-byte boundary) auxiliary vector, envp[], argv[], argc  <- rsp
 *
 * Planning and filling are pure functions of their arguments; only user_stack_write touches the
 * program's memory.
 */
#include "lib/checked.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process_internal.h"

#define STACK_ALIGNMENT 16
#define PROGRAM_HEADER_SIZE 56
#define CLOCK_TICKS 100

#define AT_NULL 0
#define AT_PHDR 3
#define AT_PHENT 4
#define AT_PHNUM 5
#define AT_PAGESZ 6
#define AT_BASE 7
#define AT_FLAGS 8
#define AT_ENTRY 9
#define AT_UID 11
#define AT_EUID 12
#define AT_GID 13
#define AT_EGID 14
#define AT_PLATFORM 15
#define AT_HWCAP 16
#define AT_CLKTCK 17
#define AT_SECURE 23
#define AT_RANDOM 25
#define AT_HWCAP2 26
#define AT_EXECFN 31
#define AT_SYSINFO_EHDR 33
#define AT_MINSIGSTKSZ 51

static const char platform[] = "x86_64";

/* In Linux's order. */
static void fill_auxiliary_vector(const struct user_stack_request *request,
                                  struct user_stack *stack)
{
    const struct machine_info *info = machine_info();
    const struct credentials *who = request->credentials;
    const struct elf_image *elf = request->elf;
    const uint64_t pairs[][2] = {
        { AT_SYSINFO_EHDR, request->vdso },
        { AT_MINSIGSTKSZ, info->minimum_signal_stack },
        { AT_HWCAP, info->hwcap },
        { AT_PAGESZ, PAGE_SIZE },
        { AT_CLKTCK, CLOCK_TICKS },
        { AT_PHDR, elf->headers_address ? elf->headers_address + request->bias : 0 },
        { AT_PHENT, PROGRAM_HEADER_SIZE },
        { AT_PHNUM, elf->header_count },
        { AT_BASE, request->interpreter_base },
        { AT_FLAGS, 0 },
        { AT_ENTRY, elf->entry + request->bias },
        { AT_UID, who->user_id },
        { AT_EUID, who->effective_user_id },
        { AT_GID, who->group_id },
        { AT_EGID, who->effective_group_id },
        { AT_SECURE, request->is_secure },
        { AT_RANDOM, stack->random },
        { AT_HWCAP2, info->hwcap2 },
        { AT_EXECFN, stack->path },
        { AT_PLATFORM, stack->platform },
        { AT_NULL, 0 },
    };

    _Static_assert(sizeof(pairs) <= sizeof(stack->auxiliary_vector), "room for all of them");
    memset(stack->auxiliary_vector, 0, sizeof(stack->auxiliary_vector));
    if (request->vdso)
        memcpy(stack->auxiliary_vector, pairs, sizeof(pairs));
    else
        memcpy(stack->auxiliary_vector, pairs + 1, sizeof(pairs) - sizeof(pairs[0]));
}

/* Words of the auxiliary vector with its end. */
static size_t auxiliary_words(const struct user_stack *stack)
{
    size_t words = 0;

    while (stack->auxiliary_vector[words] != AT_NULL)
        words += 2;
    return words + 2;
}

void user_stack_plan(const struct user_stack_request *request, user_address top,
                     struct user_stack *stack)
{
    const struct exec_strings *strings = request->strings;

    stack->end = top - sizeof(uint64_t);
    stack->path = stack->end - (text_length(request->path) + 1);
    stack->strings = stack->path - strings->size;
    stack->arguments_end = stack->strings + strings->arguments_size;
    stack->platform = round_down(stack->strings, STACK_ALIGNMENT) - sizeof(platform);
    stack->random = stack->platform - sizeof(request->random);
    fill_auxiliary_vector(request, stack);

    uint64_t words = 1 + (uint64_t)strings->argument_count + 1 +
                     (uint64_t)strings->environment_count + 1 + auxiliary_words(stack);

    stack->pointer = round_down(stack->random - words * sizeof(uint64_t), STACK_ALIGNMENT);
    stack->vector_size = words * sizeof(uint64_t);
}

/* Addresses of `count` strings that lie one behind the other from `text`; moves both on. */
static uint64_t *fill_pointers(uint64_t *words, uint32_t count, const char **text,
                               user_address *address)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t size = text_length(*text) + 1;

        *words++ = *address;
        *text += size;
        *address += size;
    }
    *words++ = 0;
    return words;
}

void user_stack_fill(const struct user_stack_request *request, const struct user_stack *stack,
                     uint64_t *words)
{
    const struct exec_strings *strings = request->strings;
    const char *text = strings->bytes;
    user_address address = stack->strings;

    *words++ = strings->argument_count;
    words = fill_pointers(words, strings->argument_count, &text, &address);
    words = fill_pointers(words, strings->environment_count, &text, &address);
    memcpy(words, stack->auxiliary_vector, auxiliary_words(stack) * sizeof(uint64_t));
}

int user_stack_write(const struct user_stack_request *request, const struct user_stack *stack,
                     struct address_space *space)
{
    uint64_t *words = memory_allocate(stack->vector_size);
    int error;

    if (!words)
        return -ENOMEM;
    user_stack_fill(request, stack, words);
    error = user_copy_out(space, stack->pointer, words, stack->vector_size);
    memory_free(words, stack->vector_size);
    if (!error)
        error = user_copy_out(space, stack->random, request->random, sizeof(request->random));
    if (!error)
        error = user_copy_out(space, stack->platform, platform, sizeof(platform));
    if (!error)
        error = user_copy_out(space, stack->strings, request->strings->bytes,
                              request->strings->size);
    if (!error)
        error = user_copy_out(space, stack->path, request->path, text_length(request->path) + 1);
    return error;
}

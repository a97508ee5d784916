/*
 * What a futex is called.
 *
 * A key's numbers decide the order of waiters in trees, so they must be the same in every run: not
 * addresses of kernel structures, but the physical addresses that these have.  A key's position is
 * that of a whole word.
 */
#include "futex/futex_internal.h"
#include "lib/assert.h"
#include "lib/checked.h"
#include "memory/page.h"
#include "memory/page_table.h"
#include "memory/user_memory.h"
#include "memory/user_word.h"

/* The word behind a word: a node of memory.  All memory is one node. */
#define ONLY_NODE UINT32_C(0)
#define ANY_NODE UINT32_MAX

/* -EINVAL: there is no such node.  Whoever leaves the choice to the kernel is told. */
static int settle_node(const struct futex_word *word)
{
    const struct futex_word place = { .space = word->space,
                                      .address = word->address + sizeof(uint32_t) };
    uint32_t node;
    int error = futex_read(&place, &node);

    while (!error && node == ANY_NODE) {
        bool were_on = machine_interrupts_disable();
        enum user_word_result result =
            user_word_exchange(place.space, place.address, &node, ONLY_NODE);

        machine_interrupts_restore(were_on);
        if (result == WORD_DONE)
            return 0;
        if (result == WORD_ABSENT)
            error = futex_bring_in(&place, true);
    }
    if (error)
        return error;
    return node == ONLY_NODE ? 0 : -EINVAL;
}

int futex_key_get(const struct futex_word *word, bool write, struct futex_key *key)
{
    size_t size = sizeof(uint32_t) * (word->has_node ? 2 : 1);
    struct user_word_place place;
    int error = 0;

    *key = (struct futex_key){
        .kind = word->has_node ? KEY_PRIVATE_WITH_NODE : KEY_PRIVATE,
        .owner = address_space_root(word->space),
        .position = word->address,
    };
    if (!is_aligned(word->address, size))
        return -EINVAL;
    if (word->address > USER_SPACE_END)    /* nothing is there, but Linux does not say so */
        return -EFAULT;
    if (word->has_node)
        error = settle_node(word);
    if (error || word->is_private)
        return error;
    error = user_word_locate(word->space, word->address, write, &place);
    if (error)
        return error;
    key->kind = KEY_OF_SPACE;
    if (place.object) {
        key->kind = KEY_OF_OBJECT;
        key->owner = page_physical_of(place.object);
        key->position = place.position;
        key->object = place.object;
    }
    ASSERT(is_aligned(key->position, sizeof(uint32_t)));
    return 0;
}

void futex_key_put(struct futex_key *key)
{
    if (key->object)
        memory_object_release(key->object);
    key->object = NULL;
}

bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
    return a->kind == b->kind && a->owner == b->owner && a->position == b->position;
}

int futex_keys_get(const struct futex_word *first, const struct futex_word *second,
                   bool write_second, struct futex_key keys[2])
{
    int error = futex_key_get(first, false, &keys[0]);

    if (error)
        return error;
    error = futex_key_get(second, write_second, &keys[1]);
    if (error)
        futex_key_put(&keys[0]);
    return error;
}

void futex_keys_put(struct futex_key keys[2])
{
    futex_key_put(&keys[0]);
    futex_key_put(&keys[1]);
}

int futex_bring_in(const struct futex_word *word, bool write)
{
    return user_word_bring_in(word->space, word->address, write);
}

int futex_read(const struct futex_word *word, uint32_t *value)
{
    enum user_word_result result;
    int error = 0;

    if (!is_aligned(word->address, sizeof(*value)))
        return user_copy_in(word->space, value, word->address, sizeof(*value));
    do {
        bool were_on = machine_interrupts_disable();

        result = user_word_read(word->space, word->address, value);
        machine_interrupts_restore(were_on);
        if (result != WORD_DONE)
            error = futex_bring_in(word, false);
    } while (result != WORD_DONE && !error);
    return error;
}

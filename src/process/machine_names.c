/* The names of the machine.  Until one is set it is what the machine was started with. */
#include "process/machine_names.h"

#include <stdbool.h>

#include "lib/assert.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/machine.h"
#include "sync/spinlock.h"

struct changed_name {
    bool is_set;
    char text[MACHINE_NAME_MAX + 1];
};

static struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "machine names");

/* Protected by `lock`. */
static struct changed_name names[MACHINE_NAME_DOMAIN + 1];

static const char *first_name(enum machine_name which)
{
    return which == MACHINE_NAME_NODE ? machine_info()->node_name : "(none)";
}

void machine_name_read(enum machine_name which, char *text)
{
    spin_lock(&lock);
    (void)text_copy(text, names[which].is_set ? names[which].text : first_name(which),
                    MACHINE_NAME_MAX + 1);
    spin_unlock(&lock);
}

void machine_name_set(enum machine_name which, const char *text, size_t length)
{
    ASSERT(length <= MACHINE_NAME_MAX);
    spin_lock(&lock);
    memset(names[which].text, 0, sizeof(names[which].text));
    memcpy(names[which].text, text, length);
    names[which].is_set = true;
    spin_unlock(&lock);
}

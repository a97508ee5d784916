/* The names of the machine.  Until one is set it is what the machine was started with. */
#include "process/machine_names.h"

#include "lib/assert.h"
#include "lib/container.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/machine.h"
#include "process/namespaces.h"
#include "sync/spinlock.h"

/* Protects the names of all namespaces. */
static struct spinlock lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "machine names");

static struct machine_names *names_of(struct namespace *namespace)
{
    return CONTAINER_OF(namespace, struct machine_names, namespace);
}

static struct changed_name *current_name(enum machine_name which)
{
    return &names_of(current_namespace(NAMESPACE_NAMES))->of[which];
}

static const char *first_name(enum machine_name which)
{
    return which == MACHINE_NAME_NODE ? machine_info()->node_name : "(none)";
}

void machine_names_copy(struct namespace *to, struct namespace *from)
{
    spin_lock(&lock);
    memcpy(names_of(to)->of, names_of(from)->of, sizeof(names_of(to)->of));
    spin_unlock(&lock);
}

void machine_name_read(enum machine_name which, char *text)
{
    const struct changed_name *name = current_name(which);

    spin_lock(&lock);
    (void)text_copy(text, name->is_set ? name->text : first_name(which), MACHINE_NAME_MAX + 1);
    spin_unlock(&lock);
}

void machine_name_set(enum machine_name which, const char *text, size_t length)
{
    struct changed_name *name = current_name(which);

    ASSERT(length <= MACHINE_NAME_MAX);
    spin_lock(&lock);
    memset(name->text, 0, sizeof(name->text));
    memcpy(name->text, text, length);
    name->is_set = true;
    spin_unlock(&lock);
}

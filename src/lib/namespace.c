/* Numbers of namespaces: see namespace.h. */
#include "lib/namespace.h"

#include <stdatomic.h>

static _Atomic uint64_t last_number = NAMESPACE_OF_MOUNTS;

uint64_t namespace_number_new(void)
{
    return 1 + atomic_fetch_add_explicit(&last_number, 1, memory_order_relaxed);
}

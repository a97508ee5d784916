/* Counts how often each mark was passed; there may be several host threads. */
#include "lib/mark.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness/marks.h"

#ifdef EFT_MARKS

#define MARKS_MAX 64

static struct {
    const char *_Atomic name;    /* NULL: free, and so are all behind */
    _Atomic unsigned count;
} marks[MARKS_MAX];

/* Its slot, or the first free one. */
static unsigned find(const char *name)
{
    for (unsigned i = 0; i < MARKS_MAX; i++) {
        const char *there = NULL;

        if (atomic_compare_exchange_strong(&marks[i].name, &there, name) ||
            strcmp(there, name) == 0)
            return i;
    }
    abort();
}

void mark_reached(const char *name)
{
    atomic_fetch_add(&marks[find(name)].count, 1);
}

unsigned mark_count(const char *name)
{
    return atomic_load(&marks[find(name)].count);
}

#endif

/* The functions of libdw, found by their names. */
#include "libdw.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

static bool find(void *library, const char *name, void *function)
{
    void *found = library ? dlsym(library, name) : NULL;

    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

const struct libdw *libdw_load(void)
{
    static struct libdw functions;
    static enum { NOT_TRIED, THERE, MISSING } state;

    if (state == NOT_TRIED) {
        void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
        bool is_there = true;

#define FIND(name) is_there = find(library, #name, &functions.name) && is_there;
        LIBDW_FUNCTIONS(FIND)
#undef FIND
        state = is_there ? THERE : MISSING;
    }
    return state == THERE ? &functions : NULL;
}

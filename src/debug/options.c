/* Options of this boot. */
#include "debug/options.h"

#include "lib/text.h"
#include "machine/machine.h"

/* The value if `option` is "name" or "name=value", else NULL. */
static const char *value_if_named(const char *option, const char *name)
{
    if (!text_starts_with(option, name))
        return NULL;

    const char *rest = option + text_length(name);

    if (*rest == '=')
        return rest + 1;
    return *rest == '\0' ? rest : NULL;
}

const char *option_value(const char *name)
{
    const char *const *options = machine_info()->options;
    const char *value = NULL;

    for (; options && *options; options++) {
        const char *found = value_if_named(*options, name);

        if (found)
            value = found;
    }
    return value;
}

bool option_is_set(const char *name)
{
    return option_value(name) != NULL;
}

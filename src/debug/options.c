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

struct first_user option_first_user(void)
{
    const char *user = option_value("user"), *group = option_value("group");
    uint64_t user_id, group_id;

    if (!user || !group || text_parse_number(user, &user_id) != 0 ||
        text_parse_number(group, &group_id) != 0)
        return (struct first_user){ machine_info()->user_id, machine_info()->group_id, false };
    return (struct first_user){ (uint32_t)user_id, (uint32_t)group_id, true };
}

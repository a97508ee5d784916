#pragma once
/* For the test against Linux: extended attributes of random files. */
#include <sys/xattr.h>

#include "fs/extended.h"
#include "unit/fs/linux_fixture.h"

static bool skips_extended;    /* one of the two sides keeps none */

static inline void check_value(const struct extended_request *request, const char *text)
{
    char ours[64], theirs[64];
    int64_t result = extended_get(request, ours, sizeof(ours));

    check_same(result, host_result(getxattr(text, request->name, theirs, sizeof(theirs))),
               "getxattr");
    if (result > 0)
        check_same(memcmp(ours, theirs, (size_t)result), 0, "bytes of the attribute");
}

static inline void check_list(const struct extended_request *request, const char *text)
{
    char ours[128], theirs[128];
    int64_t result = extended_list(request, ours, sizeof(ours));

    check_same(result, host_result(listxattr(text, theirs, sizeof(theirs))), "listxattr");
    if (result > 0)
        check_same(memcmp(ours, theirs, (size_t)result), 0, "names of attributes");
}

static inline void change_extended(const struct extended_request *request, const char *text)
{
    static const char value[] = "some value that is longer than others";
    size_t size = pick(sizeof(value));
    uint32_t flags = pick(4);

    if (pick(3))
        check_same(extended_set(request, value, size, flags),
                   host_result(setxattr(text, request->name, value, size, (int)flags)),
                   "setxattr");
    else
        check_same(extended_remove(request), host_result(removexattr(text, request->name)),
                   "removexattr");
}

static inline void do_extended(void)
{
    static const char *const names[] = { "user.a", "user.bb", "user.c", "trusted.t" };
    char text[TEXT_SIZE];
    struct extended_request request = {
        .credentials = &context.credentials, .name = names[pick(ARRAY_SIZE(names))],
    };
    struct path path;

    pick_path(text);
    note("attribute %s of %s", request.name, text);
    if (skips_extended || path_walk(&context, NULL, text, LOOKUP_FOLLOW, &path))
        return;
    request.mount = path.mount;
    request.inode = path_inode(&path);
    change_extended(&request, text);
    check_value(&request, text);
    check_list(&request, text);
    path_release(&path);
}

/* Linux's tmpfs keeps user.* since 6.6. */
static inline void look_for_extended(bool ours_keeps_them)
{
    skips_extended = !ours_keeps_them || setxattr(".", "user.test", "x", 1, 0) != 0 ||
                     removexattr(".", "user.test") != 0;
}

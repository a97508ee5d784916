/*
 * /proc/<pid>/map_files: a link for each mapping of a file, named after its addresses.
 */
#include "fs/file.h"
#include "lib/format.h"
#include "memory/address_space.h"
#include "procfs/procfs_internal.h"

/* A mapping of a file, which has a reference. */
struct mapping {
    user_address start, end;
    struct file *file;
};

/* The first one that begins at an address or above. */
static bool find_mapping(struct process *process, user_address from, struct mapping *mapping)
{
    struct address_space *space = process_space(process);
    struct region_report region = { .end = from };
    bool found = false;

    while (space && !found && address_space_report_next(space, region.end, &region)) {
        found = region.file && region.start >= from;
        if (region.file && !found)
            file_release(region.file);
    }
    if (space)
        address_space_release(space);
    if (found)
        *mapping = (struct mapping){ region.start, region.end, region.file };
    return found;
}

static bool find_exactly(const struct proc_subject *subject, struct mapping *mapping)
{
    if (!find_mapping(subject->process, subject->start, mapping))
        return false;
    if (mapping->start == subject->start && mapping->end == subject->end)
        return true;
    file_release(mapping->file);
    return false;
}

bool proc_next_mapping(struct process *process, user_address from, char name[PROC_MAPPING_NAME],
                       user_address *start)
{
    struct mapping mapping;

    if (!find_mapping(process, from, &mapping))
        return false;
    format(name, PROC_MAPPING_NAME, "%llx-%llx", (unsigned long long)mapping.start,
           (unsigned long long)mapping.end);
    *start = mapping.start;
    file_release(mapping.file);
    return true;
}

/* ---- Names --------------------------------------------------------------------------------- */

/* In the only way to write it: small letters, no zeros in front.  NULL: it is none. */
static const char *parse_address(const char *text, user_address *address)
{
    const char *start = text;

    *address = 0;
    for (; (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f'); text++) {
        if (*address >> 60)
            return NULL;
        *address = *address << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    }
    return text == start || (*start == '0' && text > start + 1) ? NULL : text;
}

int proc_look_up_mapping(const char *name, struct proc_node *node, uint32_t *mode)
{
    struct proc_subject subject;
    struct mapping mapping;
    int error;

    name = parse_address(name, &node->start);
    if (!name || *name != '-')
        return -ENOENT;
    name = parse_address(name + 1, &node->end);
    if (!name || *name)
        return -ENOENT;
    error = proc_subject_of(node, &subject);
    if (error)
        return -ENOENT;
    error = proc_check(node->entry, &subject);
    if (!error && !find_exactly(&subject, &mapping))
        error = -ENOENT;
    proc_subject_release(&subject);
    if (error)
        return error;
    *mode = MODE_LINK | (file_is_readable(mapping.file) ? 0400u : 0) |
            (file_is_writable(mapping.file) ? 0200u : 0);
    file_release(mapping.file);
    return 0;
}

/* ---- Links --------------------------------------------------------------------------------- */

int64_t proc_mapping_target(const struct proc_subject *subject, char *text, size_t size)
{
    struct mapping mapping;

    if (!find_exactly(subject, &mapping))
        return -ENOENT;

    int64_t length = proc_file_target(mapping.file, text, size);

    file_release(mapping.file);
    return length;
}

/* What is mapped may be a file that nobody could open otherwise. */
int proc_mapping_follow(const struct proc_subject *subject, struct path *path)
{
    struct mapping mapping;
    int error;

    if (!current_can(CAPABILITY_ADMINISTRATION))
        return -EPERM;
    if (!find_exactly(subject, &mapping))
        return -ENOENT;
    error = proc_file_follow(mapping.file, path);
    file_release(mapping.file);
    return error;
}

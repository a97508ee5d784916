/*
 * The walk from a text to a name.
 *
 * Symbolic links are followed without recursion: what remains of the text in which a link was met
 * is put on a stack, and the link's target becomes the text.  The component after which nothing
 * remains, with the stack empty, is the last one.
 *
 * Invariant: walk->at always has a reference to its mount and name and is never an absent name;
 * walk->text owns the current text unless that is the caller's.
 */
#include "fs/path.h"

#include "config.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"

/* A text that waits until the target of a link in it has been walked. */
struct waiting_text {
    char *text;
    const char *rest;
};

struct walk {
    const struct fs_context *context;
    struct path root;              /* ".." stops here; no references */
    struct path at;
    char *text;                    /* owned, or NULL */
    const char *rest;              /* what remains of the current text */
    uint32_t flags;
    unsigned links_followed;
    uint64_t moves;                /* name_moves() at the beginning */
    bool wants_parent;             /* stop before the last component */
    bool must_be_directory;        /* the last component had a slash behind it */
    unsigned depth;                /* used entries of `waiting` */
    struct waiting_text waiting[SYMLINKS_MAX];
};

struct inode *path_inode(const struct path *path)
{
    return path->name->inode;
}

void path_reference(const struct path *path)
{
    if (path->mount)
        mount_reference(path->mount);
    if (path->name)
        name_reference(path->name);
}

void path_release(struct path *path)
{
    if (path->name)
        name_release(path->name);
    if (path->mount)
        mount_release(path->mount);
    *path = (struct path){ NULL, NULL };
}

void fs_context_release(struct fs_context *context)
{
    path_release(&context->root);
    path_release(&context->working_directory);
}

/* ---- Beginning and end --------------------------------------------------------------------- */

static void free_text(char *text)
{
    if (text)
        memory_free(text, PATH_MAX);
}

static void free_texts(struct walk *walk)
{
    free_text(walk->text);
    walk->text = NULL;
    while (walk->depth > 0)
        free_text(walk->waiting[--walk->depth].text);
}

static void move_to(struct walk *walk, struct path path)
{
    path_release(&walk->at);
    walk->at = path;
}

static void move_to_root(struct walk *walk)
{
    path_reference(&walk->root);
    move_to(walk, walk->root);
}

/* Where the text begins.  The text is not empty, or the flags allow that. */
static int begin(struct walk *walk, const struct path *start, const char *text)
{
    const struct path *base = start ? start : &walk->context->working_directory;
    bool confined = (walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) != 0;

    walk->rest = text;
    walk->moves = name_moves();
    walk->root = confined ? *base : walk->context->root;
    if (text[0] == '/' && (walk->flags & LOOKUP_BENEATH))
        return -EXDEV;
    walk->at = text[0] == '/' ? walk->root : *base;
    path_reference(&walk->at);
    if (text[0] && text[0] != '/' && !inode_is_directory(path_inode(&walk->at)))
        return -ENOTDIR;
    return 0;
}

/* ---- Links --------------------------------------------------------------------------------- */

static int enter_link_text(struct walk *walk, char *target)
{
    bool absolute = target[0] == '/';

    if (*walk->rest != '\0') {
        ASSERT(walk->depth < SYMLINKS_MAX);
        walk->waiting[walk->depth++] =
            (struct waiting_text){ .text = walk->text, .rest = walk->rest };
    } else {
        free_text(walk->text);
    }
    walk->text = target;
    walk->rest = target;
    if (absolute && (walk->flags & LOOKUP_BENEATH))
        return -EXDEV;
    if (absolute && !path_equal(&walk->at, &walk->root)) {
        if ((walk->flags & LOOKUP_NO_MOUNTS) && walk->at.mount != walk->root.mount)
            return -EXDEV;
        move_to_root(walk);
    }
    return 0;
}

static int follow_text(struct walk *walk, struct inode *link)
{
    char *target = memory_allocate(PATH_MAX);
    int64_t length;

    if (!target)
        return -ENOMEM;
    length = link->operations->read_link(link, target, PATH_MAX - 1);
    if (length > 0) {
        target[length] = '\0';
        inode_note_accessed(link);
        return enter_link_text(walk, target);
    }
    free_text(target);
    return length < 0 ? (int)length : -ENOENT;
}

static int follow_magic(struct walk *walk, struct inode *link)
{
    struct path path;
    int error;

    if (walk->flags & LOOKUP_NO_MAGIC_LINKS)
        return -ELOOP;
    if (walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT))
        return -EXDEV;
    error = link->operations->follow(link, &path.mount, &path.name);
    if (error)
        return error;
    if ((walk->flags & LOOKUP_NO_MOUNTS) && path.mount != walk->at.mount) {
        path_release(&path);
        return -EXDEV;
    }
    move_to(walk, path);
    return 0;
}

/* walk->at is the directory that contains the link. */
static int follow(struct walk *walk, struct inode *link)
{
    if (walk->links_followed++ >= SYMLINKS_MAX || (walk->flags & LOOKUP_NO_SYMLINKS))
        return -ELOOP;
    if (link->operations->follow)
        return follow_magic(walk, link);
    if (link->operations->read_link)
        return follow_text(walk, link);
    return -EINVAL;
}

/* ---- Components ---------------------------------------------------------------------------- */

static int step_to_parent(struct walk *walk)
{
    struct path parent;

    for (;;) {
        if (path_equal(&walk->at, &walk->root))
            return walk->flags & LOOKUP_BENEATH ? -EXDEV : 0;
        if (walk->at.name != walk->at.mount->root)
            break;
        if (walk->flags & LOOKUP_NO_MOUNTS)
            return -EXDEV;
        if (!mount_cross_up(&walk->at))
            return 0;
    }
    parent = (struct path){ .mount = walk->at.mount, .name = name_parent(walk->at.name) };
    mount_reference(parent.mount);
    move_to(walk, parent);
    /* The way up may no longer be the one that led down: then it could lead past the root. */
    if ((walk->flags & (LOOKUP_BENEATH | LOOKUP_IN_ROOT)) && name_moves() != walk->moves)
        return -EAGAIN;
    if (mount_cross_down(&walk->at) && (walk->flags & LOOKUP_NO_MOUNTS))
        return -EXDEV;
    return 0;
}

/* The name of a component of the directory `parent`, which may be absent. */
static int find_name(struct name *parent, struct component component, struct name **name)
{
    struct inode *directory = parent->inode;
    int error;

    if (component.length > NAME_MAX)
        return -ENAMETOOLONG;
    *name = name_find(parent, component, name_directory_stamp(parent));
    if (*name)
        return 0;
    mutex_lock(&directory->lock);
    error = name_look_up(parent, component, name);
    mutex_unlock(&directory->lock);
    return error;
}

static int step_down(struct walk *walk, struct component component, bool follow_link)
{
    struct path next = { .mount = walk->at.mount, .name = NULL };
    int error = find_name(walk->at.name, component, &next.name);

    if (error)
        return error;
    if (!next.name->inode) {
        name_release(next.name);
        return -ENOENT;
    }
    mount_reference(next.mount);
    if (mount_cross_down(&next) && (walk->flags & LOOKUP_NO_MOUNTS)) {
        path_release(&next);
        return -EXDEV;
    }
    if (follow_link && inode_type(path_inode(&next)) == MODE_LINK) {
        error = follow(walk, path_inode(&next));
        path_release(&next);
        return error;
    }
    move_to(walk, next);
    return 0;
}

static enum last_component kind_of(struct component component)
{
    if (component.length == 1 && component.text[0] == '.')
        return LAST_DOT;
    if (component.length == 2 && component.text[0] == '.' && component.text[1] == '.')
        return LAST_DOT_DOT;
    return LAST_ORDINARY;
}

static const char *skip_slashes(const char *text)
{
    while (*text == '/')
        text++;
    return text;
}

/* Takes the next component off the text.  False when the text, and all that waited, is done. */
static bool next_component(struct walk *walk, struct component *component, bool *slash_behind)
{
    const char *end;

    walk->rest = skip_slashes(walk->rest);
    while (*walk->rest == '\0' && walk->depth > 0) {
        struct waiting_text *waiting = &walk->waiting[--walk->depth];

        free_text(walk->text);
        walk->text = waiting->text;
        walk->rest = skip_slashes(waiting->rest);
    }
    if (*walk->rest == '\0')
        return false;
    for (end = walk->rest; *end != '\0' && *end != '/'; end++)
        continue;
    *component = (struct component){ walk->rest, (uint32_t)(end - walk->rest) };
    *slash_behind = *end == '/';
    walk->rest = skip_slashes(end);
    return true;
}

static int step(struct walk *walk, struct component component, bool is_last)
{
    switch (kind_of(component)) {
    case LAST_DOT:
        return 0;
    case LAST_DOT_DOT:
        return step_to_parent(walk);
    case LAST_ORDINARY:
        return step_down(walk, component,
                         !is_last || walk->must_be_directory || (walk->flags & LOOKUP_FOLLOW));
    case LAST_ROOT:
        break;
    }
    UNREACHABLE();
}

/* Walks to the end, or with wants_parent up to the last component, which is put into *last. */
static int run(struct walk *walk, struct component *last)
{
    struct component component;
    bool slash_behind;
    int error = 0;

    while (!error && next_component(walk, &component, &slash_behind)) {
        struct inode *directory = path_inode(&walk->at);
        bool is_last = *walk->rest == '\0' && walk->depth == 0;

        if (!inode_is_directory(directory))
            return -ENOTDIR;
        error = inode_permission(directory, &walk->context->credentials, PERMISSION_EXECUTE);
        if (error)
            return error;
        if (is_last)
            walk->must_be_directory |= slash_behind;
        if (is_last && walk->wants_parent) {
            *last = component;
            return 0;
        }
        error = step(walk, component, is_last);
    }
    return error;
}

/* -ENOENT, -ENAMETOOLONG, or 0. */
static int check_text(const char *text, uint32_t flags)
{
    if (text[0] == '\0' && !(flags & LOOKUP_EMPTY_PATH))
        return -ENOENT;
    return text_length_bounded(text, PATH_MAX) >= PATH_MAX ? -ENAMETOOLONG : 0;
}

int path_walk(const struct fs_context *context, const struct path *start, const char *text,
              uint32_t flags, struct path *result)
{
    struct walk walk = { .context = context, .flags = flags };
    struct component last;
    int error = check_text(text, flags);

    if (error)
        return error;
    error = begin(&walk, start, text);
    if (!error)
        error = run(&walk, &last);
    free_texts(&walk);
    if (!error && ((flags & LOOKUP_DIRECTORY) || walk.must_be_directory) &&
        !inode_is_directory(path_inode(&walk.at)))
        error = -ENOTDIR;
    if (error) {
        path_release(&walk.at);
        return error;
    }
    *result = walk.at;
    return 0;
}

/* ---- Parents ------------------------------------------------------------------------------- */

/* Moves what a walk up to the last component found into *parent, or releases it all. */
static int finish_parent(struct walk *walk, int error, struct component last,
                         struct path_parent *parent)
{
    *parent = (struct path_parent){
        .directory = walk->at,
        .last = last.length > 0 ? kind_of(last) : LAST_ROOT,
        .slash_at_end = walk->must_be_directory,
        .component = last,
        .storage = walk->text,
        .root = walk->root,
        .flags = walk->flags,
        .links_followed = walk->links_followed,
        .moves = walk->moves,
    };
    walk->text = NULL;
    free_texts(walk);
    if (error)
        path_parent_release(parent);
    return error;
}

int path_walk_parent(const struct fs_context *context, const struct path *start,
                     const char *text, uint32_t flags, struct path_parent *parent)
{
    struct walk walk = { .context = context, .flags = flags, .wants_parent = true };
    struct component last = { NULL, 0 };
    int error = check_text(text, flags & ~(uint32_t)LOOKUP_EMPTY_PATH);

    if (error)
        return error;
    error = begin(&walk, start, text);
    if (!error)
        error = run(&walk, &last);
    return finish_parent(&walk, error, last, parent);
}

int path_parent_follow(const struct fs_context *context, struct path_parent *parent,
                       const struct path *link, bool *jumped)
{
    struct walk walk = {
        .context = context,
        .root = parent->root,
        .at = parent->directory,
        .text = parent->storage,
        .rest = "",
        .flags = parent->flags,
        .links_followed = parent->links_followed,
        .moves = parent->moves,
        .wants_parent = true,
        .must_be_directory = parent->slash_at_end,
    };
    struct inode *inode = path_inode(link);
    struct component last = { NULL, 0 };
    int error = follow(&walk, inode);

    *jumped = !error && inode->operations->follow;
    if (!error && !*jumped)
        error = run(&walk, &last);
    return finish_parent(&walk, error, last, parent);
}

void path_parent_release(struct path_parent *parent)
{
    path_release(&parent->directory);
    free_text(parent->storage);
    parent->storage = NULL;
}

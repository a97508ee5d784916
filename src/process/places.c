/* Root, working directory and umask, shared by threads through references. */
#include "process/places.h"

#include "fs/mount.h"
#include "fs/path.h"
#include "lib/container.h"
#include "lib/list.h"
#include "lib/refcount.h"
#include "memory/pool.h"
#include "sync/spinlock.h"

struct places {
    struct refcount references;
    struct spinlock lock;    /* RANK_PLACES */
    struct list node;        /* all that there are; protected by their lock */

    /* Protected by `lock`. */
    struct path root, working_directory;
    uint32_t umask;
};

static struct pool places_pool = POOL_INITIAL("places", struct places, 0);

static struct {
    struct spinlock lock;

    /* Protected by `lock`. */
    struct list list;
} all = {
    .lock = SPINLOCK_INITIAL(RANK_PROCESS_TABLE, "all places"),
    .list = LIST_INITIAL(all.list),
};

int places_create(const struct path *root, const struct path *working_directory, uint32_t umask,
                  struct places **places)
{
    struct places *new = pool_allocate(&places_pool);

    if (!new)
        return -ENOMEM;
    refcount_init(&new->references, 1);
    spin_init(&new->lock, RANK_PLACES, "places");
    new->root = *root;
    new->working_directory = *working_directory;
    new->umask = umask;
    list_init(&new->node);
    spin_lock(&all.lock);
    list_append(&all.list, &new->node);
    spin_unlock(&all.lock);
    *places = new;
    return 0;
}

int places_copy(struct places *source, struct places **copy)
{
    struct fs_context context;
    int error;

    places_read(source, &context);
    error = places_create(&context.root, &context.working_directory, context.umask, copy);
    if (error)
        fs_context_release(&context);
    return error;
}

void places_reference(struct places *places)
{
    refcount_take(&places->references);
}

void places_release(struct places *places)
{
    if (!refcount_drop(&places->references))
        return;
    spin_lock(&all.lock);
    list_remove(&places->node);
    spin_unlock(&all.lock);
    path_release(&places->root);
    path_release(&places->working_directory);
    pool_free(&places_pool, places);
}

bool places_are_shared(const struct places *places)
{
    return refcount_value(&places->references) > 1;
}

void places_read(struct places *places, struct fs_context *context)
{
    spin_lock(&places->lock);
    context->root = places->root;
    context->working_directory = places->working_directory;
    context->umask = places->umask;
    path_reference(&context->root);
    path_reference(&context->working_directory);
    spin_unlock(&places->lock);
}

void places_set_working_directory(struct places *places, const struct path *path)
{
    spin_lock(&places->lock);

    struct path before = places->working_directory;

    places->working_directory = *path;
    spin_unlock(&places->lock);
    path_release(&before);
}

void places_set_root(struct places *places, const struct path *path)
{
    spin_lock(&places->lock);

    struct path before = places->root;

    places->root = *path;
    spin_unlock(&places->lock);
    path_release(&before);
}

int places_enter_copy(struct places *places, uint64_t from, uint64_t to)
{
    struct fs_context context;

    places_read(places, &context);

    struct path paths[MOUNT_SPACE_PATHS] = { context.root, context.working_directory };
    int error = mount_space_copy(from, to, paths);

    if (error) {
        fs_context_release(&context);
        return error;
    }
    places_set_root(places, &paths[0]);
    places_set_working_directory(places, &paths[1]);
    return 0;
}

/* How often it was there. */
static unsigned replace(struct path *place, const struct path *old, const struct path *new)
{
    if (!path_equal(place, old))
        return 0;
    path_reference(new);
    *place = *new;
    return 1;
}

void places_replace(const struct path *old, const struct path *new)
{
    unsigned count = 0;

    spin_lock(&all.lock);
    LIST_FOR_EACH(node, &all.list) {
        struct places *places = LIST_ENTRY(node, struct places, node);

        spin_lock(&places->lock);
        count += replace(&places->root, old, new);
        count += replace(&places->working_directory, old, new);
        spin_unlock(&places->lock);
    }
    spin_unlock(&all.lock);
    for (; count > 0; count--) {
        struct path reference = *old;

        path_release(&reference);
    }
}

uint32_t places_set_umask(struct places *places, uint32_t umask)
{
    spin_lock(&places->lock);

    uint32_t before = places->umask;

    places->umask = umask;
    spin_unlock(&places->lock);
    return before;
}

/*
 * The directory cache: a hash table of names, and the list of those that nobody uses.
 *
 * Names are counted by an atomic number that becomes 0 only with the lock held, so that taking
 * and dropping a reference to a name in use costs no lock.  What is freed is collected on a
 * list first and let go after the lock, since the inode's end may sleep; a parent that loses
 * its last child this way joins the same list: no recursion, however deep the directories.
 */
#include "fs/directory_cache.h"

#include "config.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "sync/spinlock.h"

#define BUCKETS 8192u
#define HANDLE_BUCKETS 256u
#define SHRINK_NAMES 64u    /* freed when there is no memory for one more */

static struct {
    struct spinlock lock;

    /* Protected by `lock`. */
    struct list unused;              /* oldest first */
    size_t unused_count;
    uint64_t last_id;
} cache = {
    .lock = SPINLOCK_INITIAL(RANK_DIRECTORY_CACHE, "directory cache"),
    .unused = LIST_INITIAL(cache.unused),
};
static struct list buckets[BUCKETS];    /* Protected by cache.lock; all zero: not used yet. */

static struct list handles[HANDLE_BUCKETS];    /* the same, by the numbers of inodes */

static struct pool name_pool = POOL_INITIAL("name", struct name, 0);

static struct list *bucket_of(const struct name *parent, struct component component)
{
    uint64_t hash = parent->id * UINT64_C(0x9e3779b97f4a7c15);
    struct list *bucket;

    for (uint32_t i = 0; i < component.length; i++)
        hash = (hash ^ (uint8_t)component.text[i]) * UINT64_C(0x100000001b3);
    bucket = &buckets[(hash ^ (hash >> 32)) % BUCKETS];
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

static struct component name_component(const struct name *name)
{
    return (struct component){ .text = name->text, .length = name->length };
}

static void hash_name(struct name *name)
{
    list_prepend(bucket_of(name->parent, name_component(name)), &name->hash_node);
}

static void unlink_node(struct list *node)
{
    if (list_is_linked(node))
        list_remove(node);
}

static void unhash_name(struct name *name)
{
    unlink_node(&name->hash_node);
}

/* ---- Making and freeing -------------------------------------------------------------------- */

/* A name with one reference that is on no list yet; takes a reference to the parent. */
static int create_name(struct filesystem *filesystem, struct name *parent,
                       struct component component, struct name **result)
{
    struct name *name = pool_allocate(&name_pool);

    if (!name && directory_cache_shrink(SHRINK_NAMES) > 0)
        name = pool_allocate(&name_pool);
    if (!name)
        return -ENOMEM;
    name->text = name->short_text;
    if (component.length >= NAME_SHORT_SIZE) {
        name->text = memory_allocate(component.length + 1);
        if (!name->text) {
            pool_free(&name_pool, name);
            return -ENOMEM;
        }
    }
    memcpy(name->text, component.text, component.length);
    name->length = component.length;
    name->filesystem = filesystem;
    name->parent = parent;
    if (parent)
        name_reference(parent);
    atomic_init(&name->references, 1);
    list_init(&name->hash_node);
    list_init(&name->unused_node);
    list_init(&name->handle_node);

    spin_lock(&cache.lock);
    name->id = ++cache.last_id;
    spin_unlock(&cache.lock);
    *result = name;
    return 0;
}

int name_create_root(struct filesystem *filesystem, struct name **name)
{
    int error = create_name(filesystem, NULL, (struct component){ "", 0 }, name);

    if (error)
        return error;
    (*name)->inode = filesystem->root;
    inode_reference(filesystem->root);
    return 0;
}

int name_create_hidden(struct name *parent, struct component component, struct inode *inode,
                       struct name **name)
{
    int error = create_name(parent->filesystem, parent, component, name);

    if (error)
        return error;
    (*name)->inode = inode;
    inode_reference(inode);
    return 0;
}

static void free_name(struct name *name)
{
    if (name->text != name->short_text)
        memory_free(name->text, name->length + 1u);
    pool_free(&name_pool, name);
}

/* Nobody finds it any more, and it is to be freed; the lock is held. */
static void doom(struct name *name, struct list *doomed)
{
    unhash_name(name);
    unlink_node(&name->handle_node);
    list_append(doomed, &name->unused_node);
}

/* Takes it off the list of unused ones to free it; the lock is held. */
static void doom_unused(struct name *name, struct list *doomed)
{
    ASSERT(name->references == 0);
    list_remove(&name->unused_node);
    cache.unused_count--;
    doom(name, doomed);
}

/* Drops a reference; what must be freed goes on `doomed`. */
static void drop_reference(struct name *name, struct list *doomed)
{
    uint32_t count = atomic_load_explicit(&name->references, memory_order_relaxed);

    while (count > 1) {
        if (atomic_compare_exchange_weak_explicit(&name->references, &count, count - 1,
                                                  memory_order_release, memory_order_relaxed))
            return;
    }
    spin_lock(&cache.lock);
    count = atomic_fetch_sub_explicit(&name->references, 1, memory_order_acq_rel);
    ASSERT(count > 0);
    /* Without a stamp nobody would find it good again. */
    if (count == 1 && (!list_is_linked(&name->hash_node) || name->stamp == 0)) {
        doom(name, doomed);
    } else if (count == 1) {
        list_append(&cache.unused, &name->unused_node);
        cache.unused_count++;
        if (cache.unused_count > DIRECTORY_CACHE_MAX)
            doom_unused(LIST_ENTRY(list_first(&cache.unused), struct name, unused_node), doomed);
    }
    spin_unlock(&cache.lock);
}

static size_t free_doomed(struct list *doomed)
{
    struct list *node;
    size_t freed = 0;

    while ((node = list_take_first(doomed))) {
        struct name *name = LIST_ENTRY(node, struct name, unused_node);
        struct name *parent = name->parent;
        struct inode *inode = name->inode;

        free_name(name);
        freed++;
        if (inode && inode->links == 0)
            notify_gone(inode);
        if (inode)
            inode_release(inode);
        if (parent)
            drop_reference(parent, doomed);
    }
    return freed;
}

void name_reference(struct name *name)
{
    uint32_t before = atomic_fetch_add_explicit(&name->references, 1, memory_order_relaxed);

    ASSERT(before > 0);
}

void name_release(struct name *name)
{
    struct list doomed = LIST_INITIAL(doomed);

    drop_reference(name, &doomed);
    free_doomed(&doomed);
}

/* For names found on the cache's lists; the lock is held. */
static void reference_found(struct name *name)
{
    if (atomic_fetch_add_explicit(&name->references, 1, memory_order_relaxed) == 0) {
        list_remove(&name->unused_node);
        cache.unused_count--;
    }
}

/* ---- Looking up ---------------------------------------------------------------------------- */

/* The lock is held; no reference is taken. */
static struct name *search(const struct name *parent, struct component component)
{
    LIST_FOR_EACH(node, bucket_of(parent, component)) {
        struct name *name = LIST_ENTRY(node, struct name, hash_node);

        if (name->parent == parent && name->length == component.length &&
            memcmp(name->text, component.text, component.length) == 0)
            return name;
    }
    return NULL;
}

static struct name *search_referenced(const struct name *parent, struct component component,
                                      uint64_t *stamp)
{
    struct name *name;

    spin_lock(&cache.lock);
    name = search(parent, component);
    if (name) {
        reference_found(name);
        *stamp = name->stamp;
    }
    spin_unlock(&cache.lock);
    return name;
}

static bool is_good(const struct name *name, uint64_t name_stamp, uint64_t stamp)
{
    const struct inode *inode = name->inode;

    if (name->mounts > 0)
        return true;
    if (stamp == 0 || name_stamp != stamp)
        return false;
    return !inode || !inode->operations->is_valid || inode->operations->is_valid(name->inode);
}

struct name *name_find(struct name *parent, struct component component, uint64_t stamp)
{
    uint64_t name_stamp;
    struct name *name = search_referenced(parent, component, &name_stamp);

    if (name && !is_good(name, name_stamp, stamp)) {
        name_release(name);
        return NULL;
    }
    return name;
}

uint64_t name_directory_stamp(const struct name *directory)
{
    struct inode *inode = directory->inode;

    return inode->operations->stamp ? inode->operations->stamp(inode) : 1;
}

/* Asks the filesystem; an absent name is a success.  *inode is NULL then. */
static int ask_filesystem(struct inode *directory, const char *text, struct inode **inode)
{
    int error;

    *inode = NULL;
    if (!directory->operations->lookup)
        return -ENOTDIR;
    error = directory->operations->lookup(directory, text, inode);
    if (error == -ENOENT) {
        *inode = NULL;
        return 0;
    }
    return error;
}

/* Puts a name that was just looked up into the table, instead of a stale one of the same text. */
static void publish(struct name *name, struct name *stale)
{
    spin_lock(&cache.lock);
    if (stale)
        unhash_name(stale);
    if (name->inode || name->filesystem->keeps_absent_names)
        hash_name(name);
    spin_unlock(&cache.lock);
}

static void refresh(struct name *name, uint64_t stamp)
{
    spin_lock(&cache.lock);
    name->stamp = stamp;
    spin_unlock(&cache.lock);
}

int name_look_up(struct name *parent, struct component component, struct name **result)
    REQUIRES(&parent->inode->lock)
{
    struct inode *directory = parent->inode;
    uint64_t stamp = name_directory_stamp(parent);
    uint64_t old_stamp;
    struct name *name, *old;
    int error;

    ASSERT(mutex_is_held(&directory->lock));
    if (directory->links == 0)
        return -ENOENT;
    old = search_referenced(parent, component, &old_stamp);
    if (old && is_good(old, old_stamp, stamp)) {
        *result = old;
        return 0;
    }
    error = create_name(parent->filesystem, parent, component, &name);
    if (error)
        goto release_old;
    name->stamp = stamp;
    error = ask_filesystem(directory, name->text, &name->inode);
    if (error) {
        name_release(name);
        goto release_old;
    }
    if (old && old->inode == name->inode) {
        refresh(old, stamp);
        name_release(name);
        *result = old;
        return 0;
    }
    publish(name, old);
    *result = name;

release_old:
    if (old)
        name_release(old);
    return error;
}

struct name *name_parent(struct name *name)
{
    struct name *parent;

    spin_lock(&cache.lock);
    parent = name->parent ? name->parent : name;
    name_reference(parent);
    spin_unlock(&cache.lock);
    return parent;
}

bool name_is_within(struct name *name, const struct name *ancestor)
{
    const struct name *at = name;

    spin_lock(&cache.lock);
    while (at && at != ancestor)
        at = at->parent;
    spin_unlock(&cache.lock);
    return at != NULL;
}

/* ---- Changes ------------------------------------------------------------------------------- */

void name_set_inode(struct name *name, struct inode *inode)
{
    inode_reference(inode);
    spin_lock(&cache.lock);
    ASSERT(!name->inode);
    name->inode = inode;
    if (!list_is_linked(&name->hash_node))
        hash_name(name);
    spin_unlock(&cache.lock);
}

void name_remove(struct name *name)
{
    spin_lock(&cache.lock);
    unhash_name(name);
    spin_unlock(&cache.lock);
}

/* Exchanges the texts.  Short ones live in the names themselves. */
static void exchange_texts(struct name *a, struct name *b)
{
    struct name copy = *a;

    a->text = b->text == b->short_text ? a->short_text : b->text;
    a->length = b->length;
    memcpy(a->short_text, b->short_text, NAME_SHORT_SIZE);
    b->text = copy.text == a->short_text ? b->short_text : copy.text;
    b->length = copy.length;
    memcpy(b->short_text, copy.short_text, NAME_SHORT_SIZE);
}

static _Atomic uint64_t moves;

uint64_t name_moves(void)
{
    return atomic_load(&moves);
}

void name_note_move(void)
{
    atomic_fetch_add(&moves, 1);
}

void name_move(struct name *name, struct name *target, bool exchange)
{
    struct name *parent;

    spin_lock(&cache.lock);
    name_note_move();    /* not before: a walk that began in between would miss it */
    unhash_name(name);
    unhash_name(target);
    parent = name->parent;
    name->parent = target->parent;
    target->parent = parent;
    exchange_texts(name, target);
    hash_name(name);
    if (exchange)
        hash_name(target);
    spin_unlock(&cache.lock);
}

bool name_is_removed(struct name *name)
{
    bool removed;

    spin_lock(&cache.lock);
    removed = name->parent && !list_is_linked(&name->hash_node);
    spin_unlock(&cache.lock);
    return removed;
}

/* ---- Shrinking ----------------------------------------------------------------------------- */

size_t directory_cache_shrink(size_t count)
{
    struct list doomed = LIST_INITIAL(doomed);

    spin_lock(&cache.lock);
    for (size_t i = 0; i < count && !list_is_empty(&cache.unused); i++)
        doom_unused(LIST_ENTRY(list_first(&cache.unused), struct name, unused_node), &doomed);
    spin_unlock(&cache.lock);
    return free_doomed(&doomed);
}

/* One round: freeing a directory's last name makes the directory itself unused. */
static size_t forget_round(const struct filesystem *filesystem)
{
    struct list doomed = LIST_INITIAL(doomed);

    spin_lock(&cache.lock);
    LIST_FOR_EACH_SAFE(node, following, &cache.unused) {
        struct name *name = LIST_ENTRY(node, struct name, unused_node);

        if (name->filesystem == filesystem)
            doom_unused(name, &doomed);
    }
    spin_unlock(&cache.lock);
    return free_doomed(&doomed);
}

void directory_cache_forget(struct filesystem *filesystem)
{
    while (forget_round(filesystem) > 0)
        continue;
}

size_t directory_cache_unused(void)
{
    size_t count;

    spin_lock(&cache.lock);
    count = cache.unused_count;
    spin_unlock(&cache.lock);
    return count;
}

/* ---- Handles ------------------------------------------------------------------------------- */

static struct list *handles_of(uint64_t number)
{
    struct list *bucket = &handles[number % HANDLE_BUCKETS];

    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

/* The lock is held; no reference is taken. */
static struct name *search_handle(const struct filesystem *filesystem, uint64_t number)
{
    LIST_FOR_EACH(node, handles_of(number)) {
        struct name *name = LIST_ENTRY(node, struct name, handle_node);

        if (name->filesystem == filesystem && name->inode->number == number)
            return name;
    }
    return NULL;
}

void name_note_handle(struct name *name)
{
    spin_lock(&cache.lock);
    if (!list_is_linked(&name->handle_node))
        list_append(handles_of(name->inode->number), &name->handle_node);
    spin_unlock(&cache.lock);
}

struct name *name_find_by_inode(const struct filesystem *filesystem, uint64_t number)
{
    spin_lock(&cache.lock);
    struct name *name = search_handle(filesystem, number);

    if (name)
        reference_found(name);
    spin_unlock(&cache.lock);
    return name;
}

/* ---- Text ---------------------------------------------------------------------------------- */

int64_t name_prepend_text(struct name *name, struct name_text_request *request)
{
    int64_t error = 0;

    request->stopped = false;
    spin_lock(&cache.lock);
    for (const struct name *at = name; !error; at = at->parent) {
        if (at == request->stop) {
            request->stopped = true;
            break;
        }
        if (!at->parent)
            break;
        if (request->end < at->length + 1u) {
            error = -ENAMETOOLONG;
        } else {
            request->end -= at->length;
            memcpy(request->text + request->end, at->text, at->length);
            request->text[--request->end] = '/';
        }
    }
    spin_unlock(&cache.lock);
    return error ? error : (int64_t)request->end;
}

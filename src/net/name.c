/*
 * Names of sockets: files, abstract names, and the list of all sockets.
 *
 * A socket whose name is a file is found through the file's inode; an abstract name through a hash
 * table, where names of sockets of different types or namespaces do not meet.
 *
 * Invariant: a name is set once, under the socket's bind_lock, when the socket can be found by it
 * already; inode->socket, with the inode locked, and the table name sockets that are not closed.
 */
#include "fs/attributes.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/path.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/pool.h"
#include "net/net_internal.h"

#define BUCKETS 256u
#define AUTOMATIC_NAMES 0x100000u    /* five hexadecimal digits */

static struct pool bound_pool = POOL_INITIAL("socket name", struct bound_name, 0);

static struct {
    struct spinlock lock;    /* RANK_SOCKET_NAMES */

    /* Protected by `lock`. */
    struct list buckets[BUCKETS];    /* initialised when first used, as the next one */
    struct list all;
    uint32_t last_automatic;
} names = { .lock = SPINLOCK_INITIAL(RANK_SOCKET_NAMES, "socket names") };

/* ---- All of them --------------------------------------------------------------------------- */

void socket_list_add(struct socket *socket)
{
    spin_lock(&names.lock);
    if (!names.all.next)
        list_init(&names.all);
    list_append(&names.all, &socket->all_node);
    spin_unlock(&names.lock);
}

void socket_list_remove(struct socket *socket)
{
    spin_lock(&names.lock);
    list_remove(&socket->all_node);
    spin_unlock(&names.lock);
}

#define SHOWN_LISTENING 0x10000u    /* __SO_ACCEPTCON */

/* SS_UNCONNECTED and SS_CONNECTED; one less for those that are not accepted yet. */
static uint32_t shown_state(struct socket *socket)
{
    bool is_connected = socket_state(socket) == SOCKET_CONNECTED;

    if (socket->inode_number == 0)
        return is_connected ? 2 : 4;
    return is_connected ? 3 : 1;
}

void socket_for_each(uint64_t space, void (*visit)(const struct socket_view *view, void *context),
                     void *context)
{
    spin_lock(&names.lock);
    for (struct list *node = names.all.next; node && node != &names.all; node = node->next) {
        struct socket *socket = LIST_ENTRY(node, struct socket, all_node);
        struct socket_view view = {
            .id = socket->id,
            .inode_number = socket->inode_number,
            .references = refcount_value(&socket->references),
            .flags = socket_state(socket) == SOCKET_LISTENING ? SHOWN_LISTENING : 0,
            .type = socket->type,
            .state = shown_state(socket),
        };

        if (socket->space != space)
            continue;
        socket_copy_name(socket, &view.name);
        visit(&view, context);
    }
    spin_unlock(&names.lock);
}

/* ---- Names as objects ---------------------------------------------------------------------- */

void bound_name_release(struct bound_name *bound)
{
    if (refcount_drop(&bound->references))
        pool_free(&bound_pool, bound);
}

static struct bound_name *create_bound(const struct socket_name *name)
{
    struct bound_name *bound = pool_allocate(&bound_pool);

    if (bound) {
        refcount_init(&bound->references, 1);
        bound->name = *name;
    }
    return bound;
}

void socket_copy_name(struct socket *socket, struct socket_name *name)
{
    const struct bound_name *bound = atomic_load_explicit(&socket->bound, memory_order_acquire);

    if (bound)
        *name = bound->name;
    else
        name->length = 0;
}

void socket_share_name(struct socket *socket, struct socket *listener)
{
    struct bound_name *bound = atomic_load(&listener->bound);

    ASSERT(bound);
    ASSERT(!atomic_load(&socket->bound));
    refcount_take(&bound->references);
    atomic_store(&socket->bound, bound);
}

static bool has_name(struct socket *socket)
{
    return atomic_load_explicit(&socket->bound, memory_order_acquire) != NULL;
}

/* ---- Abstract names ------------------------------------------------------------------------ */

static struct list *bucket_of(enum socket_type type, const struct socket_name *name)
    REQUIRES(&names.lock)
{
    uint32_t hash = (uint32_t)type;
    struct list *bucket;

    ASSERT(spin_is_held(&names.lock));
    for (uint32_t i = 0; i < name->length; i++)
        hash = hash * 31 + (unsigned char)name->bytes[i];
    bucket = &names.buckets[(hash ^ hash >> 8 ^ hash >> 16) % BUCKETS];
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

/* Of the type and namespace of `like`.  The table is locked. */
static struct socket *find_abstract(const struct socket *like, const struct socket_name *name)
    REQUIRES(&names.lock)
{
    LIST_FOR_EACH(node, bucket_of(like->type, name)) {
        struct socket *socket = LIST_ENTRY(node, struct socket, name_node);
        const struct bound_name *bound = atomic_load(&socket->bound);

        if (socket->type == like->type && socket->space == like->space &&
            bound->name.length == name->length &&
            memcmp(bound->name.bytes, name->bytes, name->length) == 0)
            return socket;
    }
    return NULL;
}

/* Takes the name over if it succeeds; bind_lock is held. */
static int bind_abstract(struct socket *socket, struct bound_name *bound)
    REQUIRES(&socket->bind_lock)
{
    int error = -EADDRINUSE;

    ASSERT(mutex_is_held(&socket->bind_lock));
    spin_lock(&names.lock);
    if (!find_abstract(socket, &bound->name)) {
        atomic_store_explicit(&socket->bound, bound, memory_order_release);
        list_append(bucket_of(socket->type, &bound->name), &socket->name_node);
        error = 0;
    }
    spin_unlock(&names.lock);
    return error;
}

static void next_automatic_name(struct socket_name *name)
{
    uint32_t number;

    spin_lock(&names.lock);
    number = names.last_automatic = (names.last_automatic + 1) % AUTOMATIC_NAMES;
    spin_unlock(&names.lock);
    name->bytes[0] = '\0';
    name->length = 1 + (uint32_t)format(name->bytes + 1, sizeof(name->bytes) - 1, "%05x", number);
}

static int bind_automatically_locked(struct socket *socket) REQUIRES(&socket->bind_lock)
{
    const struct socket_name none = { .length = 0 };
    struct bound_name *bound;
    int error = -EADDRINUSE;

    if (has_name(socket))
        return 0;
    bound = create_bound(&none);
    if (!bound)
        return -ENOMEM;
    for (uint32_t tries = 0; tries < AUTOMATIC_NAMES && error; tries++) {
        next_automatic_name(&bound->name);
        error = bind_abstract(socket, bound);
    }
    if (error)
        bound_name_release(bound);
    return error ? -ENOSPC : 0;
}

/* -ENOMEM, -ENOSPC. */
static int bind_automatically(struct socket *socket)
{
    int error;

    mutex_lock(&socket->bind_lock);
    error = bind_automatically_locked(socket);
    mutex_unlock(&socket->bind_lock);
    return error;
}

int socket_bind_for_credentials(struct socket *socket)
{
    if (!atomic_load(&socket->options.pass_credentials) || has_name(socket))
        return 0;
    return bind_automatically(socket);
}

/* ---- Names that are files ------------------------------------------------------------------ */

static void occupy(struct socket *socket, const struct path *path, struct bound_name *bound)
{
    struct inode *inode = path_inode(path);

    mutex_lock(&inode->lock);
    inode->socket = socket;
    mutex_unlock(&inode->lock);
    spin_lock(&socket->lock);
    socket->bound_path = *path;
    atomic_store_explicit(&socket->bound, bound, memory_order_release);
    spin_unlock(&socket->lock);
}

/* Takes the name over if it succeeds; bind_lock is held. */
static int bind_file(struct socket *socket, struct bound_name *bound,
                     const struct fs_context *context)
{
    uint32_t permissions = atomic_load(&socket->file)->inode->mode;
    struct path path;
    int error = fs_make_socket(context, bound->name.bytes, permissions, &path);

    if (error)
        return error == -EEXIST ? -EADDRINUSE : error;
    if (!has_name(socket)) {
        occupy(socket, &path, bound);
        return 0;
    }
    error = fs_unlink(context, NULL, bound->name.bytes);
    path_release(&path);
    return error ? error : -EINVAL;
}

static int bind_locked(struct socket *socket, struct bound_name *bound,
                       const struct fs_context *context) REQUIRES(&socket->bind_lock)
{
    if (bound->name.bytes[0] != '\0')
        return bind_file(socket, bound, context);
    return has_name(socket) ? -EINVAL : bind_abstract(socket, bound);
}

int socket_bind(struct socket *socket, const struct socket_name *name,
                const struct fs_context *context)
{
    struct bound_name *bound;
    int error;

    if (name->length == 0)
        return bind_automatically(socket);
    bound = create_bound(name);
    if (!bound)
        return -ENOMEM;
    mutex_lock(&socket->bind_lock);
    error = bind_locked(socket, bound, context);
    mutex_unlock(&socket->bind_lock);
    if (error)
        bound_name_release(bound);
    return error;
}

/* The socket is closed: nobody finds it any more.  Its name stays, for those that ask its peers. */
void socket_unbind(struct socket *socket)
{
    struct path path;

    spin_lock(&names.lock);
    if (list_is_linked(&socket->name_node))
        list_remove(&socket->name_node);
    spin_unlock(&names.lock);
    spin_lock(&socket->lock);
    path = socket->bound_path;
    socket->bound_path = (struct path){ NULL, NULL };
    spin_unlock(&socket->lock);
    if (!path.name)
        return;
    mutex_lock(&path_inode(&path)->lock);
    path_inode(&path)->socket = NULL;
    mutex_unlock(&path_inode(&path)->lock);
    path_release(&path);
}

/* ---- Finding ------------------------------------------------------------------------------- */

static int find_at(enum socket_type type, const struct path *path,
                   const struct fs_context *context, struct socket **found)
{
    struct inode *inode = path_inode(path);
    int error = inode_permission(inode, &context->credentials, PERMISSION_WRITE);

    if (error)
        return error;
    if (inode_type(inode) != MODE_SOCKET)
        return -ECONNREFUSED;
    mutex_lock(&inode->lock);
    if (!inode->socket)
        error = -ECONNREFUSED;
    else if (inode->socket->type != type)
        error = -EPROTOTYPE;
    if (!error) {
        *found = inode->socket;
        socket_reference(*found);
    }
    mutex_unlock(&inode->lock);
    if (!error)
        inode_note_accessed(inode);
    return error;
}

int socket_find(const struct socket *from, const struct socket_name *name,
                const struct fs_context *context, struct socket **found)
{
    struct path path;
    int error;

    if (name->bytes[0] != '\0') {
        error = path_walk(context, NULL, name->bytes, LOOKUP_FOLLOW, &path);
        if (error)
            return error;
        error = find_at(from->type, &path, context, found);
        path_release(&path);
        return error;
    }
    spin_lock(&names.lock);
    *found = find_abstract(from, name);
    if (*found)
        socket_reference(*found);
    spin_unlock(&names.lock);
    return *found ? 0 : -ECONNREFUSED;
}

/* ---- What programs ask --------------------------------------------------------------------- */

void socket_name(struct socket *socket, struct socket_name *name)
{
    socket_copy_name(socket, name);
}

int socket_peer_name(struct socket *socket, struct socket_name *name)
{
    struct socket *peer = socket_get_peer(socket);

    if (!peer)
        return -ENOTCONN;
    socket_copy_name(peer, name);
    socket_release(peer);
    return 0;
}

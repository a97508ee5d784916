/* Descriptors, places and namespaces of threads, shared by flags. */
#include "process/shares.h"

#include "fs/file_table.h"
#include "process/clone.h"
#include "process/namespaces.h"
#include "process/places.h"
#include "process/process.h"

static struct thread_shares *current_shares(void)
{
    return &user_thread_of(current_thread())->shares;
}

struct file_table *current_files(void)
{
    return current_shares()->files;
}

struct places *current_places(void)
{
    return current_shares()->places;
}

void current_fs_context(struct fs_context *context)
{
    places_read(current_places(), context);
    context->credentials = current_credentials();
}

/* ---- Life ---------------------------------------------------------------------------------- */

static int inherit_files(struct thread_shares *shares, uint64_t flags)
{
    if (!(flags & CLONE_FILES))
        return file_table_copy(current_files(), &shares->files);
    shares->files = current_files();
    file_table_reference(shares->files);
    return 0;
}

static int inherit_places(struct thread_shares *shares, uint64_t flags)
{
    if (!(flags & CLONE_PLACES))
        return places_copy(current_places(), &shares->places);
    shares->places = current_places();
    places_reference(shares->places);
    return 0;
}

int shares_inherit(struct thread_shares *shares, uint64_t clone_flags)
{
    int error;

    *shares = (struct thread_shares){ .files = NULL };
    error = inherit_files(shares, clone_flags);
    if (!error)
        error = inherit_places(shares, clone_flags);
    if (!error)
        error = namespaces_copy(current_namespaces(), clone_flags, shares->places,
                                &shares->namespaces);
    if (error)
        shares_release(shares);
    return error;
}

void shares_release(struct thread_shares *shares)
{
    if (shares->files)
        file_table_release(shares->files);
    if (shares->places)
        places_release(shares->places);
    if (shares->namespaces)
        namespaces_release(shares->namespaces);
    *shares = (struct thread_shares){ .files = NULL };
}

/* Gives the current thread others, and returns what it had. */
static struct thread_shares replace(const struct thread_shares *shares)
{
    struct process *process = current_process();

    spin_lock(&process->lock);

    struct thread_shares before = *current_shares();

    *current_shares() = *shares;
    spin_unlock(&process->lock);
    return before;
}

void shares_leave(void)
{
    struct thread_shares before = replace(&(struct thread_shares){ .files = NULL });

    shares_release(&before);
}

/* ---- Having them alone --------------------------------------------------------------------- */

int files_unshare(void)
{
    struct thread_shares shares = *current_shares();
    int error;

    if (!file_table_is_shared(shares.files))
        return 0;
    error = file_table_copy(shares.files, &shares.files);
    if (!error)
        file_table_release(replace(&shares).files);
    return error;
}

int places_unshare(void)
{
    struct thread_shares shares = *current_shares();
    int error;

    if (!places_are_shared(shares.places))
        return 0;
    error = places_copy(shares.places, &shares.places);
    if (!error)
        places_release(replace(&shares).places);
    return error;
}

void current_namespaces_set(struct namespaces *namespaces)
{
    struct thread_shares shares = *current_shares();

    shares.namespaces = namespaces;
    namespaces_release(replace(&shares).namespaces);
}

int namespaces_unshare(uint64_t clone_flags)
{
    struct namespaces *namespaces;
    int error;

    if (!(clone_flags & CLONE_NAMESPACES))
        return 0;
    error = namespaces_copy(current_namespaces(), clone_flags, current_places(), &namespaces);
    if (!error)
        current_namespaces_set(namespaces);
    return error;
}

/* ---- Looking at others --------------------------------------------------------------------- */

static const struct thread_shares *shares_of(const struct process *process, struct thread *thread)
    REQUIRES(&process->lock)
{
    static const struct thread_shares nothing;

    ASSERT(spin_is_held(&process->lock));
    if (!thread)
        thread = process->leader;
    return thread ? &user_thread_of(thread)->shares : &nothing;
}

struct file_table *process_files(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);

    struct file_table *files = shares_of(process, thread)->files;

    if (files)
        file_table_reference(files);
    spin_unlock(&process->lock);
    return files;
}

uint64_t process_namespace_number(struct process *process, struct thread *thread,
                                  enum namespace_kind kind)
{
    spin_lock(&process->lock);

    const struct namespaces *namespaces = shares_of(process, thread)->namespaces;
    uint64_t number = namespaces ? namespaces->of[kind]->number : 0;

    spin_unlock(&process->lock);
    return number;
}

struct namespaces *process_namespaces(struct process *process, struct thread *thread)
{
    spin_lock(&process->lock);

    struct namespaces *namespaces = shares_of(process, thread)->namespaces;

    if (namespaces)
        namespaces_reference(namespaces);
    spin_unlock(&process->lock);
    return namespaces;
}

void process_fs_context(struct process *process, struct thread *thread,
                        struct fs_context *context)
{
    *context = (struct fs_context){ .umask = 0 };
    spin_lock(&process->lock);

    struct places *places = shares_of(process, thread)->places;

    if (places)
        places_reference(places);
    context->credentials = thread ? user_thread_of(thread)->credentials : process->credentials;
    spin_unlock(&process->lock);
    if (places) {
        places_read(places, context);
        places_release(places);
    }
}

/*
 * Memory of threads: the structures come from a pool, a kernel stack is one run of pages with
 * the vector state right above it.
 *
 * This is the one file of sched/ that uses memory/, which is a layer above: page allocator and
 * pools need spin locks but no threads, so there is no circle, and a stack has no other source.
 */

#include "lib/assert.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "sched/sched_internal.h"
#include "sched/thread.h"

static struct pool thread_pool = POOL_INITIAL("thread", struct thread, THREADS_MAX);

_Static_assert(KERNEL_STACK_SIZE % PAGE_SIZE == 0, "the vector state begins on a page");

struct thread *thread_memory_allocate(void)
{
    return pool_allocate(&thread_pool);
}

void thread_memory_free(struct thread *thread)
{
    pool_free(&thread_pool, thread);
}

static size_t stack_pages(void)
{
    size_t bytes = KERNEL_STACK_SIZE + machine_info()->vector_state_size;

    return round_up(bytes, PAGE_SIZE) / PAGE_SIZE;
}

static unsigned order_for(size_t pages)
{
    unsigned order = 0;

    while (((size_t)1 << order) < pages)
        order++;
    return order;
}

int thread_stack_allocate(struct thread *thread)
{
    size_t pages = stack_pages();
    unsigned order = order_for(pages);
    size_t surplus = ((size_t)1 << order) - pages;
    struct page *first = page_allocate_run(order, PAGE_DIRTY);

    ASSERT(!thread->stack);
    if (!first)
        return -ENOMEM;
    if (surplus > 0)
        page_release_run(first + pages, surplus);

    char *stack = page_data(first);

    thread->stack = machine_stack_place(stack, KERNEL_STACK_SIZE);
    thread->registers.vector = stack + KERNEL_STACK_SIZE;
    memset(thread->registers.vector, 0, machine_info()->vector_state_size);
    return 0;
}

void thread_stack_free(struct thread *thread)
{
    const char *vector = thread->registers.vector;

    ASSERT(thread->stack);
    page_release_run(page_at(page_physical_of(vector - KERNEL_STACK_SIZE)), stack_pages());
    thread->stack = NULL;
    thread->registers.vector = NULL;
}

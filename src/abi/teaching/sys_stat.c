/*
 * Stat: a table of the processes that have not ended, and of what memory and CPUs are used for, on
 * the caller's standard output.
 *
 * All of it is gathered first and printed in one piece.  It is a look from outside: a process may
 * have gone on before its line is read.
 */
#include "abi/teaching/calls.h"
#include "abi/teaching/layout.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/read_write.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/io_buffer.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "process/process.h"
#include "sched/per_cpu.h"

#define OUTPUT 1
#define LINE_SIZE 128u
#define NAME_SIZE 13u
#define OTHER_LINES 8u
#define LIST_SIZE 4096u      /* of one list of ids */
#define ENDING ".elf"

typedef unsigned long long number;    /* what the formats want */

struct snapshot {
    struct process **processes;    /* with references */
    unsigned count, room;
};

struct row {
    int32_t id, parent_id;
    char name[NAME_SIZE];
    uint64_t ticks, memory;
    const char *status;
    unsigned cpu;
};

void teaching_print(const char *text, size_t size)
{
    const struct io_segment segment = { .address = (uintptr_t)text, .length = size };
    struct file *file = file_table_get(current_files(), OUTPUT);
    struct io_buffer buffer;

    if (!file)
        return;
    io_buffer_init(&buffer, NULL, &segment, 1);
    if (file_write(file, &buffer, UINT64_MAX) == -EPIPE)    /* other errors: nobody to tell */
        teaching_console_has_gone();
    file_release(file);
}

/* ---- One process --------------------------------------------------------------------------- */

/* In lower case and without ending, as the ABI's own file systems would have it. */
static void fill_name(const struct process *process, char *name)
{
    const char *source = process_name(process);
    size_t length = text_length(source);
    size_t ending = sizeof(ENDING) - 1;

    if (length > ending && text_equal(source + length - ending, ENDING))
        length -= ending;
    if (length > NAME_SIZE - 1)
        length = NAME_SIZE - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = source[i] >= 'A' && source[i] <= 'Z' ? (char)(source[i] - 'A' + 'a') : source[i];
    name[length] = '\0';
}

/* A process that asks for the time or for a key again and again is not blocked, as it sees it. */
static const char *status_of(struct thread *thread)
{
    enum wait_kind kind = thread->waiting_for.kind;

    if ((kind == WAIT_SLEEP || kind == WAIT_POLL) && user_thread_of(thread)->polling.active)
        return "Ready";
    if (kind != WAIT_NONE || thread->state == THREAD_BLOCKED)
        return "Blocked";
    return thread->state == THREAD_RUNNING ? "Running" : "Ready";
}

static uint64_t resident_bytes(struct process *process)
{
    struct address_space_statistics statistics = { 0 };
    struct address_space *space;

    spin_lock(&process->lock);
    space = process->space;
    if (space)
        address_space_reference(space);
    spin_unlock(&process->lock);
    if (space) {
        address_space_statistics(space, &statistics);
        address_space_release(space);
    }
    return statistics.resident_pages * PAGE_SIZE;
}

/* False: it has no thread any more. */
static bool fill_row(struct process *process, struct row *row)
{
    struct process_times times;
    bool is_alive;

    process_times(process, &times);
    fill_name(process, row->name);
    row->ticks = times.voluntary_switches + times.involuntary_switches;
    row->memory = resident_bytes(process);
    spin_lock(&process->lock);
    row->id = process->id;
    row->parent_id = process->parent_id;
    is_alive = !list_is_empty(&process->threads);
    if (is_alive) {
        struct thread *thread = LIST_ENTRY(process->threads.next, struct thread, sibling_node);

        row->status = status_of(thread);
        row->cpu = atomic_load_explicit(&thread->cpu, memory_order_relaxed);
    }
    spin_unlock(&process->lock);
    return is_alive;
}

/* "  1.5 MiB": a number below 1024 with one decimal. */
static void add_size(struct text_builder *text, uint64_t size)
{
    static const char *const units[] = { "B  ", "KiB", "MiB", "GiB" };
    uint64_t tenths = size * 10;
    unsigned unit = 0;

    while (tenths >= 10240 && unit + 1 < ARRAY_SIZE(units)) {
        tenths /= 1024;
        unit++;
    }
    text_builder_add(text, "%3llu.%llu %s", (number)(tenths / 10), (number)(tenths % 10),
                     units[unit]);
}

static void add_row(struct text_builder *text, const struct row *row)
{
    text_builder_add(text, " #%3d | #%3d | %12s | %7llu | ", row->id, row->parent_id, row->name,
                     (number)row->ticks);
    add_size(text, row->memory);
    text_builder_add(text, " | %-7s | %3u\n", row->status, row->cpu);
}

/* ---- The rest ------------------------------------------------------------------------------ */

static void add_usage(struct text_builder *text, const char *name, uint64_t used, uint64_t total)
{
    text_builder_add(text, "%-7s: ", name);
    add_size(text, used);
    text_builder_add(text, " / ");
    add_size(text, total);
    text_builder_add(text, " (%llu%%)\n", (number)(total ? used * 100 / total : 0));
}

static void add_pool(const struct pool *pool, void *pages)
{
    *(uint64_t *)pages += pool->pages;
}

static void add_memory(struct text_builder *text)
{
    struct page_statistics pages = page_statistics();
    uint64_t kernel_pages = 0;

    pool_for_each(add_pool, &kernel_pages);
    add_usage(text, "Kernel", kernel_pages * PAGE_SIZE, pages.total * PAGE_SIZE);
    add_usage(text, "User", teaching_heap_used(), TEACHING_HEAP_SIZE);
    add_usage(text, "Memory", (pages.total - pages.free) * PAGE_SIZE, pages.total * PAGE_SIZE);
}

static int32_t process_id_of(const struct thread *thread)
{
    return thread && thread->process ? thread->process->id : 0;
}

/* The threads that are ready to run, CPU by CPU. */
static void add_queue(struct text_builder *text)
{
    const char *separator = "";

    text_builder_add(text, "Queue  : [");
    for (unsigned i = 0; i < machine_info()->cpu_count; i++) {
        struct runqueue *queue = &cpu_at(i)->runqueue;

        spin_lock(&queue->lock);
        LIST_FOR_EACH(node, &queue->ready) {
            text_builder_add(text, "%s%d", separator,
                             process_id_of(LIST_ENTRY(node, struct thread, run_node)));
            separator = ", ";
        }
        spin_unlock(&queue->lock);
    }
    text_builder_add(text, "]\n");
}

static void add_cpus(struct text_builder *text)
{
    text_builder_add(text, "CPUs   : [");
    for (unsigned i = 0; i < machine_info()->cpu_count; i++) {
        struct runqueue *queue = &cpu_at(i)->runqueue;

        spin_lock(&queue->lock);    /* it switches with this lock held */
        text_builder_add(text, "%s%u: %d", i > 0 ? ", " : "", i,
                         process_id_of(cpu_at(i)->current));
        spin_unlock(&queue->lock);
    }
    text_builder_add(text, "]\n");
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void add_process(struct process *process, void *context)
{
    struct snapshot *snapshot = context;

    if (snapshot->count == snapshot->room)
        return;    /* started since they were counted */
    process_reference(process);
    snapshot->processes[snapshot->count++] = process;
}

static void print_snapshot(const struct snapshot *snapshot)
{
    size_t size = ((size_t)snapshot->count + OTHER_LINES) * LINE_SIZE + 2 * LIST_SIZE;
    char *memory = memory_allocate(size);
    struct text_builder text;

    if (!memory)
        return;
    text_builder_init(&text, memory, size);
    text_builder_add(&text, "  PID | PPID | Process Name |  Ticks  |   Memory  | Status  | CPU\n");
    for (unsigned i = 0; i < snapshot->count; i++) {
        struct row row;

        if (fill_row(snapshot->processes[i], &row))
            add_row(&text, &row);
    }
    add_memory(&text);
    add_queue(&text);
    add_cpus(&text);
    teaching_print(memory, text.length < size ? text.length : size - 1);
    memory_free(memory, size);
}

int64_t teaching_stat(void)
{
    struct snapshot snapshot = { .room = process_count() };
    size_t size = snapshot.room * sizeof(struct process *);

    snapshot.processes = memory_allocate(size);
    if (!snapshot.processes)
        return 0;
    process_for_each(add_process, &snapshot);
    print_snapshot(&snapshot);
    for (unsigned i = 0; i < snapshot.count; i++)
        process_release(snapshot.processes[i]);
    memory_free(snapshot.processes, size);
    return 0;
}

int64_t teaching_unknown(void)
{
    return 0;
}

/* What a timeline's picture shows: see timeline_picture.h. */
#include "timeline_picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICES_MAX 240000u
#define POINTS_MAX 120000u
#define WAKES_MAX 60000u
#define MARKS_MAX 2000u
#define ROWS_MAX 16384u
#define NAMES_MAX 4096u
#define NO_ROW UINT32_MAX
#define HASH_SIZE 65536u    /* a power of two, more than rows and names */
#define BUFFER_SIZE 65536u

struct picture picture;

static uint32_t row_hash[HASH_SIZE];     /* 1 + index; 0: free */
static uint32_t name_hash[HASH_SIZE];
static uint32_t counter_last[NAMES_MAX];    /* 1 + index of its newest point; 0: none */
static uint32_t wake_stride = 1;
static uint64_t wake_number;

/* Makes room for one more; false at the bound or without memory. */
static bool grow(void **items, uint32_t *capacity, uint32_t count, size_t size, uint32_t maximum)
{
    uint32_t wanted = *capacity ? *capacity * 2 : 1024;
    void *larger;

    if (count < *capacity)
        return true;
    if (wanted > maximum)
        wanted = maximum;
    if (count >= wanted)
        return false;
    larger = realloc(*items, wanted * size);
    if (!larger)
        return false;
    *items = larger;
    *capacity = wanted;
    return true;
}

#define HAS_ROOM(array, maximum)                                                       \
    grow((void **)&(array).items, &(array).capacity, (array).count,                    \
         sizeof((array).items[0]), maximum)

/* ---- Names and rows ------------------------------------------------------------------------ */

static uint32_t find_name(const char *text)
{
    uint32_t hash = 2166136261u;

    for (const char *byte = text; *byte; byte++)
        hash = (hash ^ (unsigned char)*byte) * 16777619u;
    for (uint32_t slot = hash % HASH_SIZE;; slot = (slot + 1) % HASH_SIZE) {
        if (name_hash[slot] && strcmp(picture.names.items[name_hash[slot] - 1], text) == 0)
            return name_hash[slot] - 1;
        if (name_hash[slot])
            continue;
        if (!HAS_ROOM(picture.names, NAMES_MAX)) {
            picture.dropped++;
            return 0;    /* "..." */
        }
        picture.names.items[picture.names.count++] = strdup(text);
        name_hash[slot] = picture.names.count;
        return picture.names.count - 1;
    }
}

/* NO_ROW: there is no room for one more. */
static uint32_t find_row(enum timeline_row kind, int32_t id, int32_t process_id)
{
    uint32_t hash = ((uint32_t)id * 3 + kind) * 2654435761u;

    for (uint32_t slot = (hash >> 8) % HASH_SIZE;; slot = (slot + 1) % HASH_SIZE) {
        if (row_hash[slot]) {
            const struct picture_row *row = &picture.rows.items[row_hash[slot] - 1];

            if (row->kind == kind && row->id == id)
                return row_hash[slot] - 1;
            continue;
        }
        if (!HAS_ROOM(picture.rows, ROWS_MAX)) {
            picture.dropped++;
            return NO_ROW;
        }
        picture.rows.items[picture.rows.count++] =
            (struct picture_row){ kind, id, process_id, 0, UINT32_MAX };
        row_hash[slot] = picture.rows.count;
        return picture.rows.count - 1;
    }
}

void picture_thread(int32_t thread_id, int32_t process_id, const char *name)
{
    uint32_t text = find_name(name);
    uint32_t states = find_row(ROW_THREAD, thread_id, process_id);
    uint32_t calls = find_row(ROW_CALLS, thread_id, process_id);

    if (states != NO_ROW)
        picture.rows.items[states].name = text;
    if (calls != NO_ROW)
        picture.rows.items[calls].name = text;
}

/* ---- Slices -------------------------------------------------------------------------------- */

/* Adds it to the newest one of its row if both together are too short to be seen. */
static bool merge(const struct picture_slice *slice)
{
    uint32_t last = picture.rows.items[slice->row].last;
    struct picture_slice *before;

    if (last == UINT32_MAX)
        return false;
    before = &picture.slices.items[last];
    if (slice->end_ns - before->start_ns >= picture.quantum_ns)
        return false;
    if (before->look != slice->look || before->name != slice->name)
        before->look = LOOK_MERGED;
    before->end_ns = slice->end_ns;
    before->count += slice->count;
    return true;
}

static void append(const struct picture_slice *slice)
{
    if (merge(slice))
        return;
    picture.rows.items[slice->row].last = picture.slices.count;
    picture.slices.items[picture.slices.count++] = *slice;
}

void picture_coarsen(uint64_t quantum_ns)
{
    uint32_t count = picture.slices.count;

    picture.quantum_ns = quantum_ns;
    picture.slices.count = 0;
    for (uint32_t i = 0; i < picture.rows.count; i++)
        picture.rows.items[i].last = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct picture_slice slice = picture.slices.items[i];    /* never behind what is written */

        append(&slice);
    }
}

static void make_room_for_slices(uint64_t now_ns)
{
    uint64_t quantum = picture.quantum_ns ? picture.quantum_ns : now_ns / SLICES_MAX / 4 + 1;

    while (picture.slices.count > SLICES_MAX / 2) {
        quantum *= 2;
        picture_coarsen(quantum);
    }
}

void picture_slice(const struct timeline_slice *slice)
{
    uint32_t row = find_row(slice->row, slice->id, slice->process_id);
    const struct picture_slice new = {
        .start_ns = slice->start_ns,
        .end_ns = slice->end_ns,
        .row = row,
        .name = find_name(slice->name),
        .count = 1,
        .look = (uint8_t)slice->look,
    };

    if (row == NO_ROW)
        return;
    if (!HAS_ROOM(picture.slices, SLICES_MAX))
        make_room_for_slices(slice->end_ns);
    if (HAS_ROOM(picture.slices, SLICES_MAX))
        append(&new);
    else
        picture.dropped++;
}

/* ---- The rest ------------------------------------------------------------------------------ */

/* When there are too many, every second one is kept, then every fourth, ... */
static void thin_wakes(void)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < picture.wakes.count; i += 2)
        picture.wakes.items[kept++] = picture.wakes.items[i];
    picture.dropped += picture.wakes.count - kept;
    picture.wakes.count = kept;
    wake_stride *= 2;
}

void picture_wake(const struct timeline_wake *wake)
{
    uint32_t from = find_row(ROW_THREAD, wake->from_thread, wake->from_process);
    uint32_t to = find_row(ROW_THREAD, wake->to_thread, wake->to_process);

    if (from == NO_ROW || to == NO_ROW)
        return;
    if (wake_number++ % wake_stride != 0) {
        picture.dropped++;
        return;
    }
    if (!HAS_ROOM(picture.wakes, WAKES_MAX))
        thin_wakes();
    if (HAS_ROOM(picture.wakes, WAKES_MAX))
        picture.wakes.items[picture.wakes.count++] =
            (struct picture_wake){ wake->woken_ns, wake->runs_ns, from, to };
}

/* Of points that are closer together than this the last one stays. */
static void thin_points(uint64_t quantum_ns)
{
    uint32_t kept = 0;

    memset(counter_last, 0, sizeof(counter_last));
    for (uint32_t i = 0; i < picture.points.count; i++) {
        struct picture_point point = picture.points.items[i];
        uint32_t last = counter_last[point.counter];

        if (last && point.at_ns - picture.points.items[last - 1].at_ns < quantum_ns) {
            picture.points.items[last - 1].value = point.value;
            continue;
        }
        picture.points.items[kept++] = point;
        counter_last[point.counter] = kept;
    }
    picture.points.count = kept;
}

void picture_counter(const char *name, uint64_t at_ns, int64_t value)
{
    uint64_t quantum_ns = at_ns / POINTS_MAX * 4 + 1;

    while (!HAS_ROOM(picture.points, POINTS_MAX) && picture.points.count > POINTS_MAX / 2) {
        thin_points(quantum_ns);
        quantum_ns *= 2;
    }
    if (HAS_ROOM(picture.points, POINTS_MAX))
        picture.points.items[picture.points.count++] =
            (struct picture_point){ at_ns, value, find_name(name) };
}

void picture_mark(int32_t thread_id, int32_t process_id, uint64_t at_ns, const char *name)
{
    uint32_t row = thread_id ? find_row(ROW_THREAD, thread_id, process_id) : NO_ROW;

    if (!HAS_ROOM(picture.marks, MARKS_MAX)) {
        picture.dropped++;
        return;
    }
    picture.marks.items[picture.marks.count++] =
        (struct picture_mark){ at_ns, row, find_name(name) };
}

bool picture_begin(const char *path)
{
    picture.path = path;
    picture.descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    (void)find_name("...");    /* what has no name of its own */
    return picture.descriptor >= 0;
}

/* ---- Sorting ------------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
    const struct picture_row *first = &picture.rows.items[*(const uint32_t *)a];
    const struct picture_row *second = &picture.rows.items[*(const uint32_t *)b];
    bool first_is_cpu = first->kind == ROW_CPU, second_is_cpu = second->kind == ROW_CPU;

    if (first_is_cpu != second_is_cpu)
        return first_is_cpu ? -1 : 1;
    if (!first_is_cpu && first->process_id != second->process_id)
        return first->process_id < second->process_id ? -1 : 1;
    if (first->id != second->id)
        return first->id < second->id ? -1 : 1;
    return (int)first->kind - (int)second->kind;
}

static int compare_slices(const void *a, const void *b)
{
    const struct picture_slice *first = a, *second = b;

    if (first->row != second->row)
        return first->row < second->row ? -1 : 1;
    return first->start_ns < second->start_ns ? -1 : first->start_ns > second->start_ns;
}

void picture_sort(void)
{
    uint32_t count = picture.rows.count;
    uint32_t *order = calloc(count + 1, sizeof(*order)), *place = calloc(count + 1, sizeof(*place));
    struct picture_row *rows = calloc(count + 1, sizeof(*rows));

    if (!order || !place || !rows)
        abort();
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    qsort(order, count, sizeof(*order), compare_rows);
    for (uint32_t i = 0; i < count; i++) {
        place[order[i]] = i;
        rows[i] = picture.rows.items[order[i]];
    }
    for (uint32_t i = 0; i < picture.slices.count; i++)
        picture.slices.items[i].row = place[picture.slices.items[i].row];
    for (uint32_t i = 0; i < picture.wakes.count; i++) {
        picture.wakes.items[i].from_row = place[picture.wakes.items[i].from_row];
        picture.wakes.items[i].to_row = place[picture.wakes.items[i].to_row];
    }
    for (uint32_t i = 0; i < picture.marks.count; i++) {
        if (picture.marks.items[i].row != NO_ROW)
            picture.marks.items[i].row = place[picture.marks.items[i].row];
    }
    free(picture.rows.items);
    free(order);
    free(place);
    picture.rows.items = rows;
    qsort(picture.slices.items, picture.slices.count, sizeof(struct picture_slice),
          compare_slices);
}

/* ---- Output -------------------------------------------------------------------------------- */

static char buffer[BUFFER_SIZE];
static size_t used;
static bool failed;

static void flush(void)
{
    size_t done = 0;

    while (done < used && !failed) {
        ssize_t written = write(picture.descriptor, buffer + done, used - done);

        if (written > 0)
            done += (size_t)written;
        else if (errno != EINTR)
            failed = true;
    }
    used = 0;
}

void picture_write(const char *text, size_t length)
{
    while (length > 0) {
        size_t piece = BUFFER_SIZE - used < length ? BUFFER_SIZE - used : length;

        memcpy(buffer + used, text, piece);
        used += piece;
        text += piece;
        length -= piece;
        if (used == BUFFER_SIZE)
            flush();
    }
}

void picture_print(const char *pattern, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, pattern);
    int length = vsnprintf(text, sizeof(text), pattern, arguments);
    va_end(arguments);
    if (length > 0)
        picture_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

void picture_print_escaped(const char *text)
{
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '&' || byte == '<' || byte == '>' || byte == '"' || byte >= 0x7f)
            picture_print("&#%u;", byte);
        else
            picture_print("%c", byte < ' ' ? '?' : byte);
    }
}

bool picture_close(void)
{
    flush();
    return !failed && close(picture.descriptor) == 0;
}

/*
 * Timelines as one HTML page: timeline_page.html, with what the picture shows put in as arrays of
 * numbers.  The page draws them; it needs nothing else.
 */
#include <inttypes.h>
#include <string.h>

#include "timeline_picture.h"

/* The page, as the assembler includes it (timeline_page.S), and where the data go. */
extern const char timeline_page[], timeline_page_end[];
static const char data_place[] = "/*DATA*/";

/* A JSON string that may stand in a script: no end of that can be in it. */
static void print_string(const char *text)
{
    picture_write("\"", 1);
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\' || byte == '<' || byte < ' ' || byte >= 0x7f)
            picture_print("\\u%04x", byte);
        else
            picture_write(text, 1);
    }
    picture_write("\"", 1);
}

/* Of each row: start, duration, look, name, count of every slice. */
static void print_rows(void)
{
    uint32_t next = 0;

    picture_print("rows:[");
    for (uint32_t i = 0; i < picture.rows.count; i++) {
        const struct picture_row *row = &picture.rows.items[i];

        picture_print("%s{kind:%d,id:%d,process:%d,name:%u,slices:[", i ? ",\n" : "",
                      (int)row->kind, row->id, row->process_id, row->name);
        for (; next < picture.slices.count && picture.slices.items[next].row == i; next++) {
            const struct picture_slice *slice = &picture.slices.items[next];

            picture_print("%" PRIu64 ",%" PRIu64 ",%u,%u,%u,", slice->start_ns,
                          slice->end_ns - slice->start_ns, slice->look, slice->name,
                          slice->count);
        }
        picture_print("]}");
    }
    picture_print("],\n");
}

static void print_wakes(void)
{
    picture_print("wakes:[");
    for (uint32_t i = 0; i < picture.wakes.count; i++) {
        const struct picture_wake *wake = &picture.wakes.items[i];

        picture_print("%" PRIu64 ",%" PRIu64 ",%u,%u,", wake->woken_ns,
                      wake->runs_ns - wake->woken_ns, wake->from_row, wake->to_row);
    }
    picture_print("],\n");
}

/* All points of one counter, in the order of time. */
static void print_counter(uint32_t counter, bool is_first)
{
    picture_print("%s{name:%u,points:[", is_first ? "" : ",\n", counter);
    for (uint32_t i = 0; i < picture.points.count; i++) {
        if (picture.points.items[i].counter == counter)
            picture_print("%" PRIu64 ",%" PRId64 ",", picture.points.items[i].at_ns,
                          picture.points.items[i].value);
    }
    picture_print("]}");
}

#define COUNTERS_SHOWN 64

static void print_counters(void)
{
    uint32_t counters[COUNTERS_SHOWN];
    uint32_t count = 0;

    for (uint32_t i = 0; i < picture.points.count && count < COUNTERS_SHOWN; i++) {
        uint32_t known = 0;

        while (known < count && counters[known] != picture.points.items[i].counter)
            known++;
        if (known == count)
            counters[count++] = picture.points.items[i].counter;
    }
    picture_print("counters:[");
    for (uint32_t i = 0; i < count; i++)
        print_counter(counters[i], i == 0);
    picture_print("],\n");
}

static void print_data(void)
{
    picture_print("{end:%" PRIu64 ",quantum:%" PRIu64 ",dropped:%" PRIu64 ",\nnames:[",
                  picture.end_ns, picture.quantum_ns, picture.dropped);
    for (uint32_t i = 0; i < picture.names.count; i++) {
        picture_print("%s", i ? "," : "");
        print_string(picture.names.items[i]);
    }
    picture_print("],\n");
    print_rows();
    print_wakes();
    print_counters();
    picture_print("marks:[");
    for (uint32_t i = 0; i < picture.marks.count; i++)
        picture_print("%" PRIu64 ",%d,%u,", picture.marks.items[i].at_ns,
                      (int)picture.marks.items[i].row, picture.marks.items[i].name);
    picture_print("]}");
}

static bool html_end(uint64_t end_ns)
{
    size_t length = (size_t)(timeline_page_end - timeline_page);
    const char *place = memmem(timeline_page, length, data_place, strlen(data_place));
    size_t before = (size_t)(place - timeline_page);
    size_t after = before + strlen(data_place);

    picture.end_ns = end_ns;
    picture_sort();
    picture_write(timeline_page, before);
    print_data();
    picture_write(timeline_page + after, length - after);
    return picture_close();
}

const struct timeline_writer timeline_html = {
    .begin = picture_begin,
    .thread = picture_thread,
    .slice = picture_slice,
    .wake = picture_wake,
    .counter = picture_counter,
    .mark = picture_mark,
    .end = html_end,
};

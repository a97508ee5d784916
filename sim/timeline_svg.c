/*
 * Timelines as SVG: one rectangle for each slice that can be seen in the whole, so details that are
 * too small for that are merged.  Any viewer shows it; in a browser a script zooms.
 */
#include <inttypes.h>
#include <string.h>

#include "timeline_picture.h"

#define WIDTH 1400
#define LEFT 170          /* of the time axis; labels are before it */
#define TOP 58            /* title, legend and axis are above */
#define ROW_HEIGHT 20
#define CALLS_HEIGHT 9
#define ROWS_SHOWN 300u
#define PIXELS (WIDTH - LEFT)
#define WAKES_SHOWN 2000u

extern const char timeline_svg_script[], timeline_svg_script_end[];

static const struct {
    const char *color, *meaning;
} looks[LOOKS] = {
    [LOOK_RUNNING] = { "#2f9e62", "running" },
    [LOOK_READY] = { "#e3b431", "ready" },
    [LOOK_SEMAPHORE] = { "#d9534a", "waits for a semaphore or futex" },
    [LOOK_PROCESS] = { "#8d63d2", "waits for a process" },
    [LOOK_INPUT] = { "#3d8bd9", "input, output" },
    [LOOK_SLEEP] = { "#cdd5de", "asleep" },
    [LOOK_OTHER_WAIT] = { "#c98443", "waits for something else" },
    [LOOK_CALL] = { "#4fa3a5", "system call" },
    [LOOK_MERGED] = { "#8b9099", "several, too short to show" },
};

static unsigned row_top[ROWS_SHOWN];
static uint32_t rows_shown;
static unsigned height;

/* Pixels from the start of the axis. */
static double position(uint64_t ns)
{
    return (double)ns * PIXELS / (double)(picture.end_ns ? picture.end_ns : 1);
}

static void place_rows(void)
{
    rows_shown = picture.rows.count < ROWS_SHOWN ? picture.rows.count : ROWS_SHOWN;
    height = TOP + 4;
    for (uint32_t i = 0; i < rows_shown; i++) {
        row_top[i] = height;
        height += picture.rows.items[i].kind == ROW_CALLS ? CALLS_HEIGHT : ROW_HEIGHT;
    }
    height += 8;
}

static void print_label(uint32_t index)
{
    const struct picture_row *row = &picture.rows.items[index];

    if (row->kind == ROW_CALLS)
        return;
    picture_print("<text x=\"8\" y=\"%u\">", row_top[index] + 14);
    if (row->kind == ROW_CPU) {
        picture_print("CPU %d", row->id);
    } else {
        picture_print_escaped(picture.names.items[row->name]);
        picture_print(row->id == row->process_id ? " %d" : " %d.%d", row->process_id, row->id);
    }
    picture_print("</text>\n");
}

static void print_slice(const struct picture_slice *slice)
{
    const struct picture_row *row = &picture.rows.items[slice->row];
    unsigned tall = row->kind == ROW_CALLS ? CALLS_HEIGHT - 2 : ROW_HEIGHT - 4;
    double width = position(slice->end_ns - slice->start_ns);

    picture_print("<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%u\" fill=\"%s\"><title>",
                  position(slice->start_ns), row_top[slice->row] + 2, width < .3 ? .3 : width,
                  tall, looks[slice->look].color);
    picture_print_escaped(picture.names.items[slice->name]);
    if (slice->count > 1)
        picture_print(" (%u short ones)", slice->count);
    picture_print("&#10;from %.6f s for %.3f ms</title></rect>\n", (double)slice->start_ns / 1e9,
                  (double)(slice->end_ns - slice->start_ns) / 1e6);
}

static void print_wakes(void)
{
    uint32_t step = picture.wakes.count / WAKES_SHOWN + 1;

    picture_print("<g class=\"wake\">\n");
    for (uint32_t i = 0; i < picture.wakes.count; i += step) {
        const struct picture_wake *wake = &picture.wakes.items[i];

        if (wake->from_row >= rows_shown || wake->to_row >= rows_shown)
            continue;
        picture_print("<line x1=\"%.2f\" y1=\"%u\" x2=\"%.2f\" y2=\"%u\"/>\n",
                      position(wake->woken_ns), row_top[wake->from_row] + ROW_HEIGHT / 2,
                      position(wake->runs_ns), row_top[wake->to_row] + ROW_HEIGHT / 2);
    }
    picture_print("</g>\n");
}

static void print_marks(void)
{
    for (uint32_t i = 0; i < picture.marks.count; i++) {
        const struct picture_mark *mark = &picture.marks.items[i];
        bool is_global = mark->row == UINT32_MAX;

        if (!is_global && mark->row >= rows_shown)
            continue;
        picture_print("<line class=\"mark\" x1=\"%.2f\" x2=\"%.2f\" y1=\"%u\" y2=\"%u\"><title>",
                      position(mark->at_ns), position(mark->at_ns),
                      is_global ? TOP : row_top[mark->row],
                      is_global ? height : row_top[mark->row] + ROW_HEIGHT);
        picture_print_escaped(picture.names.items[mark->name]);
        picture_print("</title></line>\n");
    }
}

static void print_legend(void)
{
    unsigned x = 8;

    for (int look = 0; look < LOOKS; look++) {
        picture_print("<rect x=\"%u\" y=\"25\" width=\"11\" height=\"11\" rx=\"2\" fill=\"%s\"/>"
                      "<text x=\"%u\" y=\"35\">%s</text>\n", x, looks[look].color, x + 15,
                      looks[look].meaning);
        x += 34 + 6 * (unsigned)strlen(looks[look].meaning);
    }
}

static void print_head(void)
{
    picture_print("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"100%%\" "
                  "preserveAspectRatio=\"xMidYMin\" "
                  "data-left=\"%d\" data-top=\"%d\" data-end=\"%" PRIu64 "\">\n",
                  WIDTH, height, LEFT, TOP, picture.end_ns);
    picture_print("<title>Eft timeline</title>\n<style>text{font:12px system-ui,Helvetica,"
                  "sans-serif;fill:#24292f}#axis text{fill:#6b7280;font-size:11px}"
                  "#axis line{stroke:#e2e2de}#time rect:hover{stroke:#111;stroke-width:2;"
                  "vector-effect:non-scaling-stroke}"
                  ".wake line{stroke:#24292f;stroke-opacity:.35;vector-effect:non-scaling-stroke;"
                  "pointer-events:none}.mark{stroke:#c0392b;stroke-width:2;"
                  "vector-effect:non-scaling-stroke}</style>\n");
    picture_print("<defs><clipPath id=\"clip\"><rect x=\"%d\" y=\"0\" width=\"%d\" height=\"%u\"/>"
                  "</clipPath></defs>\n", LEFT, PIXELS, height);
    picture_print("<rect width=\"%d\" height=\"%u\" fill=\"#fbfbfa\"/>\n"
                  "<text x=\"8\" y=\"16\" style=\"font-weight:600;font-size:14px\">Eft timeline: "
                  "%.6f s%s</text>\n", WIDTH, height, (double)picture.end_ns / 1e9,
                  picture.rows.count > rows_shown ? " (the first rows only)" : "");
}

static bool svg_end(uint64_t end_ns)
{
    picture.end_ns = end_ns;
    if (picture.quantum_ns < end_ns / PIXELS)
        picture_coarsen(end_ns / PIXELS);
    picture_sort();
    place_rows();
    print_head();
    print_legend();
    for (uint32_t i = 0; i < rows_shown; i++)
        print_label(i);
    picture_print("<g id=\"axis\" clip-path=\"url(#clip)\"></g>\n<g clip-path=\"url(#clip)\">"
                  "<g id=\"time\" transform=\"translate(%d 0)\">\n", LEFT);
    for (uint32_t i = 0; i < picture.slices.count; i++) {
        if (picture.slices.items[i].row < rows_shown)
            print_slice(&picture.slices.items[i]);
    }
    print_wakes();
    print_marks();
    picture_print("</g></g>\n<script><![CDATA[\n");
    picture_write(timeline_svg_script, (size_t)(timeline_svg_script_end - timeline_svg_script));
    picture_print("]]></script>\n</svg>\n");
    return picture_close();
}

const struct timeline_writer timeline_svg = {
    .begin = picture_begin,
    .thread = picture_thread,
    .slice = picture_slice,
    .wake = picture_wake,
    .counter = picture_counter,
    .mark = picture_mark,
    .end = svg_end,
};

#pragma once
/*
 * What a timeline's picture shows, kept in memory until the end.  The memory is bounded: when it is
 * full, what is too short to be seen is merged, so a long run becomes coarser.
 */
#include "timeline.h"

struct picture_row {
    enum timeline_row kind;
    int32_t id, process_id;
    uint32_t name;              /* index of a text */
    uint32_t last;              /* its newest slice; UINT32_MAX: none */
};

struct picture_slice {
    uint64_t start_ns, end_ns;
    uint32_t row, name;
    uint32_t count;             /* how many were merged into it; 1: none */
    uint8_t look;
};

struct picture_wake {
    uint64_t woken_ns, runs_ns;
    uint32_t from_row, to_row;
};

struct picture_point {
    uint64_t at_ns;
    int64_t value;
    uint32_t counter;           /* index of a text */
};

struct picture_mark {
    uint64_t at_ns;
    uint32_t row;               /* UINT32_MAX: of the whole machine */
    uint32_t name;
};

/* An array that grows up to a bound. */
#define PICTURE_ARRAY(type) struct { type *items; uint32_t count, capacity; }

struct picture {
    const char *path;
    int descriptor;
    uint64_t end_ns;
    uint64_t quantum_ns;        /* shorter ones are merged; 0: all are there */
    uint64_t dropped;           /* what had no place at all: rows, names, wake-ups, marks */
    PICTURE_ARRAY(struct picture_row) rows;
    PICTURE_ARRAY(struct picture_slice) slices;
    PICTURE_ARRAY(struct picture_wake) wakes;
    PICTURE_ARRAY(struct picture_point) points;
    PICTURE_ARRAY(struct picture_mark) marks;
    PICTURE_ARRAY(char *) names;
};

extern struct picture picture;

/* The functions of a writer that fill it. */
bool picture_begin(const char *path);
void picture_thread(int32_t thread_id, int32_t process_id, const char *name);
void picture_slice(const struct timeline_slice *slice);
void picture_wake(const struct timeline_wake *wake);
void picture_counter(const char *name, uint64_t at_ns, int64_t value);
void picture_mark(int32_t thread_id, int32_t process_id, uint64_t at_ns, const char *name);

/* Merges what is shorter than that. */
void picture_coarsen(uint64_t quantum_ns);
/* Sorts rows as they are shown, and slices by row and time; nothing is added after this. */
void picture_sort(void);

/* ---- Output -------------------------------------------------------------------------------- */

void picture_print(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
void picture_write(const char *text, size_t length);
/* A text in which &, <, > and quotes are escaped as in XML. */
void picture_print_escaped(const char *text);
/* False: not all could be written. */
bool picture_close(void);

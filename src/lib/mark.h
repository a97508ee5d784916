#pragma once
/*
 * Marks: names of rare paths that some test must take, and says so with EXPECT_MARK
 * (tests/harness/marks.h).  Only `make coverage` compiles them to anything.
 */
#ifdef EFT_MARKS
void mark_reached(const char *name);    /* the harness's; any context */
#define MARK(name) mark_reached(#name)
#else
#define MARK(name) ((void)0)
#endif

/* The path is taken here if that holds. */
#define MARK_IF(condition, name) \
    do {                         \
        if (condition)           \
            MARK(name);          \
    } while (0)

/*
 * Ends in the way that its argument names: `crash list` prints the names, `crash status N` exits
 * with N.  A parent must see what a shell sees on Linux.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"

static const struct crash *const tables[] = { crash_faults, crash_signals, crash_states };
static const char *const table_names[] = { "fault", "signal", "state" };

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static int list(void)
{
    for (size_t i = 0; i < TABLES; i++) {
        for (const struct crash *crash = tables[i]; crash->name; crash++)
            printf("%s %s\n", table_names[i], crash->name);
    }
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 1 && strcmp(argv[1], "list") == 0)
        return list();
    if (argc > 2 && strcmp(argv[1], "status") == 0)
        return atoi(argv[2]);
    for (size_t i = 0; argc > 1 && i < TABLES; i++) {
        for (const struct crash *crash = tables[i]; crash->name; crash++) {
            if (strcmp(crash->name, argv[1]) != 0)
                continue;
            printf("now: %s\n", crash->name);
            crash->run();
            printf("survived: %s\n", crash->name);
            return 0;
        }
    }
    fprintf(stderr, "usage: crash list | status N | NAME\n");
    return 99;
}

#pragma once
/* What the files of the guest `measure` share. */

struct measure {
    const char *name;
    double (*run)(void);    /* ns for one unit */
};

double now_ns(void);
/* All threads of this process on one processor, as those of one virtual CPU are. */
void use_one_processor(void);

/* measure_threads.c and measure_scheduling.c; the last one has no name. */
extern const struct measure thread_measures[];
extern const struct measure scheduling_measures[];

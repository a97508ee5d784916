#pragma once
/* What the files of the guest `measure` share. */

struct measure {
    const char *name;
    double (*run)(void);    /* ns for one unit */
};

double now_ns(void);
/* All threads of this process on one processor, as those of one virtual CPU are. */
void use_one_processor(void);

/* The file of the command line. */
const char *measured_file(void);

/* Of measure_threads.c and so on; the last one has no name. */
extern const struct measure process_measures[];
extern const struct measure thread_measures[];
extern const struct measure scheduling_measures[];

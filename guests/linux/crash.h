#pragma once
/* The ways to end, or to come near to it, that crash.c offers: one function and one name each. */

struct crash {
    const char *name;    /* the argument that selects it */
    void (*run)(void);
};

extern const struct crash crash_faults[];     /* crash_faults.c: what the processor refuses */
extern const struct crash crash_signals[];    /* crash_signals.c: signals gone wrong */
extern const struct crash crash_states[];     /* crash_states.c: odd states that must survive */

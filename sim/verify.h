#pragma once
/* --verify: the same run twice, compared event by event. */
#include <stdbool.h>

#include "machine/observer.h"

struct options;

/* In the process the user started: does not return.  In the two that it starts: prepares to report.
 * Before any descriptor is opened for the guest. */
void verify_start(struct options *options, char **arguments);
/* Whether this process is one of the two; valid from the start. */
bool verify_is_one_of_two(void);
void verify_event(const struct observer_event *event);
/* The run ends. */
void verify_finish(int status);

#pragma once
/* What the files of device/ share with each other only. */
#include <stdint.h>

void null_register(void);      /* null, zero and full */
void random_register(void);    /* random and urandom */
void log_register(void);       /* kmsg */

/* Bytes to move before looking whether a signal came: a read of gigabytes must be interruptible. */
#define STEP_SIZE 65536u

#pragma once
/* The shared library of libraries.c. */

/* Writes where nothing is. */
void library_write(volatile int *place);
/* Calls back. */
void library_call(void (*function)(volatile int *place), volatile int *place);
/* Waits for ever for input from a pipe that it holds both ends of. */
void library_wait(void);

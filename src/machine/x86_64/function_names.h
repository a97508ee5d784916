#pragma once
/* Names of the kernel's own functions, from a table in the image: see function_names.c. */
#include <stddef.h>
#include <stdint.h>

/* Writes "function+0x1c" and a 0 byte into `text`; returns the length, 0 if no function is known
 * there.  Any context. */
size_t function_name(uint64_t address, char *text, size_t size);

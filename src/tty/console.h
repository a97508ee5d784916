#pragma once
/* The machine's console as a terminal: /dev/console and /dev/tty. */
#include "fs/vfs.h"
#include "lib/error.h"

struct file_table;
struct process;

/* Boot, after fs_init. */
void console_init(void);
/* The first process begins: signals of the console go to its group, and the console controls its
 * session if it was started from one. */
void console_control_first(struct process *first);
/* INTERRUPT_CONSOLE: input, room for output, or another size. */
void console_interrupt(void);

/*
 * Opens descriptors 0, 1 and 2 of the first program in an empty table, as the machine says: the
 * terminal (one open file for all of them), a channel, or nothing.  `root` is the root directory,
 * for the name of the terminal.
 */
MUST_CHECK int console_open_standard(const struct path *root, struct file_table *files);

#pragma once
/* Programs that begin with "#!": the program that runs them. */
#include "lib/error.h"

struct file;

#define SCRIPT_LINE_SIZE 256    /* what is looked at */

struct script {
    char line[SCRIPT_LINE_SIZE + 1];
    const char *interpreter;    /* in `line` */
    const char *argument;       /* all behind it, or NULL */
};

/* 1: it is one; 0: it is none; -ENOEXEC: it begins like one, but there is no interpreter; -EIO. */
MUST_CHECK int script_read(struct file *file, struct script *script);

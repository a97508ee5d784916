#pragma once
/*
 * The interpreter of a dynamic program (PT_INTERP, ld.so): an ELF file that is mapped beside the
 * program and begins in its place.
 */
#include <stddef.h>

#include "lib/error.h"
#include "machine/machine.h"

struct address_space;
struct exec_request;
struct exec_image;
struct interpreter;    /* opened and checked, with a reference to its file */

/* The one that the checked program of `image` names; NULL if it names none.  On failure
 * `complaint` says what is wrong, to follow the name of the program.  -ENOEXEC, -ELIBBAD, -ENOMEM,
 * or why it cannot be opened. */
MUST_CHECK int interpreter_open(const struct exec_request *request, const struct exec_image *image,
                                struct interpreter **interpreter, char *complaint,
                                size_t complaint_size);
/* Maps it where the space has room, after the program; the image begins in it.  -ENOMEM, -EIO. */
MUST_CHECK int interpreter_map(const struct interpreter *interpreter, struct exec_image *image);
/* NULL is fine. */
void interpreter_close(struct interpreter *interpreter);

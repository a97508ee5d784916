/*
 * Standard input of a search: each run reads it from the start, and the command that repeats a
 * run gives it again.
 *
 * A file stays what it is.  What comes by a pipe is copied into a file of the host's memory first.
 * A terminal has its own time and cannot be wound back: the guest finds an empty input.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim.h"
#include "search/search_internal.h"

#define TEXT_MAX 256    /* longer input goes into a file */

enum source {
    SOURCE_UNUSED,      /* the program did not look at it */
    SOURCE_CLOSED,
    SOURCE_FILE,        /* one with a name */
    SOURCE_TEXT,
};

static bool is_read;
static off_t start = -1;    /* where the first run begins; -1: not a file */

void search_note_input(void)
{
    is_read = true;
}

/* ---- Before the first run ------------------------------------------------------------------ */

void input_close_terminal(void)
{
    int nothing;

    if (!isatty(STDIN_FILENO))
        return;
    nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0)
        refuse("cannot open /dev/null");
    close(nothing);
}

void input_keep(void)
{
    char bytes[4096];
    ssize_t count;
    int copy;

    if (lseek(STDIN_FILENO, 0, SEEK_CUR) >= 0 || errno == EBADF)
        return;
    copy = memfd_create("eft-input", 0);
    while (copy >= 0 && (count = read(STDIN_FILENO, bytes, sizeof(bytes))) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 || write(copy, bytes, (size_t)count) != count)
            refuse("cannot read the input for the search: %s", strerror(errno));
    }
    if (copy < 0 || lseek(copy, 0, SEEK_SET) != 0 || dup2(copy, STDIN_FILENO) < 0)
        refuse("cannot keep the input for the search");
    close(copy);
}

void input_own(void)
{
    off_t position = lseek(STDIN_FILENO, 0, SEEK_CUR);
    int own;

    if (position < 0)
        return;
    own = open("/proc/self/fd/0", O_RDONLY);
    if (own < 0 || lseek(own, position, SEEK_SET) < 0 || dup2(own, STDIN_FILENO) < 0)
        refuse("standard input cannot be opened once more for each job (--jobs=1): %s",
               strerror(errno));
    close(own);
}

void input_mark(void)
{
    start = lseek(STDIN_FILENO, 0, SEEK_CUR);
}

void input_rewind(void)
{
    if (start >= 0)
        lseek(STDIN_FILENO, start, SEEK_SET);
}

/* ---- In the command ------------------------------------------------------------------------ */

/* The name by which the file that is standard input can be opened again, from its start. */
static bool find_name(char *name, size_t size)
{
    struct stat opened, named;
    ssize_t length = readlink("/proc/self/fd/0", name, size - 1);

    if (length <= 0 || start != 0)
        return false;
    name[length] = '\0';
    return fstat(STDIN_FILENO, &opened) == 0 && stat(name, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

static enum source find_source(char *name, size_t size)
{
    if (!is_read)
        return SOURCE_UNUSED;
    if (fcntl(STDIN_FILENO, F_GETFD) < 0)
        return SOURCE_CLOSED;
    return find_name(name, size) ? SOURCE_FILE : SOURCE_TEXT;
}

static void print_byte(unsigned char byte, bool is_first)
{
    if (byte == '\n')
        fputs("\\n", stdout);
    else if (byte == '%')
        fputs("%%", stdout);
    else if (byte < ' ' || byte > '~' || byte == '\'' || byte == '\\' || (is_first && byte == '-'))
        printf("\\%03o", byte);
    else
        putchar(byte);
}

/* The rest of the input from its start; false: it is longer than that. */
static bool read_text(char *text, size_t size, size_t *length)
{
    ssize_t count;

    *length = 0;
    while (*length < size &&
           (count = pread(STDIN_FILENO, text + *length, size - *length,
                          start + (off_t)*length)) > 0)
        *length += (size_t)count;
    return *length < size;
}

/* Copies all of the input to a file in the working directory; false if that fails. */
static bool save(char *name, size_t size)
{
    uint64_t hash = HASH_START;
    char bytes[4096];
    ssize_t count;
    FILE *file = NULL;
    bool written = true;

    for (off_t at = start; (count = pread(STDIN_FILENO, bytes, sizeof(bytes), at)) > 0; at += count)
        hash = hash_bytes(hash, bytes, (size_t)count);
    snprintf(name, size, "input-%08" PRIx32, (uint32_t)hash);
    file = fopen(name, "we");
    if (!file)
        return false;
    for (off_t at = start; (count = pread(STDIN_FILENO, bytes, sizeof(bytes), at)) > 0; at += count)
        written = written && fwrite(bytes, 1, (size_t)count, file) == (size_t)count;
    return fclose(file) == 0 && written;
}

void input_print_before(void)
{
    char name[PATH_MAX], text[TEXT_MAX];
    size_t length;

    if (find_source(name, sizeof(name)) != SOURCE_TEXT ||
        !read_text(text, sizeof(text), &length) || length == 0)
        return;
    fputs("printf '", stdout);
    for (size_t i = 0; i < length; i++)
        print_byte((unsigned char)text[i], i == 0);
    fputs("' | ", stdout);
}

void input_print_after(void)
{
    char name[PATH_MAX], text[TEXT_MAX];
    size_t length;

    switch (find_source(name, sizeof(name))) {
    case SOURCE_UNUSED:
        return;
    case SOURCE_CLOSED:
        fputs(" <&-", stdout);
        return;
    case SOURCE_FILE:
        break;
    case SOURCE_TEXT:
        if (read_text(text, sizeof(text), &length) && length > 0)
            return;    /* input_print_before */
        if (length == 0)
            snprintf(name, sizeof(name), "/dev/null");
        else if (!save(name, sizeof(name)))
            snprintf(name, sizeof(name), "THE-SAME-INPUT");
        break;
    }
    fputs(" < ", stdout);
    command_print_word(name);
}

/*
 * The first line of a script, as Linux takes it apart: the interpreter's path up to the first space
 * or tab, and all the rest without the spaces around it as one argument.
 */
#include "process/script.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/read_write.h"

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static bool is_end(char character)
{
    return is_blank(character) || character == '\0';
}

static char *skip_blanks(char *text, const char *end)
{
    while (text < end && is_blank(*text))
        text++;
    return text;
}

/* Where the interpreter's path ends: at a space, a tab or a NUL. */
static char *skip_path(char *text, const char *end)
{
    while (text < end && !is_end(*text))
        text++;
    return text;
}

/* The end of the line; NULL: the path might be cut. */
static char *find_end(struct script *script, size_t length)
{
    char *start = script->line + 2, *limit = script->line + length;
    char *end = start;

    while (end < limit && *end != '\n')
        end++;
    if (end < limit || length < SCRIPT_LINE_SIZE)
        return end;
    end = skip_blanks(start, limit);
    return skip_path(end, limit) < limit ? limit - 1 : NULL;
}

static int take_apart(struct script *script, char *end)
{
    char *interpreter, *separator, *argument;

    while (end > script->line + 2 && is_blank(end[-1]))
        end--;
    *end = '\0';
    interpreter = skip_blanks(script->line + 2, end);
    if (interpreter == end)
        return -ENOEXEC;
    separator = skip_path(interpreter, end);
    argument = *separator ? skip_blanks(separator, end) : separator;
    *separator = '\0';
    script->interpreter = interpreter;
    script->argument = argument < end && *argument ? argument : NULL;
    return 1;
}

int script_read(struct file *file, struct script *script)
{
    int64_t length = file_read_kernel(file, script->line, SCRIPT_LINE_SIZE, 0);
    char *end;

    if (length < 0)
        return (int)length;
    script->line[length] = '\0';
    if (length < 2 || script->line[0] != '#' || script->line[1] != '!')
        return 0;
    end = find_end(script, (size_t)length);
    return end ? take_apart(script, end) : -ENOEXEC;
}

/* Printing for programs without a C library: formats into a line on the stack, writes it whole. */
#include <stdarg.h>

#include "guest.h"

#define LINE_SIZE 512

struct line {
    char text[LINE_SIZE];
    size_t length;
};

void print_bytes(int fd, const char *text, size_t length)
{
    while (length > 0) {
        int64_t written = system_call3(CALL_WRITE, (uint64_t)fd, address_of(text), length);

        if (written <= 0)
            return;
        text += written;
        length -= (size_t)written;
    }
}

void print(const char *text)
{
    print_bytes(1, text, text_length(text));
}

void print_error(const char *text)
{
    print_bytes(2, text, text_length(text));
}

static void line_add(struct line *line, char character)
{
    if (line->length < LINE_SIZE)
        line->text[line->length++] = character;
}

static void line_add_text(struct line *line, const char *text)
{
    while (*text)
        line_add(line, *text++);
}

static void line_add_number(struct line *line, uint64_t number, unsigned base)
{
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0);
    while (count > 0)
        line_add(line, digits[--count]);
}

static void line_add_signed(struct line *line, int64_t number)
{
    if (number < 0)
        line_add(line, '-');
    line_add_number(line, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}

static void line_add_argument(struct line *line, char kind, va_list *arguments)
{
    switch (kind) {
    case 'd':
        line_add_signed(line, va_arg(*arguments, int64_t));
        break;
    case 'u':
        line_add_number(line, va_arg(*arguments, uint64_t), 10);
        break;
    case 'x':
        line_add_number(line, va_arg(*arguments, uint64_t), 16);
        break;
    case 's':
        line_add_text(line, va_arg(*arguments, const char *));
        break;
    case 'c':
        line_add(line, (char)va_arg(*arguments, int));
        break;
    default:
        line_add(line, kind);
        break;
    }
}

void print_format(int fd, const char *format, ...)
{
    struct line line;
    va_list arguments;

    line.length = 0;
    va_start(arguments, format);
    for (; *format; format++) {
        if (*format != '%' || format[1] == '\0')
            line_add(&line, *format);
        else
            line_add_argument(&line, *++format, &arguments);
    }
    va_end(arguments);
    print_bytes(fd, line.text, line.length);
}

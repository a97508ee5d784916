/* Printing: a text is formatted into one buffer and handed over in one Write. */
#include "teaching.h"

enum { DIGITS_MAX = 20, CODE_PANIC = 1 };

struct output {
    char *text;
    size_t size;      /* without the zero at the end */
    size_t length;
};

/* What stands between % and the letter. */
struct directive {
    bool left;
    char fill;
    bool wide;        /* 64 bits */
    size_t width;
};

static void put(struct output *output, char character)
{
    if (output->length < output->size)
        output->text[output->length++] = character;
}

static void put_field(struct output *output, const struct directive *directive, const char *text,
                      size_t length)
{
    size_t blanks = directive->width > length ? directive->width - length : 0;

    for (size_t i = 0; i < blanks && !directive->left; i++)
        put(output, directive->fill);
    for (size_t i = 0; i < length; i++)
        put(output, text[i]);
    for (size_t i = 0; i < blanks && directive->left; i++)
        put(output, ' ');
}

static void put_unsigned(struct output *output, const struct directive *directive, uint64_t number,
                         unsigned base)
{
    char digits[DIGITS_MAX];
    char *first = digits + DIGITS_MAX;

    do
        *--first = "0123456789abcdef"[number % base];
    while ((number /= base) > 0);
    put_field(output, directive, first, (size_t)(digits + DIGITS_MAX - first));
}

static void put_signed(struct output *output, const struct directive *directive, int64_t number)
{
    struct directive rest = *directive;

    if (number >= 0) {
        put_unsigned(output, &rest, (uint64_t)number, 10);
        return;
    }
    put(output, '-');
    rest.width = rest.width > 0 ? rest.width - 1 : 0;
    put_unsigned(output, &rest, 0 - (uint64_t)number, 10);
}

static void put_argument(struct output *output, const struct directive *directive, char letter,
                         va_list *arguments)
{
    if (letter == 'd') {
        put_signed(output, directive,
                   directive->wide ? va_arg(*arguments, int64_t) : va_arg(*arguments, int));
    } else if (letter == 'u' || letter == 'x') {
        put_unsigned(output, directive,
                     directive->wide ? va_arg(*arguments, uint64_t) : va_arg(*arguments, unsigned),
                     letter == 'x' ? 16 : 10);
    } else if (letter == 's') {
        const char *text = va_arg(*arguments, const char *);

        put_field(output, directive, text, text_length(text));
    } else if (letter == 'c') {
        char character = (char)va_arg(*arguments, int);

        put_field(output, directive, &character, 1);
    } else {
        put(output, letter);
    }
}

/* Reads flags, width and length; gives the place of the letter. */
static const char *read_directive(const char *format, struct directive *directive)
{
    *directive = (struct directive){ .fill = ' ' };
    for (; *format == '-' || *format == '0'; format++) {
        if (*format == '-')
            directive->left = true;
        else
            directive->fill = '0';
    }
    for (; *format >= '0' && *format <= '9'; format++)
        directive->width = directive->width * 10 + (size_t)(*format - '0');
    for (; *format == 'l' || *format == 'z'; format++)
        directive->wide = true;
    return format;
}

size_t format_list(char *buffer, size_t size, const char *format, va_list arguments)
{
    struct output output = { .text = buffer, .size = size - 1 };
    va_list rest;

    va_copy(rest, arguments);
    while (*format) {
        struct directive directive;

        if (*format != '%') {
            put(&output, *format++);
            continue;
        }
        format = read_directive(format + 1, &directive);
        if (*format)
            put_argument(&output, &directive, *format++, &rest);
    }
    va_end(rest);
    buffer[output.length] = '\0';
    return output.length;
}

static void print_list(int fd, const char *format, va_list arguments)
{
    char buffer[PRINT_SIZE];
    size_t length = format_list(buffer, sizeof(buffer), format, arguments);

    (void)file_write(fd, buffer, length);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(1, format, arguments);
    va_end(arguments);
}

void print_error(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(2, format, arguments);
    va_end(arguments);
}

void panic(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_list(2, format, arguments);
    va_end(arguments);
    process_exit(CODE_PANIC);
}

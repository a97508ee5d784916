/*
 * Bounded formatting: what snprintf does, without floating point, locales and wide characters.
 *
 * One conversion goes through three steps: read its specification (flags, width, precision,
 * size), turn the argument into a `struct field` (sign or prefix, zeros, body), write the field
 * padded to the width.  Invariant: whatever was wanted is counted, and only what fits is stored,
 * so even a width of two thousand millions costs nothing.
 */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

#include "lib/assert.h"
#include "lib/memory.h"
#include "lib/text.h"

#define DIGITS_MAX 22    /* of 64 bits in base 8 */
#define PRECISION_NONE (-1)

enum argument_size {
    SIZE_CHAR,
    SIZE_SHORT,
    SIZE_INT,
    SIZE_LONG,
    SIZE_LONG_LONG,
    SIZE_SIZE,
    SIZE_MAXIMUM,
};

struct specification {
    bool left;         /* `-` */
    bool zero;         /* `0` */
    bool plus;         /* `+` */
    bool space;        /* ` ` */
    bool alternate;    /* `#` */
    int width;
    int precision;     /* PRECISION_NONE when not given */
    enum argument_size size;
};

/* A va_list inside a structure can be handed on by pointer on every compiler. */
struct arguments {
    va_list list;
};

/* What one conversion produces: prefix, zeros, body; spaces around it fill the width. */
struct field {
    const char *prefix;
    const char *body;
    size_t body_length;
    size_t zeros;
};

static void write_bytes(struct text_builder *output, const char *bytes, size_t count)
{
    if (output->length < output->size) {
        size_t room = output->size - output->length;

        memcpy(output->text + output->length, bytes, count < room ? count : room);
    }
    output->length += count;
}

static void write_repeated(struct text_builder *output, char byte, size_t count)
{
    if (output->length < output->size) {
        size_t room = output->size - output->length;

        memset(output->text + output->length, byte, count < room ? count : room);
    }
    output->length += count;
}

static void terminate(struct text_builder *output)
{
    if (output->size > 0)
        output->text[output->length < output->size ? output->length : output->size - 1] = '\0';
}

static void write_field(struct text_builder *output, const struct specification *specification,
                        const struct field *field)
{
    size_t prefix_length = text_length(field->prefix);
    size_t length = prefix_length + field->zeros + field->body_length;
    size_t width = (size_t)specification->width;
    size_t padding = width > length ? width - length : 0;

    if (!specification->left)
        write_repeated(output, ' ', padding);
    write_bytes(output, field->prefix, prefix_length);
    write_repeated(output, '0', field->zeros);
    write_bytes(output, field->body, field->body_length);
    if (specification->left)
        write_repeated(output, ' ', padding);
}

/* Reads one flag; false when the byte is none. */
static bool read_flag(char byte, struct specification *specification)
{
    switch (byte) {
    case '-':
        specification->left = true;
        return true;
    case '0':
        specification->zero = true;
        return true;
    case '+':
        specification->plus = true;
        return true;
    case ' ':
        specification->space = true;
        return true;
    case '#':
        specification->alternate = true;
        return true;
    default:
        return false;
    }
}

/* A decimal number or `*`; stays at INT32_MAX instead of wrapping.  No digits: 0. */
static const char *read_count(const char *at, struct arguments *arguments, int *count)
{
    if (*at == '*') {
        *count = va_arg(arguments->list, int);
        return at + 1;
    }
    *count = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        int digit = *at - '0';

        *count = *count > (INT32_MAX - digit) / 10 ? INT32_MAX : *count * 10 + digit;
    }
    return at;
}

static const char *read_size(const char *at, enum argument_size *size)
{
    switch (*at) {
    case 'h':
        *size = at[1] == 'h' ? SIZE_CHAR : SIZE_SHORT;
        return at[1] == 'h' ? at + 2 : at + 1;
    case 'l':
        *size = at[1] == 'l' ? SIZE_LONG_LONG : SIZE_LONG;
        return at[1] == 'l' ? at + 2 : at + 1;
    case 'z':
        *size = SIZE_SIZE;
        return at + 1;
    case 'j':
        *size = SIZE_MAXIMUM;
        return at + 1;
    default:
        *size = SIZE_INT;
        return at;
    }
}

/* Reads what stands between `%` and the conversion letter; returns the letter's place. */
static const char *read_specification(const char *at, struct arguments *arguments,
                                      struct specification *specification)
{
    *specification = (struct specification){ .precision = PRECISION_NONE };
    while (read_flag(*at, specification))
        at++;
    at = read_count(at, arguments, &specification->width);
    if (specification->width < 0) {    /* from `*`: a `-` flag and a width */
        specification->left = true;
        specification->width =
            specification->width == INT32_MIN ? INT32_MAX : -specification->width;
    }
    if (*at == '.') {
        at = read_count(at + 1, arguments, &specification->precision);
        if (specification->precision < 0)
            specification->precision = PRECISION_NONE;
    }
    return read_size(at, &specification->size);
}

static int64_t read_signed(struct arguments *arguments, enum argument_size size)
{
    switch (size) {
    case SIZE_CHAR:
        return (signed char)va_arg(arguments->list, int);
    case SIZE_SHORT:
        return (short)va_arg(arguments->list, int);
    case SIZE_INT:
        return va_arg(arguments->list, int);
    case SIZE_LONG:
    case SIZE_SIZE:
        return va_arg(arguments->list, long);
    case SIZE_LONG_LONG:
        return va_arg(arguments->list, long long);
    case SIZE_MAXIMUM:
        return va_arg(arguments->list, intmax_t);
    }
    UNREACHABLE();
}

static uint64_t read_unsigned(struct arguments *arguments, enum argument_size size)
{
    switch (size) {
    case SIZE_CHAR:
        return (unsigned char)va_arg(arguments->list, unsigned);
    case SIZE_SHORT:
        return (unsigned short)va_arg(arguments->list, unsigned);
    case SIZE_INT:
        return va_arg(arguments->list, unsigned);
    case SIZE_LONG:
        return va_arg(arguments->list, unsigned long);
    case SIZE_LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    case SIZE_SIZE:
        return va_arg(arguments->list, size_t);
    case SIZE_MAXIMUM:
        return va_arg(arguments->list, uintmax_t);
    }
    UNREACHABLE();
}

static unsigned conversion_base(char conversion)
{
    if (conversion == 'o')
        return 8;
    return conversion == 'x' || conversion == 'X' || conversion == 'p' ? 16 : 10;
}

/* Writes digits so that they end at `end`; returns how many.  None for zero: the precision
 * (1 unless given) supplies it. */
static size_t digits_before(char *end, uint64_t value, char conversion)
{
    const char *digits = conversion == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = conversion_base(conversion);
    size_t count = 0;

    for (; value > 0; value /= base) {
        count++;
        end[-(ptrdiff_t)count] = digits[value % base];
    }
    return count;
}

/* How many zeros stand before the digits: for the precision, or for the flag `0`. */
static size_t zeros_needed(const struct specification *specification, size_t prefix_length,
                           size_t digits)
{
    size_t wanted = specification->precision == PRECISION_NONE
                        ? 1
                        : (size_t)specification->precision;
    bool fill = specification->zero && !specification->left &&
                specification->precision == PRECISION_NONE;

    if (fill && (size_t)specification->width > wanted + prefix_length)
        wanted = (size_t)specification->width - prefix_length;
    return wanted > digits ? wanted - digits : 0;
}

static void write_number(struct text_builder *output, const struct specification *specification,
                         uint64_t value, char conversion, const char *prefix)
{
    char digits[DIGITS_MAX];
    size_t count = digits_before(digits + sizeof(digits), value, conversion);
    size_t zeros = zeros_needed(specification, text_length(prefix), count);

    /* `%#o` makes sure that the first digit is a zero. */
    if (conversion == 'o' && specification->alternate && zeros == 0)
        zeros = 1;
    write_field(output, specification,
                &(struct field){
                    .prefix = prefix,
                    .body = digits + sizeof(digits) - count,
                    .body_length = count,
                    .zeros = zeros,
                });
}

static void write_signed(struct text_builder *output, const struct specification *specification,
                         int64_t value)
{
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    const char *prefix = "";

    if (value < 0)
        prefix = "-";
    else if (specification->plus)
        prefix = "+";
    else if (specification->space)
        prefix = " ";
    write_number(output, specification, magnitude, 'd', prefix);
}

static void write_unsigned(struct text_builder *output, const struct specification *specification,
                           uint64_t value, char conversion)
{
    const char *prefix = "";

    if (specification->alternate && value != 0 && conversion == 'x')
        prefix = "0x";
    if (specification->alternate && value != 0 && conversion == 'X')
        prefix = "0X";
    write_number(output, specification, value, conversion, prefix);
}

/* A string argument; the precision bounds how far it is read. */
static void write_text(struct text_builder *output, const struct specification *specification,
                       const char *text)
{
    size_t limit = specification->precision == PRECISION_NONE
                       ? SIZE_MAX
                       : (size_t)specification->precision;
    const char *body = text ? text : "(null)";

    write_field(output, specification,
                &(struct field){
                    .prefix = "",
                    .body = body,
                    .body_length = text_length_bounded(body, limit),
                });
}

static void write_pointer(struct text_builder *output, const struct specification *specification,
                          const void *pointer)
{
    if (pointer)
        write_number(output, specification, (uintptr_t)pointer, 'x', "0x");
    else
        write_text(output, &(struct specification){ .left = specification->left,
                                                    .width = specification->width,
                                                    .precision = PRECISION_NONE }, "(nil)");
}

static void write_character(struct text_builder *output,
                            const struct specification *specification, char byte)
{
    write_field(output, specification,
                &(struct field){ .prefix = "", .body = &byte, .body_length = 1 });
}

/* False for a letter that is no conversion. */
static bool write_conversion(struct text_builder *output, struct arguments *arguments,
                             const struct specification *specification, char conversion)
{
    switch (conversion) {
    case 'd':
    case 'i':
        write_signed(output, specification, read_signed(arguments, specification->size));
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        write_unsigned(output, specification, read_unsigned(arguments, specification->size),
                       conversion);
        return true;
    case 'p':
        write_pointer(output, specification, va_arg(arguments->list, const void *));
        return true;
    case 's':
        write_text(output, specification, va_arg(arguments->list, const char *));
        return true;
    case 'c':
        write_character(output, specification, (char)va_arg(arguments->list, int));
        return true;
    case '%':
        write_bytes(output, "%", 1);
        return true;
    default:
        return false;
    }
}

/* Writes everything up to the next `%` and the conversion that it begins; returns what follows.
 * An unknown conversion is written as it stands. */
static const char *write_piece(struct text_builder *output, const char *pattern,
                               struct arguments *arguments)
{
    const char *percent = text_find(pattern, '%');

    if (!percent) {
        size_t length = text_length(pattern);

        write_bytes(output, pattern, length);
        return pattern + length;
    }
    write_bytes(output, pattern, (size_t)(percent - pattern));

    struct specification specification;
    const char *conversion = read_specification(percent + 1, arguments, &specification);

    if (write_conversion(output, arguments, &specification, *conversion))
        return conversion + 1;
    write_bytes(output, percent, (size_t)(conversion - percent));
    return conversion;
}

size_t format_arguments(char *text, size_t size, const char *pattern, va_list list)
{
    struct text_builder output = { .text = text, .size = size };
    struct arguments arguments;

    va_copy(arguments.list, list);
    while (*pattern != '\0')
        pattern = write_piece(&output, pattern, &arguments);
    va_end(arguments.list);
    terminate(&output);
    return output.length;
}

size_t format(char *text, size_t size, const char *pattern, ...)
{
    va_list list;

    va_start(list, pattern);
    size_t length = format_arguments(text, size, pattern, list);
    va_end(list);
    return length;
}

void text_builder_init(struct text_builder *builder, char *text, size_t size)
{
    *builder = (struct text_builder){ .text = text, .size = size };
    terminate(builder);
}

void text_builder_add(struct text_builder *builder, const char *pattern, ...)
{
    size_t used = builder->length < builder->size ? builder->length : builder->size;
    va_list list;

    va_start(list, pattern);
    builder->length += format_arguments(builder->text + used, builder->size - used, pattern, list);
    va_end(list);
    terminate(builder);
}

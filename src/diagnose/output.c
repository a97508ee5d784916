/* Text for the machine's streams, in pieces of a fixed buffer. */
#include "diagnose/diagnose_internal.h"
#include "lib/format.h"

#define NS_PER_SECOND UINT64_C(1000000000)
#define PIECE_SIZE 256

void output_init(struct output *output, enum machine_stream stream)
{
    output->stream = stream;
    output->length = 0;
}

void output_flush(struct output *output)
{
    if (output->length > 0)
        (void)machine_console_write(output->stream, output->bytes, output->length);
    output->length = 0;
}

static void put(struct output *output, char byte)
{
    if (output->length == OUTPUT_SIZE)
        output_flush(output);
    output->bytes[output->length++] = byte;
}

static void put_text(struct output *output, const char *text)
{
    for (; *text; text++)
        put(output, *text);
}

void output_add(struct output *output, const char *pattern, ...)
{
    char piece[PIECE_SIZE];
    va_list arguments;

    va_start(arguments, pattern);
    format_arguments(piece, sizeof(piece), pattern, arguments);
    va_end(arguments);
    put_text(output, piece);
}

void output_quoted(struct output *output, const char *text)
{
    put(output, '"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte == '"' || byte == '\\')
            output_add(output, "\\%c", byte);
        else if (byte < ' ' || byte >= 0x7f)
            output_add(output, "\\u%04x", byte);
        else
            put(output, (char)byte);
    }
    put(output, '"');
}

const char *seconds_text(uint64_t ns, char *text, size_t size)
{
    format(text, size, "%llu.%06llu s", (unsigned long long)(ns / NS_PER_SECOND),
           (unsigned long long)(ns % NS_PER_SECOND / 1000));
    return text;
}

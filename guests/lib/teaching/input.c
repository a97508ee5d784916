/*
 * Reading lines from the console.  Read never blocks and gives one character at a time, so it is
 * asked until there is one.  The kernel does not echo: this does.
 */
#include "teaching.h"

enum {
    KEY_CLEAR = 0x03,
    KEY_END = 0x04,
    KEY_BACKSPACE = 0x08,
    KEY_DELETE = 0x7f,
    CHARACTER_MAX = 4,       /* bytes of one character */
    ANSWER_SIZE = 32,
    DECIMAL_DIGITS = 19,     /* of numbers that surely fit */
    HEXADECIMAL_DIGITS = 16,
};

/* The bytes of one character; 0 when the console fails. */
static int64_t read_character(char character[CHARACTER_MAX])
{
    int64_t length;

    while ((length = file_read(0, character, CHARACTER_MAX)) == 0)
        cpu_relax();
    return length < 0 ? 0 : length;
}

/* The start of the last character: bytes 10xxxxxx continue one. */
static size_t last_character(const char *line, size_t length)
{
    while (length > 0) {
        length--;
        if (((unsigned char)line[length] & 0xc0) != 0x80)
            return length;
    }
    return 0;
}

static void erase_character(const char *line, size_t *length)
{
    if (*length == 0)
        return;
    *length = last_character(line, *length);
    print("\b \b");
}

static void add_character(char *line, size_t size, size_t *length, const char *character,
                          size_t bytes)
{
    unsigned char first = (unsigned char)character[0];

    if (first < ' ' || *length + bytes >= size)
        return;
    memcpy(line + *length, character, bytes);
    *length += bytes;
    (void)file_write(1, character, bytes);
}

int64_t read_line(char *line, size_t size)
{
    size_t length = 0;

    for (;;) {
        char character[CHARACTER_MAX];
        int64_t bytes = read_character(character);

        line[length] = '\0';
        if (bytes == 0 || character[0] == KEY_END)
            return -1;
        if (character[0] == '\n' || character[0] == '\r') {
            print("\n");
            return (int64_t)length;
        }
        if (character[0] == KEY_CLEAR) {
            while (length > 0)
                erase_character(line, &length);
        } else if (character[0] == KEY_BACKSPACE || character[0] == KEY_DELETE) {
            erase_character(line, &length);
        } else {
            add_character(line, size, &length, character, (size_t)bytes);
        }
    }
}

bool question_ask(const struct question *question, char *answer, size_t size)
{
    int64_t length;

    answer[0] = '\0';
    if (question->index >= question->argc) {
        if (question->argc > 1)
            return false;       /* who gives arguments is not asked for the rest */
        print("%s", question->prompt);
        length = read_line(answer, size);
        if (length < 0)
            print("\n");
        return length > 0;
    }
    length = (int64_t)text_length(question->argv[question->index]);
    if ((size_t)length >= size)
        length = (int64_t)size - 1;
    memcpy(answer, question->argv[question->index], (size_t)length);
    answer[length] = '\0';
    return true;
}

/* What text_to_number takes as a whole, and fits. */
static bool is_number(const char *text)
{
    bool is_hexadecimal = text[0] == '0' && text[1] == 'x';
    const char *digits = is_hexadecimal ? text + 2 : text;
    size_t count = 0;

    while ((digits[count] >= '0' && digits[count] <= '9') ||
           (is_hexadecimal && digits[count] >= 'a' && digits[count] <= 'f'))
        count++;
    return count > 0 && count <= (is_hexadecimal ? HEXADECIMAL_DIGITS : DECIMAL_DIGITS) &&
           digits[count] == '\0';
}

uint64_t question_ask_number(const struct question *question, uint64_t otherwise)
{
    char answer[ANSWER_SIZE];

    if (!question_ask(question, answer, sizeof(answer)))
        return otherwise;
    return is_number(answer) ? text_to_number(answer) : UINT64_MAX;
}

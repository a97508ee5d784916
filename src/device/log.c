/*
 * /dev/kmsg: the kernel log, a record a read: "level,number,microseconds,-;text".
 *
 * The position is that of the log; records are numbered by it, which only grows.  At the end a
 * read gives 0: nobody waits here for messages to come.
 */
#include "debug/log.h"

#include "device/device_internal.h"
#include "fs/devfs.h"
#include "fs/file.h"
#include "fs/read_write.h"
#include "lib/format.h"
#include "lib/memory.h"

#define LINE_SIZE 320u

/* A line of the log: "<6>[    1.000123] text". */
struct log_record {
    unsigned level;
    uint64_t time_us;
    const char *text;
};

static const char *skip_number(const char *text, uint64_t *number)
{
    while (*text >= '0' && *text <= '9')
        *number = *number * 10 + (uint64_t)(*text++ - '0');
    return text;
}

/* False: a line that was cut where the ring begins. */
static bool parse_line(const char *line, struct log_record *record)
{
    uint64_t level = 0, seconds = 0, microseconds = 0;

    if (*line++ != '<')
        return false;
    line = skip_number(line, &level);
    if (*line++ != '>' || *line++ != '[')
        return false;
    while (*line == ' ')
        line++;
    line = skip_number(line, &seconds);
    if (*line++ != '.')
        return false;
    line = skip_number(line, &microseconds);
    if (*line++ != ']')
        return false;
    record->level = (unsigned)level;
    record->time_us = seconds * 1000000 + microseconds;
    record->text = *line == ' ' ? line + 1 : line;
    return true;
}

/* The next line, terminated instead of its newline.  Returns its length in the log, 0 at the end;
 * *position moves to where it begins. */
static size_t read_line(uint64_t *position, char *line)
{
    uint64_t end = *position;
    size_t size = log_read(&end, line, LINE_SIZE - 1);
    size_t length = 0;

    *position = end - size;

    while (length < size && line[length] != '\n')
        length++;
    line[length] = '\0';
    return length < size ? length + 1 : size;
}

static int64_t log_device_read(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    char line[LINE_SIZE], text[LINE_SIZE + 64];
    uint64_t start = *position;
    struct log_record record;
    size_t length;

    do {
        *position = start;
        length = read_line(&start, line);
        if (start != *position) {
            *position = start;
            return -EPIPE;    /* overwritten before it was read */
        }
        start += length;
    } while (length > 0 && !parse_line(line, &record));
    if (length == 0)
        return file_flags(file) & OPEN_NONBLOCK ? -EAGAIN : 0;

    size_t size = format(text, sizeof(text), "%u,%llu,%llu,-;%s\n", record.level,
                         (unsigned long long)*position, (unsigned long long)record.time_us,
                         record.text);

    if (size > buffer->remaining)
        return -EINVAL;
    *position = start;
    return io_buffer_put(buffer, text, size);
}

static enum log_level level_of(uint64_t syslog_level)
{
    static const enum log_level levels[] = { LOG_ERROR, LOG_ERROR, LOG_ERROR, LOG_ERROR,
                                             LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

    return levels[syslog_level & 7];
}

/* One message, with an optional "<level>" in front. */
static int64_t log_device_write(struct file *file, struct io_buffer *buffer, uint64_t *position)
{
    char line[LINE_SIZE];
    const char *text = line;
    uint64_t level = 4;
    size_t size = buffer->remaining;

    (void)file;
    (void)position;
    if (size >= LINE_SIZE)
        return -EINVAL;
    if (size == 0)
        return 0;

    int64_t taken = io_buffer_get(buffer, line, size);

    if (taken < (int64_t)size)
        return -EFAULT;
    line[line[size - 1] == '\n' ? size - 1 : size] = '\0';
    if (line[0] == '<' && line[1] >= '0' && line[1] <= '9') {
        level = 0;
        text = skip_number(line + 1, &level);
        text += *text == '>';
    }
    log_line(level_of(level), "%s", text);
    return taken;
}

static int64_t log_device_seek(struct file *file, int64_t offset, int whence)
{
    char bytes[LINE_SIZE];

    if (offset != 0)
        return -ESPIPE;
    switch (whence) {
    case SEEK_FROM_START:
    case SEEK_TO_DATA:
        file->position = 0;
        (void)log_read(&file->position, bytes, 0);    /* the first byte that is still there */
        return 0;
    case SEEK_FROM_END:
        while (log_read(&file->position, bytes, sizeof(bytes)) > 0)
            ;
        return 0;
    }
    return -EINVAL;
}

static const struct file_operations log_operations = {
    .read = log_device_read, .write = log_device_write, .seek = log_device_seek,
};

static struct device log_device = {
    .name = "kmsg", .mode = MODE_CHARACTER | 0644, .id = DEVICE_ID(1, 11),
    .operations = &log_operations,
};

void log_register(void)
{
    device_register(&log_device);
}

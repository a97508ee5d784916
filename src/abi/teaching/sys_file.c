/*
 * Calls about files: Read, Write, Open, Close.
 *
 * Descriptors 0 to 2 are the console for ever; others belong to the whole family.  Nothing here
 * waits for input: a Read that finds none answers 0.
 */
#include "abi/teaching/calls.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/open.h"
#include "fs/path.h"
#include "fs/read_write.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "memory/io_buffer.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/family.h"
#include "process/process.h"
#include "tty/tty.h"

#define INPUT 0
#define FIRST_OWN 3
#define CHARACTER_SIZE_MAX 4u
#define END_OF_INPUT 0x04    /* Ctrl-D: what programs take for the end */
#define NEW_FILE_MODE 0666u

static void stop_polling(void)
{
    user_thread_of(current_thread())->polling.active = false;
}

/* ---- Characters from the console ----------------------------------------------------------- */

/* 1; 0 at the end of input; -EAGAIN: there is none now. */
static int64_t read_byte(struct file *file, uint8_t *byte)
{
    const struct io_segment segment = { .address = (uintptr_t)byte, .length = 1 };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    buffer.may_not_wait = true;
    return file_read(file, &buffer);
}

/* How many bytes a character has that begins with this one; 0: none does. */
static unsigned character_size(uint8_t first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first < 0xe0)
        return 2;
    if (first >= 0xe0 && first < 0xf0)
        return 3;
    return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* May the byte follow the `count` bytes that are there? */
static bool may_follow(const uint8_t *bytes, unsigned count, uint8_t byte)
{
    uint8_t low = 0x80, high = 0xbf;

    if (count == 1 && bytes[0] == 0xe0)
        low = 0xa0;
    else if (count == 1 && bytes[0] == 0xed)
        high = 0x9f;
    else if (count == 1 && bytes[0] == 0xf0)
        low = 0x90;
    else if (count == 1 && bytes[0] == 0xf4)
        high = 0x8f;
    return byte >= low && byte <= high;
}

static int64_t give_replacement(uint8_t *character)
{
    memcpy(character, "\xef\xbf\xbd", 3);    /* U+FFFD */
    return 3;
}

/* Adds a byte to what was typed of a character; returns the size of a character that is complete,
 * or 0.  What makes no sense is replaced. */
static int64_t add_byte(struct family *family, uint8_t byte, uint8_t *character)
{
    unsigned count = family->input_count;
    unsigned size;

    if (count > 0 && !may_follow(family->input, count, byte)) {
        family->input_count = 0;
        if (character_size(byte) > 0)    /* begins another one */
            family->input[family->input_count++] = byte;
        return give_replacement(character);
    }
    if (count == 0 && character_size(byte) == 0)
        return give_replacement(character);
    family->input[count] = byte;
    family->input_count = count + 1;
    size = character_size(family->input[0]);
    if (family->input_count < size)
        return 0;
    memcpy(character, family->input, size);
    family->input_count = 0;
    return size;
}

/* The size of the next character, 0: there is none yet; or an error.  *at_end: there will be none,
 * and what is given says so. */
static int64_t next_character(struct family *family, struct file *file, uint8_t *character,
                              bool *at_end)
{
    int64_t size = 0;

    /* What follows a broken character may be one by itself. */
    if (family->input_count == 1 && character_size(family->input[0]) == 1) {
        character[0] = family->input[0];
        family->input_count = 0;
        return 1;
    }
    while (size == 0) {
        uint8_t byte;
        int64_t got = read_byte(file, &byte);

        if (got < 0)
            return got == -EAGAIN ? 0 : got;
        if (got == 0) {
            *at_end = true;
            if (family->input_count > 0) {
                family->input_count = 0;
                return give_replacement(character);
            }
            byte = END_OF_INPUT;
        }
        size = add_byte(family, byte, character);
    }
    return size;
}

static int64_t take_character(struct file *file, uint8_t *character, bool *at_end)
{
    struct family *family = current_process()->family;

    *at_end = false;
    mutex_lock(&family->lock);
    int64_t size = next_character(family, file, character, at_end);

    mutex_unlock(&family->lock);
    return size;
}

static int64_t read_console(struct file *file, user_address buffer, uint64_t length)
{
    uint8_t character[CHARACTER_SIZE_MAX];
    bool at_end;
    int64_t size;

    if (length < CHARACTER_SIZE_MAX)
        return FAILED;
    if (file->operations == &tty_file_operations)
        tty_read_by(file->contents, TTY_CHARACTERS);
    size = take_character(file, character, &at_end);
    if (size == 0 || at_end) {
        if (!teaching_poll_pause(at_end ? NULL : file))
            return teaching_interrupted();
        if (!at_end)
            size = take_character(file, character, &at_end);
    } else {
        stop_polling();
    }
    if (size < 0 || user_copy_out(current_space(), buffer, character, (size_t)size) != 0)
        return FAILED;
    return size;
}

/* ---- Bytes --------------------------------------------------------------------------------- */

static int64_t transfer(struct file *file, user_address address, uint64_t length, bool is_write)
{
    const struct io_segment segment = { .address = address, .length = length };
    struct io_buffer buffer;

    if (!user_range_is_possible(address, length))
        return -EFAULT;
    io_buffer_init(&buffer, current_space(), &segment, 1);
    return is_write ? file_write(file, &buffer, UINT64_MAX) : file_read(file, &buffer);
}

static int64_t result_of(int64_t result)
{
    if (result == -EINTR)
        return teaching_interrupted();
    if (result == -EAGAIN)
        return 0;
    return result < 0 ? FAILED : result;
}

int64_t teaching_read(uint8_t fd, user_address buffer, uint64_t length)
{
    struct file *file = file_table_get(current_files(), fd);
    int64_t result = 0;

    if (!file)
        return FAILED;
    if (fd == INPUT) {
        result = read_console(file, buffer, length);
    } else {
        stop_polling();
        if (fd >= FIRST_OWN)
            result = result_of(transfer(file, buffer, length, false));
    }
    file_release(file);
    return result;
}

static void end_relative(struct process *process, void *family)
{
    if (process->family == family)
        signal_send_kernel(process, SIGNAL_PIPE);
}

/* The ABI has no signals, and its programs do not look at results.  If only one of them ended, the
 * others would wait for it for ever. */
void teaching_console_has_gone(void)
{
    process_for_each(end_relative, current_process()->family);
}

int64_t teaching_write(uint8_t fd, user_address buffer, uint64_t length)
{
    struct file *file = file_table_get(current_files(), fd);
    int64_t result = 0;

    stop_polling();
    if (!file)
        return FAILED;
    if (fd != INPUT)
        result = transfer(file, buffer, length, true);
    file_release(file);
    if (result == -EPIPE && fd < FIRST_OWN)
        teaching_console_has_gone();
    return result_of(result);
}

/* ---- Open and Close ------------------------------------------------------------------------ */

void teaching_fs_context(struct fs_context *context)
{
    current_fs_context(context);
}

static int open_path(const char *path, uint32_t flags, struct file **file)
{
    const struct open_request request = {
        .path = path,
        .flags = flags | OPEN_NONBLOCK | OPEN_NO_TERMINAL | OPEN_LARGEFILE,
        .mode = NEW_FILE_MODE,
    };
    struct fs_context context;
    int error;

    teaching_fs_context(&context);
    error = file_open(&context, &request, file);
    fs_context_release(&context);
    if (!error && ((*file)->inode->mode & MODE_TYPE) == MODE_DIRECTORY) {
        file_release(*file);
        error = -EISDIR;
    }
    return error;
}

/* The number closed last, or else the next one. */
static int install(struct process *process, struct file *file) REQUIRES(&process->family->lock)
{
    struct family *family = process->family;
    unsigned fd = FIRST_OWN + family->opened_count;
    int error;

    ASSERT(mutex_is_held(&family->lock));
    if (family->closed_count > 0)
        fd = family->closed[family->closed_count - 1];
    if (fd >= FAMILY_DESCRIPTORS)
        return -EMFILE;
    error = file_table_replace(current_files(), (int)fd, file, false, FAMILY_DESCRIPTORS);
    if (error)
        return error;
    if (family->closed_count > 0)
        family->closed_count--;
    else
        family->opened_count++;
    return (int)fd;
}

static int64_t open_and_install(const char *path, uint32_t flags)
{
    struct process *process = current_process();
    struct file *file;
    int fd;

    if (open_path(path, flags, &file) != 0)
        return 0;
    mutex_lock(&process->family->lock);
    fd = install(process, file);
    mutex_unlock(&process->family->lock);
    if (fd < 0)
        file_release(file);
    return fd < 0 ? 0 : fd;
}

int64_t teaching_open(user_address path, uint64_t length, uint8_t mode)
{
    static const uint32_t flags_by_mode[] = {
        OPEN_READ,
        OPEN_READ_WRITE | OPEN_APPEND,
        OPEN_READ_WRITE | OPEN_TRUNCATE,
        OPEN_READ_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE,
        OPEN_READ_WRITE | OPEN_CREATE | OPEN_TRUNCATE,
        OPEN_READ_WRITE | OPEN_CREATE | OPEN_APPEND,
    };
    int64_t fd = 0;
    char *text;

    if (length == 0 || length >= PATH_MAX || mode >= ARRAY_SIZE(flags_by_mode))
        return 0;
    text = memory_allocate(PATH_MAX);
    if (!text)
        return 0;
    if (user_copy_in(current_space(), text, path, (size_t)length) == 0 &&
        text_length(text) == length)
        fd = open_and_install(text, flags_by_mode[mode]);
    memory_free(text, PATH_MAX);
    return fd;
}

int64_t teaching_close(uint8_t fd)
{
    struct process *process = current_process();
    struct family *family = process->family;
    int error;

    if (fd < FIRST_OWN)
        return 0;
    mutex_lock(&family->lock);
    error = file_table_close(current_files(), fd);
    if (!error)
        family->closed[family->closed_count++] = fd;
    mutex_unlock(&family->lock);
    return error ? 0 : 1;
}

/*
 * The machine's console as a terminal.
 *
 * It controls the session of the first process if that was started with a terminal.
 */
#include "tty/console.h"

#include "config.h"
#include "debug/options.h"
#include "device/channel.h"
#include "fs/channel_file.h"
#include "fs/devfs.h"
#include "fs/file.h"
#include "fs/file_table.h"
#include "fs/filesystem.h"
#include "fs/inode.h"
#include "fs/open.h"
#include "fs/path.h"
#include "lib/format.h"
#include "machine/machine.h"
#include "process/process.h"
#include "tty/tty.h"

#define CONSOLE_PATH "/dev/console"
#define CONSOLE_MODE (MODE_CHARACTER | 0600u)
#define CONSOLE_ID DEVICE_ID(5, 1)
#define CURRENT_TERMINAL_ID DEVICE_ID(5, 0)
#define STANDARD_DESCRIPTORS 3

static struct tty console;
static struct terminal_size machine_size;    /* as last seen; by INTERRUPT_CONSOLE only */

static size_t console_write(struct tty *tty, const char *bytes, size_t size)
{
    (void)tty;
    return machine_console_write(MACHINE_STREAM_TERMINAL, bytes, size);
}

static int console_read(struct tty *tty)
{
    (void)tty;
    return machine_console_read();
}

static const struct tty_device console_device = {
    .write = console_write,
    .read = console_read,
    .is_external = true,
};

/* ---- Which terminal ------------------------------------------------------------------------ */

static enum channel_kind kind_of_channel(unsigned number)
{
    const struct channel_operations *channels = machine_info()->channels;

    if (!channels)
        return CHANNEL_TERMINAL;
    return number < channels->count ? channels->kind(number) : CHANNEL_ABSENT;
}

/* Is one of the first program's standard descriptors the terminal? */
static bool console_is_used(void)
{
    for (unsigned i = 0; i < STANDARD_DESCRIPTORS; i++) {
        if (kind_of_channel(i) == CHANNEL_TERMINAL)
            return true;
    }
    return false;
}

void console_control_first(struct process *first)
{
    tty_control_first(&console, first, console_is_used());
}

/* ---- Nodes --------------------------------------------------------------------------------- */

/* Opening it does not make it the session's terminal; TIOCSCTTY does. */
static int console_open(struct file *file)
{
    return tty_open(file, &console, false);
}

static int current_terminal_open(struct file *file)
{
    struct tty *tty = tty_of_process();

    if (!tty)
        return -ENXIO;

    int error = tty_open(file, tty, false);

    tty_release(tty);
    return error;
}

static struct device console_node = {
    .name = "console", .mode = CONSOLE_MODE, .id = CONSOLE_ID, .is_users = true,
    .is_stream = true, .operations = &tty_file_operations, .open = console_open,
};
static struct device current_terminal_node = {
    .name = "tty", .mode = MODE_CHARACTER | 0666u, .id = CURRENT_TERMINAL_ID,
    .is_stream = true, .operations = &tty_file_operations, .open = current_terminal_open,
};

/* ---- Start and interrupts ------------------------------------------------------------------ */

void console_init(void)
{
    tty_init(&console, &console_device, CONSOLE_ID);
    machine_console_size(&machine_size.rows, &machine_size.columns);
    console.size = machine_size;
    device_register(&console_node);
    device_register(&current_terminal_node);
}

void console_interrupt(void)
{
    struct terminal_size size = { 0 };

    machine_console_size(&size.rows, &size.columns);
    if (size.rows != machine_size.rows || size.columns != machine_size.columns) {
        machine_size = size;
        tty_set_size(&console, &size);
    }
    tty_receive(&console);
}

/* ---- Descriptors of the first program ------------------------------------------------------ */

/* The terminal where the root has no node for it. */
static int open_nameless(struct file **file)
{
    const struct inode_kind kind = { .file_operations = &tty_file_operations };
    const struct inode_request node = {
        .mode = CONSOLE_MODE,
        .user_id = option_first_user().user_id,
        .group_id = option_first_user().group_id,
        .device_id = CONSOLE_ID,
    };
    struct file_request request = {
        .operations = &tty_file_operations,
        .flags = OPEN_READ_WRITE | OPEN_LARGEFILE,
        .is_stream = true,
        .description = CONSOLE_PATH,
        .contents = &console,
    };
    int error = inode_create(filesystem_anonymous(), &kind, &node, &request.inode);

    if (error)
        return error;
    error = file_create(&request, file);
    if (!error)
        tty_opened(&console);
    inode_release(request.inode);
    return error;
}

/* As root. */
static int open_path(const struct path *root, const char *path, uint32_t flags,
                     struct file **file)
{
    const struct fs_context context = { .root = *root, .working_directory = *root,
                                        .credentials = CREDENTIALS_OF_ROOT };
    const struct open_request request = {
        .path = path,
        .flags = flags | OPEN_NO_TERMINAL | OPEN_LARGEFILE,
    };

    return file_open(&context, &request, file);
}

static int open_console(const struct path *root, struct file **file)
{
    if (open_path(root, CONSOLE_PATH, OPEN_READ_WRITE, file) == 0) {
        if ((*file)->contents == &console)
            return 0;
        file_release(*file);    /* somebody else's idea of a console */
    }
    return open_nameless(file);
}

/* With a name in /dev, or else in the root. */
static int open_channel(const struct path *root, unsigned number, struct file **file)
{
    const struct fs_context context = { .root = *root, .working_directory = *root,
                                        .credentials = CREDENTIALS_OF_ROOT };
    struct path directory;
    int error = path_walk(&context, NULL, "/dev", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &directory);

    if (error)
        return channel_file_open(number, root, file);
    error = channel_file_open(number, &directory, file);
    path_release(&directory);
    return error;
}

/* A device of the host that is also one of ours (</dev/null) is opened as that. */
static int open_stream(const struct path *root, unsigned number, struct file **file)
{
    char path[64];
    struct channel_status status;
    const char *name = NULL;

    if (machine_info()->channels->status(number, &status) == 0)
        name = device_name(status.device_id, status.mode & MODE_TYPE);
    if (name) {
        (void)format(path, sizeof(path), "/dev/%s", name);
        if (open_path(root, path, status.flags, file) == 0)
            return 0;
    }
    return open_channel(root, number, file);
}

static int open_descriptor(const struct path *root, unsigned number, struct file **terminal,
                           struct file **file)
{
    *file = NULL;
    switch (kind_of_channel(number)) {
    case CHANNEL_ABSENT:
        return 0;
    case CHANNEL_STREAM:
        return open_stream(root, number, file);
    case CHANNEL_FILE:
        return open_channel(root, number, file);
    case CHANNEL_TERMINAL:
        if (!*terminal) {
            int error = open_console(root, terminal);

            if (error)
                return error;
        }
        file_reference(*terminal);
        *file = *terminal;
        return 0;
    }
    UNREACHABLE();
}

int console_open_standard(const struct path *root, struct file_table *files)
{
    struct file *terminal = NULL;
    int error = 0;

    for (unsigned i = 0; i < STANDARD_DESCRIPTORS && !error; i++) {
        struct file *file;

        error = open_descriptor(root, i, &terminal, &file);
        if (error || !file)
            continue;
        error = file_table_replace(files, (int)i, file, false, OPEN_FILES_MAX);
        if (error)
            file_release(file);
    }
    if (terminal)
        file_release(terminal);
    return error;
}

/*
 * The boot file: what the runner wants, as the first member of the archive, `.eft/boot`.
 *
 * It is a list of fields, each ended by a NUL, so any text but a NUL can be in one:
 *
 *     option NAME=VALUE        for the kernel or the port
 *     argument TEXT            of the first program, in order
 *     environment NAME=VALUE
 *     directory PATH           where the program starts
 *     node NAME, user N, group N, groups N,N,...
 *     channel N KIND ...       a standard stream (channel.c)
 *
 * The word and the value are separated by one blank.  What the file says is about the run; a file
 * that is malformed ends the boot.  Without it, options are the words of the command line, and the
 * program is what `program=` names, without arguments.
 */
#include "lib/checked.h"
#include "lib/memory.h"
#include "lib/text.h"
#include "machine/x86_64/layout.h"
#include "machine/x86_64/channel.h"
#include "machine/x86_64/port.h"

#define BLOCK 512u
#define NAME ".eft/boot"
#define PLACE_SIZE 124              /* of the size, in a ustar header */
#define LIST_MAX 4096
#define GROUPS_MAX 32
#define OPTIONS_MAX 128

struct list {
    const char **items;
    size_t count, limit;
};

static const char *option_items[OPTIONS_MAX + 1];
static const char *argument_items[LIST_MAX + 1];
static const char *environment_items[LIST_MAX + 1];
static struct list options = { option_items, 0, OPTIONS_MAX };
static struct list arguments = { argument_items, 0, LIST_MAX };
static struct list environment = { environment_items, 0, LIST_MAX };
static uint32_t groups[GROUPS_MAX];
static char command[BOOT_COMMAND_MAX];

static void list_add(struct list *list, const char *item)
{
    if (list->count == list->limit)
        port_refuse("too many arguments, variables or options for the boot file");
    list->items[list->count++] = item;
}

const char *port_option(const char *name)
{
    size_t length = text_length(name);
    const char *value = NULL;

    for (size_t i = 0; i < options.count; i++) {
        if (text_starts_with(options.items[i], name) && options.items[i][length] == '=')
            value = options.items[i] + length + 1;
    }
    return value;
}

/* ---- Fields -------------------------------------------------------------------------------- */

static uint32_t number_of(const char *text)
{
    uint64_t value;

    if (text_parse_number(text, &value) != 0 || value > UINT32_MAX)
        port_refuse("the boot file: %s is no number", text);
    return (uint32_t)value;
}

static void read_groups(const char *text)
{
    struct machine_info *info = info_edit();

    while (*text && info->group_count < GROUPS_MAX) {
        uint32_t value = 0;

        for (; *text >= '0' && *text <= '9'; text++)
            value = value * 10 + (uint32_t)(*text - '0');
        groups[info->group_count++] = value;
        if (*text)
            text++;
    }
    info->groups = groups;
}

static void read_field(const char *word, const char *value)
{
    struct machine_info *info = info_edit();

    if (text_equal(word, "option"))
        list_add(&options, value);
    else if (text_equal(word, "argument"))
        list_add(&arguments, value);
    else if (text_equal(word, "environment"))
        list_add(&environment, value);
    else if (text_equal(word, "directory"))
        info->working_directory = value;
    else if (text_equal(word, "node"))
        info->node_name = value;
    else if (text_equal(word, "user"))
        info->user_id = number_of(value);
    else if (text_equal(word, "group"))
        info->group_id = number_of(value);
    else if (text_equal(word, "groups"))
        read_groups(value);
    else if (text_equal(word, "channel"))
        channel_add(value);
    else
        port_refuse("the boot file: unknown word %s", word);
}

/* The fields lie in the archive, which stays; words are cut off in place. */
static void read_fields(char *text, size_t size)
{
    char *end = text + size;

    while (text < end) {
        size_t length = text_length_bounded(text, (size_t)(end - text));
        char *blank = text;

        if (length == (size_t)(end - text))
            port_refuse("the boot file: the last field has no end");
        while (*blank && *blank != ' ')
            blank++;
        if (!*blank)
            port_refuse("the boot file: %s has no value", text);
        *blank = '\0';
        read_field(text, blank + 1);
        text += length + 1;
    }
}

/* ---- Where it is --------------------------------------------------------------------------- */

static uint64_t octal(const char *text, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size && text[i] >= '0' && text[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(text[i] - '0');
    return value;
}

static void read_archive(char *archive, uint64_t size)
{
    struct machine_info *info = info_edit();
    uint64_t length, whole = 0;

    if (size >= BLOCK && memcmp(archive, NAME, sizeof(NAME)) == 0) {
        length = octal(archive + PLACE_SIZE, 12);
        if (length > size - BLOCK)
            port_refuse("the boot file is longer than the archive");
        read_fields(archive + BLOCK, length);
        whole = BLOCK + round_up(length, BLOCK);
        if (whole > size)
            whole = size;
    }
    if (size - whole > 0) {
        info->boot_archive = archive + whole;
        info->boot_archive_size = size - whole;
    }
}

static void read_command(void)
{
    char *at = command;

    (void)text_copy(command, boot_information()->command, sizeof(command));
    while (*at) {
        while (*at == ' ')
            *at++ = '\0';
        if (*at)
            list_add(&options, at);
        while (*at && *at != ' ')
            at++;
    }
}

void boot_file_read(void)
{
    const struct boot_information *boot = boot_information();
    struct machine_info *info = info_edit();

    read_command();
    if (boot->archive)
        read_archive(info->direct_map + boot->archive, boot->archive_end - boot->archive);
    if (arguments.count == 0 && port_option("program"))
        list_add(&arguments, port_option("program"));
    info->options = option_items;
    info->arguments = argument_items;
    info->environment = environment_items;
}

/* Tests of the boot archive: what a good one becomes, and bad ones of every kind. */
#include "fs/archive.h"

#include "harness/test.h"
#include "unit/fs/fs_fixture.h"

#define BLOCK 512u

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "one block");

static _Alignas(64) char archive[64 * BLOCK];
static size_t archive_size;

static void begin(void)
{
    fixture_begin();
    memset(archive, 0, sizeof(archive));
    archive_size = 0;
}

static void sign(struct header *header)
{
    unsigned sum = 0;

    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < BLOCK; i++)
        sum += ((unsigned char *)header)[i];
    snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
}

/* A member behind the others; the contents follow the header. */
static struct header *add(char type, const char *name, const char *contents)
{
    struct header *header = (struct header *)(archive + archive_size);
    size_t size = strlen(contents);

    memcpy(header->name, name, strnlen(name, sizeof(header->name)));
    snprintf(header->mode, sizeof(header->mode), "%07o", 0640u);
    snprintf(header->uid, sizeof(header->uid), "%07o", 7u);
    snprintf(header->gid, sizeof(header->gid), "%07o", 8u);
    snprintf(header->size, sizeof(header->size), "%011o", (unsigned)size);
    snprintf(header->mtime, sizeof(header->mtime), "%011o", 1234567u);
    header->type = type;
    memcpy(header->magic, "ustar", 6);
    memcpy(header->version, "00", 2);
    memcpy(archive + archive_size + BLOCK, contents, size);
    archive_size += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    sign(header);
    return header;
}

static void add_link(char type, const char *name, const char *target)
{
    struct header *header = add(type, name, "");

    memcpy(header->link, target, strnlen(target, sizeof(header->link)));
    sign(header);
}

/* With the two empty blocks that end an archive. */
static int unpack(void)
{
    return archive_unpack(&context, archive, archive_size + 2 * BLOCK);
}

static void check_contents(const char *name, const char *expected)
{
    char text[BLOCK * 4] = "";
    struct file *file;

    ck_assert_int_eq(open_file(name, OPEN_READ, 0, &file), 0);
    ck_assert_int_eq(file_read_kernel(file, text, sizeof(text) - 1, 0), (int64_t)strlen(expected));
    ck_assert_str_eq(text, expected);
    file_release(file);
}

static struct file_status status_of(const char *name)
{
    struct file_status status;
    struct path path;

    ck_assert_int_eq(path_walk(&context, NULL, name, 0, &path), 0);
    ck_assert_int_eq(path_status(&path, &status), 0);
    path_release(&path);
    return status;
}

START_TEST(archive_becomes_files)
{
    begin();
    add('5', "etc/", "");
    add('0', "etc/motd", "hello\n");
    add('\0', "old-style", "x");
    add('0', "./dot/deep/er/file", "made its directories");
    add('0', "/absolute", "a");
    add_link('2', "link", "etc/motd");
    add_link('1', "etc/hard", "etc/motd");
    add('6', "fifo", "");
    ck_assert_int_eq(unpack(), 0);
    check_contents("/etc/motd", "hello\n");
    check_contents("/link", "hello\n");
    check_contents("/etc/hard", "hello\n");
    check_contents("/old-style", "x");
    check_contents("/dot/deep/er/file", "made its directories");
    check_contents("/absolute", "a");
    ck_assert_uint_eq(status_of("/etc/motd").links, 2);
    ck_assert_uint_eq(status_of("/etc/motd").mode, MODE_REGULAR | 0640);
    ck_assert_uint_eq(status_of("/etc/motd").user_id, 7);
    ck_assert_uint_eq(status_of("/etc/motd").group_id, 8);
    ck_assert_int_eq(status_of("/etc/motd").modify_ns, INT64_C(1234567000000000));
    ck_assert_uint_eq(status_of("/etc").mode, MODE_DIRECTORY | 0640);
    ck_assert_uint_eq(status_of("/dot").mode, MODE_DIRECTORY | 0755);
    ck_assert_uint_eq(status_of("/fifo").mode, MODE_FIFO | 0640);
    fixture_end();
}
END_TEST

START_TEST(archive_knows_devices)
{
    begin();
    struct header *header = add('3', "null", "");

    memcpy(header->major, "0000001", 7);
    memcpy(header->minor, "0000003", 7);
    sign(header);
    ck_assert_int_eq(unpack(), 0);
    ck_assert_uint_eq(status_of("/null").mode, MODE_CHARACTER | 0640);
    ck_assert_uint_eq(status_of("/null").device_id, 0x103);
    fixture_end();
}
END_TEST

START_TEST(archive_joins_prefix_and_name)
{
    char name[100], prefix[155], expected[300];

    begin();
    memset(name, 'n', sizeof(name));        /* no NUL in the field */
    memset(prefix, 'p', sizeof(prefix));
    struct header *header = add('0', "", "long");

    memcpy(header->name, name, sizeof(name));
    memcpy(header->prefix, prefix, sizeof(prefix));
    sign(header);
    ck_assert_int_eq(unpack(), 0);
    snprintf(expected, sizeof(expected), "/%.155s/%.100s", prefix, name);
    check_contents(expected, "long");
    fixture_end();
}
END_TEST

START_TEST(archive_replaces_what_is_there)
{
    begin();
    make_file("/file", "old and longer");
    ck_assert_int_eq(make_directory("/dir"), 0);
    add('0', "file", "new");
    add('5', "dir", "");
    ck_assert_int_eq(unpack(), 0);
    check_contents("/file", "new");
    ck_assert_uint_eq(status_of("/dir").mode, MODE_DIRECTORY | 0640);
    fixture_end();
}
END_TEST

START_TEST(archive_skips_unknown_kinds_with_their_contents)
{
    begin();
    add('x', "pax-header", "30 path=something/else entirely\n");
    add('0', "after", "found");
    ck_assert_int_eq(unpack(), 0);
    check_contents("/after", "found");
    ck_assert_int_eq(walk("/pax-header", 0), -ENOENT);
    fixture_end();
}
END_TEST

START_TEST(archive_names_stay_inside)
{
    static const char *const names[] = { "../x", "a/../../x", "..", "/..", "a/..", "./../x" };

    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (i == 0)
            begin();
        memset(archive, 0, sizeof(archive));
        archive_size = 0;
        add('0', names[i], "out");
        ck_assert_int_eq(unpack(), -EINVAL);
    }
    memset(archive, 0, sizeof(archive));
    archive_size = 0;
    add_link('1', "hard", "../../etc/passwd");
    ck_assert_int_eq(unpack(), -EINVAL);
    /* Names that only look like it. */
    memset(archive, 0, sizeof(archive));
    archive_size = 0;
    add('0', "..a/b..", "in");
    ck_assert_int_eq(unpack(), 0);
    check_contents("/..a/b..", "in");
    fixture_end();
}
END_TEST

/* A link that leads upwards is one, but what is written through it stays below the root. */
START_TEST(archive_links_do_not_lead_out)
{
    struct path outside;

    begin();
    ck_assert_int_eq(make_directory("/jail"), 0);
    outside = context.root;
    ck_assert_int_eq(path_walk(&context, NULL, "/jail", 0, &context.root), 0);
    add_link('2', "up", "../../..");
    add('0', "up/file", "confined");
    ck_assert_int_eq(unpack(), 0);
    path_release(&context.root);
    context.root = outside;
    check_contents("/jail/file", "confined");
    ck_assert_int_eq(walk("/file", 0), -ENOENT);
    fixture_end();
}
END_TEST

START_TEST(archive_truncated_anywhere_is_refused)
{
    begin();
    char contents[1000];

    memset(contents, 'c', sizeof(contents) - 1);
    contents[sizeof(contents) - 1] = '\0';
    add('0', "one", contents);
    add('0', "two", "2");
    for (size_t size = 1; size < archive_size; size++) {
        int error = archive_unpack(&context, archive, size);
        bool at_boundary = size == 3 * BLOCK;    /* between the members: a short archive */
        bool only_padding_missing = size >= BLOCK + 999 && size < 3 * BLOCK;
        bool second_complete = size >= 4 * BLOCK + 1;

        if (at_boundary || only_padding_missing || second_complete)
            ck_assert_int_eq(error, 0);
        else
            ck_assert_int_eq(error, -ENOEXEC);
    }
    ck_assert_int_eq(archive_unpack(&context, archive, archive_size), 0);
    ck_assert_int_eq(archive_unpack(&context, archive, 0), 0);
    check_contents("/two", "2");
    fixture_end();
}
END_TEST

START_TEST(archive_bad_headers_are_refused)
{
    begin();
    struct header *header = add('0', "file", "contents");
    struct header good = *header;

    header->checksum[0] ^= 1;
    ck_assert_int_eq(unpack(), -EINVAL);
    *header = good;
    header->magic[0] = 'x';
    sign(header);
    ck_assert_int_eq(unpack(), -EINVAL);
    *header = good;
    header->size[3] = '9';
    sign(header);
    ck_assert_int_eq(unpack(), -EINVAL);
    *header = good;
    header->mode[2] = 'x';
    sign(header);
    ck_assert_int_eq(unpack(), -EINVAL);
    *header = good;
    memset(header->size, '7', sizeof(header->size));    /* 2^36 - 1: far beyond the end */
    sign(header);
    ck_assert_int_eq(unpack(), -ENOEXEC);
    *header = good;
    ck_assert_int_eq(unpack(), 0);
    fixture_end();
}
END_TEST

/* Every single-bit error of a header is found, or harmless: never a crash, never a leak. */
START_TEST(archive_any_flipped_bit_is_survived)
{
    begin();
    struct header *header = add('0', "dir/file", "contents");

    for (unsigned bit = 0; bit < BLOCK * 8; bit++) {
        ((char *)header)[bit / 8] ^= (char)(1 << bit % 8);
        size_t byte = bit / 8;
        bool in_checksum = byte >= offsetof(struct header, checksum) &&
                           byte < offsetof(struct header, type);
        int error = unpack();

        ck_assert(error == -EINVAL || (in_checksum && !error));    /* " 7" for "07" */
        sign(header);    /* now the checksum is right: another check, or another file */
        ck_assert_int_le(unpack(), 0);
        ((char *)header)[bit / 8] ^= (char)(1 << bit % 8);
        sign(header);
    }
    fixture_end();
}
END_TEST

START_TEST(archive_that_does_not_fit_says_so)
{
    struct filesystem *filesystem;
    static char contents[20 * BLOCK];

    fixture_begin_machine();
    ck_assert_int_eq(tmpfs_create(0755, 2, &filesystem), 0);
    fixture_mount_root(filesystem);
    memset(contents, 'c', sizeof(contents) - 1);
    add('0', "file", contents);
    ck_assert_int_eq(unpack(), -ENOSPC);
    fixture_end();
}
END_TEST

TEST_MAIN("fs/archive", archive_becomes_files, archive_knows_devices,
          archive_joins_prefix_and_name, archive_replaces_what_is_there,
          archive_skips_unknown_kinds_with_their_contents, archive_names_stay_inside,
          archive_links_do_not_lead_out, archive_truncated_anywhere_is_refused,
          archive_bad_headers_are_refused, archive_any_flipped_bit_is_survived,
          archive_that_does_not_fit_says_so)

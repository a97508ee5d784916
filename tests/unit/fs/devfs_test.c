/* /dev: its nodes and links, the way from a node to its driver, and the devices without
 * hardware. */
#include "fs/devfs.h"

#include "debug/log.h"
#include "device/device.h"
#include "device/random.h"
#include "fs_fixture.h"
#include "harness/test.h"
#include "process/process.h"
#include "signal/signal.h"

static bool signal_came;

bool signal_is_pending(void)
{
    return signal_came;
}

struct address_space *current_space(void)
{
    return NULL;
}

static struct mount *mount;

static void begin(void)
{
    struct filesystem *filesystem;
    struct path path;

    fixture_begin();
    log_init();
    device_init();
    ck_assert_int_eq(make_directory("/dev"), 0);
    ck_assert_int_eq(devfs_create(&filesystem), 0);
    ck_assert_int_eq(path_walk(&context, NULL, "/dev", LOOKUP_FOLLOW, &path), 0);
    ck_assert_int_eq(mount_add(filesystem, &path, false, &mount), 0);
    filesystem_release(filesystem);
    path_release(&path);
}

static void end(void)
{
    ck_assert_int_eq(mount_remove(mount), 0);
    mount_release(mount);
    fixture_end();
}

static struct file *open_device(const char *path, uint32_t flags)
{
    struct file *file;

    ck_assert_int_eq(open_file(path, flags, 0, &file), 0);
    return file;
}

static int64_t read_bytes(struct file *file, void *bytes, size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_read(file, &buffer);
}

static int64_t write_bytes(struct file *file, const char *bytes, size_t size)
{
    const struct io_segment segment = { (uint64_t)(uintptr_t)bytes, size };
    struct io_buffer buffer;

    io_buffer_init(&buffer, NULL, &segment, 1);
    return file_write(file, &buffer, UINT64_MAX);
}

START_TEST(devfs_has_nodes_and_links)
{
    struct file_status status;
    struct path path;
    char target[32] = "";

    begin();
    ck_assert_int_eq(path_walk(&context, NULL, "/dev/null", 0, &path), 0);
    ck_assert_int_eq(path_status(&path, &status), 0);
    ck_assert_uint_eq(status.mode, MODE_CHARACTER | 0666);
    ck_assert_uint_eq(status.device_id, DEVICE_ID(1, 3));
    path_release(&path);
    ck_assert_int_eq(path_walk(&context, NULL, "/dev/stdin", 0, &path), 0);
    ck_assert_int_eq(fs_read_link(&path, target, sizeof(target)), 15);
    ck_assert_mem_eq(target, "/proc/self/fd/0", 15);
    path_release(&path);
    ck_assert_str_eq(device_name(DEVICE_ID(1, 9), MODE_CHARACTER), "urandom");
    ck_assert_ptr_null(device_name(DEVICE_ID(1, 9), MODE_BLOCK));
    ck_assert_ptr_null(device_name(DEVICE_ID(9, 9), MODE_CHARACTER));
    end();
}
END_TEST

START_TEST(devfs_can_be_changed_like_a_tmpfs)
{
    begin();
    make_file("/dev/own", "text");
    ck_assert_int_eq(fs_unlink(&context, NULL, "/dev/own"), 0);
    ck_assert_int_eq(make_directory("/dev/shm"), 0);
    end();
}
END_TEST

START_TEST(nodes_made_elsewhere_reach_the_same_driver)
{
    const struct node_request known = {
        .text = "/zero", .mode = MODE_CHARACTER | 0600, .device_id = DEVICE_ID(1, 5),
    };
    const struct node_request unknown = {
        .text = "/none", .mode = MODE_CHARACTER | 0600, .device_id = DEVICE_ID(77, 5),
    };
    const struct node_request block = {
        .text = "/block", .mode = MODE_BLOCK | 0600, .device_id = DEVICE_ID(1, 5),
    };
    char bytes[4] = "abc";
    struct file *file;

    begin();
    ck_assert_int_eq(fs_make_node(&context, &known), 0);
    ck_assert_int_eq(fs_make_node(&context, &unknown), 0);
    ck_assert_int_eq(fs_make_node(&context, &block), 0);
    ck_assert_int_eq(try_open("/none", OPEN_READ), -ENXIO);
    ck_assert_int_eq(try_open("/block", OPEN_READ), -ENXIO);
    file = open_device("/zero", OPEN_READ);
    ck_assert_int_eq(read_bytes(file, bytes, 2), 2);
    ck_assert_mem_eq(bytes, "\0\0c", 3);
    file_release(file);
    end();
}
END_TEST

START_TEST(null_swallows_and_is_empty)
{
    struct file *file;
    char byte;

    begin();
    file = open_device("/dev/null", OPEN_READ_WRITE);
    ck_assert_int_eq(read_bytes(file, &byte, 1), 0);
    ck_assert_int_eq(write_bytes(file, "text", 4), 4);
    ck_assert_int_eq(file_seek(file, 100, SEEK_FROM_START), 0);
    ck_assert_int_eq(file_read_kernel(file, &byte, 1, 5), 0);
    file_release(file);
    end();
}
END_TEST

START_TEST(zero_and_full)
{
    static char bytes[200000];
    struct file *file;

    begin();
    memset(bytes, 'x', sizeof(bytes));
    file = open_device("/dev/zero", OPEN_READ_WRITE);
    ck_assert_int_eq(read_bytes(file, bytes, sizeof(bytes)), sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++)
        ck_assert_int_eq(bytes[i], 0);
    ck_assert_int_eq(write_bytes(file, "text", 4), 4);
    signal_came = true;
    ck_assert_int_eq(read_bytes(file, bytes, sizeof(bytes)), 65536);
    signal_came = false;
    file_release(file);
    file = open_device("/dev/full", OPEN_READ_WRITE);
    ck_assert_int_eq(read_bytes(file, bytes, 10), 10);
    ck_assert_int_eq(write_bytes(file, "text", 4), -ENOSPC);
    file_release(file);
    end();
}
END_TEST

START_TEST(random_depends_on_the_seed_alone)
{
    uint8_t first[600], second[600], bytes[16];
    struct file *file;

    begin();
    file = open_device("/dev/urandom", OPEN_READ_WRITE);
    ck_assert_int_eq(read_bytes(file, first, sizeof(first)), sizeof(first));
    ck_assert_int_eq(write_bytes(file, "seed", 4), 4);
    ck_assert_int_eq(read_bytes(file, second, sizeof(second)), sizeof(second));
    ck_assert_mem_ne(first, second, sizeof(first));
    random_bytes(bytes, sizeof(bytes));
    ck_assert_mem_ne(bytes, first, sizeof(bytes));
    file_release(file);
    end();
}
END_TEST

START_TEST(kmsg_gives_one_record_a_read)
{
    char text[400] = "";
    struct file *file;

    begin();
    log_line(LOG_WARNING, "first");
    log_line(LOG_INFO, "second");
    file = open_device("/dev/kmsg", OPEN_READ_WRITE);
    ck_assert_int_gt(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_msg(strncmp(text, "4,", 2) == 0 && strstr(text, ",-;first\n"), "%s", text);
    ck_assert_int_eq(read_bytes(file, text, 5), -EINVAL);
    memset(text, 0, sizeof(text));
    ck_assert_int_gt(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_msg(strncmp(text, "6,", 2) == 0 && strstr(text, ",-;second\n"), "%s", text);
    ck_assert_int_eq(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_int_eq(write_bytes(file, "<6>from a program\n", 18), 18);
    memset(text, 0, sizeof(text));
    ck_assert_int_gt(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "from a program\n"));
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_START), 0);
    ck_assert_int_gt(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_ptr_nonnull(strstr(text, "first"));
    ck_assert_int_eq(file_seek(file, 0, SEEK_FROM_END), 0);
    ck_assert_int_eq(read_bytes(file, text, sizeof(text)), 0);
    ck_assert_int_eq(write_bytes(file, text, 400), -EINVAL);
    file_release(file);
    end();
}
END_TEST

START_TEST(kmsg_tells_of_lost_records)
{
    static char text[400];
    struct file *file;

    begin();
    file = open_device("/dev/kmsg", OPEN_READ);
    for (int i = 0; i < 3000; i++)
        log_line(LOG_DEBUG, "message %d with some more text to fill the ring", i);
    ck_assert_int_eq(read_bytes(file, text, sizeof(text)), -EPIPE);
    ck_assert_int_gt(read_bytes(file, text, sizeof(text)), 0);
    file_release(file);
    end();
}
END_TEST

TEST_MAIN("fs/devfs", devfs_has_nodes_and_links, devfs_can_be_changed_like_a_tmpfs,
          nodes_made_elsewhere_reach_the_same_driver, null_swallows_and_is_empty, zero_and_full,
          random_depends_on_the_seed_alone, kmsg_gives_one_record_a_read,
          kmsg_tells_of_lost_records)

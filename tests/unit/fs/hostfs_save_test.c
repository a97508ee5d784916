/* Saving what was changed of a host's directory in another one: the form that the page on files
 * describes, and what cannot be saved. */
#include <stdlib.h>

#include "fs/extended.h"
#include "fs/hostfs_mount.h"
#include "harness/test.h"
#include "unit/fs/fs_fixture.h"
#include "unit/fs/real_host.h"

static char base[64];

static void shell(const char *format)
{
    char command[1024];

    snprintf(command, sizeof(command), "cd %s && ", base);
    snprintf(command + strlen(command), sizeof(command) - strlen(command), "%s", format);
    ck_assert_int_eq(system(command), 0);
}

/* The host's directory `lower`, with what this makes in it, is the root. */
static void begin(const char *commands)
{
    struct filesystem *filesystem;
    static char lower[80], saved[80];

    strcpy(base, "/tmp/eft-save-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(base));
    snprintf(lower, sizeof(lower), "%s/lower", base);
    snprintf(saved, sizeof(saved), "%s/saved", base);
    shell("mkdir lower saved");
    shell(commands);
    fixture_begin_machine();
    real_host_root = lower;
    real_host_second = saved;
    real_host_roots[0].sharing = HOSTFS_COPIED;
    ck_assert_int_eq(hostfs_create(&real_host, 0, &filesystem), 0);
    hostfs_save_at_end(filesystem, 1);
    fixture_mount_root(filesystem);
    become(geteuid(), getegid());
}

/* `listing`: what find prints of the saved directory. */
static void end(const char *listing)
{
    char command[1024];

    hostfs_save();
    hostfs_save();    /* once only */
    fixture_end();
    snprintf(command, sizeof(command),
             "(cd saved && find . | LC_ALL=C sort | tr '\\n' ' ') >is; printf '%%s ' %s >wanted;"
             " diff is wanted >&2", listing);
    shell(command);
}

static void end_all(void)
{
    shell("cd / && rm -rf \"$OLDPWD\"");
}

START_TEST(nothing_changed_saves_nothing)
{
    begin("mkdir -p lower/a/b; echo x >lower/a/b/c");
    ck_assert_int_eq(try_open("/a/b/c", OPEN_READ), 0);
    end(".");
    end_all();
}
END_TEST

START_TEST(changes_are_saved_where_they_are)
{
    begin("mkdir -p lower/a/b lower/other; echo old >lower/a/b/c; echo d >lower/a/d;"
          "echo e >lower/other/e");
    make_file("/a/b/c", "new");
    make_file("/a/made", "made");
    ck_assert_int_eq(change_mode("/other/e", 0600), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/a/d"), 0);
    ck_assert_int_eq(make_link("a/made", "/link"), 0);
    ck_assert_int_eq(make_directory("/new"), 0);
    ck_assert_int_eq(change_mode("/new", 0700), 0);
    end(". ./a ./a/.wh.d ./a/b ./a/b/c ./a/made ./link ./new ./other ./other/e");
    shell("test \"$(cat saved/a/b/c)\" = new && test \"$(readlink saved/link)\" = a/made &&"
          "test $(stat -c %a saved/other/e saved/new | tr -d '\\n') = 600700 &&"
          "test \"$(cat lower/a/b/c)\" = old && test -e lower/a/d");
    end_all();
}
END_TEST

START_TEST(renamed_and_replaced_directories_are_whole)
{
    begin("mkdir -p lower/a/deep lower/gone lower/x; echo f >lower/a/deep/f; echo g >lower/gone/g;"
          "ln -s to lower/a/link");
    ck_assert_int_eq(rename_file("/a", "/x/moved", 0), 0);
    ck_assert_int_eq(fs_unlink(&context, NULL, "/gone/g"), 0);
    ck_assert_int_eq(fs_remove_directory(&context, NULL, "/gone"), 0);
    ck_assert_int_eq(make_directory("/gone"), 0);
    make_file("/gone/other", "other");
    end(". ./.wh.a ./gone ./gone/.wh..wh..opq ./gone/other ./x ./x/moved ./x/moved/deep"
        " ./x/moved/deep/f ./x/moved/link");
    end_all();
}
END_TEST

START_TEST(names_of_one_file_stay_together_and_holes_are_kept)
{
    struct file *file;
    struct path path;

    begin(":");
    make_file("/one", "1");
    ck_assert_int_eq(path_walk(&context, NULL, "/one", 0, &path), 0);
    ck_assert_int_eq(fs_link(&context, &path, NULL, "/two"), 0);
    path_release(&path);
    ck_assert_int_eq(open_file("/holes", OPEN_WRITE | OPEN_CREATE, 0644, &file), 0);
    ck_assert_int_eq(file_write_kernel(file, "end", 3, 50000000), 3);
    file_release(file);
    end(". ./holes ./one ./two");
    shell("test $(stat -c %h saved/one) = 2 && test $(stat -c %s saved/holes) = 50000003 &&"
          "test $(stat -c %b saved/holes) -lt 2000");
    end_all();
}
END_TEST

START_TEST(what_cannot_be_saved_is_left_out)
{
    const struct node_request device = { .text = "/device", .mode = MODE_CHARACTER | 0600,
                                         .device_id = 0x103 };
    const struct node_request fifo = { .text = "/fifo", .mode = MODE_FIFO | 0600 };

    if (geteuid() != 0)
        return;    /* only root makes devices */
    begin(":");
    ck_assert_int_eq(fs_make_node(&context, &device), 0);
    ck_assert_int_eq(fs_make_node(&context, &fifo), 0);
    make_file("/.wh.name", "");
    make_file("/kept", "kept");
    end(". ./fifo ./kept");
    end_all();
}
END_TEST

TEST_MAIN("fs/hostfs_save", nothing_changed_saves_nothing, changes_are_saved_where_they_are,
          renamed_and_replaced_directories_are_whole,
          names_of_one_file_stay_together_and_holes_are_kept, what_cannot_be_saved_is_left_out)

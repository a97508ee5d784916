/* The tables of /proc/<pid> and /proc/<pid>/task/<tid>. */
#include "procfs/procfs_internal.h"

#define READABLE 0444u
#define PRIVATE 0400u
#define PRIVATE_DIRECTORY 0500u
#define DIRECTORY 0555u

#define TEXT(text_name, writer) \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = READABLE, .write = (writer) }
#define PRIVATE_TEXT(text_name, writer) \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = PRIVATE, .write = (writer) }
#define SNAPSHOT(text_name, writer)                                            \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = READABLE,         \
      .is_snapshot = true, .write = (writer) }
#define LINK(link_name, reader, follower) \
    { .name = (link_name), .kind = PROC_LINK, .target = (reader), .follow = (follower) }
#define NUMBERS(directory_name, directory_kind, mode) \
    { .name = (directory_name), .kind = (directory_kind), .permissions = (mode) }

#define COMMON_ENTRIES                                                                       \
    TEXT("status", proc_write_status), TEXT("stat", proc_write_stat),                        \
    TEXT("statm", proc_write_memory_sizes), TEXT("comm", proc_write_name),                   \
    TEXT("maps", proc_write_maps), TEXT("cmdline", proc_write_command_line),                 \
    PRIVATE_TEXT("environ", proc_write_environment),                                         \
    PRIVATE_TEXT("auxv", proc_write_auxiliary_vector), TEXT("limits", proc_write_limits),    \
    TEXT("wchan", proc_write_wait), SNAPSHOT("mounts", proc_write_mounts),                   \
    SNAPSHOT("mountinfo", proc_write_mount_info),                                            \
    LINK("exe", proc_executable_target, proc_executable_follow),                             \
    LINK("cwd", proc_directory_target, proc_directory_follow),                               \
    LINK("root", proc_root_target, proc_root_follow),                                        \
    NUMBERS("fd", PROC_DESCRIPTORS, PRIVATE_DIRECTORY),                                      \
    NUMBERS("fdinfo", PROC_DESCRIPTOR_INFO_DIRECTORY, DIRECTORY)

const struct proc_entry proc_process_entries[] = {
    COMMON_ENTRIES,
    NUMBERS("task", PROC_TASKS, DIRECTORY),
    { .name = NULL },
};

const struct proc_entry proc_thread_entries[] = { COMMON_ENTRIES, { .name = NULL } };

const struct proc_entry proc_descriptor_entry = {
    .name = "", .kind = PROC_DESCRIPTOR, .permissions = 0700, .target = proc_descriptor_target,
    .follow = proc_descriptor_follow,
};

const struct proc_entry proc_descriptor_info_entry = {
    .name = "", .kind = PROC_DESCRIPTOR_INFO, .permissions = READABLE,
    .write = proc_write_descriptor_info,
};

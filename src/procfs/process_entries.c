/* The tables of /proc/<pid> and /proc/<pid>/task/<tid>. */
#include "process/namespace_file.h"
#include "procfs/procfs_internal.h"

#define LINK(link_name, reader, follower)                                                      \
    { .name = (link_name), .kind = PROC_LINK, .check = PROC_CHECKED_AT_READ,                   \
      .target = (reader), .follow = (follower) }
#define NUMBERS(directory_name, directory_kind, mode, when)                                    \
    { .name = (directory_name), .kind = (directory_kind), .permissions = (mode),               \
      .check = (when) }

#define NAMESPACE(link_name, which)                                                            \
    { .name = (link_name), .kind = PROC_LINK, .check = PROC_CHECKED_AT_READ,                   \
      .number = (which) + 1, .target = proc_namespace_target,                                  \
      .follow = proc_namespace_follow }

static const struct proc_entry namespace_entries[] = {
    NAMESPACE("net", LINK_NETWORK), NAMESPACE("uts", LINK_NAMES), NAMESPACE("ipc", LINK_IPC),
    NAMESPACE("pid", LINK_PROCESSES), NAMESPACE("pid_for_children", LINK_CHILDREN),
    NAMESPACE("mnt", LINK_MOUNTS), ENTRY_END,
};

#define COMMON_ENTRIES                                                                         \
    ENTRY_TEXT("status", proc_write_status), ENTRY_TEXT("stat", proc_write_stat),              \
    ENTRY_TEXT("statm", proc_write_memory_sizes),                                              \
    ENTRY_TEXT("cmdline", proc_write_command_line),                                            \
    ENTRY_CHECKED("maps", 0444, PROC_CHECKED_AT_OPEN, proc_write_maps),                        \
    ENTRY_CHECKED("smaps", 0444, PROC_CHECKED_AT_OPEN, proc_write_map_details),                \
    ENTRY_CHECKED("smaps_rollup", 0444, PROC_CHECKED_AT_OPEN, proc_write_map_sums),            \
    { .name = "mem", .kind = PROC_MEMORY, .permissions = 0600,                                 \
      .check = PROC_CHECKED_AT_OPEN },                                                         \
    { .name = "pagemap", .kind = PROC_PAGE_MAP, .permissions = 0400,                           \
      .check = PROC_CHECKED_AT_OPEN },                                                         \
    ENTRY_CHECKED("environ", 0400, PROC_CHECKED_AT_OPEN, proc_write_environment),              \
    ENTRY_CHECKED("auxv", 0400, PROC_CHECKED_AT_OPEN, proc_write_auxiliary_vector),            \
    ENTRY_TEXT("wchan", proc_write_wait),                                                      \
    ENTRY_CHECKED("stack", 0400, PROC_FOR_ADMINISTRATORS, proc_write_stack),                   \
    ENTRY_CHECKED("syscall", 0400, PROC_CHECKED_PERMITTED, proc_write_call),                   \
    ENTRY_CHECKED("io", 0400, PROC_CHECKED_AT_READ, proc_write_io),                            \
    ENTRY_TEXT("sched", proc_write_schedule),                                                  \
    ENTRY_TEXT("schedstat", proc_write_schedule_statistics),                                   \
    ENTRY_SNAPSHOT("mounts", proc_write_mounts),                                               \
    ENTRY_SNAPSHOT("mountinfo", proc_write_mount_info),                                        \
    ENTRY_DIRECTORY("net", proc_network_entries),                                              \
    { .name = "ns", .kind = PROC_DIRECTORY, .permissions = 0511,                               \
      .children = namespace_entries },                                                         \
    LINK("exe", proc_executable_target, proc_executable_follow),                               \
    LINK("cwd", proc_directory_target, proc_directory_follow),                                 \
    LINK("root", proc_root_target, proc_root_follow),                                          \
    NUMBERS("fd", PROC_DESCRIPTORS, 0500, PROC_FOR_ALL),                                       \
    NUMBERS("fdinfo", PROC_DESCRIPTOR_INFO_DIRECTORY, 0555, PROC_CHECKED_AT_READ),             \
    ENTRIES_GO_ON(proc_setting_entries)

const struct proc_entry proc_process_entries[] = {
    NUMBERS("task", PROC_TASKS, 0555, PROC_FOR_ALL),
    NUMBERS("map_files", PROC_MAPPINGS, 0500, PROC_CHECKED_AT_READ),
    COMMON_ENTRIES,
};

const struct proc_entry proc_thread_entries[] = { COMMON_ENTRIES };

const struct proc_entry proc_descriptor_entry = {
    .name = "", .kind = PROC_DESCRIPTOR, .permissions = 0700, .check = PROC_CHECKED_AT_READ,
    .target = proc_descriptor_target, .follow = proc_descriptor_follow,
};

const struct proc_entry proc_descriptor_info_entry = {
    .name = "", .kind = PROC_DESCRIPTOR_INFO, .permissions = 0444,
    .write = proc_write_descriptor_info,
};

const struct proc_entry proc_mapping_entry = {
    .name = "", .kind = PROC_LINK, .permissions = 0700, .check = PROC_CHECKED_AT_READ,
    .target = proc_mapping_target, .follow = proc_mapping_follow,
};

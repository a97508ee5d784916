#pragma once
/*
 * The tables that the trees of procfs and sysfs are made of, and what their functions get.
 */
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "process/process.h"
#include "procfs/procfs.h"

/* ---- Output of a text file ----------------------------------------------------------------- */

/* A buffer that is made larger and filled again when it turns out too small. */
struct proc_output {
    char *bytes;
    size_t size;
    size_t length;              /* what was wanted; more than size: cut */
    const struct path *root;    /* the reader's, while the text is written */
};

void proc_print(struct proc_output *output, const char *pattern, ...)
    __attribute__((format(printf, 2, 3)));
void proc_put(struct proc_output *output, const void *bytes, size_t size);
/* A path as seen from the reader's root; the bytes of `escaped` as \ooo, as Linux does. */
void proc_print_path(struct proc_output *output, const struct path *path, const char *escaped);
void proc_print_escaped(struct proc_output *output, const char *text, const char *escaped);
#define ESCAPED_IN_FIELDS " \t\n\\"
#define ESCAPED_IN_LINES "\n"

/* ---- The tree ------------------------------------------------------------------------------ */

enum proc_kind {
    PROC_DIRECTORY,      /* `children` */
    PROC_PROCESSES,      /* `children`, and a directory for each process */
    PROC_TEXT,           /* `write`, perhaps `store` */
    PROC_MEMORY,         /* the memory of a process, by its addresses */
    PROC_PAGE_MAP,       /* eight bytes about each of its pages */
    PROC_LINK,           /* `target` */
    PROC_DESCRIPTORS,    /* directory of links to open files */
    PROC_DESCRIPTOR,     /* one of them */
    PROC_DESCRIPTOR_INFO_DIRECTORY,
    PROC_DESCRIPTOR_INFO,
    PROC_TASKS,          /* directory of the threads of a process */
    PROC_MAPPINGS,       /* directory of links to the files that are mapped */
};

/* Who is kept from a file about another's process, besides what its permissions say
 * (process_may_inspect). */
enum proc_check {
    PROC_FOR_ALL,
    PROC_CHECKED_AT_OPEN,    /* EACCES */
    PROC_CHECKED_AT_READ,    /* EACCES */
    PROC_CHECKED_PERMITTED,  /* at the read as well: EPERM */
    /* Capabilities are needed for others' threads, or for all. */
    PROC_FOR_SCHEDULERS,     /* EPERM */
    PROC_FOR_ADMINISTRATORS, /* EACCES */
};

/* Whom a file is about; `process` is NULL for those about the whole machine. */
struct proc_subject {
    struct pid_namespace *space;    /* whose ids are shown */
    struct process *process;
    struct thread *thread;    /* NULL: the process as a whole */
    int number;               /* of a descriptor or CPU */
    user_address start, end;  /* of a mapping */
};

#define PROC_MAPPING_NAME 40    /* bytes of "55d0c8a00000-55d0c8a21000" */

struct proc_entry {
    const char *name;
    enum proc_kind kind;
    uint32_t permissions;
    enum proc_check check;
    bool is_snapshot;    /* written when opened, where no lock is held, and not at each rewind */
    int number;          /* of its subjects, plus 1; 0: as above */
    void (*write)(struct proc_output *output, const struct proc_subject *subject);
    /* What is written to the file, without spaces at its end; NULL: nothing can be. */
    int (*store)(const struct proc_subject *subject, const char *text);
    /* Text of a link, and where it jumps to (NULL: the text is walked); references for the
     * caller. */
    int64_t (*target)(const struct proc_subject *subject, char *text, size_t size);
    int (*follow)(const struct proc_subject *subject, struct path *path);
    /* The last one has no name, and `children` if another table goes on. */
    const struct proc_entry *children;
};

/* How a mounted filesystem shows processes: its contents. */
struct proc_view {
    struct pid_namespace *space;    /* of whoever mounted it; with a reference */
    struct proc_options options;
};

/* Contents of an inode. */
struct proc_node {
    const struct proc_view *view;
    const struct proc_entry *entry;
    int32_t process_id;    /* 0: about the machine */
    int32_t thread_id;     /* 0: about the whole process */
    int number;
    user_address start, end;
    unsigned child_shift;
};

/* What an inode is about, with references.  -ESRCH when it has ended. */
MUST_CHECK int proc_subject_of(const struct proc_node *node, struct proc_subject *subject);
void proc_subject_release(struct proc_subject *subject);

/* May the current thread look?  -EACCES, -EPERM. */
MUST_CHECK int proc_check(const struct proc_entry *entry, const struct proc_subject *subject);
bool proc_is_checked_at_open(const struct proc_entry *entry);

/* Is the process hidden from the current thread, by a mount that hides as much as this at least? */
bool proc_is_hidden(const struct proc_view *view, struct process *process,
                    enum proc_hiding hiding);

/* map_files.c */
/* Fills in where it is; `mode`: what the link to it shows.  -ENOENT, -EACCES. */
MUST_CHECK int proc_look_up_mapping(const char *name, struct proc_node *node, uint32_t *mode);
/* The lowest mapping of a file whose start is at least `from`: its name, and what comes next.
 * False: there is none. */
bool proc_next_mapping(struct process *process, user_address from, char name[PROC_MAPPING_NAME],
                       user_address *start);
int64_t proc_mapping_target(const struct proc_subject *subject, char *text, size_t size);
int proc_mapping_follow(const struct proc_subject *subject, struct path *path);
/* process_access.c: what a link to an open file says, and where it leads. */
int64_t proc_file_target(struct file *file, char *text, size_t size);
int proc_file_follow(struct file *file, struct path *path);

/* directory.c */
/* The entry of a table that follows this one; NULL: it was the last one. */
const struct proc_entry *proc_entry_next(const struct proc_entry *entry);
extern const struct file_operations proc_directory_operations;
uint8_t proc_type_of_kind(enum proc_kind kind);    /* as in directory entries */

/* text_file.c: open files of the kinds that have a `write`. */
extern const struct file_operations proc_text_operations;
MUST_CHECK int proc_text_open(struct inode *inode, struct file *file);
/* memory_file.c: of the kinds PROC_MEMORY and PROC_PAGE_MAP. */
extern const struct file_operations proc_memory_operations;
extern const struct file_operations proc_page_map_operations;
MUST_CHECK int proc_memory_open(struct inode *inode, struct file *file);

extern const struct proc_entry proc_root_entries[];
extern const struct proc_entry proc_process_links[];    /* of /proc: those about processes alone */
extern const struct proc_entry proc_settings_entries[];
extern const struct proc_entry proc_network_entries[];
extern const struct proc_entry proc_process_entries[];
extern const struct proc_entry proc_setting_entries[];
extern const struct proc_entry proc_thread_entries[];
/* sysfs.c */
extern const struct proc_entry sysfs_root_entries[];
void sysfs_init(void);    /* again and again */
/* A line: in groups of 32 bits, as wide as there are CPUs; as a list of ranges. */
void proc_print_cpu_mask(struct proc_output *output, uint64_t mask);
void proc_print_cpu_list(struct proc_output *output, uint64_t mask);

/* How tables are written. */
#define ENTRY_TEXT(text_name, writer) \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = 0444, .write = (writer) }
#define ENTRY_SNAPSHOT(text_name, writer)                                  \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = 0444,         \
      .is_snapshot = true, .write = (writer) }
#define ENTRY_CHECKED(text_name, mode, when, writer)                       \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = (mode),       \
      .check = (when), .write = (writer) }
#define ENTRY_SETTING(text_name, mode, writer, reader)                     \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = (mode),       \
      .write = (writer), .store = (reader) }
#define ENTRY_DIRECTORY(directory_name, entries)                           \
    { .name = (directory_name), .kind = PROC_DIRECTORY, .permissions = 0555, \
      .children = (entries) }
/* A number that never changes, 0 or above. */
#define ENTRY_NUMBER(text_name, value)                                     \
    { .name = (text_name), .kind = PROC_TEXT, .permissions = 0444,         \
      .number = (value) + 1, .write = proc_write_number }
#define ENTRY_END { .name = NULL }
/* Instead of the end: another table. */
#define ENTRIES_GO_ON(entries) { .name = NULL, .children = (entries) }
/* The entries of the directories that depend on descriptors. */
extern const struct proc_entry proc_descriptor_entry;
extern const struct proc_entry proc_descriptor_info_entry;
extern const struct proc_entry proc_mapping_entry;

/* ---- What entries need of a process -------------------------------------------------------- */

/* The thread asked for, or the first one; with a reference or NULL. */
struct thread *proc_thread(const struct proc_subject *subject);
/* The open file with a reference, or NULL. */
struct file *proc_file(const struct proc_subject *subject);

int64_t proc_descriptor_target(const struct proc_subject *subject, char *text, size_t size);
int proc_descriptor_follow(const struct proc_subject *subject, struct path *path);
void proc_write_descriptor_info(struct proc_output *output, const struct proc_subject *subject);
int64_t proc_executable_target(const struct proc_subject *subject, char *text, size_t size);
int proc_executable_follow(const struct proc_subject *subject, struct path *path);
int64_t proc_directory_target(const struct proc_subject *subject, char *text, size_t size);
int proc_directory_follow(const struct proc_subject *subject, struct path *path);
int64_t proc_namespace_target(const struct proc_subject *subject, char *text, size_t size);
int proc_namespace_follow(const struct proc_subject *subject, struct path *path);
int64_t proc_root_target(const struct proc_subject *subject, char *text, size_t size);
int proc_root_follow(const struct proc_subject *subject, struct path *path);

/* settings_entries.c */
/* Perhaps space, perhaps a minus, then a number as text_parse_number has it; -EINVAL. */
MUST_CHECK int proc_parse_signed(const char *text, int64_t lowest, int64_t highest,
                                 int64_t *value);
void proc_write_number(struct proc_output *output, const struct proc_subject *subject);

/* ---- ipc_entries.c ------------------------------------------------------------------------- */

void proc_write_semaphores(struct proc_output *output, const struct proc_subject *subject);
void proc_write_segments(struct proc_output *output, const struct proc_subject *subject);
void proc_write_message_boxes(struct proc_output *output, const struct proc_subject *subject);
void proc_write_semaphore_limits(struct proc_output *output, const struct proc_subject *subject);
void proc_write_segment_size_limit(struct proc_output *output, const struct proc_subject *subject);

/* ---- mounts.c ------------------------------------------------------------------------------ */

struct mount;
uint64_t proc_mount_id(const struct mount *mount);
void proc_write_mounts(struct proc_output *output, const struct proc_subject *subject);
void proc_write_mount_info(struct proc_output *output, const struct proc_subject *subject);

/* ---- load.c: the load of the machine ------------------------------------------------------- */

struct machine_load {
    uint64_t busy_ns, idle_ns;    /* of all CPUs since boot */
    uint64_t averages[3];         /* over 1, 5 and 15 minutes, in units of 1/2048 */
};
void load_look(struct machine_load *load);
/* Idle time of one CPU since boot. */
uint64_t load_idle_ns(unsigned cpu);

/* ---- statistics_entries.c ------------------------------------------------------------------ */

struct thread_counts {
    unsigned total, ready, blocked;
    int32_t last_id;
    uint64_t switches;
};
void proc_count_threads(struct thread_counts *counts);

void proc_write_statistics(struct proc_output *output, const struct proc_subject *subject);
void proc_write_memory_statistics(struct proc_output *output, const struct proc_subject *subject);
void proc_write_zones(struct proc_output *output, const struct proc_subject *subject);
void proc_write_nothing(struct proc_output *output, const struct proc_subject *subject);
void proc_write_partitions(struct proc_output *output, const struct proc_subject *subject);
void proc_write_swaps(struct proc_output *output, const struct proc_subject *subject);
void proc_write_device_numbers(struct proc_output *output, const struct proc_subject *subject);
void proc_write_terminal_drivers(struct proc_output *output, const struct proc_subject *subject);
void proc_write_domains(struct proc_output *output, const struct proc_subject *subject);
void proc_write_interrupts(struct proc_output *output, const struct proc_subject *subject);

/* ---- process_memory.c ---------------------------------------------------------------------- */

void proc_write_maps(struct proc_output *output, const struct proc_subject *subject);
void proc_write_map_details(struct proc_output *output, const struct proc_subject *subject);
void proc_write_map_sums(struct proc_output *output, const struct proc_subject *subject);
void proc_write_memory_sizes(struct proc_output *output, const struct proc_subject *subject);
void proc_write_command_line(struct proc_output *output, const struct proc_subject *subject);
void proc_write_environment(struct proc_output *output, const struct proc_subject *subject);
void proc_write_auxiliary_vector(struct proc_output *output, const struct proc_subject *subject);

/* ---- process_status.c ---------------------------------------------------------------------- */

void proc_write_status(struct proc_output *output, const struct proc_subject *subject);
void proc_write_stat(struct proc_output *output, const struct proc_subject *subject);

/* ---- process_waits.c ----------------------------------------------------------------------- */

void proc_write_wait(struct proc_output *output, const struct proc_subject *subject);
void proc_write_stack(struct proc_output *output, const struct proc_subject *subject);
void proc_write_call(struct proc_output *output, const struct proc_subject *subject);
void proc_write_io(struct proc_output *output, const struct proc_subject *subject);
void proc_write_schedule(struct proc_output *output, const struct proc_subject *subject);
void proc_write_schedule_statistics(struct proc_output *output,
                                    const struct proc_subject *subject);

#define TICKS_PER_SECOND 100    /* Linux's USER_HZ */
#define NS_PER_TICK (UINT64_C(1000000000) / TICKS_PER_SECOND)

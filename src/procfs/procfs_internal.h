#pragma once
/*
 * The tables that the tree of procfs is made of, and what their functions get.
 */
#include <stddef.h>
#include <stdint.h>

#include "fs/vfs.h"
#include "lib/error.h"
#include "process/process.h"

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
#define ESCAPED_IN_FIELDS " \t\n\\"
#define ESCAPED_IN_LINES "\n"

/* ---- The tree ------------------------------------------------------------------------------ */

enum proc_kind {
    PROC_DIRECTORY,      /* `children` */
    PROC_TEXT,           /* `write` */
    PROC_LINK,           /* `target` */
    PROC_DESCRIPTORS,    /* directory of links to open files */
    PROC_DESCRIPTOR,     /* one of them */
    PROC_DESCRIPTOR_INFO_DIRECTORY,
    PROC_DESCRIPTOR_INFO,
    PROC_TASKS,          /* directory of the threads of a process */
};

/* Whom a file is about; `process` is NULL for those about the whole machine. */
struct proc_subject {
    struct process *process;
    struct thread *thread;    /* NULL: the process as a whole */
    int fd;
};

struct proc_entry {
    const char *name;
    enum proc_kind kind;
    uint32_t permissions;
    bool is_snapshot;    /* written when opened, where no lock is held, and not at each rewind */
    void (*write)(struct proc_output *output, const struct proc_subject *subject);
    /* Text of a link, and where it jumps to (NULL: the text is walked); references for the
     * caller. */
    int64_t (*target)(const struct proc_subject *subject, char *text, size_t size);
    int (*follow)(const struct proc_subject *subject, struct path *path);
    const struct proc_entry *children;    /* the last one has no name */
};

/* Contents of an inode. */
struct proc_node {
    const struct proc_entry *entry;
    int32_t process_id;    /* 0: about the machine */
    int32_t thread_id;     /* 0: about the whole process */
    int fd;
    unsigned child_shift;
};

/* What an inode is about, with references.  -ESRCH when it has ended. */
MUST_CHECK int proc_subject_of(const struct proc_node *node, struct proc_subject *subject);
void proc_subject_release(struct proc_subject *subject);

/* text_file.c: open files of the kinds that have a `write`. */
extern const struct file_operations proc_text_operations;
MUST_CHECK int proc_text_open(struct inode *inode, struct file *file);

extern const struct proc_entry proc_root_entries[];
extern const struct proc_entry proc_process_entries[];
extern const struct proc_entry proc_thread_entries[];
/* The entries of the directories that depend on descriptors. */
extern const struct proc_entry proc_descriptor_entry;
extern const struct proc_entry proc_descriptor_info_entry;

/* ---- What entries need of a process -------------------------------------------------------- */

/* NULL when the process has ended; else with a reference. */
struct address_space *proc_space(struct process *process);
/* The open file with a reference, or NULL. */
struct file *proc_file(const struct proc_subject *subject);

int64_t proc_descriptor_target(const struct proc_subject *subject, char *text, size_t size);
int proc_descriptor_follow(const struct proc_subject *subject, struct path *path);
void proc_write_descriptor_info(struct proc_output *output, const struct proc_subject *subject);
int64_t proc_executable_target(const struct proc_subject *subject, char *text, size_t size);
int proc_executable_follow(const struct proc_subject *subject, struct path *path);
int64_t proc_directory_target(const struct proc_subject *subject, char *text, size_t size);
int proc_directory_follow(const struct proc_subject *subject, struct path *path);
int64_t proc_root_target(const struct proc_subject *subject, char *text, size_t size);
int proc_root_follow(const struct proc_subject *subject, struct path *path);

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

/* ---- process_memory.c ---------------------------------------------------------------------- */

void proc_write_maps(struct proc_output *output, const struct proc_subject *subject);
void proc_write_memory_sizes(struct proc_output *output, const struct proc_subject *subject);
void proc_write_command_line(struct proc_output *output, const struct proc_subject *subject);
void proc_write_environment(struct proc_output *output, const struct proc_subject *subject);
void proc_write_auxiliary_vector(struct proc_output *output, const struct proc_subject *subject);

/* ---- process_status.c ---------------------------------------------------------------------- */

void proc_write_status(struct proc_output *output, const struct proc_subject *subject);
void proc_write_stat(struct proc_output *output, const struct proc_subject *subject);
void proc_write_name(struct proc_output *output, const struct proc_subject *subject);
void proc_write_limits(struct proc_output *output, const struct proc_subject *subject);
void proc_write_wait(struct proc_output *output, const struct proc_subject *subject);

#define TICKS_PER_SECOND 100    /* Linux's USER_HZ */
#define NS_PER_TICK (UINT64_C(1000000000) / TICKS_PER_SECOND)

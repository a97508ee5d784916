#pragma once
/* What the files of process/ share with each other only. */
#include "process/exec.h"
#include "process/process.h"

struct clone_request;

/* ---- process.c */
/* A process without program, threads and files; one reference.  NULL without memory. */
struct process *process_create(void);
/* A thread of the process, in state NEW, with one reference for the caller. -EAGAIN, -ENOMEM. */
MUST_CHECK int process_thread_create(struct process *process, const char *name,
                                     void (*entry)(void *argument), struct thread **thread);
/* The same for a thread of the current one's name and entry, with the ids and in the namespace that
 * the request wants.  -EEXIST: an id is taken; -EINVAL, -EPERM: as pid_names_prepare. */
MUST_CHECK int process_thread_clone(struct process *process, const struct clone_request *request,
                                    struct thread **thread);
/* It counts as the process's from here on.  The process has not ended. */
void process_thread_add(struct process *process, struct thread *thread);

/* The thread leaves: what it has moved stays the process's.  Process locked. */
void process_keep_io(struct process *process, const struct thread *thread) REQUIRES(&process->lock);

/* ---- process_table.c */
/* RANK_PROCESS_TABLE; held for all of these. */
struct spinlock *process_table_lock(void);
void process_table_add(struct process *process) REQUIRES(process_table_lock());
/* The table's reference becomes the caller's. */
void process_table_remove(struct process *process) REQUIRES(process_table_lock());
/* A process has ended.  Returns whether it was the last one; then *first is the one that was first,
 * whose reference becomes the caller's. */
bool process_table_ended(struct process **first) REQUIRES(process_table_lock());
/* The first process, which may have ended; without a reference. */
struct process *process_table_first(void) REQUIRES(process_table_lock());
struct process *process_table_find(int32_t id) REQUIRES(process_table_lock());
/* In the order of the table, beginning with that of NULL. */
struct process *process_table_next(const struct process *process) REQUIRES(process_table_lock());

/* ---- relatives.c */
/* The process begins: it is in the table and among the children of its parent, if that is still
 * there.  One that may be refused: false, and nothing has happened, if a signal waits for the
 * current thread, which the child would miss. */
MUST_CHECK bool process_begin(struct process *process, bool may_be_refused);
/* The last thread of a process leaves.  If that is the first one of a PID namespace, all others
 * there are killed, and it waits until they are gone.  May sleep. */
void process_end_namespace(struct process *process);
/* The process has ended, its resources are given back.  Returns whether it was the last one; then
 * *first is the one that was first, with a reference. */
MUST_CHECK bool process_finish(struct process *process, struct process **first);

/* ---- groups.c */
/* A process has ended, or has another parent now than this one (NULL: none): if nobody is left who
 * could continue its group, and that is stopped, it is told.  Table locked. */
void process_group_parted(const struct process *process, const struct process *parent)
    REQUIRES(process_table_lock());

/* ---- launch.c */
/* A thread of user code that is not started.  -EAGAIN: no ids or threads are left; -ENOMEM. */
MUST_CHECK int process_thread_prepare(struct process *process, struct thread **thread);
/* Adds the process with its thread to all tables and starts it.  Takes over the reference to the
 * thread. */
void process_thread_launch(struct process *process, struct thread *thread);
/* The same in two steps, of which the second may be refused (process_begin): false, and the thread
 * is the caller's again. */
void process_take_id(struct process *process, struct thread *thread);
MUST_CHECK bool process_thread_begin(struct process *process, struct thread *thread,
                                     bool may_be_refused);
/* What every new process has from its parent: ids, limits, credentials, ... */
void process_inherit(struct process *child, struct process *parent);
/* Its id may be used again; drops the caller's reference. */
void process_give_id_up(struct process *process);
/* A process that was never started: gives back what it has, and the caller's reference. */
void process_abandon(struct process *process);
/* Boot: runs a thread's user code; does not return. */
void process_set_user_entry(void (*entry)(void *argument));
/* Opens the file for execution: a regular file with permission. */
MUST_CHECK int process_open_program(struct process *process, const char *text,
                                    struct file **file);

/* ---- exit.c */
/* The current thread leaves its program, and ends or goes on in another one: words in memory that
 * others look at say so. */
void process_leave_words(struct process *process, struct thread *thread, bool ends);

/* ---- limits.c */
void limits_init(struct limits *limits);

/* ---- interval_timer.c */
void interval_timer_init(struct process *process);
void interval_timer_end(struct process *process);

/* ---- user_stack.c */
struct user_stack_request {
    const struct exec_strings *strings;
    const char *path;                   /* AT_EXECFN */
    const struct credentials *credentials;
    bool is_secure;                     /* AT_SECURE */
    const struct elf_image *elf;
    uint64_t bias;
    user_address vdso;                  /* AT_SYSINFO_EHDR; 0: none */
    user_address interpreter_base;      /* AT_BASE */
    uint8_t random[AUXILIARY_RANDOM_SIZE];
};

/* Where everything lies: addresses of the program's, lowest first. */
struct user_stack {
    user_address pointer;               /* rsp: argc, argv, envp, auxiliary vector */
    user_address platform, random, strings, path, end;
    user_address arguments_end;         /* the environment begins */
    uint64_t vector_size;               /* bytes of the part that begins at `pointer` */
    uint64_t auxiliary_vector[2 * AUXILIARY_VECTOR_PAIRS];
};

/* Computes the layout below `top`, and the auxiliary vector. */
void user_stack_plan(const struct user_stack_request *request, user_address top,
                     struct user_stack *stack);
/* Fills the part at `stack->pointer` into `words` (vector_size bytes). */
void user_stack_fill(const struct user_stack_request *request, const struct user_stack *stack,
                     uint64_t *words);
/* Writes all of it into the space, where the stack is mapped.  -EFAULT, -ENOMEM. */
MUST_CHECK int user_stack_write(const struct user_stack_request *request,
                                const struct user_stack *stack, struct address_space *space);

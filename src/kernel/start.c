/*
 * Boot: the order in which the subsystems start, as a plain list of calls.
 *
 * All of it runs in the boot context of CPU 0, which then becomes that CPU's idle thread; nothing
 * here may block.
 */
#include "abi/abi.h"
#include "abi/linux/vdso.h"
#include "debug/log.h"
#include "debug/options.h"
#include "debug/trace.h"
#include "device/device.h"
#include "device/random.h"
#include "diagnose/diagnose.h"
#include "fs/file_table.h"
#include "fs/fs_init.h"
#include "fs/path.h"
#include "ipc/ipc_table.h"
#include "ipc/pipe.h"
#include "kernel/kernel.h"
#include "kernel/root.h"
#include "lib/assert.h"
#include "machine/machine.h"
#include "memory/page.h"
#include "process/namespaces.h"
#include "process/process.h"
#include "sched/scheduler.h"
#include "signal/file_signal.h"
#include "sync/wait_queue.h"
#include "tty/console.h"
#include "tty/devpts.h"
#include "tty/job_control.h"

static void start_subsystems(void)
{
    page_allocator_init();
    log_init();
    scheduler_init();
    fs_init();
    pipe_init();
    ipc_init(process_id_of_current);
    namespaces_init();
    device_init();
    console_init();
    devpts_init();
    vdso_init();
    process_init();
    job_control_init();
    file_signals_init();
    diagnose_init();
}

/* A command line that is wrong ends the boot; one line has been printed. */
static void refuse_if(int error)
{
    if (error)
        machine_halt(MACHINE_HALT_REFUSED, 0);
}

/* The first program's root directory and standard descriptors. */
static int prepare_files(struct first_program *program)
{
    int error = root_mount(&program->root);

    if (error) {
        log_line(LOG_ERROR, "cannot set up the root filesystem (error %d)", -error);
        return error;
    }
    error = file_table_create(&program->files);
    if (error)
        return error;
    return console_open_standard(&program->root, program->files);
}

static void start_first_program(void)
{
    static const struct abi *const abis[] = { &abi_teaching, &abi_linux, NULL };
    const struct machine_info *info = machine_info();
    struct first_program program = {
        .path = option_value("program"),
        .arguments = info->arguments,
        .environment = info->environment,
        .working_directory = info->working_directory,
        .abis = abis,
        .user_entry = user_loop,
        .begins = console_control_first,
    };

    refuse_if(trace_calls_init());
    refuse_if(prepare_files(&program));
    random_bytes(program.random, sizeof(program.random));
    refuse_if(process_start_first(&program));
    path_release(&program.root);
}

_Noreturn void kernel_start(void)
{
    ASSERT(!machine_interrupts_enabled());
    start_subsystems();
    log_line(LOG_INFO, "%s machine, %u CPUs, %llu MiB free", machine_info()->name,
             machine_info()->cpu_count,
             (unsigned long long)(page_statistics().free >> (20 - PAGE_SHIFT)));
    for (unsigned cpu = 1; cpu < machine_info()->cpu_count; cpu++)
        machine_cpu_start(cpu, scheduler_run_idle);
    start_first_program();
    scheduler_run_idle();
}

static const char *call_name(const struct abi *abi, uint64_t number)
{
    if (abi->call_name)
        return abi->call_name(number);
    return number < abi->table_size ? abi->table[number].name : NULL;
}

const char *kernel_name(enum kernel_name of, uint64_t number)
{
    const struct process *process = current_thread()->process;

    switch (of) {
    case KERNEL_NAME_CALL:
        return process ? call_name(process->abi, number) : NULL;
    case KERNEL_NAME_WAIT:
        return number <= WAIT_KIND_LAST ? wait_kind_name((enum wait_kind)number) : NULL;
    }
    return NULL;
}

const char *kernel_event_name(uint32_t kind, uint64_t number)
{
    if (kind == TRACE_syscall_enter)
        return kernel_name(KERNEL_NAME_CALL, number);
    if (kind == TRACE_wait_begin)
        return kernel_name(KERNEL_NAME_WAIT, number);
    return NULL;
}

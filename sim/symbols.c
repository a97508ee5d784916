/*
 * Code addresses in words: function, offset, file and line, by libdw.
 *
 * Only used when something went wrong, so the files are opened when first asked for.  libdw needs
 * more stack than a kernel thread has: it runs on a stack of its own.
 */
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim.h"

#define WORK_STACK_SIZE (1u << 20)
#define PROGRAM_PATH_SIZE 4096

/* The last program that was loaded (one address space at a time, so far). */
static char program_path[PROGRAM_PATH_SIZE];
static uint64_t program_bias;
static const char *command_line_program;

static struct {
    ucontext_t caller, worker;
    bool kernel;
    uint64_t address;
    char *text;
    size_t size, length;
} job;

static char *debug_path;    /* where separate debug files are: the default */
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debug_path,
};

void symbols_init(const char *path)
{
    command_line_program = path;
}

static Dwfl *open_kernel(void)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);

    if (dwfl && dwfl_linux_proc_report(dwfl, getpid()) == 0)
        dwfl_report_end(dwfl, NULL, NULL);
    return dwfl;
}

static Dwfl *open_program(void)
{
    Dwfl *dwfl = dwfl_begin(&callbacks);
    int descriptor = command_line_program
        ? open(command_line_program, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        : hostfs_open_path(program_path);

    if (!dwfl || descriptor < 0)
        return dwfl;
    dwfl_report_begin(dwfl);
    dwfl_report_elf(dwfl, program_path, program_path, descriptor, program_bias, true);
    dwfl_report_end(dwfl, NULL, NULL);
    return dwfl;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void describe(Dwfl *dwfl)
{
    Dwfl_Module *module = dwfl ? dwfl_addrmodule(dwfl, job.address) : NULL;
    GElf_Off offset;
    GElf_Sym symbol;
    int line = 0, length;

    if (!module)
        return;

    const char *name =
        dwfl_module_addrinfo(module, job.address, &offset, &symbol, NULL, NULL, NULL);
    Dwfl_Line *source = dwfl_module_getsrc(module, job.address);
    const char *file = source ? dwfl_lineinfo(source, NULL, &line, NULL, NULL, NULL) : NULL;

    if (!name)
        return;
    if (file)
        length = snprintf(job.text, job.size, "%s+0x%llx (%s:%d)", name,
                          (unsigned long long)offset, last_part(file), line);
    else
        length = snprintf(job.text, job.size, "%s+0x%llx", name, (unsigned long long)offset);
    job.length = length < 0 ? 0 : (size_t)length < job.size ? (size_t)length : job.size - 1;
}

static void work(void)
{
    Dwfl *dwfl = job.kernel ? open_kernel() : open_program();

    describe(dwfl);
    if (dwfl)
        dwfl_end(dwfl);
}

size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size)
{
    static void *stack;

    if (!stack) {
        stack = mmap(NULL, WORK_STACK_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED)
            return 0;
    }
    job.kernel = root == 0;
    job.address = address;
    job.text = text;
    job.size = size;
    job.length = 0;
    getcontext(&job.worker);
    job.worker.uc_stack.ss_sp = stack;
    job.worker.uc_stack.ss_size = WORK_STACK_SIZE;
    job.worker.uc_link = &job.caller;
    makecontext(&job.worker, work, 0);
    swapcontext(&job.caller, &job.worker);
    return job.length;
}

/* gdb's script (sim/gdb/eft.py) stops here silently and loads the symbols of the guest. */
__attribute__((noinline)) static void symbols_loaded(const char *path, uint64_t bias)
{
    __asm__ volatile("" : : "r"(path), "r"(bias) : "memory");
}

void machine_program_loaded(physical_address root, const char *path, uint64_t bias)
{
    (void)root;
    snprintf(program_path, sizeof(program_path), "%s", path);
    program_bias = bias;
    symbols_loaded(command_line_program ? command_line_program : program_path, bias);
}

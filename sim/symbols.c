/*
 * Code addresses in words: function, file and line, by libdw.
 *
 * Files are opened when first asked about and stay open, because a report asks a hundred times.
 * The kernel asks by file, for programs and libraries alike.  What only an address space is known
 * of belongs to the program that was loaded into it; those that came of one by forks share it.
 *
 * Library functions that are inlined are not where a person looks: what is named is the innermost
 * function of the program's own source file, with the line in it.
 *
 * libdw needs more stack than a kernel thread has: it runs on a stack of its own.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libdw.h"
#include "sim.h"

#define WORK_STACK_SIZE (1u << 20)
#define PROGRAM_PATH_SIZE 4096
#define ROOTS_KEPT 1024    /* address spaces whose program is remembered; the oldest is forgotten */

/* A program that was loaded at some place. */
struct image {
    struct image *next;
    char *path;            /* the guest's name of it */
    uint64_t bias;
    bool opened;
    Dwfl *dwfl;            /* NULL: not opened, or it cannot be read */
};

struct loaded {
    physical_address root;    /* 0: unused */
    struct image *image;
};

static struct image *images;
static struct image *newest_image;
static struct loaded loaded[ROOTS_KEPT];
static unsigned next_loaded;
static const char *command_line_program;
static Dwfl *kernel_dwfl;

static struct {
    _Atomic pid_t worker_thread;    /* 0: nobody's; the rest is whose it is */
    struct machine_context caller, worker;
    physical_address root;
    const char *path;      /* NULL: by address; else `address` is an offset in this file */
    uint64_t address;
    char *text;
    size_t size, length;
} job;

static const struct libdw *dw;     /* there when a Dwfl is */
static char *debug_path;           /* where separate debug files are: the default */
static Dwfl_Callbacks callbacks = { .debuginfo_path = &debug_path };

void symbols_init(const char *path)
{
    command_line_program = path;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- Programs ------------------------------------------------------------------------------ */

/* The host's name of a program without --root: the one on the command line, or one beside it. */
static void host_path(const char *guest_path, char *path, size_t size)
{
    const char *slash = strrchr(command_line_program, '/');
    int folder = slash ? (int)(slash + 1 - command_line_program) : 0;

    if (strcmp(guest_path, archive_program_name()) == 0)
        snprintf(path, size, "%s", command_line_program);
    else
        snprintf(path, size, "%.*s%s", folder, command_line_program, last_part(guest_path));
}

static int open_file(const char *guest_path)
{
    char path[PROGRAM_PATH_SIZE];

    if (!command_line_program)
        return hostfs_open_path(guest_path);
    host_path(guest_path, path, sizeof(path));
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static Dwfl *make_dwfl(void)
{
    dw = libdw_load();
    if (!dw)
        return NULL;
    callbacks.find_elf = dw->dwfl_linux_proc_find_elf;
    callbacks.find_debuginfo = dw->dwfl_standard_find_debuginfo;
    callbacks.section_address = dw->dwfl_offline_section_address;
    return dw->dwfl_begin(&callbacks);
}

static Dwfl *open_kernel(void)
{
    Dwfl *dwfl = make_dwfl();

    if (dwfl && dw->dwfl_linux_proc_report(dwfl, getpid()) == 0)
        dw->dwfl_report_end(dwfl, NULL, NULL);
    return dwfl;
}

static Dwfl *open_image(const struct image *image)
{
    Dwfl *dwfl = make_dwfl();
    int descriptor = open_file(image->path);

    if (!dwfl || descriptor < 0)
        return dwfl;
    dw->dwfl_report_begin(dwfl);
    dw->dwfl_report_elf(dwfl, image->path, image->path, descriptor, image->bias, true);
    dw->dwfl_report_end(dwfl, NULL, NULL);
    return dwfl;
}

/* A space that nobody told us about is one that was copied: of the program loaded last. */
static struct image *image_of(physical_address root)
{
    for (unsigned i = 0; i < ROOTS_KEPT; i++) {
        if (loaded[i].root == root)
            return loaded[i].image;
    }
    return newest_image;
}

static Dwfl *dwfl_of_image(struct image *image)
{
    if (!image)
        return NULL;
    if (!image->opened)
        image->dwfl = open_image(image);
    image->opened = true;
    return image->dwfl;
}

static Dwfl *dwfl_of(physical_address root)
{
    if (root != 0)
        return dwfl_of_image(image_of(root));
    if (!kernel_dwfl)
        kernel_dwfl = open_kernel();
    return kernel_dwfl;
}

static struct image *find_or_add_image(const char *path, uint64_t bias)
{
    struct image *image = images;

    while (image && (strcmp(image->path, path) != 0 || image->bias != bias))
        image = image->next;
    if (image)
        return image;
    image = calloc(1, sizeof(*image));
    if (!image)
        return NULL;
    image->path = strdup(path);
    image->bias = bias;
    image->next = images;
    if (!image->path) {
        free(image);
        return NULL;
    }
    images = image;
    return image;
}

/* The only module of an image. */
static int take_module(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr start,
                       void *found)
{
    (void)data;
    (void)name;
    (void)start;
    *(Dwfl_Module **)found = module;
    return DWARF_CB_ABORT;
}

/* Where a byte of the file would be, were it loaded as it says itself; 0: nowhere. */
static uint64_t address_in_file(Dwfl *dwfl, uint64_t offset)
{
    Dwfl_Module *module = NULL;
    GElf_Addr bias;
    Elf *elf = NULL;
    size_t count = 0;

    if (dwfl)
        dw->dwfl_getmodules(dwfl, take_module, &module, 0);
    if (module)
        elf = dw->dwfl_module_getelf(module, &bias);
    if (elf && dw->elf_getphdrnum(elf, &count) != 0)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;

        if (dw->gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
            offset >= segment.p_offset && offset - segment.p_offset < segment.p_filesz)
            return segment.p_vaddr + (offset - segment.p_offset) + bias;
    }
    return 0;
}

/* The file that is asked about; job.address becomes one in it. */
static Dwfl *find_asked(void)
{
    Dwfl *dwfl;

    if (!job.path)
        return dwfl_of(job.root);
    dwfl = dwfl_of_image(find_or_add_image(job.path, 0));
    job.address = address_in_file(dwfl, job.address);
    return dwfl;
}

/* ---- Places -------------------------------------------------------------------------------- */

struct place {
    const char *function, *file;
    int line;
    uint64_t offset;      /* from the start of the function */
    bool is_inlined;      /* then the offset says nothing */
};

static bool is_function(Dwarf_Die *scope)
{
    int tag = dw->dwarf_tag(scope);

    return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram;
}

/* Is the function defined in the file that was compiled, and not in one that it includes? */
static bool is_of_unit(Dwarf_Die *function, const char *unit)
{
    const char *file = dw->dwarf_decl_file(function);

    return file && unit && strcmp(last_part(file), last_part(unit)) == 0;
}

/* Where the inlined function was called. */
static void set_call_place(Dwarf_Die *inlined, Dwarf_Die *unit, struct place *place)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file, line;
    Dwarf_Files *files;

    if (dw->dwarf_formudata(dw->dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
        place->line = (int)line;
    if (dw->dwarf_formudata(dw->dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dw->dwarf_getsrcfiles(unit, &files, NULL) == 0)
        place->file = dw->dwarf_filesrc(files, file, NULL, NULL);
}

/* From the innermost function outwards, until one is the program's own. */
static void choose_scope(Dwarf_Die *scopes, int count, Dwarf_Die *unit, struct place *place)
{
    struct place found = *place;
    Dwarf_Die *inner = NULL;

    for (int i = 0; i < count; i++) {
        if (!is_function(&scopes[i]))
            continue;
        if (inner)
            set_call_place(inner, unit, &found);
        if (is_of_unit(&scopes[i], dw->dwarf_diename(unit)) && dw->dwarf_diename(&scopes[i])) {
            found.function = dw->dwarf_diename(&scopes[i]);
            found.is_inlined = dw->dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine;
            *place = found;
            return;
        }
        inner = &scopes[i];
    }
}

static void leave_inlined(Dwfl_Module *module, struct place *place)
{
    Dwarf_Addr bias;
    Dwarf_Die *unit = dw->dwfl_module_addrdie(module, job.address, &bias);
    Dwarf_Die *scopes = NULL, *chain = NULL;
    int count = unit ? dw->dwarf_getscopes(unit, job.address - bias, &scopes) : 0;

    if (count > 0)
        count = dw->dwarf_getscopes_die(&scopes[0], &chain);
    if (count > 0)
        choose_scope(chain, count, unit, place);
    free(chain);
    free(scopes);
}

static bool find_place(Dwfl *dwfl, struct place *place)
{
    Dwfl_Module *module = dwfl ? dw->dwfl_addrmodule(dwfl, job.address) : NULL;
    GElf_Sym symbol;

    *place = (struct place){ .line = 0 };
    if (!module)
        return false;
    place->function = dw->dwfl_module_addrinfo(module, job.address, &place->offset, &symbol, NULL,
                                               NULL, NULL);

    Dwfl_Line *source = dw->dwfl_module_getsrc(module, job.address);

    if (source)
        place->file = dw->dwfl_lineinfo(source, NULL, &place->line, NULL, NULL, NULL);
    if (job.path || job.root != 0)
        leave_inlined(module, place);
    return place->function != NULL;
}

static void describe(const struct place *place)
{
    char offset[24] = "";
    int length;

    if (!place->is_inlined)
        snprintf(offset, sizeof(offset), "+0x%llx", (unsigned long long)place->offset);
    if (place->file)
        length = snprintf(job.text, job.size, "%s%s (%s:%d)", place->function, offset,
                          last_part(place->file), place->line);
    else
        length = snprintf(job.text, job.size, "%s%s", place->function, offset);
    job.length = length < 0 ? 0 : (size_t)length < job.size ? (size_t)length : job.size - 1;
}

static void work(void)
{
    struct place place;

    if (find_place(find_asked(), &place))
        describe(&place);
    machine_context_switch(&job.worker, &job.caller);
}

/* One at a time; false: this CPU is in the middle of it, and has come here by a panic. */
static bool begin(void)
{
    pid_t self = gettid(), worker = 0;

    while (!atomic_compare_exchange_strong(&job.worker_thread, &worker, self)) {
        if (worker == self)
            return false;
        worker = 0;
        sched_yield();
    }
    return true;
}

static size_t describe_on_other_stack(char *text, size_t size)
{
    static void *stack;

    if (!stack) {
        stack = mmap(NULL, WORK_STACK_SIZE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (stack == MAP_FAILED) {
            stack = NULL;
            return 0;
        }
    }
    job.text = text;
    job.size = size;
    job.length = 0;
    machine_context_init(&job.worker, stack, WORK_STACK_SIZE, work);
    machine_context_switch(&job.caller, &job.worker);
    return job.length;
}

/* Path NULL: by address space. */
static size_t find_words(physical_address root, const char *path, uint64_t address, char *text,
                         size_t size)
{
    bool were_on = machine_interrupts_disable();
    size_t length = 0;

    if (begin()) {
        job.root = root;
        job.path = path;
        job.address = address;
        length = describe_on_other_stack(text, size);
        atomic_store(&job.worker_thread, 0);
    }
    machine_interrupts_restore(were_on);
    return length;
}

size_t machine_describe_address(physical_address root, uint64_t address, char *text, size_t size)
{
    return find_words(root, NULL, address, text, size);
}

size_t machine_describe_file(const char *path, uint64_t offset, char *text, size_t size)
{
    return find_words(0, path, offset, text, size);
}

/* ---- Being told ---------------------------------------------------------------------------- */

/* gdb's script (src/debug/gdb/eft.py) stops here silently and loads the symbols of the guest. */
__attribute__((noinline)) static void symbols_loaded(const char *path, uint64_t bias)
{
    __asm__ volatile("" : : "r"(path), "r"(bias) : "memory");
}

static void remember(physical_address root, struct image *image)
{
    for (unsigned i = 0; i < ROOTS_KEPT; i++) {
        if (loaded[i].root == root) {
            loaded[i].image = image;
            return;
        }
    }
    loaded[next_loaded++ % ROOTS_KEPT] = (struct loaded){ root, image };
}

void machine_program_loaded(physical_address root, const char *path, uint64_t bias)
{
    struct image *image;

    if (path[0] == '[') {    /* code of the kernel's own: it names that itself */
        symbols_loaded(path, bias);
        return;
    }
    image = find_or_add_image(path, bias);

    if (image) {
        newest_image = image;
        remember(root, image);
    }
    symbols_loaded(path, bias);
}

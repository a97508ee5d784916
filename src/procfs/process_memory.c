/* Files about the memory of a process: maps, smaps, statm, cmdline, environ, auxv. */
#include "fs/file.h"
#include "fs/inode.h"
#include "memory/page.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "procfs/procfs_internal.h"

#define NAME_COLUMN 73     /* of the file's name in maps, as on Linux */
#define COPY_SIZE 4096u
#define OLD_CALL_PAGE UINT64_C(0xffffffffff600000)

/* ---- maps ---------------------------------------------------------------------------------- */

static void pad_to_name(struct proc_output *output, size_t line_start)
{
    while (output->length < line_start + NAME_COLUMN)
        proc_print(output, " ");
}

/* As stat says it, which is not the filesystem's own for files of the host. */
static uint64_t device_of(const struct file *file)
{
    struct file_status status;

    if (!file)
        return 0;
    return inode_status(file->inode, &status) == 0 ? status.device
                                                   : file->inode->filesystem->device;
}

static void print_region(const struct region_report *region, void *context)
{
    struct proc_output *output = context;
    struct file *file = region->file;
    size_t line_start = output->length;
    uint64_t device = device_of(file);

    proc_print(output, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
               (unsigned long long)region->start, (unsigned long long)region->end,
               region->protection & PROTECTION_READ ? 'r' : '-',
               region->protection & PROTECTION_WRITE ? 'w' : '-',
               region->protection & PROTECTION_EXECUTE ? 'x' : '-', region->shared ? 's' : 'p',
               (unsigned long long)region->offset, (unsigned)(device >> 8 & 0xfff),
               (unsigned)(device & 0xff), (unsigned long long)(file ? file->inode->number : 0));
    if (file && file->path.name) {
        pad_to_name(output, line_start);
        proc_print_path(output, &file->path, ESCAPED_IN_LINES);
    } else if ((file && file->description) || region->label) {
        pad_to_name(output, line_start);
        proc_print(output, "%s", file ? file->description : region->label);
    }
    proc_print(output, "\n");
}

/* It belongs to nobody: Linux shows it behind the mappings of each process. */
static bool find_old_call_page(struct region_report *page)
{
    const struct machine_info *info = machine_info();
    const char *protection = info->find_old_call_page ? info->find_old_call_page() : NULL;

    if (!protection)
        return false;
    *page = (struct region_report){
        .start = OLD_CALL_PAGE, .end = OLD_CALL_PAGE + PAGE_SIZE, .label = "[vsyscall]",
        .protection = PROTECTION_EXECUTE | (protection[0] == 'r' ? PROTECTION_READ : 0u),
    };
    return true;
}

void proc_write_maps(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = process_space(subject->process);
    struct region_report page;

    if (!space)
        return;
    address_space_report(space, print_region, output);
    address_space_release(space);
    if (find_old_call_page(&page))
        print_region(&page, output);
}

/* ---- smaps --------------------------------------------------------------------------------- */

/* Sums over regions, in pages. */
struct map_sums {
    uint64_t resident, own, locked;
    user_address start, end;    /* of all regions */
};

static void print_kib(struct proc_output *output, const char *name, uint64_t pages)
{
    proc_print(output, "%-16s%8llu kB\n", name, (unsigned long long)(pages * (PAGE_SIZE / 1024)));
}

/* Pages of the process alone count as changed, others as shared and clean.  Who else maps a page is
 * not counted, so a proportional size is the whole size. */
static void print_sums(struct proc_output *output, const struct map_sums *sums, bool all)
{
    print_kib(output, "Rss:", sums->resident);
    print_kib(output, "Pss:", sums->resident);
    print_kib(output, "Pss_Dirty:", sums->own);
    if (all) {
        print_kib(output, "Pss_Anon:", sums->own);
        print_kib(output, "Pss_File:", sums->resident - sums->own);
        print_kib(output, "Pss_Shmem:", 0);
    }
    print_kib(output, "Shared_Clean:", sums->resident - sums->own);
    print_kib(output, "Shared_Dirty:", 0);
    print_kib(output, "Private_Clean:", 0);
    print_kib(output, "Private_Dirty:", sums->own);
    print_kib(output, "Referenced:", sums->resident);
    print_kib(output, "Anonymous:", sums->own);
    print_kib(output, "KSM:", 0);
    print_kib(output, "LazyFree:", 0);
    print_kib(output, "AnonHugePages:", 0);
    print_kib(output, "ShmemPmdMapped:", 0);
    print_kib(output, "FilePmdMapped:", 0);
    print_kib(output, "Shared_Hugetlb:", 0);
    print_kib(output, "Private_Hugetlb:", 0);
    print_kib(output, "Swap:", 0);
    print_kib(output, "SwapPss:", 0);
    print_kib(output, "Locked:", sums->locked);
}

static void print_flags(struct proc_output *output, const struct region_report *region)
{
    proc_print(output, "VmFlags: %s%s%s%smr mw me %s%s\n",
               region->protection & PROTECTION_READ ? "rd " : "",
               region->protection & PROTECTION_WRITE ? "wr " : "",
               region->protection & PROTECTION_EXECUTE ? "ex " : "", region->shared ? "sh " : "",
               region->grows_down ? "gd " : "", region->locked ? "lo " : "");
}

static void print_details(const struct region_report *region, void *context)
{
    struct proc_output *output = context;
    uint64_t pages = (region->end - region->start) / PAGE_SIZE;
    const struct map_sums sums = {
        .resident = region->resident_pages, .own = region->own_pages,
        .locked = region->locked ? region->resident_pages : 0,
    };

    print_region(region, output);
    print_kib(output, "Size:", pages);
    print_kib(output, "KernelPageSize:", 1);
    print_kib(output, "MMUPageSize:", 1);
    print_sums(output, &sums, false);
    proc_print(output, "THPeligible:           0\n");
    print_flags(output, region);
}

static void add_region(const struct region_report *region, void *context)
{
    struct map_sums *sums = context;

    if (sums->end == 0)
        sums->start = region->start;
    sums->end = region->end;
    sums->resident += region->resident_pages;
    sums->own += region->own_pages;
    sums->locked += region->locked ? region->resident_pages : 0;
}

void proc_write_map_details(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = process_space(subject->process);
    struct region_report page;

    if (!space)
        return;
    address_space_report(space, print_details, output);
    address_space_release(space);
    if (find_old_call_page(&page))
        print_details(&page, output);
}

void proc_write_map_sums(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = process_space(subject->process);
    struct map_sums sums = { 0 };

    if (!space)
        return;
    address_space_report(space, add_region, &sums);
    address_space_release(space);
    proc_print(output, "%08llx-%08llx ---p 00000000 00:00 0 ", (unsigned long long)sums.start,
               (unsigned long long)sums.end);
    pad_to_name(output, 0);
    proc_print(output, "[rollup]\n");
    print_sums(output, &sums, true);
}

/* ---- statm --------------------------------------------------------------------------------- */

void proc_write_memory_sizes(struct proc_output *output, const struct proc_subject *subject)
{
    struct address_space *space = process_space(subject->process);
    struct address_space_statistics statistics = { 0 };

    if (space) {
        address_space_statistics(space, &statistics);
        address_space_release(space);
    }
    proc_print(output, "%llu %llu %llu %llu 0 %llu 0\n",
               (unsigned long long)statistics.total_pages,
               (unsigned long long)statistics.resident_pages,
               (unsigned long long)statistics.shared_pages,
               (unsigned long long)statistics.text_pages,
               (unsigned long long)(statistics.data_pages + statistics.stack_pages));
}

/* ---- What lies on the stack ---------------------------------------------------------------- */

static void copy_user(struct proc_output *output, struct process *process, user_address start,
                      user_address end)
{
    struct address_space *space = process_space(process);
    char *bytes = memory_allocate(COPY_SIZE);

    while (space && bytes && start < end) {
        size_t wanted = end - start < COPY_SIZE ? end - start : COPY_SIZE;
        size_t size = user_copy_in_partial(space, bytes, start, wanted);

        proc_put(output, bytes, size);
        if (size < wanted)
            break;
        start += size;
    }
    memory_free(bytes, bytes ? COPY_SIZE : 0);
    if (space)
        address_space_release(space);
}

void proc_write_command_line(struct proc_output *output, const struct proc_subject *subject)
{
    copy_user(output, subject->process, subject->process->arguments_start,
              subject->process->arguments_end);
}

void proc_write_environment(struct proc_output *output, const struct proc_subject *subject)
{
    copy_user(output, subject->process, subject->process->environment_start,
              subject->process->environment_end);
}

void proc_write_auxiliary_vector(struct proc_output *output, const struct proc_subject *subject)
{
    const uint64_t *vector = subject->process->auxiliary_vector;
    size_t pairs = 0;

    while (pairs + 1 < AUXILIARY_VECTOR_PAIRS && vector[2 * pairs])
        pairs++;
    proc_put(output, vector, (pairs + 1) * 2 * sizeof(vector[0]));
}

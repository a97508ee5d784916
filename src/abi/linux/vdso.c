/*
 * The vDSO: an image that is part of the kernel is mapped into each program of Linux, behind the
 * page from which it computes the time.
 *
 * Each of the two is a memory object, made at boot.  Their pages stay for ever, because the port
 * writes to that of the times.
 */
#include "abi/linux/vdso.h"

#include "abi/linux/time_page.h"
#include "debug/log.h"
#include "lib/checked.h"
#include "lib/format.h"
#include "lib/memory.h"
#include "memory/address_space.h"
#include "memory/page.h"
#include "process/exec.h"
#include "process/process.h"
#include "time/clock.h"

#define AUXILIARY_VDSO 33    /* AT_SYSINFO_EHDR */

/* The linked image, by the Makefile. */
extern const char vdso_image[], vdso_image_end[];

static struct memory_object *times_object, *image_object;
static bool is_made;

_Static_assert(sizeof(struct time_page) <= PAGE_SIZE, "one page");

static size_t image_size(void)
{
    return (size_t)(vdso_image_end - vdso_image);
}

static uint64_t image_pages(void)
{
    return round_up(image_size(), PAGE_SIZE) / PAGE_SIZE;
}

/* ---- Making it ----------------------------------------------------------------------------- */

/* The reference to the page stays with us. */
static int get_page(struct memory_object *from, uint64_t index, void **data)
{
    struct page *page;
    int error = from->operations->page(from, index, true, &page);

    if (!error)
        *data = page_data(page);
    return error;
}

static int fill_image(void)
{
    size_t left = image_size();
    int error = 0;

    for (uint64_t i = 0; i < image_pages() && !error; i++) {
        size_t size = left < PAGE_SIZE ? left : PAGE_SIZE;
        void *data;

        error = get_page(image_object, i, &data);
        if (!error)
            memcpy(data, vdso_image + i * PAGE_SIZE, size);
        left -= size;
    }
    return error;
}

static int show_times(void)
{
    struct time_page *times;
    void *data;
    int error = get_page(times_object, 0, &data);

    if (error)
        return error;
    times = data;
    clock_show_offset(&times->real_offset_ns);
    machine_time_show(&times->line);
    return 0;
}

static int make(void)
{
    int error = memory_object_create_anonymous(PAGE_SIZE, &times_object);

    if (!error)
        error = memory_object_create_anonymous(image_pages() * PAGE_SIZE, &image_object);
    if (!error)
        error = fill_image();
    if (!error)
        error = show_times();
    is_made = !error;
    return error;
}

void vdso_init(void)
{
    if (make() != 0)
        log_line(LOG_WARNING, "no memory for the vDSO");
}

/* ---- Mapping it ---------------------------------------------------------------------------- */

/* The whole of it as [vvar], then the image over all but the first page. */
static int map(struct address_space *space, user_address *image)
{
    struct map_request request = {
        .length = (image_pages() + 1) * PAGE_SIZE,
        .protection = PROTECTION_READ,
        .maximum_protection = PROTECTION_READ,
        .object = times_object,
        .label = "[vvar]",
    };
    user_address start;
    int error = address_space_map(space, &request, &start);

    if (error)
        return error;
    request.address = start + PAGE_SIZE;
    request.length -= PAGE_SIZE;
    request.protection = PROTECTION_READ | PROTECTION_EXECUTE;
    request.maximum_protection = PROTECTION_ALL;
    request.flags = MAP_AT_ADDRESS;
    request.object = image_object;
    request.label = "[vdso]";
    error = address_space_map(space, &request, image);
    if (!error)
        address_space_bring_ahead(space, *image, *image + request.length);
    return error;
}

int linux_build_start(const struct exec_request *request, struct exec_image *image)
{
    int error = is_made ? map(image->space, &image->vdso) : -ENOMEM;

    return error ? error : exec_build_start(request, image);
}

/* ---- Its names ----------------------------------------------------------------------------- */

/* What is needed of the ELF format. */
struct elf_header {
    uint8_t identification[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, programs, sections;
    uint32_t flags;
    uint16_t size, program_size, program_count, section_size, section_count, section_names;
};
struct elf_section {
    uint32_t name, type;
    uint64_t flags, address, offset, size;
    uint32_t link, information;
    uint64_t alignment, entry_size;
};
struct elf_symbol {
    uint32_t name;
    uint8_t information, other;
    uint16_t section;
    uint64_t value, size;
};
#define SECTION_DYNAMIC_SYMBOLS 11

static const struct elf_section *find_symbols(const struct elf_section **strings)
{
    const struct elf_header *header = (const void *)vdso_image;
    const struct elf_section *sections = (const void *)(vdso_image + header->sections);

    for (unsigned i = 0; i < header->section_count; i++) {
        if (sections[i].type != SECTION_DYNAMIC_SYMBOLS)
            continue;
        *strings = &sections[sections[i].link];
        return &sections[i];
    }
    return NULL;
}

/* The name of the function there, and where it begins; NULL: none. */
static const char *find_name(uint64_t place, uint64_t *start)
{
    const struct elf_section *strings;
    const struct elf_section *section = find_symbols(&strings);
    const struct elf_symbol *symbols;

    if (!section)
        return NULL;
    symbols = (const void *)(vdso_image + section->offset);
    for (uint64_t i = 0; i < section->size / sizeof(*symbols); i++) {
        if (place < symbols[i].value || place >= symbols[i].value + symbols[i].size)
            continue;
        *start = symbols[i].value;
        return vdso_image + strings->offset + symbols[i].name;
    }
    return NULL;
}

static user_address base_of(const struct process *process)
{
    for (unsigned i = 0; i < AUXILIARY_VECTOR_PAIRS; i++) {
        if (process->auxiliary_vector[2 * i] == AUXILIARY_VDSO)
            return process->auxiliary_vector[2 * i + 1];
    }
    return 0;
}

size_t vdso_describe(const struct process *process, user_address address, char *text, size_t size)
{
    user_address base = base_of(process);
    const char *name;
    uint64_t start;

    if (base == 0 || address < base || address - base >= image_size())
        return 0;
    name = find_name(address - base, &start);
    if (!name)
        return format(text, size, "[vdso]+0x%llx", (unsigned long long)(address - base));
    return format(text, size, "%s+0x%llx ([vdso])", name,
                  (unsigned long long)(address - base - start));
}

/*
 * The boot archive of a run without --root: a ustar archive with one member, the guest program.
 *
 * The program is not copied: its file is mapped just behind a page that ends with the header, and
 * anonymous memory behind it supplies the padding and the end of the archive.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chooser.h"
#include "sim.h"

#define PAGE_SIZE 4096u
#define BLOCK 512u    /* of a tar archive */

struct ustar {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type;
    char link[100], magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static char program_name[256];

const char *archive_program_name(void)
{
    return program_name;
}

static int open_program(const char *path, struct stat *status)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (descriptor < 0 || fstat(descriptor, status) != 0)
        refuse("cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(status->st_mode))
        refuse("%s is a directory, not a program", path);
    if (!S_ISREG(status->st_mode))
        refuse("%s is not a regular file", path);
    if (status->st_size >= INT64_C(077777777777))
        refuse("%s is too large for a program", path);
    return descriptor;
}

static void fill_header(struct ustar *header, const struct stat *status)
{
    unsigned sum = 0;

    snprintf(header->name, sizeof(header->name), "%.99s", program_name + 1);
    snprintf(header->mode, sizeof(header->mode), "%07o", (status->st_mode & 0777u) | 0111u);
    snprintf(header->uid, sizeof(header->uid), "%07o", 0u);
    snprintf(header->gid, sizeof(header->gid), "%07o", 0u);
    snprintf(header->size, sizeof(header->size), "%011llo", (unsigned long long)status->st_size);
    snprintf(header->mtime, sizeof(header->mtime), "%011llo", (unsigned long long)status->st_mtime);
    header->type = '0';
    memcpy(header->magic, "ustar", 6);
    memcpy(header->version, "00", 2);
    memset(header->checksum, ' ', sizeof(header->checksum));
    for (size_t i = 0; i < sizeof(*header); i++)
        sum += ((const unsigned char *)header)[i];
    snprintf(header->checksum, sizeof(header->checksum), "%06o", sum);
}

/* The program's name in the guest: the last part of its path, if that fits a header. */
static void choose_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    snprintf(program_name, sizeof(program_name), "/%s",
             strlen(name) < sizeof(((struct ustar *)0)->name) ? name : "guest");
}

void archive_init(const char *path, const char *name)
{
    struct stat status;
    int descriptor = open_program(path, &status);
    size_t size = (size_t)status.st_size;
    size_t pages = (size + 3 * BLOCK + PAGE_SIZE - 1) / PAGE_SIZE * PAGE_SIZE;
    char *area = mmap(NULL, PAGE_SIZE + pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                      -1, 0);

    if (area == MAP_FAILED)
        refuse("no memory to map %s", path);
    if (size > 0 && mmap(area + PAGE_SIZE, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, descriptor,
                         0) == MAP_FAILED)
        refuse("cannot map %s: %s", path, strerror(errno));
    close(descriptor);
    choose_name(name);
    if (chooser_is_active()) {    /* what differs from host to host */
        status.st_mode = 0755;
        status.st_mtime = (time_t)(CLOCK_EPOCH_NS / 1000000000);
    }
    fill_header((struct ustar *)(void *)(area + PAGE_SIZE - BLOCK), &status);
    info_edit()->boot_archive = area + PAGE_SIZE - BLOCK;
    info_edit()->boot_archive_size = BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK + 2 * BLOCK;
}

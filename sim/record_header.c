/*
 * The beginning and the end of a recording: the options that matter, and the files that were read.
 *
 * Files are not in the recording, only their digests; they are compared before the replay
 * starts, so that a changed program is reported as that and not as a run that went elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chooser.h"
#include "record.h"
#include "record_internal.h"
#include "sim.h"

#define FLAG_INTERACTIVE 1u
#define FLAG_REAL_PREEMPTION 2u
#define OFFSET_SIZE 8u
#define CHUNK_SIZE 65536u
#define STRINGS_MAX 100000u

struct read_file {
    char *path;
    uint64_t size, digest;
};

static struct read_file *files;
static size_t file_count;
static const char *program_override;    /* the guest named on the command line of a replay */
static const char *recorded_program = "";

/* ---- Files ---------------------------------------------------------------------------------- */

static uint64_t digest_of(int descriptor, uint64_t *size)
{
    static unsigned char chunk[CHUNK_SIZE];
    uint64_t digest = DIGEST_INITIAL;
    off_t offset = 0;
    ssize_t count;

    while ((count = pread(descriptor, chunk, sizeof(chunk), offset)) > 0 ||
           (count < 0 && errno == EINTR)) {
        if (count < 0)
            continue;
        digest = digest_add(digest, chunk, (size_t)count);
        offset += count;
    }
    *size = (uint64_t)offset;
    return digest;
}

static bool is_known(const char *path)
{
    for (size_t i = 0; i < file_count; i++) {
        if (strcmp(files[i].path, path) == 0)
            return true;
    }
    return false;
}

void record_file(int descriptor)
{
    char link[64], path[PATH_MAX];
    struct stat status;

    if (!record_is_recording() || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);

    ssize_t length = readlink(link, path, sizeof(path) - 1);

    if (length <= 0)
        return;
    path[length] = '\0';
    if (is_known(path))
        return;

    struct read_file *grown = realloc(files, (file_count + 1) * sizeof(*files));
    struct read_file file = { .path = strdup(path) };

    if (!grown || !file.path)
        refuse("no memory");
    file.digest = digest_of(descriptor, &file.size);
    files = grown;
    files[file_count++] = file;
}

void record_files_write(void)
{
    uint64_t offset = record_written();

    record_number(file_count);
    for (size_t i = 0; i < file_count; i++) {
        record_text(files[i].path);
        record_number(files[i].size);
        record_number(files[i].digest);
    }
    record_bytes(&offset, OFFSET_SIZE);
}

static void check_file(const struct read_file *file)
{
    bool is_program = program_override && strcmp(file->path, recorded_program) == 0;
    const char *path = is_program ? program_override : file->path;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    uint64_t size;

    if (descriptor < 0)
        refuse("%s was read in the recorded run and cannot be opened: %s", path, strerror(errno));
    if (digest_of(descriptor, &size) != file->digest || size != file->size)
        refuse("%s is not what it was when the run was recorded", path);
    close(descriptor);
}

/* The recording ends with the place where the list of files begins. */
static void check_files(void)
{
    size_t place = record_place();
    uint64_t offset;

    if (record_size() < OFFSET_SIZE)
        record_damaged();
    record_seek(record_size() - OFFSET_SIZE);
    record_take_bytes(&offset, OFFSET_SIZE);
    record_seek(offset);
    for (uint64_t rest = record_take_number(); rest > 0; rest--) {
        struct read_file file = { .path = record_take_text() };

        file.size = record_take_number();
        file.digest = record_take_number();
        check_file(&file);
        free(file.path);
    }
    record_seek(place);
}

/* ---- Options -------------------------------------------------------------------------------- */

static void write_strings(const char *const *strings)
{
    uint64_t count = 0;

    while (strings[count])
        count++;
    record_number(count);
    for (uint64_t i = 0; i < count; i++)
        record_text(strings[i]);
}

static const char *const *take_strings(void)
{
    uint64_t count = record_take_number();

    if (count > STRINGS_MAX)
        record_damaged();

    const char **strings = calloc(count + 1, sizeof(*strings));

    if (!strings)
        refuse("no memory");
    for (uint64_t i = 0; i < count; i++)
        strings[i] = record_take_text();
    return strings;
}

static const char *or_empty(const char *text)
{
    return text ? text : "";
}

static const char *or_null(const char *text)
{
    return *text ? text : NULL;
}

void record_create(const struct options *options)
{
    const struct machine_info *info = machine_info();
    char *program = options->root ? NULL : realpath(options->arguments[0], NULL);
    char *root = options->root ? realpath(options->root, NULL) : NULL;

    record_start(options->record);
    record_number(options->seed);
    record_number(options->cpus);
    record_number(options->memory_size);
    record_number((options->interactive ? FLAG_INTERACTIVE : 0) |
                  (options->real_preemption ? FLAG_REAL_PREEMPTION : 0));
    record_number(options->preempt);
    record_number(info->boot_wall_time_ns);
    record_number(info->vector_state_size);
    record_text(or_empty(root));
    record_text(or_empty(program));
    record_text(or_empty(options->working_directory));
    record_text(or_empty(options->host_name));
    record_number(options->has_user);
    record_number(options->user_id);
    record_number(options->group_id);
    write_strings(options->arguments);
    write_strings(options->environment);
    if (program) {
        int descriptor = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (descriptor >= 0) {
            record_file(descriptor);
            close(descriptor);
        }
    }
    free(program);
    free(root);
}

void record_open_replay(struct options *options)
{
    uint64_t flags;

    program_override = options->arguments[0];
    record_load(options->replay);
    options->seed = record_take_number();
    options->cpus = (unsigned)record_take_number();
    options->memory_size = record_take_number();
    flags = record_take_number();
    options->interactive = flags & FLAG_INTERACTIVE;
    options->real_preemption = flags & FLAG_REAL_PREEMPTION;
    options->preempt = (enum preempt)record_take_number();
    options->boot_wall_time_ns = record_take_number();
    options->recorded_vector_size = record_take_number();
    options->root = or_null(record_take_text());
    recorded_program = record_take_text();
    options->working_directory = or_null(record_take_text());
    options->host_name = or_null(record_take_text());
    options->has_user = record_take_number() != 0;
    options->user_id = (uint32_t)record_take_number();
    options->group_id = (uint32_t)record_take_number();
    options->arguments = take_strings();
    options->environment = take_strings();
    options->program_path = program_override ? program_override : recorded_program;
    if (options->root && program_override)
        refuse("the recording names its program; none may be given with --replay and a root");
    check_files();
}

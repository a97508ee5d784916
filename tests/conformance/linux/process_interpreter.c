/*
 * Interpreters of dynamic programs that are missing or bad, and ETXTBSY: files that are written
 * cannot be run, files that run cannot be written.
 *
 * The programs and interpreters are made here, byte by byte.
 */
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define PLACE 0x10000000          /* far from that of this program */
#define OTHER_PLACE 0x20000000    /* of interpreters */
#define NAME_ROOM 8192

static char self[4096];

/* ---- Programs ------------------------------------------------------------------------------ */

/* A program of one segment; `names` of them name an interpreter. */
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr load, names[2];
    char text[NAME_ROOM];
};

/* What all of them do: exit(42). */
static const char code[] = "\xbf\x2a\0\0\0\xb8\x3c\0\0\0\x0f\x05";

static void program_begin(struct program *program, const void *name, size_t size)
{
    memset(program, 0, sizeof(*program));
    memcpy(program->header.e_ident, ELFMAG, SELFMAG);
    program->header.e_ident[EI_CLASS] = ELFCLASS64;
    program->header.e_ident[EI_DATA] = ELFDATA2LSB;
    program->header.e_ident[EI_VERSION] = EV_CURRENT;
    program->header.e_type = ET_EXEC;
    program->header.e_machine = EM_X86_64;
    program->header.e_version = EV_CURRENT;
    program->header.e_entry = PLACE + sizeof(*program) - sizeof(code);
    program->header.e_phoff = offsetof(struct program, load);
    program->header.e_ehsize = sizeof(program->header);
    program->header.e_phentsize = sizeof(program->load);
    program->header.e_phnum = 2;
    program->load = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = PLACE, .p_paddr = PLACE,
        .p_filesz = sizeof(*program), .p_memsz = sizeof(*program), .p_align = 4096,
    };
    program->names[0] = (Elf64_Phdr){
        .p_type = PT_INTERP, .p_flags = PF_R, .p_offset = offsetof(struct program, text),
        .p_filesz = size, .p_memsz = size, .p_align = 1,
    };
    memcpy(program->text, name, size < NAME_ROOM ? size : NAME_ROOM);
    memcpy(program->text + NAME_ROOM - sizeof(code), code, sizeof(code));
}

static void write_file(const char *name, const void *bytes, size_t size, int mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);

    if (write(fd, bytes, size) != (ssize_t)size)
        (void)printf("cannot make %s: %s\n", name, error_name(errno));
    (void)fchmod(fd, (mode_t)mode);
    (void)close(fd);
}

/* How it ends; "error" if exec itself came back. */
static void run(const char *path)
{
    char *const arguments[] = { "program", "run", NULL };
    int status = -1;
    pid_t child;

    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)execv(path, arguments);
        (void)printf("execv: %s\n", error_name(errno));
        (void)fflush(stdout);
        _exit(1);
    }
    (void)waitpid(child, &status, 0);
    (void)printf("status %#x\n", (unsigned)status);
}

static void run_program(const char *what, const struct program *program)
{
    (void)printf("=> %s\n", what);
    write_file("program", program, sizeof(*program), 0755);
    run("./program");
}

/* With an interpreter of this name. */
static void run_with(const char *name)
{
    static struct program program;

    program_begin(&program, name, strlen(name) + 1);
    run_program(name, &program);
}

/* ---- Interpreters -------------------------------------------------------------------------- */

static void show_missing(void)
{
    static char longest[4096];

    SECTION("missing interpreters");
    run_with("/nothing/here/ld.so");
    run_with("nothing");
    run_with("./nothing");
    run_with("");
    run_with("./program/below");
    CALL(symlink("nothing", "dangling"));
    run_with("./dangling");
    CALL(symlink("circle", "circle"));
    run_with("./circle");
    memset(longest, 'x', sizeof(longest) - 1);
    run_with(longest);
    memset(longest, 0, sizeof(longest));
    memset(longest, 'x', 256);
    run_with(longest);
    run_with("\x01\xff\x80 \n");
}

static void show_bad(void)
{
    static char text[200] = "no program at all, but of a length that a header could have";
    static struct program other;

    SECTION("interpreters that are none");
    CALL(mkdir("directory", 0755));
    run_with("./directory");
    run_with("./directory/");
    run_with("/dev/null");
    CALL(mkfifo("fifo", 0755));
    run_with("./fifo");
    write_file("empty", "", 0, 0755);
    run_with("./empty");
    write_file("short", ELFMAG "\2\1\1", 7, 0755);
    run_with("./short");
    write_file("text", text, sizeof(text), 0755);
    run_with("./text");
    write_file("script", "#!/bin/sh\nexit 3\n                                                ", 66,
               0755);
    run_with("./script");
    write_file("plain", text, sizeof(text), 0644);
    run_with("./plain");
    program_begin(&other, "x", 2);
    other.header.e_machine = EM_AARCH64;
    write_file("other", &other, sizeof(other), 0755);
    run_with("./other");
    program_begin(&other, "x", 2);
    other.header.e_phentsize = 1;
    write_file("other", &other, sizeof(other), 0755);
    run_with("./other");
    program_begin(&other, "x", 2);
    other.header.e_phnum = 0;
    write_file("other", &other, sizeof(other), 0755);
    run_with("./other");
}

static void run_header(const char *what, uint64_t offset, uint64_t size)
{
    static struct program program;

    program_begin(&program, "nothing", sizeof("nothing"));
    program.names[0].p_offset = offset;
    program.names[0].p_filesz = program.names[0].p_memsz = size;
    run_program(what, &program);
}

static void show_names(void)
{
    static struct program program;
    const size_t place = offsetof(struct program, text);

    SECTION("names that are none");
    run_header("no bytes", place, 0);
    run_header("one byte", place, 1);
    run_header("no end", place, 7);
    run_header("4096 bytes", place, 4096);
    run_header("4097 bytes", place, 4097);
    run_header("very many bytes", place, UINT64_MAX);
    program_begin(&program, "nothing", sizeof("nothing"));
    program.header.e_phnum = 3;
    program.names[1] = program.names[0];
    program.names[1].p_filesz = 0;
    run_program("a second name that is bad", &program);
    program.names[1] = program.names[0];
    program.names[0].p_filesz = 0;
    run_program("a second name behind a bad one", &program);
}

static void show_good(void)
{
    static struct program program;

    SECTION("an interpreter");
    program_begin(&program, "nothing", sizeof("nothing"));    /* which is not looked for */
    program.header.e_entry += OTHER_PLACE - PLACE;
    program.load.p_vaddr = program.load.p_paddr = OTHER_PLACE;
    write_file("fixed", &program, sizeof(program), 0755);
    run_with("./fixed");
    program.header.e_type = ET_DYN;
    program.header.e_entry -= OTHER_PLACE;
    program.load.p_vaddr = program.load.p_paddr = 0;
    write_file("moved", &program, sizeof(program), 0711);
    run_with("./moved");
    CALL(symlink("moved", "link"));
    run_with("./link");
    program_begin(&program, "./link", sizeof("./link"));
    program.header.e_phnum = 3;
    program.names[1] = program.names[0];
    program.names[1].p_filesz = 0;
    run_program("a second name that is bad", &program);
    (void)printf("=> by a script\n");
    write_file("script", "#!./program\n", 12, 0755);
    run("./script");
}

/* ---- Busy files ---------------------------------------------------------------------------- */

static void copy_self(const char *name)
{
    static char bytes[1 << 16];
    int from = open(self, O_RDONLY), to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    ssize_t count;

    while ((count = read(from, bytes, sizeof(bytes))) > 0) {
        if (write(to, bytes, (size_t)count) != count)
            (void)printf("cannot copy: %s\n", error_name(errno));
    }
    (void)close(from);
    (void)close(to);
}

/* A program that is a copy writes to its own file. */
static int write_oneself(void)
{
    SECTION("its own file");
    CALL(open("copy", O_WRONLY));
    CALL(open("copy", O_RDWR));
    CALL(open("copy", O_RDWR | O_CREAT, 0755));
    CALL(open("copy", O_RDONLY | O_TRUNC));
    CALL(open("/proc/self/exe", O_WRONLY));
    CALL(open("/proc/self/exe", O_RDWR | O_TRUNC));
    CALL(truncate("copy", 0));
    CALL(truncate("/proc/self/exe", 0));
    CALL(chmod("copy", 0700));
    CALL(chmod("copy", 0755));
    CALL(close(open("copy", O_PATH)));
    CALL(link("copy", "twin"));
    CALL(open("twin", O_WRONLY));
    if (fork() == 0) {
        CALL(open("copy", O_WRONLY));
        _exit(0);
    }
    (void)wait(NULL);
    CALL(unlink("copy"));
    CALL(open("twin", O_WRONLY));
    CALL(unlink("twin"));
    CALL(open("/proc/self/exe", O_WRONLY));
    CALL(close(open("copy", O_WRONLY | O_CREAT | O_EXCL, 0755)));
    CALL(unlink("copy"));
    return 0;
}

static void show_writers(void)
{
    int fd;
    char *map;

    SECTION("files open for writing");
    copy_self("copy");
    run("./copy");
    fd = open("copy", O_RDONLY);
    run("./copy");
    (void)close(fd);
    fd = open("copy", O_WRONLY);
    run("./copy");
    (void)printf("by a second descriptor\n");
    (void)dup2(fd, 40);
    (void)close(fd);
    run("./copy");
    (void)close(40);
    run("./copy");
    (void)printf("by a mapping\n");
    fd = open("copy", O_RDWR);
    map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    run("./copy");
    (void)munmap(map, 4096);
    run("./copy");
    (void)printf("by a path\n");
    fd = open("copy", O_PATH);
    run("./copy");
    (void)close(fd);
    (void)printf("an interpreter\n");
    fd = open("moved", O_RDWR);
    run_with("./moved");
    (void)close(fd);
    run_with("./moved");
    (void)printf("a script's\n");
    write_file("script", "#!./copy\n", 9, 0755);
    fd = open("copy", O_WRONLY);
    run("./script");
    (void)close(fd);
    fd = open("script", O_WRONLY);
    run("./script");
    (void)close(fd);
    run("./script");
}

/* An open file that is itself given to exec, and one that was never a name. */
static void show_descriptors(void)
{
    char *const arguments[] = { "program", "run", NULL };
    int kinds[] = { O_RDONLY, O_RDWR };

    SECTION("descriptors");
    for (size_t i = 0; i < COUNT(kinds); i++) {
        (void)fflush(stdout);
        if (fork() == 0) {
            int fd = open("copy", kinds[i]);

            CALL(syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH));
            _exit(0);
        }
        (void)wait(NULL);
    }
}

/* A process that runs `copy` until it is told to end. */
static pid_t start_copy(int *until)
{
    int ready[2], end[2];
    char byte;
    pid_t child;

    (void)!pipe2(ready, O_CLOEXEC);
    (void)!pipe2(end, O_CLOEXEC);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)dup2(ready[1], 60);
        (void)dup2(end[0], 61);
        (void)execl("./copy", "copy", "pause", (char *)NULL);
        _exit(1);
    }
    (void)close(ready[1]);
    (void)close(end[0]);
    (void)!read(ready[0], &byte, 1);
    (void)close(ready[0]);
    *until = end[1];
    return child;
}

static void show_runners(void)
{
    int until, second;
    pid_t child, other;

    SECTION("files that run");
    child = start_copy(&until);
    other = start_copy(&second);
    CALL(open("copy", O_WRONLY));
    CALL(rename("copy", "moved"));
    CALL(open("moved", O_WRONLY | O_TRUNC));
    CALL(rename("moved", "copy"));
    run("./copy");
    (void)close(until);
    (void)waitpid(child, NULL, 0);
    CALL(open("copy", O_WRONLY));
    (void)close(second);
    (void)waitpid(other, NULL, 0);
    CALL(close(open("copy", O_WRONLY)));
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        (void)execl("./copy", "copy", "oneself", (char *)NULL);
        _exit(1);
    }
    (void)waitpid(child, NULL, 0);
}

static int be_run(const char *what)
{
    char byte;

    if (strcmp(what, "oneself") == 0)
        return write_oneself();
    if (strcmp(what, "pause") == 0) {
        (void)!write(60, "x", 1);
        (void)!read(61, &byte, 1);
        return 0;
    }
    (void)printf("this program runs\n");
    return 7;
}

int main(int count, char **arguments)
{
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
        return 1;
    if (count > 1)
        return be_run(arguments[count - 1]);
    show_missing();
    show_bad();
    show_names();
    show_good();
    show_writers();
    show_descriptors();
    show_runners();
    return 0;
}

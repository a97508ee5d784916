/*
 * What the kernel hands to a program at its start, printed as facts rather than addresses: two
 * kernels that lay things out in the same way print the same.
 */
#include <cpuid.h>
#include <elf.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "probe.h"

extern char **environ;
/* Set by the linker: where the image begins in memory. */
extern const char __ehdr_start[];
void _start(void);

#define AT_MINIMUM_STACK 51

static const struct {
    uint64_t type;
    const char *name;
    int show_value;    /* the value is the same wherever the program runs on this machine */
} known[] = {
    { AT_PHDR, "AT_PHDR", 0 },         { AT_PHENT, "AT_PHENT", 1 },
    { AT_PHNUM, "AT_PHNUM", 1 },       { AT_PAGESZ, "AT_PAGESZ", 1 },
    { AT_BASE, "AT_BASE", 1 },         { AT_FLAGS, "AT_FLAGS", 1 },
    { AT_ENTRY, "AT_ENTRY", 0 },       { AT_UID, "AT_UID", 1 },
    { AT_EUID, "AT_EUID", 1 },         { AT_GID, "AT_GID", 1 },
    { AT_EGID, "AT_EGID", 1 },         { AT_PLATFORM, "AT_PLATFORM", 0 },
    { AT_HWCAP, "AT_HWCAP", 0 },       { AT_CLKTCK, "AT_CLKTCK", 1 },
    { AT_SECURE, "AT_SECURE", 1 },     { AT_RANDOM, "AT_RANDOM", 0 },
    { AT_HWCAP2, "AT_HWCAP2", 1 },     { AT_EXECFN, "AT_EXECFN", 0 },
    { AT_MINIMUM_STACK, "AT_MINSIGSTKSZ", 0 },
};

static char signal_stack[65536];

static const char *yes(int fact)
{
    return fact ? "yes" : "NO";
}

static uint64_t auxiliary(const Elf64_auxv_t *vector, uint64_t type)
{
    for (; vector->a_type != AT_NULL; vector++) {
        if (vector->a_type == type)
            return vector->a_un.a_val;
    }
    return 0;
}

static int present(const Elf64_auxv_t *vector, uint64_t type)
{
    for (; vector->a_type != AT_NULL; vector++) {
        if (vector->a_type == type)
            return 1;
    }
    return 0;
}

static uint64_t frame_size;

/* Linux puts the frame's upper end, the vector registers, right below the end of the stack. */
static void measure_frame(int number, siginfo_t *information, void *context)
{
    (void)number;
    (void)information;
    frame_size = (uint64_t)(uintptr_t)(signal_stack + sizeof(signal_stack)) -
                 (uint64_t)(uintptr_t)context;
}

/* What depends on the processor, as facts that do not. */
static void show_processor(const Elf64_auxv_t *vector)
{
    const struct sigaction action = { .sa_sigaction = measure_frame,
                                      .sa_flags = SA_SIGINFO | SA_ONSTACK };
    const stack_t stack = { .ss_sp = signal_stack, .ss_size = sizeof(signal_stack) };
    unsigned a, b, c, d;

    printf("AT_HWCAP is the processor's: %s\n",
           yes(__get_cpuid(1, &a, &b, &c, &d) && auxiliary(vector, AT_HWCAP) == d));
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
    printf("a signal's frame was seen: %s, not above AT_MINSIGSTKSZ: %s\n", yes(frame_size > 0),
           yes(frame_size <= auxiliary(vector, AT_MINIMUM_STACK)));
}

static void show_auxiliary_vector(const Elf64_auxv_t *vector)
{
    int doubles = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        printf("auxv %s", known[i].name);
        if (!present(vector, known[i].type))
            printf(" missing");
        else if (known[i].show_value)
            printf(" = %#lx", auxiliary(vector, known[i].type));
        printf("\n");
    }
    for (const Elf64_auxv_t *a = vector; a->a_type != AT_NULL; a++) {
        for (const Elf64_auxv_t *b = vector; b < a; b++)
            doubles += a->a_type == b->a_type;
    }
    printf("auxv entries given twice: %d\n", doubles);
    show_processor(vector);
}

/* The program headers that AT_PHDR names must be those of this very image. */
static void show_image(const Elf64_auxv_t *vector)
{
    uint64_t image = (uint64_t)(uintptr_t)__ehdr_start;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)__ehdr_start;
    uint64_t headers = auxiliary(vector, AT_PHDR);

    printf("AT_PHDR is the header's offset into the image: %s\n",
           yes(headers == image + header->e_phoff));
    printf("AT_PHNUM is the header's: %s\n", yes(auxiliary(vector, AT_PHNUM) == header->e_phnum));
    printf("AT_ENTRY is _start: %s\n",
           yes(auxiliary(vector, AT_ENTRY) == (uint64_t)(uintptr_t)_start));
    printf("image starts on a page: %s\n", yes(image % 4096 == 0));
}

/* From low to high: argc, argv, envp, auxv, then the strings, then eight zero bytes. */
static void show_stack(int argc, char **argv, char **envp, const Elf64_auxv_t *vector)
{
    const uint64_t *bottom = (const uint64_t *)argv - 1;
    const char *execfn = (const char *)auxiliary(vector, AT_EXECFN);
    const char *expected = argc > 0 ? argv[0] : NULL;
    const char *random = (const char *)auxiliary(vector, AT_RANDOM);
    int in_order = 1;
    const char *top;
    uint64_t last;

    printf("argc lies below argv: %s\n", yes(*bottom == (uint64_t)argc));
    printf("argc is aligned to 16: %s\n", yes((uintptr_t)bottom % 16 == 0));
    printf("envp follows argv: %s\n", yes(envp == argv + argc + 1));
    for (int i = 0; i < argc; i++) {
        in_order &= argv[i] == expected;
        expected = argv[i] + strlen(argv[i]) + 1;
    }
    for (char **variable = envp; *variable; variable++) {
        in_order &= *variable == expected;
        expected = *variable + strlen(*variable) + 1;
    }
    printf("strings lie one behind the other, arguments first: %s\n", yes(in_order));
    printf("AT_EXECFN follows them: %s\n", yes(execfn == expected));
    top = execfn + strlen(execfn) + 1;
    memcpy(&last, top, sizeof(last));
    printf("eight zero bytes follow, then the stack ends on a page: %s\n",
           yes(last == 0 && ((uintptr_t)top + 8) % 4096 == 0));
    printf("AT_RANDOM lies between the vector and the strings: %s\n",
           yes(random > (const char *)vector && random + 16 <= argv[0]));
    printf("AT_RANDOM looks random: %s\n", yes(memcmp(random, random + 8, 8) != 0));
    printf("AT_PLATFORM: %s\n", (const char *)auxiliary(vector, AT_PLATFORM));
    printf("AT_EXECFN ends like argv[0]: %s\n",
           yes(argc > 0 && strcmp(strrchr(execfn, '/'), strrchr(argv[0], '/')) == 0));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_environment(char **envp)
{
    size_t count = 0;
    char **sorted;

    while (envp[count])
        count++;
    sorted = malloc((count + 1) * sizeof(*sorted));
    memcpy(sorted, envp, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_text);
    for (size_t i = 0; i < count; i++)
        printf("environ %s\n", sorted[i]);
    printf("environ is envp: %s\n", yes(environ == envp));
    free(sorted);
}

void probe_start(int argc, char **argv, char **envp)
{
    char **after = envp;

    printf("argc %d\n", argc);
    for (int i = 1; i < argc; i++)    /* argv[0] is the path, which differs */
        printf("argv[%d] \"%s\"\n", i, argv[i]);
    printf("argv[argc] is null: %s\n", yes(argv[argc] == NULL));
    show_environment(envp);
    while (*after)
        after++;
    show_auxiliary_vector((const Elf64_auxv_t *)(after + 1));
    show_image((const Elf64_auxv_t *)(after + 1));
    show_stack(argc, argv, envp, (const Elf64_auxv_t *)(after + 1));
}

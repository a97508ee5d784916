/*
 * A program that dies or waits in a shared library, in the C library or in the dynamic linker, as
 * its argument says.  It is built in several ways (run_libraries.py): as a program at a place of
 * its choice or of the kernel's, and with its libraries in it.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "library.h"

static volatile int *const nowhere = (volatile int *)8;

static void write_myself(volatile int *place)
{
    *place = 3;    /* dies in the program */
}

/* The child is another process than the one that was loaded, with the same libraries. */
static void wait_in_child(void)
{
    if (fork() == 0) {
        library_wait();    /* the child waits here */
        _exit(0);
    }
    wait(NULL);    /* the parent waits here */
}

static size_t measure(const char *text)
{
    return strlen(text) + 1;
}

#ifdef DYNAMIC
struct index {
    unsigned long module, offset;
};
void *__tls_get_addr(struct index *index);

static void enter_linker(void)
{
    (void)__tls_get_addr((struct index *)8);
}
#else
static void enter_linker(void)
{
}
#endif

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";

    if (strcmp(what, "library") == 0)
        library_write(nowhere);
    if (strcmp(what, "back") == 0)
        library_call(write_myself, nowhere);
    if (strcmp(what, "libc") == 0)
        return (int)measure((const char *)8);
    if (strcmp(what, "linker") == 0)
        enter_linker();
    if (strcmp(what, "wait") == 0)
        wait_in_child();
    return 0;
}

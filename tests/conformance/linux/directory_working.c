/* getcwd, chdir, fchdir. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

int main(void)
{
    char start[4096], text[4096];
    int home, file;

    FACT(getcwd(start, sizeof(start)) != NULL && start[0] == '/');
    home = open(".", O_RDONLY);
    mkdir("d", 0755);
    mkdir("d/e", 0755);
    make_file("f", "");
    file = open("f", O_RDONLY);
    symlink("d/e", "link");
    CALL(chdir("link"));
    FACT(syscall(SYS_getcwd, text, sizeof(text)) == (long)strlen(start) + 5);
    FACT(strncmp(text, start, strlen(start)) == 0);
    TEXT(text + strlen(start));
    CALL(chdir(".."));
    getcwd(text, sizeof(text));
    TEXT(text + strlen(start));
    CALL(chdir("absent"));
    CALL(chdir(""));
    CALL(chdir("../f"));
    CALL(syscall(SYS_chdir, 8L));
    CALL(fchdir(file));
    CALL(fchdir(99));
    CALL(fchdir(home));
    getcwd(text, sizeof(text));
    FACT(strcmp(text, start) == 0);
    CALL(syscall(SYS_getcwd, text, strlen(start)));
    CALL(syscall(SYS_getcwd, text, strlen(start) + 1) == (long)strlen(start) + 1);
    CALL(syscall(SYS_getcwd, text, 0L));
    CALL(syscall(SYS_getcwd, 8L, 4096L));
    CALL(chdir("d/e"));
    CALL(rename("../../d", "../../moved"));
    getcwd(text, sizeof(text));
    TEXT(text + strlen(start));
    CALL(rmdir("../e"));
    CALL(syscall(SYS_getcwd, text, sizeof(text)));
    CALL(open("x", O_RDWR | O_CREAT, 0600));
    CALL(chdir("."));
    CALL(chdir(".."));
    CALL(chdir("/"));
    CALL(getcwd(text, sizeof(text)) != NULL);
    TEXT(text);
    CALL(chdir("/.."));
    getcwd(text, sizeof(text));
    TEXT(text);
    return 0;
}

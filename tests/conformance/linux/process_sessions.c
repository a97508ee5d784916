/* setsid and setpgid: what the leader of a group may not do. */
#include <unistd.h>

#include "check.h"

int main(void)
{
    /* A shell and the kernel both start the program as the leader of a group, or the runner does
     * not: then it becomes one. */
    if (getpgrp() != getpid())
        (void)setpgid(0, 0);
    FACT(getpgrp() == getpid());
    CALL(setsid());
    FACT(getpgid(0) == getpid());
    CALL(setpgid(0, 999999999));
    return 0;
}

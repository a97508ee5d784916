/*
 * Exit codes can be asked for at any later time, so a kernel that keeps dead processes for them
 * grows until it is full.  Here more processes come and go than can ever exist at once, in stacks
 * of a range that has not as many places; the first one's code is there at the end.
 *
 *     defect_exit_codes [PROCESSES]     20000 without an argument
 */
#include "defect.h"

enum { PROCESSES_DEFAULT = 20000, CODES = 100 };

static void child_run(int number)
{
    process_exit(number % CODES);
}

int main(int argc, char **argv)
{
    uint64_t processes = argc > 1 ? text_to_number(argv[1]) : PROCESSES_DEFAULT;
    int first = process_start(child_run, CODES - 1);
    int wrong = process_wait(first) != CODES - 1;

    for (uint64_t i = 0; i < processes && wrong == 0; i++) {
        int child = process_start(child_run, (int)i);

        wrong += process_wait(child) != (int64_t)(i % CODES);
    }
    wrong += process_wait(first) != CODES - 1;
    return defect_check("exit_codes", wrong == 0);
}

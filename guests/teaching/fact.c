/*
 * Factorials modulo 1000000007, by a recursion that is not a loop: 999999 takes some 15 MiB of
 * stack.  The number is the argument or asked for.
 */
#include "teaching.h"

enum { MODULUS = 1000000007, LIMIT = 1000000, NONE = LIMIT + 1 };

static REPORTED uint64_t factorial(uint64_t n)
{
    return n == 0 ? 1 : n * factorial(n - 1) % MODULUS;
}

int main(int argc, char **argv)
{
    struct question question = { argc, argv, 1, "Input n: " };
    uint64_t n = question_ask_number(&question, NONE);
    uint64_t result;

    if (n > LIMIT) {
        print("n is a number of at most %d.\n", LIMIT);
        return 1;
    }
    result = factorial(n);
    process_list();    /* which shows the memory that the stack has taken */
    print("The factorial of %lu under modulo %d is %lu.\n", n, MODULUS, result);
    return 0;
}

/* Prints what the processor's own random number generator says, which nobody can repeat. */
#include <stdio.h>

__attribute__((target("rdrnd"))) int main(void)
{
    unsigned long long number = 0;

    while (!__builtin_ia32_rdrand64_step(&number))
        continue;
    printf("%llx\n", number);
    return 0;
}

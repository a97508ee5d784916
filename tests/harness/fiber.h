#pragma once
/*
 * Fibers: stacks that a host thread switches between.  The fake machine makes kernel contexts of
 * them, and the models whole CPUs; of hammer_machine.h several host threads share them.  (Not
 * ucontext: that makes two system calls a switch, and a model makes millions.)  AddressSanitizer
 * and ThreadSanitizer are told of every switch.
 */
#include <stddef.h>

struct fiber {
    void *stack_pointer;    /* while it does not run: what it has to restore lies there */
    void (*entry)(void);
    const void *stack;
    size_t stack_size;
    void *sanitizer;        /* what the sanitizers remember of it */
};

/* Prepares a fiber that begins in `entry`, which does not return. */
void fiber_init(struct fiber *fiber, void *stack, size_t stack_size, void (*entry)(void));
/* Saves what is running now in `from`, which needs no preparation, and continues `to`. */
void fiber_switch(struct fiber *from, struct fiber *to);

#pragma once
/*
 * OPAQUE before a function: each call is made, whatever the compiler knows of the function.  For
 * those that give the address of something thread-local: a fiber may go on on another host thread,
 * and nobody may keep the address.
 */
#ifdef __clang__
#define OPAQUE __attribute__((noinline, optnone))
#else
#define OPAQUE __attribute__((noipa))
#endif

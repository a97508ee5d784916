#pragma once
/*
 * What the namespaces of all kinds have in common: a number, by which programs and the kernel tell
 * them apart, and which is never given twice.  Things that belong to a namespace keep its number
 * alone; those who are in it count as references.
 */
#include <stdint.h>

#include "lib/refcount.h"

/* Those of the machine itself, with Linux's numbers. */
#define NAMESPACE_OF_IPC UINT64_C(0xefffffff)
#define NAMESPACE_OF_NAMES UINT64_C(0xeffffffe)
#define NAMESPACE_OF_PROCESSES UINT64_C(0xeffffffc)
#define NAMESPACE_OF_NETWORK UINT64_C(0xf0000000)
#define NAMESPACE_OF_MOUNTS UINT64_C(0xf0000001)

struct namespace {
    /* Constant after creation. */
    uint64_t number;

    struct refcount references;
};

/* A number that no other namespace has. */
uint64_t namespace_number_new(void);

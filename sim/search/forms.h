#pragma once
/* A set of 64-bit numbers that grows. */
#include <stdbool.h>
#include <stdint.h>

struct forms {
    uint64_t *places;    /* 0: free */
    uint64_t room, count;
};

/* False if it was there already. */
bool forms_add(struct forms *forms, uint64_t form);
bool forms_know(const struct forms *forms, uint64_t form);

#pragma once
/*
 * For programs with one classic bug: each is built as it is, and again with REPAIRED = 1, where
 * the one thing that is wrong is right.
 */
#include "teaching.h"

#ifndef REPAIRED
#define REPAIRED 0
#endif

#pragma once
/* What the kernel does at an interrupt, for whoever plays the machine; interrupts off. */
#include "machine/machine.h"

void fake_interrupt(enum machine_interrupt which);

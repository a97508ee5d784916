#pragma once
/*
 * Translations that CPUs may hold: flushing them everywhere when an entry of a page table loses a
 * permission or its page.
 *
 * Which CPUs to ask: those whose per_cpu.active_root is the root.  A CPU writes active_root
 * before it activates the root, with a full fence between the two; the flusher changes the
 * entries before it reads active_root, with a full fence between.  So a CPU that is not asked
 * sees the new entries.
 */
#include "machine/machine.h"

/* Returns when no CPU uses old entries of [start, end) any more.  May wait for other CPUs: no
 * spin lock held, not from an interrupt. */
void tlb_flush(physical_address root, user_address start, user_address end);
/* The same for the whole root, which is about to be freed: no CPU keeps it active. */
void tlb_forget_root(physical_address root);
/* Every CPU that has this root active makes a full memory barrier in between; 0: every CPU.  As
 * tlb_flush. */
void tlb_barrier(physical_address root);
/* INTERRUPT_NOTIFY of this CPU, interrupts off: does what others asked for. */
void tlb_notified(void);

#pragma once
/* What the files of signal/ share with each other only. */
#include "signal/signal.h"

/* ---- pending.c: all with the process's signals.lock held */
void signal_pending_init(struct signal_pending *pending);
/* -EAGAIN when a real-time signal with information of its own cannot be queued. */
MUST_CHECK int signal_pending_add(struct signal_pending *pending,
                                  const struct signal_information *information);
/* Takes the next signal that is not in `blocked`; false: there is none. */
bool signal_pending_take(struct signal_pending *pending, signal_set blocked,
                         struct signal_information *information);
/* Forgets these signals. */
void signal_pending_discard(struct signal_pending *pending, signal_set set);

/* ---- actions.c */
/* What a signal does when its action is SIGNAL_DEFAULT. */
enum signal_effect { EFFECT_TERMINATE, EFFECT_IGNORE, EFFECT_STOP, EFFECT_CONTINUE };
enum signal_effect signal_default_effect(int number);
/* Would this action do nothing? */
bool signal_action_ignores(const struct signal_action *action, int number);

/* ---- report.c */
/* One line for the person at the machine about the end of the current process. */
void signal_report_death(const struct signal_information *information);

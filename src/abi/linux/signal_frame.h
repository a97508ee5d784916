#pragma once
/* The frame that a signal handler runs on, as x86-64 Linux lays it out. */
#include <stdint.h>

#include "lib/error.h"

struct signal_delivery;
struct thread;

/* Operation `push_signal_frame` of struct abi: puts a frame on the thread's stack and makes its
 * registers those of the handler.  -EFAULT. */
MUST_CHECK int signal_frame_push(struct thread *thread, const struct signal_delivery *delivery);
/* rt_sigreturn: takes registers, mask and alternate stack from the frame at rsp.  -EFAULT: the
 * frame is broken, and nothing was changed but the mask. */
MUST_CHECK int signal_frame_restore(struct thread *thread);

#pragma once
/* Parts of the probe program: each prints facts that are the same on every correct kernel. */

/* probe_start.c: arguments, environment, auxiliary vector and the layout of the first stack. */
void probe_start(int argc, char **argv, char **envp);
/* probe_vector.c: SSE, AVX and AVX-512 registers across system calls, faults and signals. */
void probe_vector(void);

#pragma once
/* Offsets and constants that user_enter.S and C share; user_run.c asserts that they are true. */

#define UCONTEXT_RFLAGS 176    /* uc_mcontext.gregs[REG_EFL] */

#define EFLAGS_TF 0x100
#define EFLAGS_AC 0x40000
#define EFLAGS_HOST 0x202
#define EFLAGS_NOT_FOR_C 0x44500    /* AC, NT, DF, TF */
#define VECTOR_USED 512             /* where the area says which components it has */

#define USER_ENTER_ABORTED 0
#define USER_ENTER_TRAPPED 1
#define USER_ENTER_CALLED 2

#pragma once
/* Where assembly finds the members of struct user_registers (machine.h).  Whoever uses the numbers
 * asserts that they are true. */

#define REGISTERS_RAX 0
#define REGISTERS_RBX 8
#define REGISTERS_RCX 16
#define REGISTERS_RDX 24
#define REGISTERS_RSI 32
#define REGISTERS_RDI 40
#define REGISTERS_RBP 48
#define REGISTERS_RSP 56
#define REGISTERS_R8 64
#define REGISTERS_R9 72
#define REGISTERS_R10 80
#define REGISTERS_R11 88
#define REGISTERS_R12 96
#define REGISTERS_R13 104
#define REGISTERS_R14 112
#define REGISTERS_R15 120
#define REGISTERS_RIP 128
#define REGISTERS_RFLAGS 136
#define REGISTERS_FS 144
#define REGISTERS_GS 152
#define REGISTERS_VECTOR 160

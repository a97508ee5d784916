/*
 * Signal frames: their layout against the C library's own structures, the way back, and
 * everything a program can do to a frame before it returns.
 */
#include "abi/linux/signal_frame.h"

#include <errno.h>
#include <stddef.h>
#include <ucontext.h>

#include "abi/linux/structures.h"
#include "memory/user_memory.h"
#include "unit/process/process_fixture.h"

#define HANDLER 0x400100
#define RESTORER 0x400200
#define STACK_POINTER (FIXTURE_DATA + 0x8000)
#define VECTOR_SIZE 832
#define XSTATE_TRAILER 464
#define XSTATE_FEATURES 512

_Static_assert(sizeof(struct linux_siginfo) == sizeof(siginfo_t), "siginfo_t");
_Static_assert(offsetof(struct linux_ucontext, registers) == offsetof(ucontext_t, uc_mcontext),
               "uc_mcontext");
_Static_assert(offsetof(struct linux_ucontext, mask) == offsetof(ucontext_t, uc_sigmask),
               "uc_sigmask");

static struct signal_delivery delivery;
static struct linux_rt_sigframe frame;

static struct user_registers *registers(void)
{
    return &current_thread()->registers;
}

static uint8_t *vector(void)
{
    return registers()->vector;
}

static unsigned word_at(const uint8_t *bytes)
{
    return bytes[0] | (unsigned)bytes[1] << 8;
}

/* Every general register and every byte of vector state is different. */
static void set_state(void)
{
    uint64_t *words = (uint64_t *)registers();
    void *area = vector();

    for (unsigned i = 0; i < offsetof(struct user_registers, vector) / sizeof(uint64_t); i++)
        words[i] = 0x1000 + i;
    registers()->rsp = STACK_POINTER;
    registers()->rip = 0x400055;
    registers()->rflags = 0x202 | 0x400 | 0x1;    /* direction and carry */
    registers()->vector = area;
    for (unsigned i = 0; i < VECTOR_SIZE; i++)
        vector()[i] = (uint8_t)(i * 7 + 1);
    memset(vector() + XSTATE_TRAILER, 0, 48);
    memset(vector() + XSTATE_FEATURES, 0, 64);
    vector()[XSTATE_FEATURES] = 7;
    memcpy(vector() + 24, (const uint32_t[]){ 0x1f80, 0xffff }, 8);
}

static void set_delivery(uint64_t flags)
{
    delivery = (struct signal_delivery){
        .information = { .number = SIGNAL_SEGV, .code = CODE_SEGV_MAPERR,
                         .fault = { .address = 0x1234 } },
        .action = { .handler = HANDLER, .restorer = RESTORER,
                    .flags = flags | ACTION_RESTORER | ACTION_INFORMATION },
        .blocked_before = SIGNAL_BIT(SIGNAL_HUP),
    };
}

static int push(uint64_t flags)
{
    set_delivery(flags);
    return signal_frame_push(current_thread(), &delivery);
}

static void read_frame(void)
{
    ck_assert_int_eq(user_copy_in(current_space(), &frame, registers()->rsp, sizeof(frame)), 0);
}

static void write_frame(user_address place)
{
    ck_assert_int_eq(user_copy_out(current_space(), place, &frame, sizeof(frame)), 0);
}

static void poke(user_address address, const void *bytes, size_t size)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, bytes, size), 0);
}

/* As the handler's `ret` and the restorer's call would. */
static int restore(void)
{
    registers()->rsp += 8;
    return signal_frame_restore(current_thread());
}

/* ---- Layout -------------------------------------------------------------------------------- */

static void layout(void)
{
    ucontext_t context;
    siginfo_t information;
    user_address place;

    set_state();
    ck_assert_int_eq(push(0), 0);
    place = registers()->rsp;
    ck_assert_uint_eq(place % 16, 8);
    ck_assert_uint_lt(place + sizeof(frame), STACK_POINTER - 128);
    read_frame();
    ck_assert_uint_eq(frame.return_address, RESTORER);
    memcpy(&context, &frame.context, sizeof(frame.context));
    memcpy(&information, &frame.information, sizeof(information));

    ck_assert_int_eq(information.si_signo, SIGSEGV);
    ck_assert_int_eq(information.si_code, 1);
    ck_assert_uint_eq((uintptr_t)information.si_addr, 0x1234);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_RSP], STACK_POINTER);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_RIP], 0x400055);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_RAX], 0x1000);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_R15], 0x100f);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_EFL], 0x603);
    ck_assert_uint_eq((uint64_t)context.uc_mcontext.gregs[REG_CSGSFS], 0x2b000000000033);
    ck_assert_uint_eq(context.uc_flags, 7);
    ck_assert_ptr_null(context.uc_link);
    ck_assert_uint_eq(frame.context.mask, SIGNAL_BIT(SIGNAL_HUP));
    ck_assert_uint_eq(frame.context.registers.vector % 64, 0);
}

START_TEST(frame_is_laid_out_as_libc_reads_it)
{
    fixture_run(layout);
    ck_assert(fixture_halted);
}
END_TEST

static void handler_registers(void)
{
    set_state();
    ck_assert_int_eq(push(0), 0);
    ck_assert_uint_eq(registers()->rip, HANDLER);
    ck_assert_uint_eq(registers()->rdi, SIGNAL_SEGV);
    ck_assert_uint_eq(registers()->rsi,
                      registers()->rsp + offsetof(struct linux_rt_sigframe, information));
    ck_assert_uint_eq(registers()->rdx, registers()->rsp + 8);
    ck_assert_uint_eq(registers()->rax, 0);
    ck_assert_uint_eq(registers()->rflags, 0x203);    /* direction is clear */
    ck_assert_uint_eq(word_at(vector()), 0x37f);
    ck_assert_uint_eq(word_at(vector() + 24), 0x1f80);
    ck_assert_uint_eq(vector()[160], 0);
    ck_assert_uint_eq(vector()[XSTATE_FEATURES], 0);
}

START_TEST(handler_begins_with_clean_registers)
{
    fixture_run(handler_registers);
    ck_assert(fixture_halted);
}
END_TEST

static void vector_in_frame(void)
{
    struct _libc_fpstate legacy;
    struct linux_vector_trailer trailer;
    uint32_t magic2;
    user_address area;

    set_state();
    ck_assert_int_eq(push(0), 0);
    read_frame();
    area = frame.context.registers.vector;
    ck_assert_int_eq(user_copy_in(current_space(), &legacy, area, sizeof(legacy)), 0);
    ck_assert_uint_eq(legacy.mxcsr, 0x1f80);
    ck_assert_uint_eq(((const uint8_t *)legacy._xmm)[0], (uint8_t)(160 * 7 + 1));
    ck_assert_int_eq(user_copy_in(current_space(), &trailer, area + XSTATE_TRAILER,
                                  sizeof(trailer)), 0);
    ck_assert_uint_eq(trailer.magic1, 0x46505853);
    ck_assert_uint_eq(trailer.state_size, VECTOR_SIZE);
    ck_assert_uint_eq(trailer.extended_size, VECTOR_SIZE + 4);
    ck_assert_uint_eq(trailer.features, 7);
    ck_assert_int_eq(user_copy_in(current_space(), &magic2, area + VECTOR_SIZE, 4), 0);
    ck_assert_uint_eq(magic2, 0x46505845);
}

START_TEST(vector_state_has_its_magic_numbers)
{
    fixture_run(vector_in_frame);
    ck_assert(fixture_halted);
}
END_TEST

static void absent_parts(void)
{
    uint8_t bytes[VECTOR_SIZE];

    set_state();
    vector()[XSTATE_FEATURES] = 4;    /* x87 and SSE in their initial state, not stored */
    ck_assert_int_eq(push(0), 0);
    read_frame();
    ck_assert_int_eq(user_copy_in(current_space(), bytes, frame.context.registers.vector,
                                  sizeof(bytes)), 0);
    ck_assert_uint_eq(word_at(bytes), 0x37f);
    ck_assert_uint_eq(bytes[32], 0);
    ck_assert_uint_eq(bytes[160], 0);
    ck_assert_uint_eq(bytes[415], 0);
    ck_assert_uint_eq(bytes[XSTATE_FEATURES], 7);
    ck_assert_uint_eq(bytes[600], (uint8_t)(600 * 7 + 1));
}

START_TEST(parts_that_are_not_stored_are_written_out)
{
    fixture_run(absent_parts);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- There and back ------------------------------------------------------------------------ */

static void round_trip(void)
{
    struct user_registers before;
    uint8_t vector_before[VECTOR_SIZE];
    uint8_t *area;

    set_state();
    area = vector();
    before = *registers();
    memcpy(vector_before, area, VECTOR_SIZE);
    ck_assert_int_eq(push(0), 0);
    memset(area, 0x55, 28);
    memset(area + 32, 0x55, VECTOR_SIZE - 32);    /* not the processor's mask of MXCSR */
    ck_assert_int_eq(restore(), 0);
    ck_assert_mem_eq(registers(), &before, offsetof(struct user_registers, fs_base));
    ck_assert_ptr_eq(vector(), area);
    ck_assert_mem_eq(area, vector_before, VECTOR_SIZE);
    ck_assert_uint_eq(signal_blocked(), SIGNAL_BIT(SIGNAL_HUP));
}

START_TEST(everything_comes_back)
{
    fixture_run(round_trip);
    ck_assert(fixture_halted);
}
END_TEST

static void changed_by_handler(void)
{
    set_state();
    ck_assert_int_eq(push(0), 0);
    read_frame();
    frame.context.registers.rax = 99;
    frame.context.registers.rip = 0x400abc;
    frame.context.mask = UINT64_MAX;
    write_frame(registers()->rsp);
    ck_assert_int_eq(restore(), 0);
    ck_assert_uint_eq(registers()->rax, 99);
    ck_assert_uint_eq(registers()->rip, 0x400abc);
    ck_assert_uint_eq(signal_blocked(), ~SIGNALS_UNBLOCKABLE);
}

START_TEST(handlers_may_change_the_frame)
{
    fixture_run(changed_by_handler);
    ck_assert(fixture_halted);
}
END_TEST

static void forbidden_flags(void)
{
    set_state();
    ck_assert_int_eq(push(0), 0);
    read_frame();
    frame.context.registers.rflags = UINT64_MAX;
    write_frame(registers()->rsp);
    ck_assert_int_eq(restore(), 0);
    /* Interrupts, and what a program may set; no I/O privilege, nested task, virtual mode. */
    ck_assert_uint_eq(registers()->rflags, 0x202 | 0x50dd5);
}

START_TEST(forbidden_flags_stay_out)
{
    fixture_run(forbidden_flags);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Broken frames ------------------------------------------------------------------------- */

static void expect_broken(void)
{
    write_frame(registers()->rsp);
    ck_assert_int_eq(restore(), -EFAULT);
}

static void prepare(void)
{
    set_state();
    ck_assert_int_eq(push(0), 0);
    read_frame();
}

static void broken_frames(void)
{
    prepare();
    frame.context.registers.cs = 0x23;    /* 32-bit code */
    expect_broken();
    prepare();
    frame.context.registers.vector += 8;    /* not where the processor would load it from */
    expect_broken();
    prepare();
    frame.context.registers.vector = 0x1000;    /* not mapped */
    expect_broken();
    prepare();
    frame.context.registers.vector = UINT64_MAX - 7;
    expect_broken();
    registers()->rsp = 0x1000;
    ck_assert_int_eq(signal_frame_restore(current_thread()), -EFAULT);
    registers()->rsp = 4;
    ck_assert_int_eq(signal_frame_restore(current_thread()), -EFAULT);
}

START_TEST(broken_frames_are_refused)
{
    fixture_run(broken_frames);
    ck_assert(fixture_halted);
}
END_TEST

static void refuse_vector(size_t place, const void *bytes, size_t size)
{
    prepare();
    poke(frame.context.registers.vector + place, bytes, size);
    expect_broken();
}

static void broken_vectors(void)
{
    const uint32_t mxcsr = 0x10000;    /* a bit that no processor has */
    const uint64_t features = UINT64_C(1) << 62;
    const uint64_t one = 1;

    fake_machine_info.vector_features = 7;
    refuse_vector(24, &mxcsr, sizeof(mxcsr));
    refuse_vector(XSTATE_FEATURES, &features, sizeof(features));
    refuse_vector(520, &one, sizeof(one));
    refuse_vector(528, &one, sizeof(one));
    refuse_vector(568, &one, sizeof(one));
}

START_TEST(vector_state_that_would_fault_is_refused)
{
    fixture_run(broken_vectors);
    ck_assert(fixture_halted);
}
END_TEST

static void legacy_vector(void)
{
    const uint32_t zero = 0;

    prepare();
    poke(frame.context.registers.vector + XSTATE_TRAILER, &zero, sizeof(zero));
    ck_assert_int_eq(restore(), 0);
    ck_assert_uint_eq(vector()[160], (uint8_t)(160 * 7 + 1));
    ck_assert_uint_eq(vector()[XSTATE_FEATURES], 3);
    ck_assert_uint_eq(vector()[600], 0);    /* extensions begin anew */
    prepare();
    frame.context.registers.vector = 0;
    write_frame(registers()->rsp);
    ck_assert_int_eq(restore(), 0);
    ck_assert_uint_eq(word_at(vector()), 0x37f);
    ck_assert_uint_eq(vector()[160], 0);
}

START_TEST(frames_without_extensions_are_taken)
{
    fixture_run(legacy_vector);
    ck_assert(fixture_halted);
}
END_TEST

/* ---- Alternate stacks ---------------------------------------------------------------------- */

static void set_alternate(uint64_t size, uint32_t flags)
{
    const struct signal_stack wanted = { .base = FIXTURE_DATA, .size = size, .flags = flags };

    ck_assert_int_eq(signal_stack_change(&wanted, STACK_POINTER, NULL), 0);
}

static void alternate_stack(void)
{
    struct signal_stack now;

    set_state();
    set_alternate(0x4000, 0);
    ck_assert_int_eq(push(0), 0);    /* not asked for */
    ck_assert_uint_gt(registers()->rsp, FIXTURE_DATA + 0x4000);
    set_state();
    ck_assert_int_eq(push(ACTION_ON_STACK), 0);
    ck_assert_uint_lt(registers()->rsp, FIXTURE_DATA + 0x4000);
    ck_assert_int_eq(signal_stack_change(NULL, registers()->rsp, &now), 0);
    ck_assert_uint_eq(now.flags, STACK_ON);
    ck_assert_int_eq(signal_stack_change(&now, registers()->rsp, NULL), -EPERM);
    ck_assert_int_eq(push(ACTION_ON_STACK), 0);    /* nested: goes on below */
    ck_assert_uint_lt(registers()->rsp, FIXTURE_DATA + 0x4000 - 2 * sizeof(frame));
    read_frame();
    ck_assert_uint_eq(frame.context.stack.base, FIXTURE_DATA);
    ck_assert_uint_eq(frame.context.stack.size, 0x4000);
}

START_TEST(handlers_run_on_the_alternate_stack)
{
    fixture_run(alternate_stack);
    ck_assert(fixture_halted);
}
END_TEST

static void small_stack(void)
{
    int error = 0;

    set_state();
    set_alternate(2048, 0);
    for (unsigned i = 0; !error && i < 4; i++)
        error = push(ACTION_ON_STACK);
    ck_assert_int_eq(error, -EFAULT);
}

START_TEST(alternate_stack_does_not_overflow)
{
    fixture_run(small_stack);
    ck_assert(fixture_halted);
}
END_TEST

static void disarmed_stack(void)
{
    struct signal_stack now;

    set_state();
    set_alternate(0x4000, STACK_AUTO_DISARM);
    ck_assert_int_eq(push(ACTION_ON_STACK), 0);
    ck_assert_int_eq(signal_stack_change(NULL, registers()->rsp, &now), 0);
    ck_assert_uint_eq(now.flags, STACK_DISABLED);
    ck_assert_int_eq(restore(), 0);
    ck_assert_int_eq(signal_stack_change(NULL, registers()->rsp, &now), 0);
    ck_assert_uint_eq(now.flags, STACK_AUTO_DISARM);
    ck_assert_uint_eq(now.size, 0x4000);
}

START_TEST(stack_is_disarmed_and_armed_again)
{
    fixture_run(disarmed_stack);
    ck_assert(fixture_halted);
}
END_TEST

static void no_place(void)
{
    set_state();
    registers()->rsp = 0x1000;
    ck_assert_int_eq(push(0), -EFAULT);
    registers()->rsp = 0;
    ck_assert_int_eq(push(0), -EFAULT);
    registers()->rsp = UINT64_MAX;
    ck_assert_int_eq(push(0), -EFAULT);
    set_state();
    set_delivery(0);
    delivery.action.flags = 0;    /* no restorer */
    ck_assert_int_eq(signal_frame_push(current_thread(), &delivery), -EFAULT);
    ck_assert_uint_eq(registers()->rip, 0x400055);
}

START_TEST(impossible_places_are_refused)
{
    fixture_run(no_place);
    ck_assert(fixture_halted);
}
END_TEST

TEST_MAIN("abi/linux/signal_frame", frame_is_laid_out_as_libc_reads_it,
          handler_begins_with_clean_registers, vector_state_has_its_magic_numbers,
          parts_that_are_not_stored_are_written_out, everything_comes_back,
          handlers_may_change_the_frame, forbidden_flags_stay_out, broken_frames_are_refused,
          vector_state_that_would_fault_is_refused, frames_without_extensions_are_taken,
          handlers_run_on_the_alternate_stack, alternate_stack_does_not_overflow,
          stack_is_disarmed_and_armed_again, impossible_places_are_refused)

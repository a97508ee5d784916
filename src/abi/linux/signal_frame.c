/*
 * Signal frames: what a handler finds on its stack, and what rt_sigreturn takes from there.
 *
 * From high addresses to low, as Linux lays it out:
 *
 *     128 bytes that belong to the interrupted function, or the top of the alternate stack
 *     (64-byte boundary) vector state as XSAVE stores it, with two magic numbers for readers
 *     (16-byte boundary, minus 8) struct linux_rt_sigframe; its first word is the return address
 *
 * The program may change all of it before it returns, so nothing read back is trusted: flags
 * keep their forbidden bits, and a vector state that the processor would refuse is refused here.
 */
#include "abi/linux/signal_frame.h"

#include "abi/linux/structures.h"
#include "lib/checked.h"
#include "lib/memory.h"
#include "memory/pool.h"
#include "memory/user_memory.h"
#include "process/process.h"

#define RED_ZONE 128
#define FRAME_ALIGNMENT 16
#define VECTOR_ALIGNMENT 64
#define LEGACY_ALIGNMENT 16

#define CODE_SEGMENT 0x33
#define STACK_SEGMENT 0x2b
#define SEGMENT_PRIVILEGE 3u
#define USER_ADDRESS_END (UINT64_C(1) << 47)

/* rflags */
#define FLAG_CARRY (UINT64_C(1) << 0)
#define FLAG_PARITY (UINT64_C(1) << 2)
#define FLAG_ADJUST (UINT64_C(1) << 4)
#define FLAG_ZERO (UINT64_C(1) << 6)
#define FLAG_SIGN (UINT64_C(1) << 7)
#define FLAG_TRAP (UINT64_C(1) << 8)
#define FLAG_DIRECTION (UINT64_C(1) << 10)
#define FLAG_OVERFLOW (UINT64_C(1) << 11)
#define FLAG_RESUME (UINT64_C(1) << 16)
#define FLAG_ALIGNMENT (UINT64_C(1) << 18)
#define FLAGS_OF_PROGRAM                                                                     \
    (FLAG_CARRY | FLAG_PARITY | FLAG_ADJUST | FLAG_ZERO | FLAG_SIGN | FLAG_TRAP |            \
     FLAG_DIRECTION | FLAG_OVERFLOW | FLAG_RESUME | FLAG_ALIGNMENT)

/* The vector state: 512 bytes as FXSAVE stores them, 64 bytes of XSAVE header, extensions. */
#define LEGACY_SIZE 512
#define HEADER_SIZE 64
#define PLACE_CONTROL_WORD 0
#define PLACE_MXCSR 24
#define PLACE_MXCSR_MASK 28
#define PLACE_X87 32
#define PLACE_SSE 160
#define PLACE_SSE_END 416
#define PLACE_TRAILER 464
#define PLACE_FEATURES 512
#define PLACE_COMPACTION 520
#define PLACE_RESERVED 528
#define CONTROL_WORD_INITIAL 0x037f
#define MXCSR_INITIAL 0x1f80
#define MXCSR_MASK_DEFAULT 0xffbf
#define FEATURE_X87 1u
#define FEATURE_SSE 2u
#define FEATURE_AVX 4u
#define FEATURES_LEGACY (FEATURE_X87 | FEATURE_SSE)
#define FEATURES_WITH_MXCSR (FEATURE_SSE | FEATURE_AVX)

static uint32_t load_32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static uint64_t load_64(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static void store_32(uint8_t *bytes, uint32_t value)
{
    memcpy(bytes, &value, sizeof(value));
}

static bool has_extensions(size_t size)
{
    return size >= LEGACY_SIZE + HEADER_SIZE;
}

/* What handlers begin with. */
static void reset_vector(uint8_t *vector, size_t size)
{
    uint32_t mask = load_32(vector + PLACE_MXCSR_MASK);

    memset(vector, 0, size);
    vector[PLACE_CONTROL_WORD] = CONTROL_WORD_INITIAL & 0xff;
    vector[PLACE_CONTROL_WORD + 1] = CONTROL_WORD_INITIAL >> 8;
    store_32(vector + PLACE_MXCSR, MXCSR_INITIAL);
    store_32(vector + PLACE_MXCSR_MASK, mask);
}

/*
 * Writes out what the processor may have left out: parts that are in their initial state need not
 * be stored, only marked absent.  Readers of frames look at x87 and SSE without asking.
 */
static void complete_vector(uint8_t *vector, size_t size)
{
    uint64_t features;

    if (!has_extensions(size))
        return;
    features = load_64(vector + PLACE_FEATURES);
    if (features == 0 && load_32(vector + PLACE_MXCSR) == 0)    /* never run: all zero */
        store_32(vector + PLACE_MXCSR, MXCSR_INITIAL);
    if (!(features & FEATURE_X87)) {
        memset(vector, 0, PLACE_MXCSR);
        memset(vector + PLACE_X87, 0, PLACE_SSE - PLACE_X87);
        vector[PLACE_CONTROL_WORD] = CONTROL_WORD_INITIAL & 0xff;
        vector[PLACE_CONTROL_WORD + 1] = CONTROL_WORD_INITIAL >> 8;
    }
    if (!(features & FEATURE_SSE))
        memset(vector + PLACE_SSE, 0, PLACE_SSE_END - PLACE_SSE);
    vector[PLACE_FEATURES] |= FEATURES_LEGACY;
}

/* ---- Building ------------------------------------------------------------------------------ */

/* Where the frame and the vector state go. */
struct frame_place {
    user_address frame, vector;
};

static int place_frame(const struct thread *thread, const struct signal_stack *stack,
                       uint64_t flags, struct frame_place *place)
{
    user_address pointer = thread->registers.rsp;
    size_t vector_size = machine_info()->vector_state_size;
    bool was_on = signal_stack_holds(stack, pointer);
    bool enters = (flags & ACTION_ON_STACK) && stack->size != 0 &&
                  !signal_stack_holds(stack, pointer - RED_ZONE);

    if (has_extensions(vector_size))
        vector_size += sizeof(uint32_t);    /* the second magic number */
    pointer = enters ? stack->base + stack->size : pointer - RED_ZONE;
    place->vector = round_down(pointer - vector_size, VECTOR_ALIGNMENT);
    place->frame = round_down(place->vector - sizeof(struct linux_rt_sigframe),
                              FRAME_ALIGNMENT) - sizeof(uint64_t);
    /* Running out of the alternate stack must not damage what lies below. */
    if ((was_on || enters) && (place->frame <= stack->base ||
                               place->frame - stack->base > stack->size))
        return -EFAULT;
    return place->frame < USER_ADDRESS_END ? 0 : -EFAULT;
}

static int write_vector(const struct thread *thread, user_address target)
{
    uint8_t *vector = thread->registers.vector;
    size_t size = machine_info()->vector_state_size;
    uint8_t trailer_bytes[sizeof(struct linux_vector_trailer)];
    const uint32_t magic2 = VECTOR_MAGIC2;
    struct linux_vector_trailer trailer = { .magic1 = 0 };
    int error;

    complete_vector(vector, size);
    if (has_extensions(size)) {
        uint64_t known = machine_info()->vector_features;

        trailer.magic1 = VECTOR_MAGIC1;
        trailer.extended_size = (uint32_t)(size + sizeof(magic2));
        trailer.features = known ? known : load_64(vector + PLACE_FEATURES);
        trailer.state_size = (uint32_t)size;
    }
    memcpy(trailer_bytes, &trailer, sizeof(trailer_bytes));
    error = user_copy_out(thread->process->space, target, vector, size);
    if (!error)
        error = user_copy_out(thread->process->space, target + PLACE_TRAILER, trailer_bytes,
                              sizeof(trailer_bytes));
    if (!error && has_extensions(size))
        error = user_copy_out(thread->process->space, target + size, &magic2, sizeof(magic2));
    return error;
}

static void save_registers(const struct thread *thread, struct linux_sigcontext *context)
{
    const struct user_registers *registers = &thread->registers;

    context->r8 = registers->r8;
    context->r9 = registers->r9;
    context->r10 = registers->r10;
    context->r11 = registers->r11;
    context->r12 = registers->r12;
    context->r13 = registers->r13;
    context->r14 = registers->r14;
    context->r15 = registers->r15;
    context->rdi = registers->rdi;
    context->rsi = registers->rsi;
    context->rbp = registers->rbp;
    context->rbx = registers->rbx;
    context->rdx = registers->rdx;
    context->rax = registers->rax;
    context->rcx = registers->rcx;
    context->rsp = registers->rsp;
    context->rip = registers->rip;
    context->rflags = registers->rflags;
    context->cs = CODE_SEGMENT;
    context->ss = STACK_SEGMENT;
}

static void fill_frame(struct thread *thread, const struct signal_delivery *delivery,
                       const struct frame_place *place, struct linux_rt_sigframe *frame)
{
    struct user_thread *part = user_thread_of(thread);
    struct linux_ucontext *context = &frame->context;

    memset(frame, 0, sizeof(*frame));
    frame->return_address = delivery->action.restorer;
    context->flags = UCONTEXT_SS | UCONTEXT_STRICT_SS;
    if (has_extensions(machine_info()->vector_state_size))
        context->flags |= UCONTEXT_HAS_XSTATE;
    context->stack.base = part->signals.stack.base;
    context->stack.flags = (int32_t)part->signals.stack.flags;
    context->stack.size = part->signals.stack.size;
    save_registers(thread, &context->registers);
    context->registers.error_code = part->fault.error_code;
    context->registers.trap_number = part->fault.trap_number;
    context->registers.fault_address = part->fault.address;
    context->registers.old_mask = delivery->blocked_before;
    context->registers.vector = place->vector;
    context->mask = delivery->blocked_before;
    frame->information.information = delivery->information;
}

static void enter_handler(struct thread *thread, const struct signal_delivery *delivery,
                          const struct frame_place *place)
{
    struct user_registers *registers = &thread->registers;

    registers->rip = delivery->action.handler;
    registers->rsp = place->frame;
    registers->rax = 0;
    registers->rdi = (uint64_t)delivery->information.number;
    registers->rsi = place->frame + offsetof(struct linux_rt_sigframe, information);
    registers->rdx = place->frame + offsetof(struct linux_rt_sigframe, context);
    registers->rflags &= ~(FLAG_DIRECTION | FLAG_RESUME | FLAG_TRAP);
    reset_vector(registers->vector, machine_info()->vector_state_size);
}

int signal_frame_push(struct thread *thread, const struct signal_delivery *delivery)
{
    struct signal_stack *stack = &user_thread_of(thread)->signals.stack;
    struct linux_rt_sigframe frame;
    struct frame_place place;
    int error = place_frame(thread, stack, delivery->action.flags, &place);

    /* As Linux: without a restorer there is nowhere to return to. */
    if (error || !(delivery->action.flags & ACTION_RESTORER))
        return -EFAULT;
    error = write_vector(thread, place.vector);
    if (error)
        return error;
    fill_frame(thread, delivery, &place, &frame);
    error = user_copy_out(thread->process->space, place.frame, &frame, sizeof(frame));
    if (error)
        return error;
    if (stack->flags & STACK_AUTO_DISARM)
        *stack = (struct signal_stack){ .flags = STACK_DISABLED };
    enter_handler(thread, delivery, &place);
    return 0;
}

/* ---- Restoring ----------------------------------------------------------------------------- */

/* How much of the state at `source` is to be used: all of it if the magic numbers are there, else
 * the FXSAVE part; and which features of it. */
static int vector_size_in_frame(struct address_space *space, user_address source, size_t *size,
                                uint64_t *features)
{
    size_t own_size = machine_info()->vector_state_size;
    struct linux_vector_trailer trailer;
    uint32_t magic2;

    *size = LEGACY_SIZE;
    *features = FEATURES_LEGACY;
    if (!has_extensions(own_size))
        return 0;
    if (user_copy_in(space, &trailer, source + PLACE_TRAILER, sizeof(trailer)) != 0)
        return -EFAULT;
    if (trailer.magic1 != VECTOR_MAGIC1 || trailer.state_size < LEGACY_SIZE + HEADER_SIZE ||
        trailer.state_size > own_size || trailer.state_size > trailer.extended_size)
        return 0;
    if (user_copy_in(space, &magic2, source + trailer.state_size, sizeof(magic2)) != 0)
        return -EFAULT;
    if (magic2 == VECTOR_MAGIC2) {
        *size = trailer.state_size;
        *features = trailer.features;
    }
    return 0;
}

/* Would the processor load this state? */
static bool vector_is_valid(const uint8_t *vector, size_t size, uint32_t mxcsr_mask)
{
    uint64_t known = machine_info()->vector_features;

    if (load_32(vector + PLACE_MXCSR) & ~mxcsr_mask)
        return false;
    if (!has_extensions(size))
        return true;
    if (known && (load_64(vector + PLACE_FEATURES) & ~known))
        return false;
    if (load_64(vector + PLACE_COMPACTION) != 0)
        return false;
    for (size_t i = PLACE_RESERVED; i < LEGACY_SIZE + HEADER_SIZE; i++) {
        if (vector[i] != 0)
            return false;
    }
    return true;
}

/* What is not meant begins anew, whatever the rest says of it. */
static void keep_features(uint8_t *vector, uint64_t features)
{
    uint64_t kept = load_64(vector + PLACE_FEATURES) & features;

    memcpy(vector + PLACE_FEATURES, &kept, sizeof(kept));
    if (!(features & FEATURES_WITH_MXCSR))
        store_32(vector + PLACE_MXCSR, MXCSR_INITIAL);
}

/* Loads the state into `buffer` (of the machine's size) and checks it. */
static int read_vector(struct thread *thread, user_address source, uint8_t *buffer)
{
    const uint8_t *own = thread->registers.vector;
    uint32_t mask = load_32(own + PLACE_MXCSR_MASK);
    uint64_t features;
    size_t size;
    int error = vector_size_in_frame(thread->process->space, source, &size, &features);

    /* The processor wants it aligned. */
    if (!error && source % (size == LEGACY_SIZE ? LEGACY_ALIGNMENT : VECTOR_ALIGNMENT) != 0)
        return -EFAULT;
    if (!error)
        error = user_copy_in(thread->process->space, buffer, source, size);
    if (error)
        return error;
    if (!vector_is_valid(buffer, size, mask ? mask : MXCSR_MASK_DEFAULT))
        return -EFAULT;
    store_32(buffer + PLACE_MXCSR_MASK, mask);    /* the processor's word, not the program's */
    memset(buffer + PLACE_TRAILER, 0, sizeof(struct linux_vector_trailer));
    if (size == LEGACY_SIZE && has_extensions(machine_info()->vector_state_size))
        buffer[PLACE_FEATURES] = FEATURES_LEGACY;
    if (has_extensions(machine_info()->vector_state_size))
        keep_features(buffer, features);
    return 0;
}

static int restore_vector(struct thread *thread, user_address source)
{
    size_t size = machine_info()->vector_state_size;
    uint8_t *buffer;
    int error;

    if (source == 0) {
        reset_vector(thread->registers.vector, size);
        return 0;
    }
    buffer = memory_allocate(size);
    if (!buffer)
        return -ENOMEM;
    error = read_vector(thread, source, buffer);
    if (!error)
        memcpy(thread->registers.vector, buffer, size);
    memory_free(buffer, size);
    return error;
}

static void restore_registers(struct thread *thread, const struct linux_sigcontext *context)
{
    struct user_registers *registers = &thread->registers;

    registers->r8 = context->r8;
    registers->r9 = context->r9;
    registers->r10 = context->r10;
    registers->r11 = context->r11;
    registers->r12 = context->r12;
    registers->r13 = context->r13;
    registers->r14 = context->r14;
    registers->r15 = context->r15;
    registers->rdi = context->rdi;
    registers->rsi = context->rsi;
    registers->rbp = context->rbp;
    registers->rbx = context->rbx;
    registers->rdx = context->rdx;
    registers->rax = context->rax;
    registers->rcx = context->rcx;
    registers->rsp = context->rsp;
    registers->rip = context->rip;
    registers->rflags = (registers->rflags & ~FLAGS_OF_PROGRAM) |
                        (context->rflags & FLAGS_OF_PROGRAM);
}

/* As sigaltstack would; a stack that it would refuse is left alone. */
static void restore_stack(struct thread *thread, const struct linux_sigstack *saved)
{
    const struct signal_stack wanted = {
        .base = saved->base,
        .size = saved->size,
        .flags = (uint32_t)saved->flags,
    };

    /* As Linux: a frame whose stack is refused leaves the current one. */
    int error = signal_stack_change(&wanted, thread->registers.rsp, NULL);

    (void)error;
}

int signal_frame_restore(struct thread *thread)
{
    struct linux_rt_sigframe frame;
    user_address place = thread->registers.rsp - sizeof(uint64_t);    /* `ret` has popped it */
    const struct linux_sigcontext *saved = &frame.context.registers;
    int error = user_copy_in(thread->process->space, &frame, place,
                             offsetof(struct linux_rt_sigframe, information));

    if (error)
        return error;
    signal_set_blocked(frame.context.mask);
    /* Only 64-bit code runs here, with the one stack segment there is. */
    if ((saved->cs | SEGMENT_PRIVILEGE) != CODE_SEGMENT ||
        ((frame.context.flags & UCONTEXT_STRICT_SS) &&
         (saved->ss | SEGMENT_PRIVILEGE) != STACK_SEGMENT))
        return -EFAULT;
    error = restore_vector(thread, saved->vector);
    if (error)
        return error;
    restore_registers(thread, saved);
    restore_stack(thread, &frame.context.stack);
    user_thread_of(thread)->interrupted.code = 0;
    user_thread_of(thread)->interrupted.resume = NULL;
    return 0;
}

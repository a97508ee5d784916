/* Acting on signals: which one is next, what its action does, what becomes of interrupted calls. */
#include "signal/signal.h"

#include <errno.h>

#include "unit/process/process_fixture.h"

#define HANDLER 0x400000

static void set_action(int number, user_address handler, uint64_t flags, signal_set mask)
{
    const struct signal_action action = { .handler = handler, .flags = flags, .mask = mask };

    ck_assert_int_eq(signal_action_change(number, &action, NULL), 0);
}

static void handle(int number)
{
    set_action(number, HANDLER, 0, 0);
}

static void send_to_self(int number)
{
    ck_assert_int_eq(signal_thread_kill(0, current_thread()->id, number), 0);
}

static void deliver(void)
{
    signal_deliver_pending();
}

static bool has_work(void)
{
    return current_thread()->work != 0;
}

static int frame_number(unsigned index)
{
    ck_assert_uint_lt(index, fixture_frame_count);
    return fixture_frames[index].information.number;
}

/* ---- Order --------------------------------------------------------------------------------- */

static void lowest_first(void)
{
    handle(SIGNAL_USR1);
    handle(SIGNAL_HUP);
    handle(SIGNAL_TERM);
    send_to_self(SIGNAL_TERM);
    send_to_self(SIGNAL_USR1);
    send_to_self(SIGNAL_HUP);
    ck_assert(has_work());
    deliver();
    ck_assert_int_eq(frame_number(0), SIGNAL_HUP);
    ck_assert_int_eq(frame_number(1), SIGNAL_USR1);
    ck_assert_int_eq(frame_number(2), SIGNAL_TERM);
    ck_assert_uint_eq(fixture_frame_count, 3);
}

START_TEST(the_lowest_number_is_first)
{
    fixture_run(lowest_first);
    ck_assert(fixture_halted);
}
END_TEST

static void synchronous_first(void)
{
    const struct trap trap = { .kind = TRAP_PAGE_FAULT, .address = 0x1234, .access = ACCESS_WRITE };

    handle(SIGNAL_HUP);
    handle(SIGNAL_SEGV);
    send_to_self(SIGNAL_HUP);
    signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_MAPERR, &trap);
    deliver();
    ck_assert_int_eq(frame_number(0), SIGNAL_SEGV);
    ck_assert_int_eq(frame_number(1), SIGNAL_HUP);
    ck_assert_uint_eq(fixture_frames[0].information.fault.address, 0x1234);
    ck_assert_int_eq(fixture_frames[0].information.code, CODE_SEGV_MAPERR);
    ck_assert_uint_eq(user_thread_of(current_thread())->fault.error_code, 6);
}

START_TEST(faults_come_before_others)
{
    fixture_run(synchronous_first);
}
END_TEST

static void thread_before_process(void)
{
    handle(SIGNAL_USR1);
    handle(SIGNAL_HUP);
    ck_assert_int_eq(signal_kill(current_process()->id, SIGNAL_HUP), 0);
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_assert_int_eq(frame_number(0), SIGNAL_USR1);
    ck_assert_int_eq(fixture_frames[0].information.code, CODE_TKILL);
    ck_assert_int_eq(frame_number(1), SIGNAL_HUP);
    ck_assert_int_eq(fixture_frames[1].information.code, CODE_USER);
    ck_assert_int_eq(fixture_frames[1].information.sender.process_id, current_process()->id);
}

START_TEST(signals_of_the_thread_come_before_those_of_the_process)
{
    fixture_run(thread_before_process);
}
END_TEST

/* ---- Masks --------------------------------------------------------------------------------- */

static void blocked_waits(void)
{
    handle(SIGNAL_USR1);
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    send_to_self(SIGNAL_USR1);
    ck_assert(!has_work());
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_USR1));
    deliver();
    ck_assert_uint_eq(fixture_frame_count, 0);
    signal_set_blocked(0);
    ck_assert(has_work());
    deliver();
    ck_assert_uint_eq(fixture_frame_count, 1);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
}

START_TEST(blocked_signals_wait)
{
    fixture_run(blocked_waits);
}
END_TEST

static void never_blocked(void)
{
    signal_set_blocked(UINT64_MAX);
    ck_assert_uint_eq(signal_blocked(), ~(SIGNAL_BIT(SIGNAL_KILL) | SIGNAL_BIT(SIGNAL_STOP)));
}

START_TEST(kill_and_stop_are_never_blocked)
{
    fixture_run(never_blocked);
}
END_TEST

static void handler_mask(void)
{
    set_action(SIGNAL_USR1, HANDLER, 0, SIGNAL_BIT(SIGNAL_HUP));
    set_action(SIGNAL_USR2, HANDLER, ACTION_NO_DEFER, 0);
    signal_set_blocked(SIGNAL_BIT(SIGNAL_TERM));
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_assert_uint_eq(fixture_frames[0].blocked_before, SIGNAL_BIT(SIGNAL_TERM));
    ck_assert_uint_eq(signal_blocked(), SIGNAL_BIT(SIGNAL_TERM) | SIGNAL_BIT(SIGNAL_HUP) |
                                            SIGNAL_BIT(SIGNAL_USR1));
    signal_set_blocked(0);
    send_to_self(SIGNAL_USR2);
    deliver();
    ck_assert_uint_eq(signal_blocked(), 0);
}

START_TEST(handlers_run_with_their_mask)
{
    fixture_run(handler_mask);
}
END_TEST

static void suspended_mask(void)
{
    handle(SIGNAL_USR1);
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    send_to_self(SIGNAL_USR1);
    signal_set_blocked_for_call(0);
    deliver();
    ck_assert_uint_eq(fixture_frame_count, 1);
    /* The frame brings back the mask from before the call. */
    ck_assert_uint_eq(fixture_frames[0].blocked_before, SIGNAL_BIT(SIGNAL_USR1));
    signal_set_blocked(SIGNAL_BIT(SIGNAL_HUP));
    signal_set_blocked_for_call(0);
    ck_assert_uint_eq(signal_blocked(), 0);
    ck_assert(has_work());
    deliver();
    ck_assert_uint_eq(signal_blocked(), SIGNAL_BIT(SIGNAL_HUP));
}

START_TEST(mask_of_a_call_is_given_back)
{
    fixture_run(suspended_mask);
}
END_TEST

/* ---- Actions ------------------------------------------------------------------------------- */

static void ignored_is_dropped(void)
{
    set_action(SIGNAL_USR1, SIGNAL_IGNORE, 0, 0);
    send_to_self(SIGNAL_USR1);
    send_to_self(SIGNAL_CHLD);     /* ignored by default */
    ck_assert(!signal_is_pending());
    signal_set_blocked(SIGNAL_BIT(SIGNAL_USR1));
    send_to_self(SIGNAL_USR1);     /* blocked: kept, the action may change */
    ck_assert_uint_eq(signal_pending_blocked(), SIGNAL_BIT(SIGNAL_USR1));
    set_action(SIGNAL_USR1, SIGNAL_IGNORE, 0, 0);
    ck_assert_uint_eq(signal_pending_blocked(), 0);
}

START_TEST(ignored_signals_are_dropped)
{
    fixture_run(ignored_is_dropped);
}
END_TEST

static void once_only(void)
{
    struct signal_action action;

    set_action(SIGNAL_USR1, HANDLER, ACTION_RESET | ACTION_NO_DEFER, 0);
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_assert_int_eq(signal_action_change(SIGNAL_USR1, NULL, &action), 0);
    ck_assert_uint_eq(action.handler, SIGNAL_DEFAULT);
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(a_handler_can_be_for_once)
{
    fixture_run(once_only);
    ck_assert_uint_eq(fixture_frame_count, 1);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_USR1);
}
END_TEST

static void actions_are_checked(void)
{
    const struct signal_action action = { .handler = HANDLER, .flags = UINT64_MAX,
                                          .mask = UINT64_MAX };
    struct signal_action read;

    ck_assert_int_eq(signal_action_change(0, NULL, NULL), -EINVAL);
    ck_assert_int_eq(signal_action_change(65, NULL, NULL), -EINVAL);
    ck_assert_int_eq(signal_action_change(SIGNAL_KILL, &action, NULL), -EINVAL);
    ck_assert_int_eq(signal_action_change(SIGNAL_STOP, &action, NULL), -EINVAL);
    ck_assert_int_eq(signal_action_change(SIGNAL_KILL, NULL, &read), 0);
    ck_assert_int_eq(signal_action_change(64, &action, NULL), 0);
    ck_assert_int_eq(signal_action_change(64, NULL, &read), 0);
    ck_assert_uint_eq(read.flags, 0xdc000807);
    ck_assert_uint_eq(read.mask, ~SIGNALS_UNBLOCKABLE);
}

START_TEST(actions_are_checked_and_cut)
{
    fixture_run(actions_are_checked);
}
END_TEST

static void wild_handler(void)
{
    set_action(SIGNAL_USR1, UINT64_C(1) << 47, 0, 0);
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(impossible_handler_is_a_segmentation_fault)
{
    fixture_run(wild_handler);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_SEGV);
}
END_TEST

static void no_room(void)
{
    handle(SIGNAL_SEGV);
    handle(SIGNAL_USR1);
    fixture_frame_error = -EFAULT;
    send_to_self(SIGNAL_USR1);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(no_room_for_a_frame_is_fatal)
{
    fixture_run(no_room);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_SEGV);
}
END_TEST

static void blocked_fault(void)
{
    const struct trap trap = { .kind = TRAP_PAGE_FAULT, .address = 8 };

    handle(SIGNAL_SEGV);
    signal_set_blocked(SIGNAL_BIT(SIGNAL_SEGV));
    signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_ACCERR, &trap);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(a_blocked_fault_is_fatal)
{
    fixture_run(blocked_fault);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_SEGV);
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "read of address 0x8, not permitted"));
}
END_TEST

static void ignored_fault(void)
{
    set_action(SIGNAL_FPE, SIGNAL_IGNORE, 0, 0);
    signal_force_exception(0, 0);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(an_ignored_fault_is_fatal)
{
    fixture_run(ignored_fault);
    ck_assert_int_eq(fixture_status, 128 + SIGNAL_FPE);
    ck_assert_ptr_nonnull(strstr(fake_machine.log.text, "division by zero"));
}
END_TEST

static void interrupt(void)
{
    send_to_self(SIGNAL_INT);
    deliver();
    ck_abort_msg("survived");
}

START_TEST(an_interrupt_kills_in_silence)
{
    fixture_run(interrupt);
    ck_assert_int_eq(fixture_status, 130);
    ck_assert_uint_eq(fake_machine.log.length, 0);
}
END_TEST

/* ---- Exceptions ---------------------------------------------------------------------------- */

static void check_exception(uint32_t vector, int number, int code, bool has_address)
{
    fixture_frame_count = 0;
    signal_set_blocked(0);
    current_thread()->registers.rip = 0x4321;
    set_action(number, HANDLER, ACTION_NO_DEFER, 0);
    signal_force_exception(vector, 7);
    deliver();
    ck_assert_int_eq(frame_number(0), number);
    ck_assert_int_eq(fixture_frames[0].information.code, code);
    ck_assert_uint_eq(fixture_frames[0].information.fault.address, has_address ? 0x4321 : 0);
    ck_assert_uint_eq(user_thread_of(current_thread())->fault.trap_number, vector);
    ck_assert_uint_eq(user_thread_of(current_thread())->fault.error_code, 7);
}

static void exceptions(void)
{
    uint8_t *vector = current_thread()->registers.vector;

    check_exception(0, SIGNAL_FPE, CODE_FPE_INTDIV, true);
    check_exception(1, SIGNAL_TRAP, CODE_TRAP_TRACE, true);
    check_exception(3, SIGNAL_TRAP, CODE_KERNEL, false);
    check_exception(6, SIGNAL_ILL, CODE_ILL_ILLOPN, true);
    check_exception(11, SIGNAL_BUS, CODE_KERNEL, false);
    check_exception(12, SIGNAL_BUS, CODE_KERNEL, false);
    check_exception(13, SIGNAL_SEGV, CODE_KERNEL, false);
    check_exception(17, SIGNAL_BUS, CODE_BUS_ADRALN, false);
    check_exception(77, SIGNAL_SEGV, CODE_KERNEL, false);
    /* x87: status without the control word's masks */
    vector[2] = 0x04;
    check_exception(16, SIGNAL_FPE, CODE_FPE_FLTDIV, true);
    vector[0] = 0x04;
    vector[2] = 0x0c;
    check_exception(16, SIGNAL_FPE, CODE_FPE_FLTOVF, true);
    /* SSE: flags in the low bits of MXCSR, masks seven bits higher */
    vector[24] = 0x01;
    check_exception(19, SIGNAL_FPE, CODE_FPE_FLTINV, true);
    vector[24] = 0x10;
    check_exception(19, SIGNAL_FPE, CODE_FPE_FLTUND, true);
    vector[24] = 0x20;
    check_exception(19, SIGNAL_FPE, CODE_FPE_FLTRES, true);
}

START_TEST(exceptions_become_linux_signals)
{
    fixture_run(exceptions);
}
END_TEST

/* ---- Interrupted calls --------------------------------------------------------------------- */

enum outcome { REPEATED, RESUMED, FAILED };

static void check_call(int code, bool with_handler, uint64_t flags, enum outcome wanted)
{
    struct user_registers *registers = &current_thread()->registers;
    struct interrupted_call *call = &user_thread_of(current_thread())->interrupted;

    signal_set_blocked(0);
    registers->rip = 0x1002;
    registers->rax = (uint64_t)-code;
    call->code = code;
    call->number = 7;
    if (with_handler) {
        set_action(SIGNAL_USR1, HANDLER, flags, 0);
        send_to_self(SIGNAL_USR1);
    }
    deliver();
    ck_assert_int_eq(call->code, 0);
    ck_assert_uint_eq(registers->rip, wanted == FAILED ? 0x1002 : 0x1000);
    ck_assert_uint_eq(registers->rax, wanted == FAILED    ? (uint64_t)-EINTR
                                      : wanted == RESUMED ? FIXTURE_RESUME_NUMBER
                                                          : 7);
}

static void interrupted_calls(void)
{
    check_call(CALL_RESTART, false, 0, REPEATED);
    check_call(CALL_RESTART, true, 0, FAILED);
    check_call(CALL_RESTART, true, ACTION_RESTART, REPEATED);
    check_call(CALL_RESTART_ALWAYS, false, 0, REPEATED);
    check_call(CALL_RESTART_ALWAYS, true, 0, REPEATED);
    check_call(CALL_RESTART_NO_HANDLER, false, 0, REPEATED);
    check_call(CALL_RESTART_NO_HANDLER, true, 0, FAILED);
    check_call(CALL_RESTART_NO_HANDLER, true, ACTION_RESTART, FAILED);
    check_call(CALL_RESUME, false, 0, RESUMED);
    check_call(CALL_RESUME, true, 0, FAILED);
    check_call(CALL_RESUME, true, ACTION_RESTART, FAILED);
}

START_TEST(interrupted_calls_are_decided_as_on_linux)
{
    fixture_run(interrupted_calls);
    ck_assert(fixture_halted);
}
END_TEST

static void two_handlers(void)
{
    struct user_registers *registers = &current_thread()->registers;

    set_action(SIGNAL_USR1, HANDLER, ACTION_RESTART, 0);
    set_action(SIGNAL_USR2, HANDLER, 0, 0);
    registers->rip = 0x1002;
    user_thread_of(current_thread())->interrupted =
        (struct interrupted_call){ .code = CALL_RESTART, .number = 7 };
    send_to_self(SIGNAL_USR1);
    send_to_self(SIGNAL_USR2);
    deliver();
    ck_assert_uint_eq(fixture_frame_count, 2);
    ck_assert_uint_eq(registers->rip, 0x1000);    /* decided by the first, once */
}

START_TEST(the_first_handler_decides_about_the_call)
{
    fixture_run(two_handlers);
}
END_TEST

TEST_MAIN("signal/deliver", the_lowest_number_is_first, faults_come_before_others,
          signals_of_the_thread_come_before_those_of_the_process, blocked_signals_wait,
          kill_and_stop_are_never_blocked, handlers_run_with_their_mask,
          mask_of_a_call_is_given_back, ignored_signals_are_dropped, a_handler_can_be_for_once,
          actions_are_checked_and_cut, impossible_handler_is_a_segmentation_fault,
          no_room_for_a_frame_is_fatal, a_blocked_fault_is_fatal, an_ignored_fault_is_fatal,
          an_interrupt_kills_in_silence, exceptions_become_linux_signals,
          interrupted_calls_are_decided_as_on_linux, the_first_handler_decides_about_the_call)

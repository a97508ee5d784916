/* The call trace: what lines look like, which calls are printed, and in which order lines come. */
#include "abi/trace.h"

#include <errno.h>
#include <stdlib.h>

#include "abi/linux/numbers.h"
#include "abi/linux/structures.h"
#include "abi/trace_internal.h"
#include "memory/user_memory.h"
#include "unit/process/process_fixture.h"

static const char *option;    /* "trace=..." */

static void run_traced(const char *trace_option, void (*body)(void))
{
    static const char *options[2];

    option = trace_option;
    options[0] = option;
    fixture_body = body;
    fixture_begin();
    fake_machine_info.options = options;
    ck_assert_int_eq(trace_calls_init(), 0);
    fixture_process->traced = true;
    fixture_abi.table = abi_linux.table;
    fixture_abi.table_size = abi_linux.table_size;
    fixture_abi.observe_signal = trace_signal;
    fixture_abi.observe_end = trace_end;
    thread_release(fixture_thread(fixture_entry));
    fake_scheduler_run();
    ck_assert(fixture_halted);
}

static void begin(enum syscall_number number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t arguments[SYSCALL_ARGUMENTS_MAX] = { a, b, c, d };

    trace_call_begin(current_thread(), &abi_linux.table[number], arguments);
}

static void end(int64_t result)
{
    trace_call_end(current_thread(), result);
}

static void put(user_address address, const void *bytes, size_t size)
{
    ck_assert_int_eq(user_copy_out(current_space(), address, bytes, size), 0);
}

/* The trace, line by line; times are all 0. */
static void expect_trace(const char *lines)
{
    ck_assert_str_eq(fake_machine.trace.text, lines);
}

/* ---- Values -------------------------------------------------------------------------------- */

static void strings(void)
{
    static const char text[] = "a\"\\\n\t\r\v\f\1" "2\177\377z";
    char long_text[64];

    put(FIXTURE_DATA, text, sizeof(text));
    begin(NUMBER_write, 1, FIXTURE_DATA, sizeof(text) - 1, 0);
    end(13);
    memset(long_text, 'x', sizeof(long_text));
    put(FIXTURE_DATA, long_text, sizeof(long_text));
    begin(NUMBER_read, 0, FIXTURE_DATA, 100, 0);
    end(33);
    begin(NUMBER_write, 1, 0, 5, 0);
    end(-EFAULT);
    begin(NUMBER_write, 1, 0x1000, 5, 0);
    end(-EFAULT);
}

START_TEST(strings_are_quoted_and_cut)
{
    run_traced("trace", strings);
    expect_trace("write(1, \"a\\\"\\\\\\n\\t\\r\\v\\f\\0012\\177\\377z\", 13) = 13 <0.000000>\n"
                 "read(0, \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"..., 100) = 33 <0.000000>\n"
                 "write(1, NULL, 5) = -1 EFAULT (Bad address) <0.000000>\n"
                 "write(1, 0x1000, 5) = -1 EFAULT (Bad address) <0.000000>\n"
                 "+++ exited with 0 +++\n");
}
END_TEST

static void paths_and_flags(void)
{
    put(FIXTURE_DATA, "/etc/passwd", 12);
    begin(NUMBER_openat, (uint32_t)-100, FIXTURE_DATA, 02000000, 0);
    end(3);
    begin(NUMBER_openat, 4, FIXTURE_DATA, 0101 | 01000, 0644);
    end(-ENOENT);
    begin(NUMBER_openat, 4, FIXTURE_DATA, 0x40000000, 0);
    end(-EINVAL);
    begin(NUMBER_access, FIXTURE_DATA, 0, 0, 0);
    end(0);
    begin(NUMBER_lseek, 3, (uint64_t)-5, 2, 0);
    end(7);
    begin(NUMBER_mmap, 0, 4096, 3, 0x22);
    end(0x10000000);
    begin(NUMBER_mprotect, 0x1000, 4096, 0, 0);
    end(0);
    begin(NUMBER_ioctl, 1, 0x5401, 0, 0);
    end(-ENOTTY);
    begin(NUMBER_umask, 022, 0, 0, 0);
    end(027);
}

START_TEST(flags_have_their_names)
{
    run_traced("trace", paths_and_flags);
    expect_trace(
        "openat(AT_FDCWD, \"/etc/passwd\", O_RDONLY|O_CLOEXEC) = 3 <0.000000>\n"
        "openat(4, \"/etc/passwd\", O_WRONLY|O_CREAT|O_TRUNC, 0644) = "
        "-1 ENOENT (No such file or directory) <0.000000>\n"
        "openat(4, \"/etc/passwd\", O_RDONLY|0x40000000) = "
        "-1 EINVAL (Invalid argument) <0.000000>\n"
        "access(\"/etc/passwd\", F_OK) = 0 <0.000000>\n"
        "lseek(3, -5, SEEK_END) = 7 <0.000000>\n"
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, 0, 0) = 0x10000000 "
        "<0.000000>\n"
        "mprotect(0x1000, 4096, PROT_NONE) = 0 <0.000000>\n"
        "ioctl(1, TCGETS, NULL) = -1 ENOTTY (Inappropriate ioctl for device) <0.000000>\n"
        "umask(022) = 027 <0.000000>\n"
        "+++ exited with 0 +++\n");
}
END_TEST

static void structures(void)
{
    const struct linux_stat status = { .mode = 0100644, .size = 1234 };
    const struct linux_timespec time = { 1, 500 };
    const struct linux_iovec segments[] = { { FIXTURE_DATA, 3 }, { FIXTURE_DATA, 2 } };
    const uint64_t set = SIGNAL_BIT(SIGNAL_INT) | SIGNAL_BIT(SIGNAL_CHLD);

    put(FIXTURE_DATA + 4096, &status, sizeof(status));
    begin(NUMBER_fstat, 1, FIXTURE_DATA + 4096, 0, 0);
    end(0);
    begin(NUMBER_fstat, 9, FIXTURE_DATA + 4096, 0, 0);
    end(-EBADF);
    put(FIXTURE_DATA + 4096, &time, sizeof(time));
    begin(NUMBER_nanosleep, FIXTURE_DATA + 4096, 0, 0, 0);
    end(0);
    put(FIXTURE_DATA, "abcd", 4);
    put(FIXTURE_DATA + 4096, segments, sizeof(segments));
    begin(NUMBER_writev, 1, FIXTURE_DATA + 4096, 2, 0);
    end(5);
    put(FIXTURE_DATA + 4096, &set, sizeof(set));
    begin(NUMBER_rt_sigprocmask, 0, FIXTURE_DATA + 4096, 0, 8);
    end(0);
}

START_TEST(structures_show_what_matters)
{
    run_traced("trace", structures);
    expect_trace("fstat(1, {st_mode=S_IFREG|0644, st_size=1234, ...}) = 0 <0.000000>\n"
                 "fstat(9, 0x10001000) = -1 EBADF (Bad file descriptor) <0.000000>\n"
                 "nanosleep({tv_sec=1, tv_nsec=500}, NULL) = 0 <0.000000>\n"
                 "writev(1, [{iov_base=\"abc\", iov_len=3}, {iov_base=\"ab\", iov_len=2}], 2) = 5 "
                 "<0.000000>\n"
                 "rt_sigprocmask(SIG_BLOCK, [INT CHLD], NULL, 8) = 0 <0.000000>\n"
                 "+++ exited with 0 +++\n");
}
END_TEST

static void results(void)
{
    begin(NUMBER_pause, 0, 0, 0, 0);
    end(-CALL_RESTART_NO_HANDLER);
    begin(NUMBER_getpid, 0, 0, 0, 0);
    fake_machine_advance(1234567);
    end(42);
    trace_unknown_call(current_thread(), 0x40000001);
    trace_call_begin(current_thread(), &abi_linux.table[400], (const uint64_t[6]){ 0 });
    end(-ENOSYS);
    begin(NUMBER_exit_group, 3, 0, 0, 0);
}

START_TEST(results_are_explained)
{
    run_traced("trace", results);
    expect_trace("pause() = ? ERESTARTNOHAND (To be restarted if no handler) <0.000000>\n"
                 "getpid() = 42 <0.001234>\n"
                 "syscall_0x40000001() = -1 ENOSYS (Function not implemented)\n"
                 "syscall_0x190() = -1 ENOSYS (Function not implemented)\n"
                 "exit_group(3) = ?\n"
                 "+++ exited with 0 +++\n");
}
END_TEST

static void signals(void)
{
    const struct signal_action action = { .handler = 0x400000 };
    const struct trap trap = { .kind = TRAP_PAGE_FAULT, .address = 0x1234 };

    ck_assert_int_eq(signal_action_change(SIGNAL_SEGV, &action, NULL), 0);
    signal_force_page_fault(SIGNAL_SEGV, CODE_SEGV_MAPERR, &trap);
    signal_deliver_pending();
    ck_assert_int_eq(signal_kill(current_process()->id, SIGNAL_KILL), 0);
    signal_deliver_pending();
}

START_TEST(signals_have_lines)
{
    run_traced("trace", signals);
    expect_trace("--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x1234} ---\n"
                 "--- SIGKILL {si_signo=SIGKILL, si_code=SI_USER, si_pid=1, si_uid=0} ---\n"
                 "+++ killed by SIGKILL +++\n");
    ck_assert_int_eq(fixture_status, 137);
}
END_TEST

/* ---- Several threads ----------------------------------------------------------------------- */

static void second_thread(void *argument)
{
    (void)argument;
    begin(NUMBER_getpid, 0, 0, 0, 0);
    end(1);
    process_exit_thread(0);
}

static void first_thread(void)
{
    thread_release(fixture_thread(second_thread));
    put(FIXTURE_DATA, "x", 1);
    begin(NUMBER_read, 0, FIXTURE_DATA, 1, 0);
    scheduler_yield();
    end(1);
}

START_TEST(a_blocked_call_is_unfinished)
{
    run_traced("trace", first_thread);
    expect_trace("[pid     1] read(0,  <unfinished ...>\n"
                 "[pid     2] getpid() = 1 <0.000000>\n"
                 "<... read resumed>\"x\", 1) = 1 <0.000000>\n"
                 "+++ exited with 0 +++\n");
}
END_TEST

/* ---- Filters ------------------------------------------------------------------------------- */

static bool passes(enum syscall_number number)
{
    return trace_filter_passes(&abi_linux.table[number]);
}

static void parse(const char *filter)
{
    char wrong[40];

    ck_assert_int_eq(trace_filter_parse(filter, wrong, sizeof(wrong)), 0);
}

START_TEST(names_and_groups_are_chosen)
{
    parse("");
    ck_assert(passes(NUMBER_read) && passes(NUMBER_brk));
    parse("read,brk");
    ck_assert(passes(NUMBER_read) && passes(NUMBER_brk) && !passes(NUMBER_write));
    parse("file");
    ck_assert(passes(NUMBER_openat) && passes(NUMBER_getcwd) && passes(NUMBER_execve));
    ck_assert(!passes(NUMBER_read));
    parse("%memory,futex");
    ck_assert(passes(NUMBER_mmap) && passes(NUMBER_futex) && !passes(NUMBER_openat));
    parse("descriptor");
    ck_assert(passes(NUMBER_read) && passes(NUMBER_openat) && passes(NUMBER_pipe2));
    ck_assert(!passes(NUMBER_stat));
    parse("time");
    ck_assert(passes(NUMBER_time) && passes(NUMBER_nanosleep) && !passes(NUMBER_read));
}
END_TEST

START_TEST(filters_can_be_negated)
{
    parse("!read");
    ck_assert(!passes(NUMBER_read) && passes(NUMBER_write));
    parse("!file,write");
    ck_assert(!passes(NUMBER_openat) && !passes(NUMBER_write) && passes(NUMBER_read));
    parse("none");
    ck_assert(!passes(NUMBER_read));
    parse("all");
    ck_assert(passes(NUMBER_read));
}
END_TEST

START_TEST(wrong_filters_are_named)
{
    char wrong[40];

    ck_assert_int_eq(trace_filter_parse("read,reed,write", wrong, sizeof(wrong)), -EINVAL);
    ck_assert_str_eq(wrong, "reed");
    ck_assert_int_eq(trace_filter_parse("read,,write", wrong, sizeof(wrong)), -EINVAL);
    ck_assert_int_eq(trace_filter_parse("%", wrong, sizeof(wrong)), -EINVAL);
    ck_assert_int_eq(trace_filter_parse("an_extraordinarily_long_name_of_no_system_call_at_all",
                                        wrong, sizeof(wrong)), -EINVAL);
}
END_TEST

static void filtered(void)
{
    begin(NUMBER_getpid, 0, 0, 0, 0);
    end(1);
    begin(NUMBER_getuid, 0, 0, 0, 0);
    end(0);
    trace_unknown_call(current_thread(), 9999);
}

START_TEST(other_calls_are_not_printed)
{
    run_traced("trace=getuid", filtered);
    expect_trace("getuid() = 0 <0.000000>\n"
                 "+++ exited with 0 +++\n");
}
END_TEST

TEST_MAIN("abi/trace", strings_are_quoted_and_cut, flags_have_their_names,
          structures_show_what_matters, results_are_explained, signals_have_lines,
          a_blocked_call_is_unfinished, names_and_groups_are_chosen, filters_can_be_negated,
          wrong_filters_are_named, other_calls_are_not_printed)

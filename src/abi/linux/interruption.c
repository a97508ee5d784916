/*
 * Which calls are repeated after a signal, and how.
 *
 * The services below the ABI say -EINTR when a signal ended a wait; what that means to the program
 * is a property of the call, and listed here.  Calls that are not listed give EINTR.  A function
 * behind a call may also choose itself and return one of the CALL_ values.
 */
#include "abi/linux/interruption.h"

#include <stdbool.h>
#include <stddef.h>

#include "abi/linux/numbers.h"
#include "lib/container.h"
#include "lib/error.h"
#include "process/abi.h"

/* Repeated unless a handler without SA_RESTART runs. */
static const uint16_t restarted[] = {
    NUMBER_read,     NUMBER_write,    NUMBER_open,     NUMBER_openat,   NUMBER_openat2,
    NUMBER_creat,    NUMBER_ioctl,    NUMBER_pread64,  NUMBER_pwrite64, NUMBER_readv,
    NUMBER_writev,   NUMBER_preadv,   NUMBER_pwritev,  NUMBER_preadv2,  NUMBER_pwritev2,
    NUMBER_sendfile, NUMBER_splice,   NUMBER_tee,      NUMBER_vmsplice, NUMBER_copy_file_range,
    NUMBER_fcntl,    NUMBER_flock,    NUMBER_wait4,    NUMBER_waitid,   NUMBER_accept,
    NUMBER_accept4,  NUMBER_connect,  NUMBER_sendto,   NUMBER_sendmsg,  NUMBER_recvfrom,
    NUMBER_recvmsg,  NUMBER_sendmmsg, NUMBER_recvmmsg, NUMBER_futex,    NUMBER_mq_timedsend,
    NUMBER_mq_timedreceive,           NUMBER_futex_waitv, NUMBER_fsync, NUMBER_fdatasync,
};

/* Repeated unless any handler runs. */
static const uint16_t restarted_without_handler[] = {
    NUMBER_pause, NUMBER_rt_sigsuspend, NUMBER_select, NUMBER_pselect6, NUMBER_poll,
    NUMBER_ppoll, NUMBER_msgsnd,        NUMBER_msgrcv,
};

static bool contains(const uint16_t *numbers, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

int call_interruption(uint32_t number, int64_t result)
{
    if (number == NUMBER_rt_sigreturn)    /* the result is what the program had in rax */
        return 0;
    if (result == -CALL_NO_RESTART)
        return 0;
    if (result <= -CALL_RESTART && result >= -CALL_RESUME)
        return (int)-result;
    if (result != -EINTR)
        return 0;
    if (contains(restarted, ARRAY_SIZE(restarted), number))
        return CALL_RESTART;
    if (contains(restarted_without_handler, ARRAY_SIZE(restarted_without_handler), number))
        return CALL_RESTART_NO_HANDLER;
    return 0;
}

/*
 * reboot(2): the end of the machine, or its new start.
 *
 * What halts Linux for ever ends the run here: a machine that is halted does nothing more.
 */
#include "abi/linux/syscalls.h"
#include "fs/hostfs_mount.h"
#include "memory/user_memory.h"
#include "process/process.h"
#include "sched/watch.h"

#define MAGIC_1 0xfee1deadu
#define COMMAND_CTRL_ALT_DELETE_OFF 0u    /* the keys mean nothing either way */
#define COMMAND_CTRL_ALT_DELETE_ON 0x89abcdefu
#define COMMAND_RESTART 0x01234567u
#define COMMAND_RESTART_WITH 0xa1b2c3d4u  /* a text for the firmware */
#define COMMAND_HALT 0xcdef0123u
#define COMMAND_POWER_OFF 0x4321fedcu
#define TEXT_SIZE 256

static bool is_magic_2(uint32_t number)
{
    static const uint32_t birthdays[] = { 672274793, 85072278, 369367448, 537993216 };

    for (unsigned i = 0; i < sizeof(birthdays) / sizeof(birthdays[0]); i++) {
        if (birthdays[i] == number)
            return true;
    }
    return false;
}

_Noreturn static void end_machine(enum machine_halt why)
{
    hostfs_save();
    watch_stops();
    machine_halt(why, 0);
}

int64_t sys_reboot(uint32_t magic1, uint32_t magic2, uint32_t command, user_address argument)
{
    char text[TEXT_SIZE];
    int64_t length;

    if (!current_can(CAPABILITY_BOOT))
        return -EPERM;
    if (magic1 != MAGIC_1 || !is_magic_2(magic2))
        return -EINVAL;
    switch (command) {
    case COMMAND_CTRL_ALT_DELETE_OFF:
    case COMMAND_CTRL_ALT_DELETE_ON:
        return 0;
    case COMMAND_HALT:
    case COMMAND_POWER_OFF:
        end_machine(MACHINE_HALT_OK);
    case COMMAND_RESTART_WITH:
        length = user_copy_string(current_space(), text, argument, sizeof(text));
        if (length < 0 && length != -ENAMETOOLONG)
            return -EFAULT;
        end_machine(MACHINE_HALT_RESTART);
    case COMMAND_RESTART:
        end_machine(MACHINE_HALT_RESTART);
    }
    return -EINVAL;
}

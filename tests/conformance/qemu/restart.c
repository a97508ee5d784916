/*
 * reboot(2), inside Eft only.  Each letter of the input is for one start of the machine:
 *
 *     r   restart
 *     t   restart, with a text for the firmware
 *     h   halt
 *     p   power off
 *     e   wrong calls and those that do nothing, then exit status 7
 */
#include <errno.h>
#include <linux/reboot.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NOT_INSIDE 99
#define DONE 7

static long call(long magic_1, long magic_2, long command, const void *text)
{
    long result = syscall(SYS_reboot, magic_1, magic_2, command, text);

    return result == -1 ? -errno : result;
}

#define SHOW(...) printf("reboot(%s): %ld\n", #__VA_ARGS__, call(__VA_ARGS__))

static void show_all(void)
{
    const void *nowhere = (const void *)8;

    SHOW(0, 0, LINUX_REBOOT_CMD_RESTART, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, 0, LINUX_REBOOT_CMD_RESTART, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, 1, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_CMD_SW_SUSPEND, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_CMD_KEXEC, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2C, LINUX_REBOOT_CMD_RESTART2, nowhere);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_ON, NULL);
    SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF, NULL);
}

static int obey(char letter)
{
    switch (letter) {
    case 'r':
        SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL);
        break;
    case 't':
        SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART2, "again");
        break;
    case 'h':
        SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_HALT, NULL);
        break;
    case 'p':
        SHOW(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_POWER_OFF, NULL);
        break;
    default:
        show_all();
        break;
    }
    return DONE;
}

int main(void)
{
    struct utsname name;
    char letter = 'e';

    if (uname(&name) != 0 || !strstr(name.release, "eft")) {
        printf("not on Linux itself\n");
        return NOT_INSIDE;
    }
    setvbuf(stdout, NULL, _IONBF, 0);
    if (read(STDIN_FILENO, &letter, 1) < 1)
        printf("no letter is left\n");
    printf("start for %c\n", letter);
    return obey(letter);
}

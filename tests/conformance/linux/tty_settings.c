/* Settings of terminals: the forms of the calls, speeds, what cannot be set. */
#include <sys/syscall.h>

#include "with_terminal.h"

/* The kernel's structures; libc's are others. */
struct kernel_settings {
    unsigned input, output, control, local;
    unsigned char line, characters[19];
    unsigned input_speed, output_speed;
};
struct old_settings {
    unsigned short input, output, control, local;
    unsigned char line, characters[8], padding;
};
#define GET 0x5401
#define SET 0x5402
#define SET_WAIT 0x5403
#define SET_FLUSH 0x5404
#define GET_OLD 0x5405
#define SET_OLD 0x5406
#define GET_2 0x802c542a
#define SET_2 0x402c542b

static void show(const struct kernel_settings *settings)
{
    printf("%#o %#o %#o %#o line %u:", settings->input, settings->output, settings->control,
           settings->local, settings->line);
    for (size_t i = 0; i < sizeof(settings->characters); i++)
        printf(" %x", settings->characters[i]);
    printf(" speeds %u %u\n", settings->input_speed, settings->output_speed);
}

static void speeds(void)
{
    static const unsigned speed_bits[] = { 0, 1, 7, 13, 15, 0010000, 0010001, 0010002, 0010017 };
    struct kernel_settings settings;

    SECTION("speeds");
    for (size_t i = 0; i < COUNT(speed_bits); i++) {
        ioctl(slave, GET_2, &settings);
        settings.control = (settings.control & ~0010017u) | speed_bits[i];
        settings.output_speed = 12345;
        settings.input_speed = 54321;
        CALL(ioctl(slave, SET_2, &settings));
        CALL(ioctl(slave, GET_2, &settings));
        show(&settings);
    }
    settings.control = (settings.control & ~0x1fffffffu) | 0010000u | 0010000u << 16 | 0277u;
    settings.output_speed = 12345;
    settings.input_speed = 54321;
    CALL(ioctl(slave, SET_2, &settings));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
}

/* What only lines to the outside have: accepted, and kept where there is a flag for it. */
static void lines_outside(void)
{
    struct kernel_settings settings;
    int on = 1;

    SECTION("carriers and breaks");
    begin_pair();
    CALL(ioctl(slave, TIOCSSOFTCAR, &on));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
    on = 7;
    CALL(ioctl(master, TIOCGSOFTCAR, &on));
    VALUE(on);
    on = 0;
    CALL(ioctl(master, TIOCSSOFTCAR, &on));
    CALL(ioctl(slave, TIOCGSOFTCAR, &on));
    VALUE(on);
    CALL(ioctl(slave, TIOCGSOFTCAR, NULL));
    CALL(ioctl(slave, TIOCSBRK));
    CALL(ioctl(slave, TIOCCBRK));
    CALL(ioctl(master, TIOCSBRK));
}

int main(void)
{
    struct kernel_settings settings;
    struct old_settings old;

    begin_pair();
    SECTION("new terminal");
    memset(&settings, 0, sizeof(settings));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
    memset(&settings, 0xff, sizeof(settings));
    CALL(ioctl(slave, GET, &settings));
    show(&settings);
    memset(&settings, 0, sizeof(settings));
    CALL(ioctl(master, GET_2, &settings));
    show(&settings);
    CALL(ioctl(slave, GET_OLD, &old));
    printf("%#o %#o %#o %#o\n", old.input, old.output, old.control, old.local);

    SECTION("all bits");
    memset(&settings, 0xff, sizeof(settings));
    CALL(ioctl(slave, SET_2, &settings));
    memset(&settings, 0, sizeof(settings));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
    memset(&settings, 0, sizeof(settings));
    CALL(ioctl(slave, SET, &settings));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
    old.input = 0400;
    old.output = 05;
    old.control = 0277;
    old.local = 0105073;
    old.characters[0] = 7;
    CALL(ioctl(slave, SET_OLD, &old));
    CALL(ioctl(slave, GET_2, &settings));
    show(&settings);
    speeds();
    lines_outside();

    SECTION("waiting and flushing");
    begin_pair();
    type("typed\n");
    ioctl(slave, GET, &settings);
    CALL(ioctl(slave, SET_WAIT, &settings));
    readable();
    CALL(ioctl(slave, SET_FLUSH, &settings));
    readable();
    reads(100);
    return 0;
}

/* What becomes of typed bytes: translation, ends of lines, flow control, limits, raw reads. */
#include "with_terminal.h"

static void translation(void)
{
    static const struct {
        const char *name;
        tcflag_t set;
    } modes[] = {
        { "none", 0 }, { "ICRNL", ICRNL }, { "INLCR", INLCR }, { "IGNCR", IGNCR },
        { "INLCR IGNCR", INLCR | IGNCR }, { "INLCR ICRNL", INLCR | ICRNL }, { "ISTRIP", ISTRIP },
        { "IUCLC", IUCLC }, { "ISTRIP IUCLC", ISTRIP | IUCLC }, { "PARMRK", PARMRK },
    };

    for (size_t i = 0; i < COUNT(modes); i++) {
        SECTION(modes[i].name);
        begin_pair();
        change_iflag(modes[i].set, ICRNL);
        type("a\rb\nC\xe1\xc1\xff" "d\n");
        seen();
        reads_all();
        change_lflag(0, ICANON);
        reads_all();
        type("x\ry\nZ\xff");
        seen();
        reads_all();
    }
}

static void ends_of_lines(void)
{
    SECTION("ends of lines");
    begin_pair();
    set_character(VEOL, ';');
    set_character(VEOL2, '!');
    type("one;two!three\nfour\x04" "five");
    seen();
    readable();
    for (int i = 0; i < 5; i++)
        reads(100);
    type(";");
    reads(2);
    readable();
    reads(2);
    reads(100);
    type("abc\x04");
    reads(3);
    reads(100);
    type("abc\x04" "def\n");
    reads(3);
    reads(100);
    type("\x04");
    readable();
    reads(100);
    reads(100);
    set_character(VEOF, 0);
    type("a\x04\n");
    seen();
    reads(100);
}

static void changes_between_modes(void)
{
    SECTION("typed in one mode, read in the other");
    begin_pair();
    type("half");
    change_lflag(0, ICANON);
    readable();
    reads(100);
    type("raw\nbytes");
    change_lflag(ICANON, 0);
    readable();
    reads(100);
    reads(100);
    type("line\nmore");
    change_lflag(0, ICANON);
    reads(100);
    type("x");
    tcflush(slave, TCIFLUSH);
    readable();
    reads(100);
}

static void flow_control(void)
{
    SECTION("flow control");
    begin_pair();
    CALL(write(slave, "a", 1));
    seen();
    type("\x13");
    polls("terminal", slave);
    CALL(write(slave, "b", 1));
    type("x");
    seen();
    type("\x11");
    seen();
    polls("terminal", slave);
    CALL(write(slave, "b", 1));
    seen();
    change_iflag(IXANY, 0);
    type("\x13y");
    seen();
    CALL(write(slave, "c", 1));
    seen();
    type("\x13");
    change_iflag(0, IXON);
    CALL(write(slave, "d", 1));
    seen();
    type("\x13\x11\n");
    seen();
    reads(100);
    CALL(ioctl(slave, TCXONC, TCOOFF));
    CALL(write(slave, "e", 1));
    type("z\n");
    seen();
    CALL(ioctl(slave, TCXONC, TCOON));
    CALL(write(slave, "f", 1));    /* Linux keeps the echo until something is written */
    seen();
    CALL(ioctl(slave, TCXONC, TCIOFF));
    CALL(ioctl(slave, TCXONC, TCION));
    seen();
    CALL(ioctl(slave, TCXONC, 4));
    CALL(ioctl(slave, TCFLSH, 3));
}

static void limits(void)
{
    static char many[6000];
    struct termios settings;

    SECTION("a line that is too long");
    begin_pair();
    change_lflag(0, ECHO);
    memset(many, 'x', sizeof(many));
    type_bytes(many, 4090);
    type_bytes("0123456789\n", 11);
    readable();
    char line[5000];
    ssize_t count = read(slave, line, sizeof(line));
    VALUE(count);
    show_bytes("its end", line + count - 8, 8);
    SECTION("more raw bytes than the terminal keeps");
    change_lflag(0, ICANON);
    type_bytes(many, 6000);
    count = 0;
    for (ssize_t got; (got = read(slave, line, sizeof(line))) > 0; settle())
        count += got;
    VALUE(count);
    SECTION("lines that wait");
    change_lflag(ICANON, 0);
    for (int i = 0; i < 100; i++)
        type_bytes("0123456789012345678901234567890123456789012345678\n", 50);
    int lines = 0;
    for (; (count = read(slave, line, sizeof(line))) > 0; settle())
        lines++;
    VALUE(lines);
    tcgetattr(slave, &settings);
    FACT(settings.c_lflag & ICANON);
}

int main(void)
{
    translation();
    ends_of_lines();
    changes_between_modes();
    flow_control();
    limits();
    return 0;
}

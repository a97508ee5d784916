/* Packet mode: what the master is told besides the bytes. */
#include "with_terminal.h"

static void packet(void)
{
    char bytes[100];

    show_bytes("packet", bytes, read(master, bytes, sizeof(bytes)));
}

static void data(void)
{
    int on = 1, state = -1;

    begin_pair();
    CALL(ioctl(master, TIOCGPKT, &state));
    VALUE(state);
    CALL(ioctl(master, TIOCPKT, &on));
    CALL(ioctl(master, TIOCGPKT, &state));
    VALUE(state);
    packet();
    SECTION("data");
    CALL(write(slave, "hello", 5));
    packet();
    type("x\n");
    packet();
    reads(10);
    CALL(write(slave, "12345", 5));
    char few[3];
    show_bytes("packet", few, read(master, few, 3));
    packet();
}

static void flushes(void)
{
    SECTION("flushes");
    CALL(tcflush(slave, TCIFLUSH));
    polls("master", master);
    packet();
    CALL(tcflush(slave, TCOFLUSH));
    packet();
    CALL(tcflush(slave, TCIOFLUSH));
    packet();
    packet();
    type("\x03");
    packet();
    packet();
    change_lflag(NOFLSH, 0);
    type("\x03");
    packet();
}

static void stop_and_start(void)
{
    SECTION("stop and start");
    type("\x13");
    packet();
    type("\x11");
    packet();
    CALL(tcflow(slave, TCOOFF));
    packet();
    CALL(tcflow(slave, TCOON));
    packet();
    CALL(tcflow(slave, TCOOFF));
    CALL(tcflow(slave, TCOON));
    packet();
}

static void settings(void)
{
    SECTION("settings");
    change_iflag(0, IXON);
    packet();
    change_iflag(IXON, 0);
    packet();
    set_character(VSTOP, 'a');
    packet();
    change_lflag(0, ECHO);
    packet();
    change_lflag(EXTPROC, 0);
    packet();
    change_lflag(0, EXTPROC);
    packet();
}

static void mixed(void)
{
    int on = 1, off = 0;

    SECTION("notices before data");
    CALL(write(slave, "data", 4));
    CALL(tcflush(slave, TCIFLUSH));
    packet();
    packet();
    SECTION("off again");
    CALL(tcflush(slave, TCIFLUSH));
    CALL(ioctl(master, TIOCPKT, &off));
    polls("master", master);
    CALL(write(slave, "plain", 5));
    packet();
    CALL(ioctl(master, TIOCPKT, &on));
    packet();
    close(slave);
    packet();
}

int main(void)
{
    data();
    flushes();
    stop_and_start();
    settings();
    mixed();
    return 0;
}

/* What becomes of bytes that are written to a terminal. */
#include "with_terminal.h"

static void writes(const char *text)
{
    show_bytes("write ", text, write(slave, text, strlen(text)));
    seen();
}

int main(void)
{
    static const struct {
        const char *name;
        tcflag_t set, clear;
    } modes[] = {
        { "as it is", 0, 0 }, { "-OPOST", 0, OPOST }, { "-ONLCR", 0, ONLCR },
        { "OCRNL", OCRNL, 0 }, { "ONOCR", ONOCR, 0 }, { "ONLRET", ONLRET, 0 },
        { "ONLRET -ONLCR", ONLRET, ONLCR }, { "OLCUC", OLCUC, 0 }, { "XTABS", XTABS, 0 },
        { "XTABS ONLRET -ONLCR", XTABS | ONLRET, ONLCR }, { "XTABS -ONLCR", XTABS, ONLCR },
    };

    for (size_t i = 0; i < COUNT(modes); i++) {
        SECTION(modes[i].name);
        begin_pair();
        change_oflag(modes[i].set, modes[i].clear);
        writes("a\nb\r\nc");
        writes("\r\rx\r");
        writes("\t1\t22\t333\b\t\xc3\xa4\t\x01z\t.\n\ty\r\tz");
        type("q\tr\n");
        seen();
        reads(10);
    }
    SECTION("counts");
    begin_pair();
    CALL(write(slave, "\n\n\n", 3));
    CALL(write(slave, "", 0));
    int count = -1;
    polls("master", master);
    CALL(ioctl(slave, TIOCOUTQ, &count));
    VALUE(count);
    CALL(ioctl(master, FIONREAD, &count));
    VALUE(count);
    CALL(tcdrain(slave));
    CALL(tcflush(slave, TCOFLUSH));
    seen();
    SECTION("full");
    size_t total = 0;
    static char block[1000];
    /* Linux moves what was written to the other side on a thread of its own, so a full terminal may
       have room again a moment later: it is full when it stays so. */
    int reason;
    struct pollfd room = { .fd = slave, .events = POLLOUT };
    do {
        for (ssize_t written; (written = write(slave, block, sizeof(block))) > 0;)
            total += (size_t)written;
        reason = errno;
    } while (poll(&room, 1, 50) == 1);
    FACT(reason == EAGAIN);
    FACT(total >= 8192 && total < 1000000);
    polls("terminal", slave);
    polls("master", master);
    size_t taken = 0;
    static char bytes[4096];
    for (ssize_t got; (got = read(master, bytes, sizeof(bytes))) > 0;)
        taken += (size_t)got;
    FACT(taken == total);
    polls("terminal", slave);
    return 0;
}

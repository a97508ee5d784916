/* Lines being typed on a terminal: erasing characters, words and lines, and what is echoed. */
#include "with_terminal.h"

static void play(const char *text)
{
    type(text);
    seen();
    reads_all();
}

static void edit_lines(void)
{
    static const char *const texts[] = {
        "abc\n", "abX\x7f" "c\n", "\x7f\x7f" "a\n", "one two\x17three\n", "one two  \x17x\n",
        "one.two-three\x17!\n", "wrong\x15right\n", "\x15\x17\x7f\n", "tab\t\x7fx\n",
        "a\tb\tc\x7f\x7f\x7f\n", "\x01\x02\x7f\n", "\x01\x02\x15z\n", "a\x12" "b\n", "\x16\x03\n",
        "a\x16\x7f\x7f" "b\n", "\x16\n\n", "half\x04", "\x04", "x\x04\x04", "a\x7f\x04", "\x7f\n",
        "\xc3\xa4\x7f\n", "\\\x7f" "a\n", "word word\x17\x17\x17z\n",
    };

    for (size_t i = 0; i < COUNT(texts); i++)
        play(texts[i]);
}

int main(void)
{
    static const struct {
        const char *name;
        tcflag_t set, clear;
    } modes[] = {
        { "as it is", 0, 0 },
        { "-ECHO", 0, ECHO },
        { "-ECHO ECHONL", ECHONL, ECHO },
        { "-ECHOE", 0, ECHOE },
        { "-ECHOK -ECHOKE", 0, ECHOK | ECHOKE },
        { "-ECHOKE", 0, ECHOKE },
        { "-ECHOCTL", 0, ECHOCTL },
        { "ECHOPRT", ECHOPRT, 0 },
        { "ECHOPRT -ECHOE", ECHOPRT, ECHOE },
        { "-IEXTEN", 0, IEXTEN },
        { "-ICANON", 0, ICANON },
        { "-ICANON -ECHO -ISIG", 0, ICANON | ECHO | ISIG },
    };

    for (size_t i = 0; i < COUNT(modes); i++) {
        SECTION(modes[i].name);
        begin_pair();
        change_lflag(modes[i].set, modes[i].clear);
        edit_lines();
    }
    SECTION("IUTF8");
    begin_pair();
    change_iflag(IUTF8, 0);
    play("a\xc3\xa4\x7f\n");
    play("\xe2\x82\xac\xc3\xa4\x15z\n");
    play("\xc3\xa4 \xc3\xb6\x17z\n");
    play("\xa4\x7f\n");
    return 0;
}

#pragma once
/*
 * The settings of a terminal as programs see them: Linux's struct termios2, whose first 36 bytes
 * are its struct termios.
 */
#include <stddef.h>
#include <stdint.h>

#define TERMINAL_CHARACTERS 19

struct terminal_settings {
    uint32_t input_flags, output_flags, control_flags, local_flags;
    uint8_t line;
    uint8_t characters[TERMINAL_CHARACTERS];
    uint32_t input_speed, output_speed;
};
_Static_assert(sizeof(struct terminal_settings) == 44, "struct termios2");
_Static_assert(offsetof(struct terminal_settings, input_speed) == 36, "struct termios");

/* Linux's old struct termio. */
struct terminal_settings_old {
    uint16_t input_flags, output_flags, control_flags, local_flags;
    uint8_t line;
    uint8_t characters[8];
    uint8_t padding;
};
_Static_assert(sizeof(struct terminal_settings_old) == 18, "struct termio");

struct terminal_size {
    uint16_t rows, columns, pixels_x, pixels_y;
};
_Static_assert(sizeof(struct terminal_size) == 8, "struct winsize");

/* Indexes of `characters`.  A character of value 0 is disabled. */
enum terminal_character {
    CHARACTER_INTERRUPT, CHARACTER_QUIT, CHARACTER_ERASE, CHARACTER_KILL, CHARACTER_EOF,
    CHARACTER_TIME, CHARACTER_MINIMUM, CHARACTER_SWITCH, CHARACTER_START, CHARACTER_STOP,
    CHARACTER_SUSPEND, CHARACTER_EOL, CHARACTER_REPRINT, CHARACTER_DISCARD,
    CHARACTER_WORD_ERASE, CHARACTER_LITERAL_NEXT, CHARACTER_EOL2,
};

/* input_flags */
#define INPUT_PARITY_MARK 000010u
#define INPUT_STRIP 000040u
#define INPUT_NL_TO_CR 000100u
#define INPUT_IGNORE_CR 000200u
#define INPUT_CR_TO_NL 000400u
#define INPUT_LOWER_CASE 001000u
#define INPUT_FLOW_CONTROL 002000u
#define INPUT_ANY_STARTS 004000u
#define INPUT_BELL_WHEN_FULL 020000u
#define INPUT_UTF8 040000u

/* output_flags */
#define OUTPUT_PROCESS 000001u
#define OUTPUT_UPPER_CASE 000002u
#define OUTPUT_NL_TO_CRNL 000004u
#define OUTPUT_CR_TO_NL 000010u
#define OUTPUT_NO_CR_AT_0 000020u
#define OUTPUT_NL_RETURNS 000040u
#define OUTPUT_TAB_MASK 014000u
#define OUTPUT_TAB_TO_SPACES 014000u

/* control_flags */
#define CONTROL_SPEED_MASK 0010017u
#define CONTROL_SPEED_EXTENDED 0010000u       /* alone: the speed stands in its own field */
#define CONTROL_SPEED_38400 0000017u
#define CONTROL_INPUT_SPEED_SHIFT 16
#define CONTROL_SIZE_MASK 0000060u
#define CONTROL_SIZE_8 0000060u
#define CONTROL_RECEIVE 0000200u
#define CONTROL_PARITY 0000400u
#define CONTROL_LOCAL 0004000u
#define CONTROL_ADDRESS 04000000000u

/* local_flags */
#define LOCAL_SIGNALS 0000001u
#define LOCAL_CANONICAL 0000002u
#define LOCAL_ECHO 0000010u
#define LOCAL_ECHO_ERASE 0000020u
#define LOCAL_ECHO_KILL 0000040u
#define LOCAL_ECHO_NEWLINE 0000100u
#define LOCAL_NO_FLUSH 0000200u
#define LOCAL_STOP_BACKGROUND 0000400u
#define LOCAL_ECHO_CONTROL 0001000u
#define LOCAL_ECHO_PRINT 0002000u
#define LOCAL_ECHO_KILL_ERASES 0004000u
#define LOCAL_EXTENDED 0100000u
#define LOCAL_EXTERNAL 0200000u

/*
 * Three processes print one glyph each, `>`, `<` and `_`, and together nothing but fish: `><>_`
 * and `<><_`, fifteen of each.  A process waits until the fish that is being printed needs its
 * glyph; who ends a fish chooses the kind of the next one.
 *
 *     fish [SEED]     the order of the kinds; without a seed, by time
 */
#include "teaching.h"

enum { KINDS = 2, FISH_OF_A_KIND = 15, FISH = KINDS * FISH_OF_A_KIND, GLYPHS = 4, PROCESSES = 3 };
/* Each is signalled when it is the turn of that glyph. */
enum semaphore { TURN_GREATER = 0, TURN_LESS = 1, TURN_UNDERSCORE = 2 };

static const char glyphs[PROCESSES] = { '>', '<', '_' };
static const enum semaphore fish[KINDS][GLYPHS] = {
    { TURN_GREATER, TURN_LESS, TURN_GREATER, TURN_UNDERSCORE },
    { TURN_LESS, TURN_GREATER, TURN_LESS, TURN_UNDERSCORE },
};
static const int prints[PROCESSES] = { 45, 45, 30 };

/* Only whose turn it is looks at these. */
static int kind;
static int place;
static int printed_of[KINDS];
static struct random chance;

static void fish_choose(void)
{
    kind = (int)random_below(&chance, KINDS);
    if (printed_of[kind] == FISH_OF_A_KIND)
        kind = 1 - kind;
    printed_of[kind]++;
    place = 0;
}

static REPORTED void glyph_print(enum semaphore turn)
{
    (void)semaphore_wait(turn);
    print("%c", glyphs[turn]);
    place++;
    if (place == GLYPHS && printed_of[0] + printed_of[1] == FISH)
        return;
    if (place == GLYPHS)
        fish_choose();
    (void)semaphore_signal(fish[kind][place]);
}

static void printer_run(int turn)
{
    for (int i = 0; i < prints[turn]; i++)
        glyph_print((enum semaphore)turn);
}

static REPORTED void fish_run(void)
{
    int children[PROCESSES];

    for (int i = 0; i < PROCESSES; i++)
        children[i] = process_start(printer_run, i);
    (void)process_wait_all(children, PROCESSES);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        random_seed(&chance, text_to_number(argv[1]));
    else
        random_seed_by_time(&chance);
    for (int i = 0; i < PROCESSES; i++)
        (void)semaphore_new((uint32_t)i, 0);
    fish_choose();
    (void)semaphore_signal(fish[kind][place]);
    fish_run();
    print("\n");
    return 0;
}

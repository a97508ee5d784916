/*
 * The dining philosophers: five at a round table, a fork between any two, and it takes both
 * neighbouring forks to eat.
 *
 *     dinner [SOLUTION [ROUNDS [THINK_MS]]]     asks for the solution if it is not given
 *
 *     1  everyone takes the left fork first                     may deadlock
 *     2  odd ones take the left fork first, even ones the right
 *     3  two neighbours never let the one between them eat      philosopher 2 starves
 *     4  who comes first eats first, but one always yields      philosopher 4 starves
 *     5  a waiter lets only four of them reach for forks
 *
 * They think and eat for a random time of up to THINK_MS each (1 by default), and tell when they
 * eat.  With THINK_MS = 0 they do neither: only the semaphores are left, so that a search is not
 * kept busy with the order of prints.  Solutions 3 and 4 are in dinner_table.c.
 */
#include "dinner.h"

enum { ROUNDS_DEFAULT = 30, THINK_MS_DEFAULT = 1, ROUNDS_MAX = 1000000, THINK_MS_MAX = 1000000 };

enum solution {
    SOLUTION_LEFT_FIRST = 1,
    SOLUTION_ODD_EVEN,
    SOLUTION_CONSPIRACY,
    SOLUTION_YIELDING,
    SOLUTION_WAITER,
};

uint64_t dinner_rounds;
static uint64_t think_ms;
static enum solution solution;

static uint32_t left_fork(int philosopher)
{
    return (uint32_t)philosopher;
}

static uint32_t right_fork(int philosopher)
{
    return (uint32_t)(philosopher + 1) % PHILOSOPHERS;
}

static REPORTED void think(struct random *chance)
{
    if (think_ms > 0)
        sleep_ms(random_below(chance, think_ms + 1));
}

static REPORTED void eat(int philosopher, uint64_t round, struct random *chance)
{
    if (think_ms == 0)
        return;
    print("philosopher %d eats, meal %lu\n", philosopher, round);
    sleep_ms(random_below(chance, think_ms + 1));
}

static REPORTED void take_forks(int philosopher)
{
    bool right_first = solution == SOLUTION_ODD_EVEN && philosopher % 2 == 0;
    uint32_t first = right_first ? right_fork(philosopher) : left_fork(philosopher);
    uint32_t second = right_first ? left_fork(philosopher) : right_fork(philosopher);

    if (solution == SOLUTION_WAITER)
        (void)semaphore_wait(WAITER);
    (void)semaphore_wait(first);
    (void)semaphore_wait(second);
}

static REPORTED void put_forks(int philosopher)
{
    (void)semaphore_signal(left_fork(philosopher));
    (void)semaphore_signal(right_fork(philosopher));
    if (solution == SOLUTION_WAITER)
        (void)semaphore_signal(WAITER);
}

static void philosopher_run(int philosopher)
{
    struct random chance;

    random_seed(&chance, (uint64_t)philosopher);
    if (think_ms > 0)
        random_seed_by_time(&chance);
    for (uint64_t round = 1; round <= dinner_rounds; round++) {
        think(&chance);
        take_forks(philosopher);
        eat(philosopher, round, &chance);
        put_forks(philosopher);
    }
}

/* At the table of solutions 3 and 4 nobody thinks: all are hungry all the time. */
static void guest_run(int philosopher)
{
    struct random chance;

    random_seed(&chance, (uint64_t)philosopher);
    for (uint64_t round = 1; round <= dinner_rounds; round++) {
        table_take_forks(philosopher, round);
        eat(philosopher, round, &chance);
        table_put_forks(philosopher, round);
    }
}

static REPORTED void dinner_run(void)
{
    bool at_table = solution == SOLUTION_CONSPIRACY || solution == SOLUTION_YIELDING;
    int children[PHILOSOPHERS];

    for (int i = 0; i < PHILOSOPHERS; i++)
        (void)semaphore_new(left_fork(i), 1);
    if (solution == SOLUTION_WAITER)
        (void)semaphore_new(WAITER, PHILOSOPHERS - 1);
    if (at_table)
        table_set(solution == SOLUTION_CONSPIRACY);
    for (int i = 0; i < PHILOSOPHERS; i++)
        children[i] = process_start(at_table ? guest_run : philosopher_run, i);
    (void)process_wait_all(children, PHILOSOPHERS);
    if (at_table)
        table_tell();
}

int main(int argc, char **argv)
{
    struct question question = { argc, argv, 1, "Solution (1 to 5): " };
    uint64_t number = question_ask_number(&question, SOLUTION_LEFT_FIRST);

    question.index = 2;
    question.prompt = "Rounds: ";
    dinner_rounds = question_ask_number(&question, ROUNDS_DEFAULT);
    question.index = 3;
    question.prompt = "Milliseconds to think: ";
    think_ms = question_ask_number(&question, THINK_MS_DEFAULT);
    if (number < SOLUTION_LEFT_FIRST || number > SOLUTION_WAITER || dinner_rounds > ROUNDS_MAX ||
        think_ms > THINK_MS_MAX) {
        print("dinner: solutions are numbered 1 to 5, with at most %d rounds and milliseconds\n",
              ROUNDS_MAX);
        return 1;
    }
    solution = (enum solution)number;
    dinner_run();
    print("solution %d: every philosopher has eaten %lu times\n", solution, dinner_rounds);
    return 0;
}

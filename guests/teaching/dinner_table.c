/*
 * Two ways in which a philosopher starves at a table without deadlocks.  Here nobody takes forks
 * one by one: one who is hungry waits at his seat until he is given both, and whoever puts his
 * forks down looks for neighbours who may eat now.  He is hungry again in the same moment.
 *
 * The conspiracy (3): philosophers 1 and 3 put their forks down only when the other one eats, so
 * 2, who sits between them, never finds two free ones.
 *
 *     1 eats .......  1 hungry, eats .......  1 hungry ...
 *           3 eats .................  3 hungry, eats ......
 *     2 waits for 1 or 3 in every moment of it
 *
 * Yielding (4): who became hungry first goes first, which is fair, but 4 has no place in that
 * order: he may eat only when neither neighbour wants to.  They want to as long as they have
 * meals to come.
 */
#include "dinner.h"

enum state { FULL, HUNGRY, EATING };

enum { CONSPIRATOR_LEFT = 1, CONSPIRATOR_RIGHT = 3, YIELDING = 4, LAST = 1000000000 };

/* Guarded by TABLE. */
static enum state states[PHILOSOPHERS];
static uint64_t became_hungry[PHILOSOPHERS];    /* a number that counts up, not a time */
static uint64_t hungry_count;
static uint64_t meals;
static uint64_t meals_when_hungry[PHILOSOPHERS];
static uint64_t longest_wait[PHILOSOPHERS];

static bool conspiring;

static int left_of(int philosopher)
{
    return (philosopher + PHILOSOPHERS - 1) % PHILOSOPHERS;
}

static int right_of(int philosopher)
{
    return (philosopher + 1) % PHILOSOPHERS;
}

static void become_hungry(int philosopher)
{
    states[philosopher] = HUNGRY;
    became_hungry[philosopher] = hungry_count++;
    if (!conspiring && philosopher == YIELDING)
        became_hungry[philosopher] = LAST;
    meals_when_hungry[philosopher] = meals;
}

static bool stands_back_for(int philosopher, int neighbour)
{
    if (states[neighbour] == EATING)
        return true;
    return !conspiring && states[neighbour] == HUNGRY &&
           became_hungry[neighbour] < became_hungry[philosopher];
}

static REPORTED void give_forks_if_free(int philosopher)
{
    uint64_t waited = meals - meals_when_hungry[philosopher];

    if (states[philosopher] != HUNGRY || stands_back_for(philosopher, left_of(philosopher)) ||
        stands_back_for(philosopher, right_of(philosopher)))
        return;
    states[philosopher] = EATING;
    meals++;
    if (waited > longest_wait[philosopher])
        longest_wait[philosopher] = waited;
    (void)semaphore_signal(SEAT_0 + (uint32_t)philosopher);
}

void table_set(bool conspiracy)
{
    static const int order[PHILOSOPHERS] = { 1, 3, 0, 2, 4 };

    conspiring = conspiracy;
    (void)semaphore_new(TABLE, 1);
    (void)semaphore_new(BATON_1, 0);
    (void)semaphore_new(BATON_3, 0);
    for (int i = 0; i < PHILOSOPHERS; i++) {
        (void)semaphore_new(SEAT_0 + (uint32_t)i, 0);
        if (dinner_rounds > 0)
            become_hungry(i);
    }
    for (int i = 0; i < PHILOSOPHERS; i++)
        give_forks_if_free(order[i]);
}

void table_take_forks(int philosopher, uint64_t round)
{
    (void)semaphore_wait(SEAT_0 + (uint32_t)philosopher);
    if (!conspiring)
        return;
    if (philosopher == CONSPIRATOR_LEFT && round > 1)
        (void)semaphore_signal(BATON_1);
    if (philosopher == CONSPIRATOR_RIGHT)
        (void)semaphore_signal(BATON_3);
}

/* A conspirator goes on sitting there until the other one eats. */
static REPORTED void hold_forks(int philosopher, uint64_t round)
{
    if (philosopher == CONSPIRATOR_LEFT)
        (void)semaphore_wait(BATON_3);
    if (philosopher == CONSPIRATOR_RIGHT && round < dinner_rounds)
        (void)semaphore_wait(BATON_1);
}

void table_put_forks(int philosopher, uint64_t round)
{
    if (conspiring)
        hold_forks(philosopher, round);

    SEMAPHORE_GUARD(TABLE);
    states[philosopher] = FULL;
    if (round < dinner_rounds)
        become_hungry(philosopher);
    give_forks_if_free(left_of(philosopher));
    give_forks_if_free(right_of(philosopher));
    give_forks_if_free(philosopher);
}

void table_tell(void)
{
    int longest = 0;

    for (int i = 0; i < PHILOSOPHERS; i++) {
        print("philosopher %d waited for at most %lu meals of others\n", i, longest_wait[i]);
        if (longest_wait[i] > longest_wait[longest])
            longest = i;
    }
    print("philosopher %d starved\n", longest);
}

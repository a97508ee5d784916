/*
 * A mother makes ten cheeseburgers, hangs out the washing, and counts again.  Her boy eats what
 * he finds.  Whether she finds ten again depends on what guards the plate:
 *
 *     mutex [none | spin | semaphore | both]     without an argument: asks; nothing: both
 */
#include "teaching.h"

enum { BURGERS = 10, WASHING_MS = 20, ANSWER_SIZE = 16 };
enum semaphore { PLATE_SEMAPHORE = 0x6666, KITCHEN_SEMAPHORE = 0x6667 };
enum protection { PROTECTION_NONE, PROTECTION_SPIN, PROTECTION_SEMAPHORE };

static enum protection protection;
static volatile int burgers;
static volatile int found_at_last;
static struct spin_lock plate_lock;

static REPORTED void plate_take(void)
{
    if (protection == PROTECTION_SPIN)
        spin_acquire(&plate_lock);
    else if (protection == PROTECTION_SEMAPHORE)
        (void)semaphore_wait(PLATE_SEMAPHORE);
}

static REPORTED void plate_leave(void)
{
    if (protection == PROTECTION_SPIN)
        spin_release(&plate_lock);
    else if (protection == PROTECTION_SEMAPHORE)
        (void)semaphore_signal(PLATE_SEMAPHORE);
}

/* The boy comes when the smell does: she has the plate by then. */
static REPORTED void mother_run(void)
{
    plate_take();
    print("mother: start to make cheeseburgers, there are %d now\n", burgers);
    burgers += BURGERS;
    (void)semaphore_signal(KITCHEN_SEMAPHORE);
    print("mother: oh, I have to hang out the washing\n");
    sleep_ms(WASHING_MS);
    found_at_last = burgers;
    print("mother: back again, there are %d cheeseburgers\n", burgers);
    plate_leave();
}

static REPORTED void boy_run(int unused)
{
    (void)unused;
    (void)semaphore_wait(KITCHEN_SEMAPHORE);
    plate_take();
    print("boy: look what I found, %d cheeseburgers!\n", burgers);
    burgers = 0;
    print("boy: very tasty\n");
    plate_leave();
}

static REPORTED int family_run(void)
{
    int boy;

    burgers = 0;
    (void)semaphore_new(PLATE_SEMAPHORE, 1);
    (void)semaphore_new(KITCHEN_SEMAPHORE, 0);
    boy = process_start(boy_run, 0);
    mother_run();
    (void)process_wait(boy);
    return found_at_last;
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "none", "spin", "semaphore" };
    char answer[ANSWER_SIZE];
    bool known = false;
    int bad = 0;

    (void)question_ask(&(struct question){ argc, argv, 1,
                                           "Protection (none, spin, semaphore, both): " },
                       answer, sizeof(answer));
    for (int i = PROTECTION_NONE; i <= PROTECTION_SEMAPHORE; i++) {
        bool both = answer[0] == '\0' || text_equal(answer, "both");
        int found;

        if (!text_equal(answer, names[i]) && !(both && i != PROTECTION_NONE))
            continue;
        known = true;
        print("-- protection: %s\n", names[i]);
        protection = (enum protection)i;
        found = family_run();
        print("-- of %d cheeseburgers the mother found %d\n", BURGERS, found);
        bad += i != PROTECTION_NONE && found != BURGERS;
    }
    if (!known)
        print("mutex: there is no protection \"%s\"\n", answer);
    return known ? bad : 1;
}

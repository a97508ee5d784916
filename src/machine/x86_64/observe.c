/*
 * The observer of a run with `timeline`: it listens, and sends what it hears to the runner.
 *
 * Events are gathered, because a message costs an exit to QEMU.  They are in the order in which the
 * processors came here, not quite that of their times: the runner sorts them.
 *
 * `lock` is taken with locks of the kernel held, and below it only the link's.  What is called
 * under it makes no events.
 */
#include "lib/text.h"
#include "machine/observer.h"
#include "machine/x86_64/link.h"
#include "machine/x86_64/port.h"

#define RECORDS 400u

static _Atomic bool lock;
static struct observer_record records[RECORDS];    /* protected by lock */
static unsigned record_count;

static void send(void)
{
    if (record_count > 0)
        link_send(LINK_EVENTS, (struct link_part){ records, 0 },
                  (struct link_part){ records, record_count * sizeof(records[0]) });
    record_count = 0;
}

static void happened(const struct observer_event *event)
{
    const char *name = kernel_event_name(event->kind, event->numbers[0]);
    bool were_on = lock_take(&lock);
    struct observer_record *record = &records[record_count++];

    record->event = *event;
    (void)text_copy(record->name, name ? name : "", sizeof(record->name));
    if (record_count == RECORDS)
        send();
    lock_release(&lock, were_on);
}

void observe_init(void)
{
    static const struct observer_operations listener = { .event = happened };

    if (port_option("timeline") && link_is_up())
        info_edit()->observer = &listener;
}

void observe_finish(void)
{
    bool were_on = lock_take(&lock);

    send();
    lock_release(&lock, were_on);
}

/* /proc/sys/fs/mqueue: what can be written, and what it changes for queues made afterwards. */
#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/resource.h>

#include "with_users.h"

#define NAME "eft-settings"
#define SETTINGS "/proc/sys/fs/mqueue/"

static const char *const settings[] = {
    "queues_max", "msg_max", "msg_default", "msgsize_max", "msgsize_default",
};

static void show(const char *name)
{
    char path[64], text[32] = "";
    int fd;

    (void)snprintf(path, sizeof(path), SETTINGS "%s", name);
    fd = open(path, O_RDONLY);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
        (void)printf("%s: %s\n", name, error_name(errno));
    else
        (void)printf("%s: %s", name, text);
    (void)close(fd);
}

static void set(const char *name, const char *text)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), SETTINGS "%s", name);
    fd = open(path, O_WRONLY);
    errno = 0;
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        (void)printf("%s to %s: %s\n", text, name, error_name(errno));
    else
        (void)printf("%s to %s: done\n", text, name);
    (void)close(fd);
    show(name);
}

/* Makes a queue, says what it became, and removes it. */
static void try_queue(const char *what, const struct mq_attr *wanted)
{
    struct mq_attr attributes = { 0 };
    long queue;

    errno = 0;
    queue = syscall(SYS_mq_open, NAME, O_RDWR | O_CREAT | O_EXCL, 0600, wanted);
    if (queue < 0) {
        (void)printf("%s: %s\n", what, error_name(errno));
        return;
    }
    (void)syscall(SYS_mq_getsetattr, queue, NULL, &attributes);
    (void)printf("%s: %ld messages of %ld bytes\n", what, attributes.mq_maxmsg,
                 attributes.mq_msgsize);
    (void)close((int)queue);
    (void)syscall(SYS_mq_unlink, NAME);
}

static void try_queues(void)
{
    static const struct mq_attr most = { .mq_maxmsg = 12, .mq_msgsize = 9000 };
    static const struct mq_attr more = { .mq_maxmsg = 13, .mq_msgsize = 9000 };
    static const struct mq_attr larger = { .mq_maxmsg = 12, .mq_msgsize = 9001 };

    try_queue("usual", NULL);
    try_queue("most", &most);
    try_queue("more", &more);
    try_queue("larger", &larger);
}

static void values(void)
{
    static const char *const texts[] = {
        "0", "1", "127", "128", "65536", "65537", "16777216", "16777217", "-1", "x", "", " 200 \n",
        "0x90", "12x", "2147483648", "99999999999999999999",
    };

    SECTION("values");
    for (size_t i = 0; i < COUNT(settings); i++) {
        show(settings[i]);
        for (size_t j = 0; j < COUNT(texts); j++)
            set(settings[i], texts[j]);
    }
}

/* How many can be made until it is refused, at most 5. */
static int made(void)
{
    char name[16];
    int count = 0, first = dup(0);

    (void)close(first);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "eft-%d", i);
        count += syscall(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL) >= 0;
    }
    CALL(count < 5 ? syscall(SYS_mq_open, NAME, O_RDWR | O_CREAT, 0600, NULL) : 0);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof(name), "eft-%d", i);
        (void)syscall(SYS_mq_unlink, name);
    }
    CALL(syscall(SYS_mq_open, NAME, O_RDWR | O_CREAT, 0600, NULL));    /* the others are open */
    for (int fd = first; fd < first + count; fd++)
        (void)close(fd);
    return count;
}

static void as_user(void)
{
    be_user(ONE);
    try_queues();
    VALUE(made());
    set("msg_max", "11");
}

/* Who may exceed limits is not subject to these. */
static void give_up_exceeding(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct sets[2];

    (void)syscall(SYS_capget, &header, sets);
    sets[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
    sets[0].effective &= ~(1u << CAP_SYS_RESOURCE);
    CALL(syscall(SYS_capset, &header, sets));
}

int main(void)
{
    static const struct rlimit room = { 819200, 819200 };

    /* The machine's own stay as they are, where there are namespaces. */
    (void)unshare(CLONE_NEWIPC);
    (void)setrlimit(RLIMIT_MSGQUEUE, &room);
    give_up_exceeding();
    values();
    SECTION("what they do");
    set("msg_max", "12");
    set("msgsize_max", "9000");
    set("msg_default", "5");
    set("msgsize_default", "500");
    set("queues_max", "3");
    try_queues();
    VALUE(made());
    apart("as a user", as_user);
    set("msg_default", "20");    /* more than the most */
    set("msgsize_default", "10000");
    try_queue("usual", NULL);
    for (size_t i = 0; i < COUNT(settings); i++)
        show(settings[i]);
    return 0;
}

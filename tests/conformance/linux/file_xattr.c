/* Extended attributes where a filesystem keeps none: the order of the checks. */
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check.h"

#define BARE "/proc/version"
#define NOWHERE "/proc/nowhere"

static const void *const wild = (const void *)1;

static void reading(void)
{
    char value[16], name[300];
    int fd = open(BARE, O_RDONLY);

    SECTION("reading");
    memset(name, 'x', sizeof(name));
    memcpy(name, "user.", 5);
    name[sizeof(name) - 1] = '\0';
    CALL(getxattr(BARE, "user.x", value, sizeof(value)));
    CALL(getxattr(BARE, "bad", value, sizeof(value)));
    CALL(getxattr(BARE, "", value, sizeof(value)));
    CALL(getxattr(BARE, name, value, sizeof(value)));
    CALL(getxattr(BARE, wild, value, sizeof(value)));
    CALL(getxattr(NOWHERE, "", value, sizeof(value)));
    CALL(getxattr(NOWHERE, "user.x", value, sizeof(value)));
    CALL(lgetxattr("/proc/self", "user.x", value, sizeof(value)));
    CALL(fgetxattr(fd, "security.capability", value, 0));
    CALL(fgetxattr(-1, "user.x", value, sizeof(value)));
    CALL(fgetxattr(-1, "", value, sizeof(value)));
    CALL(listxattr(BARE, value, sizeof(value)));
    CALL(listxattr(NOWHERE, value, sizeof(value)));
    CALL(llistxattr("/proc/self", NULL, 0));
    CALL(flistxattr(fd, NULL, 0));
    CALL(flistxattr(-1, NULL, 0));
    close(fd);
}

static void changing(void)
{
    int fd = open(BARE, O_RDONLY);

    SECTION("changing");
    CALL(setxattr(BARE, "user.x", "a", 1, 0));
    CALL(setxattr(BARE, "user.x", "a", 1, 8));
    CALL(setxattr(BARE, "user.x", "a", 100000, XATTR_CREATE));
    CALL(setxattr(BARE, "", "a", 100000, 0));
    CALL(setxattr(NOWHERE, "user.x", wild, 1, 0));
    CALL(setxattr(NOWHERE, "user.x", wild, 0, 0));
    CALL(lsetxattr(NOWHERE, wild, "a", 1, 0));
    CALL(fsetxattr(-1, "user.x", wild, 1, 0));
    CALL(fsetxattr(-1, "user.x", "a", 1, XATTR_REPLACE));
    CALL(fsetxattr(fd, "bad", "a", 1, 0));
    CALL(removexattr(BARE, "user.x"));
    CALL(removexattr(BARE, ""));
    CALL(lremovexattr(NOWHERE, "user.x"));
    CALL(fremovexattr(fd, "user.x"));
    CALL(fremovexattr(-1, "user.x"));
    close(fd);
}

int main(void)
{
    reading();
    changing();
    return 0;
}

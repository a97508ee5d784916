/* The names of the machine: what cannot be one, and setting them to what they are. */
#include "check.h"

#include <sys/utsname.h>
#include <unistd.h>

int main(void)
{
    static char long_name[128];
    struct utsname name;

    CALL(sethostname("x", (size_t)-1));
    CALL(sethostname(long_name, 65));
    CALL(sethostname((const char *)8, 5));
    CALL(setdomainname("x", (size_t)-1));
    CALL(setdomainname(long_name, 65));
    CALL(setdomainname((const char *)8, 5));
    uname(&name);
    CALL(sethostname(name.nodename, strlen(name.nodename)));
    CALL(setdomainname(name.domainname, strlen(name.domainname)));
    return 0;
}

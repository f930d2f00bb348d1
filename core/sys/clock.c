/* Monotonic time in nanoseconds. Sits on sys. */
#include "csock.h"
#include "sys/sys.h"

int64_t csock_now(void)
{
    struct timespec t;
    csock__sys->clock(&t);
    return csock__ns(&t);
}

int64_t csock_deadline(int64_t ns)
{
    int64_t moment;
    if (__builtin_add_overflow(csock_now(), ns, &moment))
        return ns < 0 ? 1 : CSOCK_FOREVER;
    return moment > 0 ? moment : 1; /* 0 is CSOCK_FOREVER: the past must not become it */
}

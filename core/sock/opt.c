/* Socket options, getsockopt(2) and setsockopt(2). Sits on users and sys. */
#include "sys/sys.h"
#include "call/users.h"

#include <linux/filter.h>
#include <netinet/tcp.h>
#include <string.h>

/* SO_RCVLOWAT is a promise of the blocking receive, which a try would break; the kernel takes 0 for
 * 1. With TCP_FASTOPEN_CONNECT the blocking send waits for the connection that it begins, and a try
 * would not. The kernel reads the first int of a longer buffer. socket(7), tcp(7) */
static void notice(struct csock *s, int level, int name, const void *value, socklen_t len)
{
    int first;
    if (!value || len < sizeof first)
        return;
    memcpy(&first, value, sizeof first);
    if (level == SOL_SOCKET && name == SO_RCVLOWAT)
        csock__flag(s, CSOCK_NO_TRY, first != 0 && first != 1);
    else if (level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT && first != 0)
        csock__flag(s, CSOCK_NO_TRY, true);
}

/* A duplicate of the descriptor, which shares the option, may have been told. The mark stays, as
 * TCP_FASTOPEN_CONNECT may want it. */
static void notice_set_elsewhere(struct csock *s, int level, int name, const void *value,
                                 socklen_t len)
{
    int low;
    if (level != SOL_SOCKET || name != SO_RCVLOWAT || len < sizeof low)
        return;
    memcpy(&low, value, sizeof low);
    if (low > 1)
        csock__flag(s, CSOCK_NO_TRY, true);
}

static int set(struct csock *s, int level, int name, const void *value, socklen_t len)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->setsockopt(csock__fd(s), level, name, value, len));
    if (r == 0)
        notice(s, level, name, value, len);
    csock__leave(&call);
    return r;
}

/* SO_GET_FILTER counts instructions, not bytes: told the size of a buffer, it would write eight
 * times as much. */
static socklen_t unit_of(int level, int name)
{
    return level == SOL_SOCKET && name == SO_GET_FILTER ? sizeof(struct sock_filter) : 1;
}

/* Some options say how much there would be, and not how much was written: NETLINK_LIST_MEMBERSHIPS,
 * netlink(7). */
int csock_opt_get(struct csock *s, int level, int name, void *buf, socklen_t *len)
{
    struct csock__call call;
    const socklen_t unit = unit_of(level, name), room = *len / unit;
    socklen_t n = room;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->getsockopt(csock__fd(s), level, name, buf, &n));
    if (r == 0)
        notice_set_elsewhere(s, level, name, buf, n);
    csock__leave(&call);
    if (r == 0)
        *len = (n < room ? n : room) * unit;
    return r;
}

int csock_opt_get_int(struct csock *s, int level, int name, int *ret_value)
{
    int value = 0; /* some options fill less than an int */
    socklen_t len = sizeof value;
    int r = csock_opt_get(s, level, name, &value, &len);
    if (r == 0)
        *ret_value = value;
    return r;
}

/* Options that are not of AF_VSOCK itself fill only an int. */
int csock_opt_get_u64(struct csock *s, int level, int name, uint64_t *ret_value)
{
    union {
        uint64_t whole;
        uint32_t first;
    } value = {0};
    socklen_t len = sizeof value;
    int r = csock_opt_get(s, level, name, &value, &len);
    if (r == 0)
        *ret_value = len > sizeof value.first ? value.whole : value.first;
    return r;
}

int csock_opt_set_u64(struct csock *s, int level, int name, uint64_t value)
{
    return set(s, level, name, &value, sizeof value);
}

int csock_opt_set(struct csock *s, int level, int name, const void *buf, socklen_t len)
{
    return set(s, level, name, buf, len);
}

int csock_opt_set_int(struct csock *s, int level, int name, int value)
{
    return set(s, level, name, &value, sizeof value);
}

int csock_opt_set_absent(struct csock *s, int level, int name, socklen_t len)
{
    return set(s, level, name, NULL, len);
}

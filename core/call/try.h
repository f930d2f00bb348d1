/* What a transfer has to know for its first try: with which flags it is sent, and whether its
 * result ends the call. A header apart, as three kinds of callers make that try (wait.h says
 * which), and must not differ in this. Sits on users.h. */
#ifndef CSOCK_CORE_TRY_H
#define CSOCK_CORE_TRY_H

#include <errno.h>

#include "call/users.h"

/* Families whose stream sockets raise SIGPIPE and know MSG_NOSIGNAL. Not for all: QIPCRTR and RDS
 * reject a flag that they do not know. */
static inline bool csock__raises_sigpipe(const struct csock *s)
{
    return (s->type == SOCK_STREAM || s->type == SOCK_SEQPACKET) &&
           (s->family == AF_INET || s->family == AF_INET6 || s->family == AF_UNIX);
}

static inline int csock__send_flags(const struct csock *s, int flags)
{
    if (!(csock_flags(s) & CSOCK_SIGPIPE) && csock__raises_sigpipe(s))
        flags |= MSG_NOSIGNAL;
    return flags;
}

/* Whether the result of a try leaves the call to wait, or to ask what a signal wants. */
static inline bool csock__inconclusive(ssize_t r)
{
    return r == -EAGAIN || r == -EINTR;
}

#endif

/* How a transfer waits, by its flags and those of its socket. Sits on try.h and wait.h. */
#include "sock/io.h"
#include "call/try.h"

/* MSG_ERRQUEUE asks for an entry of the error queue and never waits for one. To a family without
 * such a queue it means nothing: there it is for the kernel to say whether to wait. */
bool csock__asks_error_queue(const struct csock *s, int flags)
{
    int f = s->family;
    return (flags & MSG_ERRQUEUE) &&
           (f == AF_INET || f == AF_INET6 || f == AF_PACKET || f == AF_CAN);
}

/* Whether the flags forbid a try, or the socket does: SO_RCVLOWAT is such a promise, too. */
static bool forbids_try(unsigned of_socket, int flags)
{
    return (flags & CSOCK__NO_TRY) || (of_socket & CSOCK_NO_TRY);
}

static inline uint8_t rare(unsigned of_socket, int flags)
{
    return ((unsigned)flags | of_socket) & (CSOCK__NEVER_WAITS | CSOCK__TAPPED);
}

struct csock__op csock__receiving(const struct csock *s, int flags)
{
    const unsigned of_socket = csock_flags(s);
    bool queue = csock__asks_error_queue(s, flags);
    return (struct csock__op){/* An entry of the error queue shows as POLLERR, unasked. */
                              .events = queue ? 0 : POLLIN,
                              .dontwait = true,
                              .no_try = forbids_try(of_socket, flags),
                              /* Poll keeps the promise of SO_RCVLOWAT. */
                              .poll_first = (of_socket & CSOCK_NO_TRY) != 0,
                              .rare = rare(of_socket, queue ? flags | MSG_DONTWAIT : flags)};
}

struct csock__op csock__sending(const struct csock *s, int *flags)
{
    const unsigned of_socket = csock_flags(s);
    *flags = csock__send_flags(s, *flags);
    return (struct csock__op){.events = POLLOUT,
                              .dontwait = true,
                              .no_try = forbids_try(of_socket, *flags),
                              .rare = rare(of_socket, *flags)};
}

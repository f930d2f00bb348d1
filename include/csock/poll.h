/* Waiting for several sockets at a time. */
#ifndef CSOCK_POLL_H
#define CSOCK_POLL_H

#include "csock/socket.h"

CSOCK__BEGIN

/* One of those that csock_poll() waits for: a socket, or a bare descriptor (an eventfd, a
 * pidfd). */
struct csock_polled {
    struct csock *s; /* NULL: fd */
    int fd;          /* used where s is NULL; below 0: left out */
    short events, revents;
};

/* csock_ready() for several at a time, as poll(2). Returns how many have revents other than 0:
 * what holds of events, and POLLERR, POLLHUP, POLLNVAL; a socket without events has none, and is
 * only watched for its closing. Closing one of them ends the call: CSOCK_ECLOSED; -EBADF if one was
 * closed before; that one has POLLNVAL then, and all others 0. On other failures revents mean
 * nothing. A thread that is cancelled in this call counts as inside its sockets for ever. */
CSOCK_API int csock_poll(struct csock_polled *polled, size_t n, const struct csock_wait *w);

CSOCK__END
#endif

/* Receiving, with the memory and the GIL taken care of; receive.c says how.
 *
 * All is for one call: the methods recv and recvfrom, with and without _into, and the raw stream
 * of makefile(), and readers. Those that look at a message's parts go to the core by themselves. */
#ifndef CSOCK_EXT_METHODS_RECEIVE_H
#define CSOCK_EXT_METHODS_RECEIVE_H

#include "object/socket.h"

struct sock_sender {
    union csock_addr addr;
    socklen_t len;
};

/* flags as the core is to have them. */
int sock_recv_flags(struct sock_object *s, int flags);
/* Into the first n bytes of a buffer: the core's result. from may be NULL. */
ssize_t sock_receive_into(struct sock_object *s, const Py_buffer *into, size_t n, int flags,
                          struct sock_sender *from);
/* Into n bytes of memory that is the caller's own. */
ssize_t sock_receive_own(struct sock_object *s, void *buf, size_t n);
/* How many of n bytes of room a receive that gave r has written: some families count with MSG_TRUNC
 * what they have not. */
static inline size_t sock_written(struct sock_object *s, ssize_t r, size_t n, int flags)
{
    return (size_t)r <= n ? (size_t)r : csock_recv_written(&s->core, r, n, flags);
}
/* A bytes object of what came, n bytes at most; on failure the exception is set. */
PyObject *sock_recv_bytes(struct sock_object *s, const char *what, size_t n, int flags,
                          struct sock_sender *from);

#endif

/* Addresses between Python and union csock_addr: what a method needs to know of them. How each
 * family's look is the matter of its row (row.h).
 *
 * A server answers whom it heard, and hears the same one again: so the socket keeps the newest
 * numeric AF_INET address as tuple and as sockaddr. The tuple cannot change, and a name, which may
 * mean something else tomorrow, is never kept. inet.c remembers; not where there is no GIL, as the
 * two would need a lock. */
#ifndef CSOCK_EXT_ADDRESS_ADDRESS_H
#define CSOCK_EXT_ADDRESS_ADDRESS_H

#include "object/socket.h"

/* For addresses that are not remembered: see the two at the end. */
bool addr_convert(struct sock_object *s, const char *what, PyObject *address,
                  union csock_addr *ret_addr, socklen_t *ret_len);
PyObject *sock_addr_make(struct sock_object *s, const union csock_addr *addr, socklen_t len);

/* An address from elsewhere than a socket. len 0 gives None. New reference. */
PyObject *addr_as_py(const union csock_addr *addr, socklen_t len, int proto);
/* Whether the family of s, and its protocol, has addresses that Python knows; else stock's OSError.
 * To be asked before a call that will return one. */
bool sock_addr_has_form(const struct sock_object *s);

static inline bool addr_is_newest(const struct sock_object *s, const union csock_addr *addr)
{
    return s->peer && addr->in.sin_family == AF_INET &&
           s->peer_addr.sin_port == addr->in.sin_port &&
           s->peer_addr.sin_addr.s_addr == addr->in.sin_addr.s_addr;
}

/* Python address to union csock_addr for the socket's family, resolving names where stock does
 * (GIL released meanwhile). what names the method in error texts ("bind(): port must be …"). */
static inline bool addr_from_py(struct sock_object *s, const char *what, PyObject *address,
                                union csock_addr *ret_addr, socklen_t *ret_len)
{
    if (address != s->peer || s->family != AF_INET) /* __init__ may have changed the family */
        return addr_convert(s, what, address, ret_addr, ret_len);
    ret_addr->in = s->peer_addr;
    *ret_len = sizeof ret_addr->in;
    return true;
}

/* The reverse, for an address that a socket gave: interfaces have the names that they have in its
 * network namespace. len 0 gives None. New reference. */
static inline PyObject *sock_addr_as_py(struct sock_object *s, const union csock_addr *addr,
                                        socklen_t len)
{
    bool newest = len >= sizeof addr->in && addr_is_newest(s, addr);
    return newest ? Py_NewRef(s->peer) : sock_addr_make(s, addr, len);
}

#endif

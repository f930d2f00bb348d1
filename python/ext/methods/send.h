/* Sending: what the method send shares with sendmsg and with the raw stream of makefile().
 *
 * A send tries once with the GIL held, if the data is little and in memory that is there
 * (shared/buffers.h), then waits without it. The core's result goes back to each caller, whose
 * words the errors have. */
#ifndef CSOCK_EXT_METHODS_SEND_H
#define CSOCK_EXT_METHODS_SEND_H

#include "object/socket.h"
#include "shared/args.h"
#include "shared/buffers.h"

/* The flags of send, sendall and sendmsg: stock's words for too large ones change with 3.15. */
static inline bool sock_send_flags(PyObject *o, int *ret)
{
#if PY_VERSION_HEX >= 0x030F0000
    return ext_c_int(o, ret);
#else
    return ext_int(o, ret);
#endif
}

/* Sends, as csock_send does: the core's result. tried: the result of a plain try that did not end
 * the call; 0 if there was none. */
ssize_t sock_transmit(struct sock_object *s, const struct ext_payload *data, int flags,
                      ssize_t tried);
/* What a send to that address counts as. */
size_t sock_weight_to(size_t weight, const union csock_addr *addr, socklen_t len);
/* What the method `what` returns for the core's result. A signal may have ended a send of which
 * some went out: its handler's exception wins. */
PyObject *sock_count_sent(struct sock_object *s, const char *what, ssize_t r);

#endif

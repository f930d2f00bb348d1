/* getaddrinfo of a host that is a plain IP address and a port that is a number: nothing to look up,
 * so that libc, which opens files first, is not asked. Only for queries whose answer does not
 * depend on the machine that asks: no scope, few flags, stream, datagram or any type. What comes
 * out is what libc would answer, in its order. */
#ifndef CSOCK_EXT_NAMES_LITERAL_H
#define CSOCK_EXT_NAMES_LITERAL_H

#include "shared/python.h"

#include "csock.h"

struct addrinfo;
struct sock_class;

struct addr_literal {
    union csock_addr addr;
    socklen_t len;
    const struct addrinfo *hints;
};

/* Whether host and port are plain numbers, and the hints ask for nothing special; no exception. */
bool addr_literal_of(PyObject *host, PyObject *port, const struct addrinfo *hints,
                     struct addr_literal *ret);
/* The answer, in members of c's enums; c NULL: in numbers. */
PyObject *addr_literal_as_py(const struct addr_literal *literal, const struct sock_class *c);

#endif

/* What an address family is to the binding: one row of functions. A new family is a new file
 * addr_py_<family>.c with its row, and a line in the list of addr_py.c. */
#ifndef CSOCK_EXT_ADDR_PY_H
#define CSOCK_EXT_ADDR_PY_H

#include "ext.h"

/* What an address is converted for: the socket, and the method that error texts name. */
struct addr_request {
    struct sock_object *s;
    const char *what;
};

struct addr_row {
    int family;
    /* Sets an exception and returns false, or fills both outputs. */
    bool (*from_py)(const struct addr_request *q, PyObject *address, union csock_addr *ret_addr,
                    socklen_t *ret_len);
    /* New reference. len is at least that of the family member, otherwise unchecked. */
    PyObject *(*as_py)(const union csock_addr *addr, socklen_t len);
};

extern const struct addr_row addr_row_inet, addr_row_inet6, addr_row_unix;

#endif

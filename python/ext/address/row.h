/* What an address family is to the binding: one row of functions. A new family is a new file
 * <family>.c with its row, and a line in the list of address.c. */
#ifndef CSOCK_EXT_ADDRESS_ROW_H
#define CSOCK_EXT_ADDRESS_ROW_H

#include "object/socket.h"

/* What an address is converted for: the socket, and the method that error texts name. */
struct addr_request {
    struct sock_object *s;
    const char *what;
};

/* Where an address came from. */
struct addr_origin {
    struct sock_object *s; /* NULL: from no socket */
    int proto;             /* decides in families whose addresses are the protocol's */
};

struct addr_row {
    int family;
    /* Bytes of the family's structure: shorter addresses come to as_py with zeros behind them.
     * 0: they come as they are. */
    socklen_t size;
    /* Sets an exception and returns false, or fills both outputs. */
    bool (*from_py)(const struct addr_request *q, PyObject *address, union csock_addr *ret_addr,
                    socklen_t *ret_len);
    /* New reference. NULL where no address carries this family itself. */
    PyObject *(*as_py)(const struct addr_origin *o, const union csock_addr *addr, socklen_t len);
    /* Whether the socket's protocol has addresses, or an exception. NULL: any has. */
    bool (*has_form)(const struct sock_object *s);
};

extern const struct addr_row addr_row_inet, addr_row_inet6, addr_row_unix, addr_row_netlink,
    addr_row_packet, addr_row_can, addr_row_tipc, addr_row_alg, addr_row_vsock, addr_row_qipcrtr,
    addr_row_rds, addr_row_bluetooth;

/* ---- what the rows share */

/* Whether an address is a tuple, or TypeError in the words of most families: family is "AF_…". */
bool addr_is_tuple(const struct addr_request *q, const char *family, PyObject *address);
/* The two numbers of an address, in the words of the families that do not name the method. */
bool addr_nameless_pair(const char *family, PyObject *address, uint32_t *ret_first,
                        uint32_t *ret_second);
/* The number of an interface by its name, or an exception. */
bool addr_iface_index(const struct addr_request *q, const char *name, int32_t *ret_index);
/* The name of an interface, "" for 0 and for one that is gone. */
void addr_iface_name(const struct addr_origin *o, int32_t index, char name[CSOCK_IFACE_NAME_MAX]);

#endif

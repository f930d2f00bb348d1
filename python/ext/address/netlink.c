/* AF_NETLINK addresses: (pid, groups). */
#include "address/row.h"

static bool netlink_from_py(const struct addr_request *q, PyObject *address,
                            union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_nl nl = {.family = AF_NETLINK};
    if (!addr_is_tuple(q, "AF_NETLINK", address) ||
        !PyArg_ParseTuple(address, "II;AF_NETLINK address must be a pair (pid, groups)", &nl.pid,
                          &nl.groups))
        return false;
    ret_addr->nl = nl;
    *ret_len = sizeof nl;
    return true;
}

static PyObject *netlink_as_py(const struct addr_origin *o, const union csock_addr *addr,
                               socklen_t len)
{
    (void)o;
    (void)len;
    return Py_BuildValue("(II)", addr->nl.pid, addr->nl.groups);
}

const struct addr_row addr_row_netlink = {AF_NETLINK, sizeof(struct csock_addr_nl), netlink_from_py,
                                          netlink_as_py, NULL};

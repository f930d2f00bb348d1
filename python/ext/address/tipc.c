/* AF_TIPC addresses: (type, v1, v2, v3[, scope]); what the values mean depends on the type. Errors
 * are stock's. */
#include "address/row.h"

enum { SEQ = 1, NAME = 2, ID = 3, CLUSTER_SCOPE = 2 };

static bool tipc_fill(struct csock_addr_tipc *tipc, unsigned type, const unsigned v[3])
{
    switch (type) {
    case SEQ:
        tipc->u.seq.type = v[0];
        tipc->u.seq.lower = v[1];
        tipc->u.seq.upper = v[2];
        break;
    case NAME:
        tipc->u.name.type = v[0];
        tipc->u.name.instance = v[1];
        break;
    case ID:
        tipc->u.id.node = v[0];
        tipc->u.id.ref = v[1];
        break;
    default:
        PyErr_SetString(PyExc_TypeError, "Invalid address type");
        return false;
    }
    tipc->addrtype = (uint8_t)type;
    return true;
}

static bool tipc_from_py(const struct addr_request *q, PyObject *address,
                         union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_tipc tipc = {.family = AF_TIPC};
    unsigned type, v[3], scope = CLUSTER_SCOPE;
    if (!addr_is_tuple(q, "AF_TIPC", address) ||
        !PyArg_ParseTuple(address,
                          "IIII|I;AF_TIPC address must be a tuple (addr_type, v1, v2, v3[, scope])",
                          &type, &v[0], &v[1], &v[2], &scope) ||
        !tipc_fill(&tipc, type, v))
        return false;
    tipc.scope = (int8_t)scope;
    ret_addr->tipc = tipc;
    *ret_len = sizeof tipc;
    return true;
}

static PyObject *tipc_as_py(const struct addr_origin *o, const union csock_addr *addr,
                            socklen_t len)
{
    const struct csock_addr_tipc *tipc = &addr->tipc;
    unsigned type = tipc->addrtype, scope = (unsigned)tipc->scope;
    (void)o;
    (void)len;
    switch (type) {
    case SEQ:
        return Py_BuildValue("(IIIII)", type, tipc->u.seq.type, tipc->u.seq.lower,
                             tipc->u.seq.upper, scope);
    case NAME:
        return Py_BuildValue("(IIIII)", type, tipc->u.name.type, tipc->u.name.instance,
                             tipc->u.name.instance, scope);
    case ID:
        return Py_BuildValue("(IIIII)", type, tipc->u.id.node, tipc->u.id.ref, 0u, scope);
    default:
        PyErr_SetString(PyExc_ValueError, "Invalid address type");
        return NULL;
    }
}

const struct addr_row addr_row_tipc = {AF_TIPC, sizeof(struct csock_addr_tipc), tipc_from_py,
                                       tipc_as_py, NULL};

/* AF_CAN addresses, by protocol: (interface,) for CAN_RAW and CAN_BCM, (interface, rx, tx) for
 * CAN_ISOTP, (interface, name, pgn, addr) for CAN_J1939. An empty interface is any. Errors are
 * stock's, SystemError for what is no tuple included. */
#include "address/row.h"

enum { CAN_RAW = 1, CAN_BCM = 2, CAN_ISOTP = 6, CAN_J1939 = 7 };

/* Fills what the protocol adds; *ret_interface is a new reference to bytes. */
static bool can_from_tuple(const struct addr_request *q, PyObject *address,
                           struct csock_addr_can *can, PyObject **ret_interface)
{
    unsigned long rx, tx;
    unsigned long long name;
    switch (EXT_GET(q->s->proto)) {
    case CAN_RAW:
    case CAN_BCM:
        return addr_is_tuple(q, "AF_CAN", address) &&
               PyArg_ParseTuple(address, "O&;AF_CAN address must be a tuple (interface, )",
                                PyUnicode_FSConverter, ret_interface);
    case CAN_ISOTP:
        if (!addr_is_tuple(q, "AF_CAN", address) ||
            !PyArg_ParseTuple(address, "O&kk", PyUnicode_FSConverter, ret_interface, &rx, &tx))
            return false;
        can->u.tp.rx_id = (uint32_t)rx;
        can->u.tp.tx_id = (uint32_t)tx;
        return true;
    case CAN_J1939:
        if (!addr_is_tuple(q, "AF_CAN", address) ||
            !PyArg_ParseTuple(address, "O&KIB", PyUnicode_FSConverter, ret_interface, &name,
                              &can->u.j1939.pgn, &can->u.j1939.addr))
            return false;
        can->u.j1939.name = name;
        return true;
    default:
        PyErr_Format(PyExc_OSError, "%s(): unsupported CAN protocol", q->what);
        return false;
    }
}

static bool can_index(const struct addr_request *q, PyObject *interface, int32_t *ret_index)
{
    if (PyBytes_GET_SIZE(interface) == 0)
        return true;
    if (PyBytes_GET_SIZE(interface) >= CSOCK_IFACE_NAME_MAX) {
        PyErr_SetString(PyExc_OSError, "AF_CAN interface name too long");
        return false;
    }
    return addr_iface_index(q, PyBytes_AS_STRING(interface), ret_index);
}

static bool can_from_py(const struct addr_request *q, PyObject *address, union csock_addr *ret_addr,
                        socklen_t *ret_len)
{
    struct csock_addr_can can = {.family = AF_CAN};
    PyObject *interface;
    if (!can_from_tuple(q, address, &can, &interface))
        return false;
    bool ok = can_index(q, interface, &can.ifindex);
    Py_DECREF(interface);
    if (!ok)
        return false;
    ret_addr->can = can;
    *ret_len = sizeof can;
    return true;
}

static PyObject *can_as_py(const struct addr_origin *o, const union csock_addr *addr, socklen_t len)
{
    char text[CSOCK_IFACE_NAME_MAX];
    const struct csock_addr_can *can = &addr->can;
    (void)len;
    addr_iface_name(o, can->ifindex, text);
    PyObject *interface = PyUnicode_DecodeFSDefault(text);
    if (!interface)
        return NULL;
    switch (o->proto) {
    case CAN_ISOTP:
        return Py_BuildValue("(NII)", interface, can->u.tp.rx_id, can->u.tp.tx_id);
    case CAN_J1939:
        return Py_BuildValue("(NKIB)", interface, (unsigned long long)can->u.j1939.name,
                             can->u.j1939.pgn, can->u.j1939.addr);
    default:
        return Py_BuildValue("(N)", interface);
    }
}

const struct addr_row addr_row_can = {AF_CAN, sizeof(struct csock_addr_can), can_from_py, can_as_py,
                                      NULL};

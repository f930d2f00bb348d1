/* AF_PACKET addresses: (interface, protocol[, pkttype[, hatype[, hardware address]]]); what comes
 * back has all five. Errors and their order are stock's. */
#include "address/row.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define HEAD offsetof(struct csock_addr_ll, addr)

/* The tuple's items. */
struct packet_items {
    const char *interface;
    int proto, pkttype, hatype;
    Py_buffer hardware; /* buf is NULL if there is none */
};

static bool packet_from_tuple(const struct addr_request *q, PyObject *address,
                              struct packet_items *ret)
{
    *ret = (struct packet_items){0}; /* pkttype 0: PACKET_HOST */
    if (!addr_is_tuple(q, "AF_PACKET", address))
        return false;
    if (PyArg_ParseTuple(address,
                         "si|iiy*;AF_PACKET address must be a tuple of two to five elements",
                         &ret->interface, &ret->proto, &ret->pkttype, &ret->hatype, &ret->hardware))
        return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError))
        PyErr_Format(PyExc_OverflowError, "%s(): address argument out of range", q->what);
    return false;
}

static bool packet_fill(const struct addr_request *q, const struct packet_items *items,
                        struct csock_addr_ll *ll)
{
    const Py_buffer *hardware = &items->hardware;
    if (!addr_iface_index(q, items->interface, &ll->ifindex))
        return false;
    if (hardware->buf && hardware->len > (Py_ssize_t)sizeof ll->addr) {
        PyErr_SetString(PyExc_ValueError, "Hardware address must be 8 bytes or less");
        return false;
    }
    if (items->proto < 0 || items->proto > UINT16_MAX) {
        PyErr_Format(PyExc_OverflowError, "%s(): proto must be 0-65535.", q->what);
        return false;
    }
    ll->protocol = htons((uint16_t)items->proto);
    ll->pkttype = (uint8_t)items->pkttype;
    ll->hatype = (uint16_t)items->hatype;
    if (hardware->buf) {
        ll->halen = (uint8_t)hardware->len;
        memcpy(ll->addr, hardware->buf, ll->halen);
    }
    return true;
}

static bool packet_from_py(const struct addr_request *q, PyObject *address,
                           union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct packet_items items;
    struct csock_addr_ll ll = {.family = AF_PACKET};
    if (!packet_from_tuple(q, address, &items))
        return false;
    bool ok = packet_fill(q, &items, &ll);
    if (items.hardware.obj)
        PyBuffer_Release(&items.hardware);
    if (!ok)
        return false;
    ret_addr->ll = ll;
    *ret_len = sizeof ll;
    return true;
}

/* The kernel's own hardware addresses may be longer than the structure: what came counts. */
static PyObject *packet_as_py(const struct addr_origin *o, const union csock_addr *addr,
                              socklen_t len)
{
    char interface[CSOCK_IFACE_NAME_MAX];
    const struct csock_addr_ll *ll = &addr->ll;
    size_t n = ll->halen < len - HEAD ? ll->halen : len - HEAD;
    addr_iface_name(o, ll->ifindex, interface);
    return Py_BuildValue("(siiiy#)", interface, (int)ntohs(ll->protocol), (int)ll->pkttype,
                         (int)ll->hatype, (const char *)addr + HEAD, (Py_ssize_t)n);
}

const struct addr_row addr_row_packet = {AF_PACKET, sizeof(struct csock_addr_ll), packet_from_py,
                                         packet_as_py, NULL};

/* Addresses between Python and union csock_addr: the list of families, and what their rows share.
 * Sits on the core's addresses and interfaces. */
#include "address/address.h"
#include "address/row.h"

#include <string.h>

bool addr_is_tuple(const struct addr_request *q, const char *family, PyObject *address)
{
    if (PyTuple_Check(address))
        return true;
    PyErr_Format(PyExc_TypeError, "%s(): %s address must be tuple, not %.500s", q->what, family,
                 Py_TYPE(address)->tp_name);
    return false;
}

bool addr_nameless_pair(const char *family, PyObject *address, uint32_t *ret_first,
                        uint32_t *ret_second)
{
    if (PyTuple_Check(address))
        return PyArg_ParseTuple(address, "II:getsockaddrarg", ret_first, ret_second);
    PyErr_Format(PyExc_TypeError, "getsockaddrarg: %s address must be tuple, not %.500s", family,
                 Py_TYPE(address)->tp_name);
    return false;
}

bool addr_iface_index(const struct addr_request *q, const char *name, int32_t *ret_index)
{
    unsigned index;
    int r = csock_iface_index(&q->s->core, name, &index);
    if (r < 0) {
        ext_raise_sock(q->s, q->what, r);
        return false;
    }
    *ret_index = (int32_t)index;
    return true;
}

void addr_iface_name(const struct addr_origin *o, int32_t index, char name[CSOCK_IFACE_NAME_MAX])
{
    name[0] = '\0';
    if (index)
        csock_iface_name(o->s ? &o->s->core : NULL, (unsigned)index, name);
}

static const struct addr_row *const family_rows[] = {
    &addr_row_inet,   &addr_row_inet6,   &addr_row_unix, &addr_row_netlink,
    &addr_row_packet, &addr_row_vsock,   &addr_row_can,  &addr_row_bluetooth,
    &addr_row_tipc,   &addr_row_qipcrtr, &addr_row_alg,  &addr_row_rds,
};

static const struct addr_row *row_of(int family)
{
    for (size_t i = 0; i < sizeof family_rows / sizeof *family_rows; i++)
        if (family_rows[i]->family == family)
            return family_rows[i];
    return NULL;
}

bool addr_convert(struct sock_object *s, const char *what, PyObject *address,
                  union csock_addr *ret_addr, socklen_t *ret_len)
{
    const struct addr_row *row = row_of(EXT_GET(s->family));
    if (!row) {
        PyErr_Format(PyExc_OSError, "%s(): bad family", what);
        return false;
    }
    return row->from_py(&(struct addr_request){s, what}, address, ret_addr, ret_len);
}

/* The first bytes of an address whose family has no row, as stock shows it. */
static PyObject *unknown_as_py(const union csock_addr *addr, socklen_t len)
{
    struct sockaddr head = {0};
    memcpy(&head, addr, len < sizeof head ? len : sizeof head);
    return Py_BuildValue("(iy#)", (int)head.sa_family, head.sa_data,
                         (Py_ssize_t)sizeof head.sa_data);
}

/* An address that the kernel has cut short, with zeros where it ends. */
static PyObject *short_as_py(const struct addr_row *row, const struct addr_origin *o,
                             const union csock_addr *addr, socklen_t len)
{
    union csock_addr whole = {0};
    memcpy(&whole, addr, len);
    return row->as_py(o, &whole, row->size);
}

static PyObject *row_as_py(const struct addr_origin *o, const union csock_addr *addr, socklen_t len)
{
    const struct addr_row *row =
        len >= sizeof addr->any.sa_family ? row_of(addr->any.sa_family) : NULL;
    if (!row || !row->as_py)
        return unknown_as_py(addr, len);
    return len >= row->size ? row->as_py(o, addr, len) : short_as_py(row, o, addr, len);
}

PyObject *addr_as_py(const union csock_addr *addr, socklen_t len, int proto)
{
    if (len == 0)
        Py_RETURN_NONE;
    return row_as_py(&(struct addr_origin){NULL, proto}, addr, len);
}

PyObject *sock_addr_make(struct sock_object *s, const union csock_addr *addr, socklen_t len)
{
    if (len == 0)
        Py_RETURN_NONE;
    return row_as_py(&(struct addr_origin){s, EXT_GET(s->proto)}, addr, len);
}

bool sock_addr_has_form(const struct sock_object *s)
{
    const struct addr_row *row = row_of(EXT_GET(s->family));
    if (row)
        return !row->has_form || row->has_form(s);
    PyErr_SetString(PyExc_OSError, "getsockaddrlen: bad family");
    return false;
}

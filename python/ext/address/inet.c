/* AF_INET and AF_INET6 addresses: (host, port) and (host, port[, flowinfo[, scope]]). Sits on
 * addr_resolve; errors and their order are stock's. */
#include "address/row.h"
#include "shared/args.h"
#include "address/host.h"

#include <arpa/inet.h>

static bool raise_port(const struct addr_request *q)
{
    PyErr_Format(PyExc_OverflowError, "%s(): port must be 0-65535.", q->what);
    return false;
}

/* Any int passes: its range is looked at after the host, as in stock. */
static bool port_item(const struct addr_request *q, PyObject *o, int *ret_port)
{
    if (ext_int(o, ret_port))
        return true;
    if (PyErr_ExceptionMatches(PyExc_OverflowError))
        raise_port(q);
    return false;
}

/* Wraps round, as the interpreter's own conversion to unsigned int does. */
static bool unsigned_item(PyObject *o, uint32_t *ret)
{
    unsigned long value = PyLong_AsUnsignedLongMask(o);
    if (value == (unsigned long)-1 && PyErr_Occurred())
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool check_port(const struct addr_request *q, int port)
{
    return (port >= 0 && port <= 65535) || raise_port(q);
}

/* ---- the newest address: see address.h */

#ifdef Py_GIL_DISABLED

static void remember(struct sock_object *s, PyObject *address, const struct sockaddr_in *addr)
{
    (void)s, (void)address, (void)addr;
}

static PyObject *remembered_host(const struct sock_object *s, const struct sockaddr_in *addr)
{
    (void)s, (void)addr;
    return NULL;
}

#else

static void remember(struct sock_object *s, PyObject *address, const struct sockaddr_in *addr)
{
    s->peer_addr = *addr;
    Py_XSETREF(s->peer, Py_NewRef(address));
}

/* Who connects to a server comes from a host that has just done so, mostly: behind a proxy, say. */
static PyObject *remembered_host(const struct sock_object *s, const struct sockaddr_in *addr)
{
    bool same = s->peer && s->peer_addr.sin_addr.s_addr == addr->sin_addr.s_addr;
    return same ? Py_NewRef(PyTuple_GET_ITEM(s->peer, 0)) : NULL;
}

#endif

static bool is_plain(PyObject *address)
{
    return PyTuple_CheckExact(address) && PyTuple_GET_SIZE(address) == 2 &&
           PyUnicode_CheckExact(PyTuple_GET_ITEM(address, 0)) &&
           PyLong_CheckExact(PyTuple_GET_ITEM(address, 1));
}

/* A dotted quad and a port, with nothing about them that takes a second look. *ret_name: the host
 * was looked at, and is none. */
static bool quick_from_py(struct sock_object *s, PyObject *address, union csock_addr *ret_addr,
                          socklen_t *ret_len, bool *ret_name)
{
    if (!is_plain(address))
        return false;
    PyObject *host = PyTuple_GET_ITEM(address, 0);
    Py_ssize_t port;
    if (!ext_size(PyTuple_GET_ITEM(address, 1), &port)) {
        PyErr_Clear(); /* too large an int: raised again, in the right words */
        return false;
    }
    if (port < 0 || port > 65535 || !PyUnicode_IS_COMPACT_ASCII(host))
        return false;
    const char *text = PyUnicode_DATA(host);
    if (*text < '0' || *text > '9') /* no name: what is remembered has to be how it is shown */
        return false;
    *ret_name = csock_addr_from_host(AF_INET, text, port, ret_addr, ret_len) < 0;
    if (*ret_name || ext_has_nul(text, PyUnicode_GET_LENGTH(host)))
        return false;
    remember(s, address, &ret_addr->in);
    return true;
}

static bool inet_from_py(const struct addr_request *q, PyObject *address,
                         union csock_addr *ret_addr, socklen_t *ret_len)
{
    const char *host;
    PyObject *keep;
    int port;
    bool is_name = false;
    if (quick_from_py(q->s, address, ret_addr, ret_len, &is_name))
        return true;
    if (!addr_is_tuple(q, "AF_INET", address))
        return false;
    if (PyTuple_GET_SIZE(address) != 2) {
        PyErr_SetString(PyExc_TypeError, "AF_INET address must be a pair (host, port)");
        return false;
    }
    if (!addr_host_argument(PyTuple_GET_ITEM(address, 0), &host, &keep))
        return false;
    bool ok = port_item(q, PyTuple_GET_ITEM(address, 1), &port) &&
              (is_name ? addr_resolve_name : addr_resolve)(q->s->state, q->s, AF_INET, host,
                                                           ret_addr, ret_len) &&
              check_port(q, port);
    Py_DECREF(keep);
    if (ok)
        ret_addr->in.sin_port = htons((uint16_t)port);
    return ok;
}

/* (host, port[, flowinfo[, scope]]), converted. */
struct inet6_items {
    const char *host;
    int port;
    uint32_t flowinfo, scope;
};

static bool inet6_numbers(const struct addr_request *q, PyObject *address,
                          struct inet6_items *items)
{
    Py_ssize_t n = PyTuple_GET_SIZE(address);
    return port_item(q, PyTuple_GET_ITEM(address, 1), &items->port) &&
           (n < 3 || unsigned_item(PyTuple_GET_ITEM(address, 2), &items->flowinfo)) &&
           (n < 4 || unsigned_item(PyTuple_GET_ITEM(address, 3), &items->scope));
}

static bool inet6_build(const struct addr_request *q, const struct inet6_items *items,
                        union csock_addr *ret_addr, socklen_t *ret_len)
{
    if (!addr_resolve(q->s->state, q->s, AF_INET6, items->host, ret_addr, ret_len) ||
        !check_port(q, items->port))
        return false;
    if (items->flowinfo > 0xfffff) {
        PyErr_Format(PyExc_OverflowError, "%s(): flowinfo must be 0-1048575.", q->what);
        return false;
    }
    ret_addr->in6.sin6_port = htons((uint16_t)items->port);
    ret_addr->in6.sin6_flowinfo = htonl(items->flowinfo);
    if (items->scope)
        ret_addr->in6.sin6_scope_id = items->scope; /* else the one of "host%scope" stays */
    return true;
}

static bool inet6_from_py(const struct addr_request *q, PyObject *address,
                          union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct inet6_items items = {0};
    PyObject *keep;
    if (!addr_is_tuple(q, "AF_INET6", address))
        return false;
    if (PyTuple_GET_SIZE(address) < 2 || PyTuple_GET_SIZE(address) > 4) {
        PyErr_SetString(PyExc_TypeError,
                        "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])");
        return false;
    }
    if (!addr_host_argument(PyTuple_GET_ITEM(address, 0), &items.host, &keep))
        return false;
    bool ok = inet6_numbers(q, address, &items) && inet6_build(q, &items, ret_addr, ret_len);
    Py_DECREF(keep);
    return ok;
}

static PyObject *host_as_py(const union csock_addr *addr, socklen_t len)
{
    char host[INET6_ADDRSTRLEN];
    int n = csock_addr_host(&addr->any, len, host, sizeof host);
    return n < 0 ? ext_raise(NULL, n) : PyUnicode_FromStringAndSize(host, n);
}

static PyObject *inet_as_py(const struct addr_origin *o, const union csock_addr *addr,
                            socklen_t len)
{
    PyObject *host = o->s ? remembered_host(o->s, &addr->in) : NULL;
    PyObject *items[] = {
        host ? host : host_as_py(addr, len),
        PyLong_FromLong(ntohs(addr->in.sin_port)),
    };
    PyObject *tuple = ext_tuple_of(items, 2);
    if (tuple && o->s)
        remember(o->s, tuple, &addr->in);
    return tuple;
}

static PyObject *inet6_as_py(const struct addr_origin *o, const union csock_addr *addr,
                             socklen_t len)
{
    (void)o;
    bool scoped = len >= sizeof addr->in6; /* the kernel takes addresses without it */
    PyObject *items[] = {
        host_as_py(addr, len),
        PyLong_FromLong(ntohs(addr->in6.sin6_port)),
        PyLong_FromUnsignedLong(ntohl(addr->in6.sin6_flowinfo)),
        PyLong_FromUnsignedLong(scoped ? addr->in6.sin6_scope_id : 0),
    };
    return ext_tuple_of(items, 4);
}

const struct addr_row addr_row_inet = {AF_INET, sizeof(struct sockaddr_in), inet_from_py,
                                       inet_as_py, NULL};
const struct addr_row addr_row_inet6 = {AF_INET6, sizeof(struct sockaddr_in6), inet6_from_py,
                                        inet6_as_py, NULL};

/* Addresses between Python and union csock_addr: the list of families, and hosts. Sits on
 * core/addr.c, and on the resolver for hosts that are names. */
#include "address/row.h"

#include <netdb.h>

/* ASCII goes as it is, because the idna codec refuses names that resolvers take. A copy of a
 * bytearray, because it may change while the resolver works on it. */
static PyObject *host_bytes(PyObject *o)
{
    if (PyBytes_Check(o))
        return Py_NewRef(o);
    if (PyByteArray_Check(o))
        return PyBytes_FromObject(o);
    if (!PyUnicode_Check(o)) {
        PyErr_Format(PyExc_TypeError, "str, bytes or bytearray expected, not %s",
                     Py_TYPE(o)->tp_name);
        return NULL;
    }
    PyObject *encoded = PyUnicode_AsEncodedString(o, "idna", NULL);
    if (!encoded && PyErr_ExceptionMatches(PyExc_UnicodeError))
        PyErr_SetString(PyExc_TypeError, "encoding of hostname failed");
    return encoded;
}

bool addr_host_argument(PyObject *o, const char **ret_host, PyObject **ret_keep)
{
    const char *host;
    Py_ssize_t n;
    bool ascii = PyUnicode_Check(o) && PyUnicode_IS_ASCII(o);
    PyObject *keep = ascii ? Py_NewRef(o) : host_bytes(o);
    if (!keep)
        return false;
    if (ascii) {
        host = PyUnicode_AsUTF8AndSize(o, &n);
    } else {
        host = PyBytes_AS_STRING(keep);
        n = PyBytes_GET_SIZE(keep);
    }
    if (!host)
        goto fail;
    if (strlen(host) != (size_t)n) {
        PyErr_SetString(PyExc_TypeError, "host name must not contain null character");
        goto fail;
    }
    *ret_host = host;
    *ret_keep = keep;
    return true;
fail:
    Py_DECREF(keep);
    return false;
}

/* 0, or negative if it takes the resolver. AF_UNSPEC tries IPv4 first. */
static int numeric(int family, const char *host, union csock_addr *ret_addr, socklen_t *ret_len)
{
    int r = CSOCK_EHOST;
    if (family != AF_INET6)
        r = csock_addr_from_host(AF_INET, host, 0, ret_addr, ret_len);
    if (r < 0 && family != AF_INET)
        r = csock_addr_from_host(AF_INET6, host, 0, ret_addr, ret_len);
    return r;
}

/* RFC 1035, 2.3.4; the codec lets an empty label pass at the end. */
static bool labels_have_a_name_s_length(const char *text)
{
    size_t n;
    for (; text[n = strcspn(text, ".")]; text += n + 1)
        if (n < 1 || n > 63)
            return false;
    return n <= 63;
}

const char *addr_ascii_text(PyObject *o)
{
    Py_ssize_t n;
    if (!PyUnicode_Check(o) || !PyUnicode_IS_ASCII(o))
        return NULL;
    const char *text = PyUnicode_AsUTF8AndSize(o, &n);
    if (!text)
        PyErr_Clear();
    return text && strlen(text) == (size_t)n && labels_have_a_name_s_length(text) ? text : NULL;
}

/* 0, or a negative result of the core. */
static int resolve_name(int family, const char *host, union csock_addr *ret_addr,
                        socklen_t *ret_len)
{
    struct addrinfo hints = {.ai_family = family}, *list;
    int r;
    Py_BEGIN_ALLOW_THREADS
    r = csock_resolve(host, NULL, &hints, &list);
    Py_END_ALLOW_THREADS
    if (r < 0)
        return r;
    memset(ret_addr, 0, sizeof *ret_addr);
    memcpy(ret_addr, list->ai_addr, list->ai_addrlen);
    *ret_len = list->ai_addrlen;
    csock_resolve_free(list);
    return 0;
}

bool addr_resolve(struct ext_state *st, int family, const char *host, union csock_addr *ret_addr,
                  socklen_t *ret_len)
{
    if (family == AF_UNSPEC && !*host) {
        PyErr_SetString(PyExc_OSError, "wildcard resolved to multiple address");
        return false;
    }
    if (family == AF_INET6 && (!strcmp(host, "<broadcast>") || !strcmp(host, "255.255.255.255"))) {
        PyErr_SetString(PyExc_OSError, "address family mismatched");
        return false;
    }
    int r = numeric(family, host, ret_addr, ret_len);
    if (r < 0)
        r = resolve_name(family, host, ret_addr, ret_len);
    if (r < 0)
        ext_raise(st, r);
    return r == 0;
}

bool addr_is_tuple(const struct addr_request *q, const char *family, PyObject *address)
{
    if (PyTuple_Check(address))
        return true;
    PyErr_Format(PyExc_TypeError, "%s(): %s address must be tuple, not %.500s", q->what, family,
                 Py_TYPE(address)->tp_name);
    return false;
}

bool addr_is_nameless_tuple(const char *family, PyObject *address)
{
    if (PyTuple_Check(address))
        return true;
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

static const struct addr_row *const rows[] = {
    &addr_row_inet,   &addr_row_inet6,   &addr_row_unix, &addr_row_netlink,
    &addr_row_packet, &addr_row_vsock,   &addr_row_can,  &addr_row_bluetooth,
    &addr_row_tipc,   &addr_row_qipcrtr, &addr_row_alg,  &addr_row_rds,
};

static const struct addr_row *row_of(int family)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i]->family == family)
            return rows[i];
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

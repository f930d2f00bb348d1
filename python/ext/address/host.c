/* Hosts, as addresses have them and as functions take them: text for the resolver, and what it
 * says. Sits on csock_addr_from_host, and on csock_resolve for hosts that are names. */
#include "address/host.h"
#include "shared/args.h"
#include "object/lookup.h"

#include "csock.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

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
    if (ext_has_nul(host, n)) {
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

/* Whether all labels have 1 to 63 bytes: RFC 1035, 2.3.4. The codec lets an empty one pass at the
 * end. */
static bool labels_fit(const char *text)
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
    return text && !ext_has_nul(text, n) && labels_fit(text) ? text : NULL;
}

bool addr_resolve_name(struct ext_state *st, const struct sock_object *s, int family,
                       const char *host, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct addrinfo hints = {.ai_family = family}, *list;
    struct csock *core = s ? (struct csock *)(uintptr_t)&s->core : NULL;
    struct ext_lookup l;
    int r = -EBADF;
    if (!(s && EXT_GET(s->timeout) == 0) && !ext_deadline_allows_look_up(&st->deadlines, host))
        return false;
    ext_lookup_begin(&l, st, s, host);
    ext_lookup_is_of_name(&l);
    if (core)
        r = csock_resolve_for(core, host, NULL, &hints, &list, &l.wait);
    if (r == -EBADF) /* the name comes first, and what the socket is after it */
        r = csock_resolve_within(host, NULL, &hints, &list, &l.wait);
    if (!ext_lookup_end(&l, r))
        return false;
    memset(ret_addr, 0, sizeof *ret_addr);
    memcpy(ret_addr, list->ai_addr, list->ai_addrlen);
    *ret_len = list->ai_addrlen;
    csock_resolve_free(list);
    return true;
}

bool addr_resolve(struct ext_state *st, const struct sock_object *s, int family, const char *host,
                  union csock_addr *ret_addr, socklen_t *ret_len)
{
    if (family == AF_UNSPEC && !*host) {
        PyErr_SetString(PyExc_OSError, "wildcard resolved to multiple address");
        return false;
    }
    if (family == AF_INET6 && (!strcmp(host, "<broadcast>") || !strcmp(host, "255.255.255.255"))) {
        PyErr_SetString(PyExc_OSError, "address family mismatched");
        return false;
    }
    return numeric(family, host, ret_addr, ret_len) == 0 ||
           addr_resolve_name(st, s, family, host, ret_addr, ret_len);
}

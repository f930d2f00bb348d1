/* getaddrinfo and getnameinfo: parses arguments, lets the GIL go while libc asks its files and
 * servers, builds results. Sits on csock_resolve, address/host.c and address/address.c. */
#include "shared/args.h"
#include "shared/errors.h"
#include "state.h"
#include "object/lookup.h"
#include "object/members.h"
#include "address/address.h"
#include "address/host.h"
#include "names/addrinfo.h"
#include "names/literal.h"
#include "names/tables.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* Text for libc out of bytes or str, which must not hide anything behind a NUL. */
static bool c_text(PyObject *o, const char **ret_text)
{
    const char *text = PyBytes_Check(o) ? PyBytes_AS_STRING(o) : ext_text(o);
    if (text && PyBytes_Check(o) && ext_has_nul(text, PyBytes_GET_SIZE(o))) {
        PyErr_SetString(PyExc_ValueError, "embedded null byte");
        return false;
    }
    *ret_text = text;
    return text != NULL;
}

bool addrinfo_host(PyObject *o, const char **ret_text, PyObject **ret_keep)
{
    if (o == Py_None)
        return true;
    if (PyBytes_Check(o) || addr_ascii_text(o))
        *ret_keep = Py_NewRef(o);
    else if (PyUnicode_Check(o))
        *ret_keep = PyUnicode_AsEncodedString(o, "idna", NULL);
    else
        PyErr_SetString(PyExc_TypeError, "getaddrinfo() argument 1 must be string or None");
    return *ret_keep && c_text(*ret_keep, ret_text);
}

static PyObject *port_text(PyObject *o)
{
#if PY_VERSION_HEX < 0x030C0000
    /* What does not fit a C long is an error there, and a service not found later. */
    if (PyLong_AsLong(o) == -1 && PyErr_Occurred())
        return NULL;
#endif
    return PyNumber_ToBase(o, 10);
}

static bool is_port_number(PyObject *o)
{
#if PY_VERSION_HEX >= 0x030E0000
    return PyIndex_Check(o);
#else
    return PyLong_CheckExact(o);
#endif
}

bool addrinfo_service(PyObject *o, const char **ret_text, PyObject **ret_keep)
{
    if (o == Py_None)
        return true;
    if (is_port_number(o))
        *ret_keep = port_text(o);
    else if (PyUnicode_Check(o) || PyBytes_Check(o))
        *ret_keep = Py_NewRef(o);
    else
        PyErr_SetString(PyExc_OSError, "Int or String expected");
    return *ret_keep && c_text(*ret_keep, ret_text);
}

static PyObject *found_as_py(const struct addrinfo *found, const struct sock_class *c)
{
    union csock_addr addr = {0};
    PyObject *items[5] = {sock_family_as_py(c, found->ai_family)};
    memcpy(&addr, found->ai_addr, found->ai_addrlen);
    if (items[0] && (items[1] = sock_type_as_py(c, found->ai_socktype))) {
        items[2] = PyLong_FromLong(found->ai_protocol);
        items[3] = PyUnicode_FromString(found->ai_canonname ? found->ai_canonname : "");
        items[4] = addr_as_py(&addr, found->ai_addrlen, found->ai_protocol);
    }
    return ext_tuple_of(items, 5);
}

static PyObject *list_as_py(const struct addrinfo *found, const struct sock_class *c)
{
    PyObject *list = PyList_New(0);
    for (; list && found; found = found->ai_next)
        ext_list_add(&list, found_as_py(found, c));
    return list;
}

struct query {
    PyObject *host, *port;
    struct addrinfo hints;
};

/* Anything but six plain arguments at most is parsed as stock does it, which is slow. */
static bool query_parse(PyObject *const *args, Py_ssize_t n, PyObject *kwnames, struct query *q)
{
    static char *names[] = {"host", "port", "family", "type", "proto", "flags", NULL};
    int *const numbers[] = {&q->hints.ai_family, &q->hints.ai_socktype, &q->hints.ai_protocol,
                            &q->hints.ai_flags};
    if (!kwnames && n >= 2 && n <= 6) {
        q->host = args[0];
        q->port = args[1];
        for (Py_ssize_t i = 2; i < n; i++)
            if (!ext_int(args[i], numbers[i - 2]))
                return false;
        return true;
    }
    PyObject *tuple = ext_tuple_copy(args, n), *dict = ext_keywords_copy(args + n, kwnames);
    bool ok = tuple && dict &&
              PyArg_ParseTupleAndKeywords(tuple, dict, "OO|iiii:getaddrinfo", names, &q->host,
                                          &q->port, numbers[0], numbers[1], numbers[2], numbers[3]);
    Py_XDECREF(tuple); /* the caller's arguments keep the objects alive */
    Py_XDECREF(dict);
    return ok;
}

/* Audit hooks hear of a query once its arguments are known to make one. */
static int query_audit(const struct query *q)
{
    return PySys_Audit("socket.getaddrinfo", "OOiii", q->host, q->port, q->hints.ai_family,
                       q->hints.ai_socktype, q->hints.ai_protocol);
}

/* Whether libc asks servers, or may. */
static bool looks_up(const char *host, int flags)
{
    return host && !(flags & AI_NUMERICHOST);
}

static PyObject *ask_libc(struct ext_state *st, const struct query *q, const struct sock_class *c)
{
    struct addrinfo *list = NULL;
    PyObject *keep_host = NULL, *keep_service = NULL, *result = NULL;
    const char *host = NULL, *service = NULL;
    struct ext_lookup l;
    if (!addrinfo_host(q->host, &host, &keep_host) ||
        !addrinfo_service(q->port, &service, &keep_service) ||
        (looks_up(host, q->hints.ai_flags) && !ext_deadline_allows_look_up(&st->deadlines, host)) ||
        query_audit(q) < 0)
        goto done;
    ext_lookup_begin(&l, st, NULL, host);
    ext_lookup_is_of_name(&l);
    if (!looks_up(host, q->hints.ai_flags))
        l.began = 0;
    if (ext_lookup_end(&l, csock_resolve_within(host, service, &q->hints, &list, &l.wait)))
        result = list_as_py(list, c);
    csock_resolve_free(list);
done:
    Py_XDECREF(keep_host);
    Py_XDECREF(keep_service);
    return result;
}

/* The answer has members of c's enums; c NULL: numbers. */
static PyObject *answer(struct ext_state *st, const struct query *q, const struct sock_class *c)
{
    struct addr_literal literal;
    if (!addr_literal_of(q->host, q->port, &q->hints, &literal))
        return ask_libc(st, q, c);
    if (query_audit(q) < 0)
        return NULL;
    return addr_literal_as_py(&literal, c);
}

static PyObject *mod_getaddrinfo(PyObject *module, PyObject *const *args, Py_ssize_t n,
                                 PyObject *kwnames)
{
    struct query q = {0};
    return query_parse(args, n, kwnames, &q) ? answer(ext_state_of(module), &q, NULL) : NULL;
}

/* What socket.getaddrinfo asks, so that members of enums are made with the answer, and not of it.
 * Programs and tests put functions of their own in the place of _socket.getaddrinfo, and expect
 * those to be asked: it hands in the one that is there. */
static PyObject *core_answer_of(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct ext_state *st = ext_state_of(module);
    struct query q = {0};
    if (n < 1)
        return PyErr_Format(PyExc_TypeError, "answer_of() wants a function");
    if (!PyCFunction_CheckExact(args[0]) ||
        PyCFunction_GET_FUNCTION(args[0]) != EXT_FUNCTION(mod_getaddrinfo))
        Py_RETURN_NONE;
    return query_parse(args + 1, n - 1, NULL, &q) ? answer(st, &q, ext_class(st)) : NULL;
}

/* An address tuple of getnameinfo. The port is text to libc, which takes 65537 for 1. */
struct name_query {
    const char *host;
    int port;
    unsigned int flowinfo, scope;
    Py_ssize_t n_items;
};

static bool name_query_parse(PyObject *address, struct name_query *q)
{
    *q = (struct name_query){0};
    if (!PyTuple_Check(address)) {
        PyErr_SetString(PyExc_TypeError, "getnameinfo() argument 1 must be a tuple");
        return false;
    }
    if (!PyArg_ParseTuple(address, "si|II;getnameinfo(): illegal sockaddr argument", &q->host,
                          &q->port, &q->flowinfo, &q->scope))
        return false;
    if (q->flowinfo > 0xfffff) {
        PyErr_SetString(PyExc_OverflowError, "getnameinfo(): flowinfo must be 0-1048575.");
        return false;
    }
    q->n_items = PyTuple_GET_SIZE(address);
    return true;
}

static bool name_query_addr(const struct name_query *q, const struct addrinfo *found,
                            union csock_addr *ret_addr)
{
    if (found->ai_next) {
        PyErr_SetString(PyExc_OSError, "sockaddr resolved to multiple addresses");
        return false;
    }
    if (found->ai_family == AF_INET && q->n_items != 2) {
        PyErr_SetString(PyExc_OSError, "IPv4 sockaddr must be 2 tuple");
        return false;
    }
    memcpy(ret_addr, found->ai_addr, found->ai_addrlen);
    if (found->ai_family == AF_INET6) {
        ret_addr->in6.sin6_flowinfo = htonl(q->flowinfo);
        if (q->scope)
            ret_addr->in6.sin6_scope_id = q->scope; /* else the one of "host%scope" stays */
    }
    return true;
}

static PyObject *mod_getnameinfo(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *list = NULL;
    struct name_query q;
    union csock_addr addr = {0};
    PyObject *address, *result = NULL;
    char port[16], host[NI_MAXHOST], service[NI_MAXSERV];
    struct ext_lookup l;
    int flags, r;
    if (!PyArg_ParseTuple(args, "Oi:getnameinfo", &address, &flags) ||
        !name_query_parse(address, &q) ||
        (!(flags & NI_NUMERICHOST) && !ext_deadline_allows_look_up(&st->deadlines, q.host)) ||
        PySys_Audit("socket.getnameinfo", "(O)", address) < 0)
        return NULL;
    snprintf(port, sizeof port, "%d", q.port);
    Py_BEGIN_ALLOW_THREADS
    r = csock_resolve(q.host, port, &hints, &list);
    Py_END_ALLOW_THREADS
    if (r < 0)
        return ext_raise_about(&st->errors, r, q.host);
    if (!name_query_addr(&q, list, &addr))
        goto done;
    ext_lookup_begin(&l, st, NULL, q.host);
    if (flags & NI_NUMERICHOST)
        l.began = 0;
    r = csock_resolve_reverse_within(&addr.any, list->ai_addrlen, host, sizeof host, service,
                                     sizeof service, flags, &l.wait);
    if (ext_lookup_end(&l, r))
        result = Py_BuildValue("(Ns)", PyUnicode_DecodeFSDefault(host), service);
done:
    csock_resolve_free(list);
    return result;
}

PyDoc_STRVAR(getaddrinfo_doc, "getaddrinfo(host, port[, family, type, proto, flags]) -> list\n\n"
                              "The addresses of a host and a service, each as\n"
                              "(family, type, proto, canonical name, address).");
PyDoc_STRVAR(getnameinfo_doc, "getnameinfo(address, flags) -> (host, service)\n\n"
                              "The names of an address and of its port.");

PyMethodDef addrinfo_functions[] = {
    {"getaddrinfo", EXT_KEYWORDS(mod_getaddrinfo), getaddrinfo_doc},
    {"getnameinfo", mod_getnameinfo, METH_VARARGS, getnameinfo_doc},
    {NULL, NULL, 0, NULL},
};

PyMethodDef answer_functions[] = {
    {"answer_of", EXT_FASTCALL(core_answer_of),
     "answer_of($module, function, /, *args)\n--\n\n"
     "What csock._socket.getaddrinfo answers, families and types as members of the enums; None if\n"
     "function is another one."},
    {NULL, NULL, 0, NULL},
};

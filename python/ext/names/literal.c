/* Which queries are such, and their answers. All others are libc's. Sits on address/address.c. */
#include "names/literal.h"
#include "shared/args.h"
#include "object/members.h"
#include "address/address.h"

#include <netdb.h>
#include <string.h>

#define KNOWN_FLAGS (AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV)

/* What libc answers, in its order: the rows that match the type and protocol asked for. */
static const struct row {
    int type, proto;
} rows[] = {{SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};

static bool matches(const struct row *row, const struct addrinfo *hints)
{
    return (hints->ai_socktype == 0 || hints->ai_socktype == row->type) &&
           (hints->ai_protocol == 0 || hints->ai_protocol == row->proto);
}

/* libc has rules of its own for raw sockets, and for types and protocols that do not go together.
 */
static bool is_plain_kind(const struct addrinfo *hints)
{
    if (hints->ai_protocol == 0)
        return hints->ai_socktype == 0 || hints->ai_socktype == SOCK_STREAM ||
               hints->ai_socktype == SOCK_DGRAM;
    return (hints->ai_socktype == SOCK_STREAM && hints->ai_protocol == IPPROTO_TCP) ||
           (hints->ai_socktype == SOCK_DGRAM && hints->ai_protocol == IPPROTO_UDP);
}

/* "1.2.3.4" or "::1", with nothing that takes a rule of libc's: no name, no scope. */
static bool is_plain_host(PyObject *o, int family, struct addr_literal *ret)
{
    if (!PyUnicode_Check(o) || !PyUnicode_IS_COMPACT_ASCII(o))
        return false;
    const char *text = PyUnicode_DATA(o);
    size_t n = (size_t)PyUnicode_GET_LENGTH(o);
    if (n < 2 || n >= INET6_ADDRSTRLEN || ext_has_nul(text, (Py_ssize_t)n) || text[0] == '<' ||
        strchr(text, '%'))
        return false;
    int kind = strchr(text, ':') ? AF_INET6 : AF_INET;
    return (family == AF_UNSPEC || family == kind) &&
           csock_addr_from_host(kind, text, 0, &ret->addr, &ret->len) == 0;
}

static bool is_plain_port(PyObject *o, long *ret)
{
    *ret = 0;
    if (o == Py_None)
        return true;
    if (PyLong_CheckExact(o)) {
        int overflow;
        *ret = PyLong_AsLongAndOverflow(o, &overflow);
        return overflow == 0 && *ret >= 0 && *ret <= 65535;
    }
    if (!PyUnicode_Check(o) || !PyUnicode_IS_COMPACT_ASCII(o))
        return false;
    const char *text = PyUnicode_DATA(o);
    Py_ssize_t n = PyUnicode_GET_LENGTH(o);
    for (Py_ssize_t i = 0; i < n && i < 6; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *ret = *ret * 10 + (text[i] - '0');
    }
    return n >= 1 && n <= 5 && *ret <= 65535;
}

bool addr_literal_of(PyObject *host, PyObject *port, const struct addrinfo *hints,
                     struct addr_literal *ret)
{
    long number;
    ret->hints = hints;
    if ((hints->ai_flags & ~KNOWN_FLAGS) || !is_plain_kind(hints) ||
        !is_plain_port(port, &number) || !is_plain_host(host, hints->ai_family, ret))
        return false;
    if (ret->addr.any.sa_family == AF_INET)
        ret->addr.in.sin_port = htons((uint16_t)number);
    else
        ret->addr.in6.sin6_port = htons((uint16_t)number);
    return true;
}

static PyObject *literal_as_py(const struct row *row, const struct addr_literal *literal,
                               const struct sock_class *c)
{
    PyObject *items[] = {
        sock_family_as_py(c, literal->addr.any.sa_family),
        sock_type_as_py(c, row->type),
        PyLong_FromLong(row->proto),
        PyUnicode_FromStringAndSize(NULL, 0),
        addr_as_py(&literal->addr, literal->len, row->proto),
    };
    return ext_tuple_of(items, 5);
}

PyObject *addr_literal_as_py(const struct addr_literal *literal, const struct sock_class *c)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < sizeof rows / sizeof *rows; i++)
        if (matches(&rows[i], literal->hints))
            ext_list_add(&list, literal_as_py(&rows[i], literal, c));
    return list;
}

/* Names: hosts, services, protocols, this machine. Parses arguments, lets the GIL go while libc
 * asks its files and servers, builds results. Sits on csock_host_… and address/host.c. */
#include "shared/args.h"
#include "shared/errors.h"
#include "state.h"
#include "object/lookup.h"
#include "address/host.h"
#include "names/tables.h"

#include "csock.h"

#define SERVICE_MAX 1024

/* A host argument that PyArg_Parse has encoded is to be freed; one that is a view is not. */
struct host {
    const char *text;
    char *encoded;
};

/* The one argument of gethostby…, by the idna codec where it is needed. */
static bool host_address_parse(PyObject *args, const char *format, struct host *ret_host)
{
    struct host host = {0};
    if (PyTuple_GET_SIZE(args) == 1)
        host.text = addr_ascii_text(PyTuple_GET_ITEM(args, 0));
    if (!host.text) {
        if (!PyArg_ParseTuple(args, format, "idna", &host.encoded))
            return false;
        host.text = host.encoded;
    }
    *ret_host = host;
    return true;
}

static PyObject *mod_gethostbyname(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    struct host host;
    union csock_addr addr;
    socklen_t len;
    PyObject *result = NULL;
    char text[CSOCK_ADDR_TEXT_MAX];
    if (!host_address_parse(args, "et:gethostbyname", &host))
        return NULL;
    if (PySys_Audit("socket.gethostbyname", "O", PyTuple_GET_ITEM(args, 0)) < 0 ||
        !addr_resolve(st, NULL, AF_INET, host.text, &addr, &len))
        goto done;
    int n = csock_addr_host(&addr.any, len, text, sizeof text);
    result = n < 0 ? ext_raise(&st->errors, n) : PyUnicode_FromStringAndSize(text, n);
done:
    PyMem_Free(host.encoded);
    return result;
}

/* The file system's encoding, as for every name that comes from the machine itself. */
static PyObject *aliases_as_py(char *const *aliases)
{
    PyObject *list = PyList_New(0);
    for (; list && *aliases; aliases++)
        ext_list_add(&list, PyUnicode_DecodeFSDefault(*aliases));
    return list;
}

static PyObject *hosts_as_py(const union csock_addr *addrs, size_t n_addrs)
{
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < n_addrs; i++) {
        char text[CSOCK_ADDR_TEXT_MAX];
        int n = csock_addr_host(&addrs[i].any, sizeof addrs[i], text, sizeof text);
        ext_list_add(&list, n < 0 ? ext_raise(NULL, n) : PyUnicode_FromStringAndSize(text, n));
    }
    return list;
}

/* (name, aliases, addresses) */
static PyObject *host_entry_as_py(const struct csock_host *host)
{
    PyObject *name = PyUnicode_DecodeFSDefault(host->name);
    PyObject *aliases = name ? aliases_as_py(host->aliases) : NULL;
    PyObject *addrs = aliases ? hosts_as_py(host->addrs, host->n_addrs) : NULL;
    PyObject *result = addrs ? PyTuple_Pack(3, name, aliases, addrs) : NULL;
    Py_XDECREF(name);
    Py_XDECREF(aliases);
    Py_XDECREF(addrs);
    return result;
}

/* The two look-ups behind this resolve first: that is how their errors come to be gaierror, and
 * how gethostbyaddr takes a name. */
static PyObject *host_entry(PyObject *module, PyObject *args, const char *format, const char *event,
                            int family)
{
    struct ext_state *st = ext_state_of(module);
    struct host host;
    struct ext_lookup l;
    struct csock_host *found = NULL;
    union csock_addr addr;
    socklen_t len;
    PyObject *result = NULL;
    int r;
    if (!host_address_parse(args, format, &host))
        return NULL;
    if (PySys_Audit(event, "O", PyTuple_GET_ITEM(args, 0)) < 0 ||
        !ext_deadline_allows_look_up(&st->deadlines, host.text) ||
        !addr_resolve(st, NULL, family, host.text, &addr, &len))
        goto done;
    ext_lookup_begin(&l, st, NULL, host.text);
    if (family != AF_UNSPEC)
        ext_lookup_is_of_name(&l);
    r = family == AF_UNSPEC ? csock_host_by_addr_within(&addr.any, len, &found, &l.wait)
                            : csock_host_by_name_within(host.text, family, &found, &l.wait);
    if (ext_lookup_end(&l, r))
        result = host_entry_as_py(found);
    csock_host_free(found);
done:
    PyMem_Free(host.encoded);
    return result;
}

static PyObject *mod_gethostbyname_ex(PyObject *module, PyObject *args)
{
    return host_entry(module, args, "et:gethostbyname_ex", "socket.gethostbyname", AF_INET);
}

static PyObject *mod_gethostbyaddr(PyObject *module, PyObject *args)
{
    return host_entry(module, args, "et:gethostbyaddr", "socket.gethostbyaddr", AF_UNSPEC);
}

static PyObject *mod_gethostname(PyObject *module, PyObject *none)
{
    char name[1024];
    (void)none;
    if (PySys_Audit("socket.gethostname", NULL) < 0)
        return NULL;
    int r = csock_hostname(name, sizeof name);
    return r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : PyUnicode_DecodeFSDefault(name);
}

static PyObject *mod_getprotobyname(PyObject *module, PyObject *args)
{
    const char *name;
    int r;
    if (!PyArg_ParseTuple(args, "s:getprotobyname", &name))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_protocol_by_name(name);
    Py_END_ALLOW_THREADS
    return r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : PyLong_FromLong(r);
}

static PyObject *mod_getservbyname(PyObject *module, PyObject *args)
{
    const char *name, *proto = NULL;
    int r;
    if (!PyArg_ParseTuple(args, "s|s:getservbyname", &name, &proto) ||
        PySys_Audit("socket.getservbyname", "ss", name, proto) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_service_by_name(name, proto);
    Py_END_ALLOW_THREADS
    return r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : PyLong_FromLong(r);
}

static PyObject *mod_getservbyport(PyObject *module, PyObject *args)
{
    const char *proto = NULL;
    char name[SERVICE_MAX];
    int port, r;
    if (!PyArg_ParseTuple(args, "i|s:getservbyport", &port, &proto))
        return NULL;
    if (port < 0 || port > 65535) {
        PyErr_SetString(PyExc_OverflowError, "getservbyport: port must be 0-65535.");
        return NULL;
    }
    if (PySys_Audit("socket.getservbyport", "is", port, proto) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_service_by_port(port, proto, name, sizeof name);
    Py_END_ALLOW_THREADS
    if (r == CSOCK_ESERVICE) {
        PyErr_SetString(PyExc_OSError, "port/proto not found");
        return NULL;
    }
    return r < 0 ? ext_raise(&ext_state_of(module)->errors, r) : PyUnicode_FromString(name);
}

PyDoc_STRVAR(gethostbyname_doc, "gethostbyname(host) -> str\n\n"
                                "The IPv4 address of a host.");
PyDoc_STRVAR(gethostbyname_ex_doc, "gethostbyname_ex(host) -> (name, aliases, addresses)\n\n"
                                   "A host's official name, its other names and IPv4 addresses.");
PyDoc_STRVAR(gethostbyaddr_doc, "gethostbyaddr(host) -> (name, aliases, addresses)\n\n"
                                "What gethostbyname_ex() tells, by IPv4 or IPv6 address or name.");
PyDoc_STRVAR(gethostname_doc, "gethostname($module, /)\n--\n\n"
                              "The name of this machine.");
PyDoc_STRVAR(getprotobyname_doc, "getprotobyname(name) -> int\n\n"
                                 "The number of a protocol, such as 'icmp'.");
PyDoc_STRVAR(getservbyname_doc, "getservbyname(name[, protocol]) -> int\n\n"
                                "The port of a service. Without 'tcp' or 'udp', of either.");
PyDoc_STRVAR(getservbyport_doc, "getservbyport(port[, protocol]) -> str\n\n"
                                "The service of a port. Without 'tcp' or 'udp', of either.");
PyMethodDef host_functions[] = {
    {"gethostbyname", mod_gethostbyname, METH_VARARGS, gethostbyname_doc},
    {"gethostbyname_ex", mod_gethostbyname_ex, METH_VARARGS, gethostbyname_ex_doc},
    {"gethostbyaddr", mod_gethostbyaddr, METH_VARARGS, gethostbyaddr_doc},
    {"gethostname", mod_gethostname, METH_NOARGS, gethostname_doc},
    {"getprotobyname", mod_getprotobyname, METH_VARARGS, getprotobyname_doc},
    {"getservbyname", mod_getservbyname, METH_VARARGS, getservbyname_doc},
    {"getservbyport", mod_getservbyport, METH_VARARGS, getservbyport_doc},
    {NULL, NULL, 0, NULL},
};

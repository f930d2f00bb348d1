/* Whom to connect to, from where and with which options: arguments of Python into the core's struct
 * csock_dial. Sits on address/address.h and names/addrinfo.h. */
#include "shared/args.h"
#include "object/socket.h"
#include "address/address.h"
#include "methods/options.h"
#include "names/addrinfo.h"
#include "dial/dial.h"

#include <stdlib.h>

struct dial_option_value {
    int number;
    Py_buffer buffer; /* obj NULL: it is the number */
};

struct dial_options {
    size_t n;
    struct csock_dial_option *list;
    struct dial_option_value values[];
};

/* Addresses are read for a socket: this one has a family, and nothing else. */
static bool read_address(struct dial_race *race, int family, int64_t timeout, const char *what,
                         PyObject *address, union csock_addr *ret_addr, socklen_t *ret_len)
{
    if (!race->probe)
        race->probe = (PyObject *)sock_alloc(race->state->sock_type, race->state);
    struct sock_object *probe = (struct sock_object *)race->probe;
    if (!probe)
        return false;
    EXT_SET(probe->family, family);
    EXT_SET(probe->timeout, timeout);
    return addr_from_py(probe, what, address, ret_addr, ret_len);
}

bool dial_target_address(struct dial_race *race, int family, const char *what, PyObject *address,
                         union csock_addr *ret_addr, socklen_t *ret_len)
{
    return read_address(race, family, -1, what, address, ret_addr, ret_len);
}

/* libc takes 65537 for 1. */
bool dial_port_fits(const char *service)
{
    char *end;
    long port = service ? strtol(service, &end, 10) : 0;
    return !service || !*service || *end || (port >= 0 && port <= 65535);
}

bool dial_target_host(struct dial_race *race, PyObject *host, PyObject *port)
{
    race->host = host;
    race->port = port;
    race->d.proto = IPPROTO_TCP; /* which getaddrinfo would say, and the socket says then */
    if (!addrinfo_host(host, &race->d.host, &race->keep_host) ||
        !addrinfo_service(port, &race->d.service, &race->keep_service))
        return false;
    if (dial_port_fits(race->d.service))
        return true;
    PyErr_SetString(PyExc_OverflowError, "dial(): port must be 0-65535.");
    return false;
}

static bool one_address(struct dial_race *race, int family, PyObject *address)
{
    if (!dial_target_address(race, family, "dial", address, &race->peer_room, &race->peer.len))
        return false;
    race->peer.addr = &race->peer_room.any;
    race->d.addrs = &race->peer;
    race->d.n_addrs = 1;
    return true;
}

bool dial_target_inet6(struct dial_race *race, PyObject *address)
{
    race->d.proto = IPPROTO_TCP;
    return one_address(race, AF_INET6, address);
}

bool dial_target_path(struct dial_race *race, PyObject *path)
{
    bool is_text = PyUnicode_Check(path) || PyObject_CheckBuffer(path);
    PyObject *plain = is_text ? Py_NewRef(path) : PyOS_FSPath(path);
    bool ok = plain && one_address(race, AF_UNIX, plain);
    Py_XDECREF(plain);
    return ok;
}

int64_t dial_time_left(const struct dial_race *race)
{
    int64_t left = race->bound - (csock_now() - race->since);
    return race->bound < 0 ? -1 : left > 0 ? left : 0;
}

/* What it is not in one family is an error only if it is in neither: a host that is not found,
 * "<broadcast>" for IPv6. A look-up has the time that is left: one that is late ends all. */
static bool source_of_family(struct dial_race *race, int family, PyObject *address)
{
    struct csock_dial_addr *source = &race->sources[race->d.n_sources];
    union csock_addr *room = &race->source_room[race->d.n_sources];
    bool first = !PyErr_Occurred() && race->d.n_sources == 0;
    int64_t left = first ? race->bound : dial_time_left(race);
    if (PyErr_Occurred() && !PyErr_ExceptionMatches(race->state->errors.gaierror) &&
        PyErr_Occurred() != PyExc_OSError)
        return false;
    PyErr_Clear();
    if (read_address(race, family, left == 0 ? 1 : left, "bind", address, room, &source->len)) {
        source->addr = &room->any;
        race->d.n_sources++;
    }
    return true;
}

/* ('', port) is of both families, an address in numbers of one, a name of those that it is found
 * in. */
bool dial_target_source(struct dial_race *race, PyObject *address)
{
    static const int families[] = {AF_INET6, AF_INET};
    for (size_t i = 0; i < 2; i++)
        if (!source_of_family(race, families[i], address))
            return false;
    race->d.sources = race->sources;
    if (race->d.n_sources == 0)
        return false;
    PyErr_Clear();
    return true;
}

static bool add_option(struct dial_options *options, PyObject *triple)
{
    struct csock_dial_option *option = &options->list[options->n];
    struct dial_option_value *value = &options->values[options->n];
    PyObject *o;
    if (!PyTuple_Check(triple)) {
        PyErr_SetString(PyExc_TypeError, "an option must be a tuple (level, name, value)");
        return false;
    }
    if (!PyArg_ParseTuple(triple, "iiO;an option must be (level, name, value)", &option->level,
                          &option->name, &o))
        return false;
    if (sock_option_int(o, &value->number)) {
        option->value = &value->number;
        option->len = sizeof value->number;
    } else {
        if (PyErr_Occurred() || PyObject_GetBuffer(o, &value->buffer, PyBUF_SIMPLE) < 0)
            return false;
        option->value = value->buffer.buf;
        option->len = (socklen_t)value->buffer.len;
    }
    options->n++;
    return true;
}

static struct dial_options *new_options(Py_ssize_t n)
{
    struct dial_options *options =
        PyMem_Calloc(1, sizeof *options + (size_t)n * sizeof options->values[0]);
    if (options)
        options->list = PyMem_Calloc((size_t)n + 1, sizeof *options->list);
    if (options && !options->list) {
        PyMem_Free(options);
        options = NULL;
    }
    if (!options)
        PyErr_NoMemory();
    return options;
}

bool dial_target_options(struct dial_race *race, PyObject *sequence)
{
    PyObject *items = PySequence_Tuple(sequence);
    if (!items)
        return false;
    Py_ssize_t n = PyTuple_GET_SIZE(items);
    bool ok = (race->options = new_options(n)) != NULL;
    for (Py_ssize_t i = 0; ok && i < n; i++) {
        ok = add_option(race->options, PyTuple_GET_ITEM(items, i));
        if (ok)
            sock_note_option(race->state, race->options->list[i].level,
                             race->options->list[i].name);
    }
    Py_DECREF(items); /* buffers keep what they are of */
    if (!ok)
        return false;
    race->d.options = race->options->list;
    race->d.n_options = race->options->n;
    return true;
}

void dial_target_done(struct dial_race *race)
{
    struct dial_options *options = race->options;
    Py_CLEAR(race->probe);
    Py_CLEAR(race->keep_host);
    Py_CLEAR(race->keep_service);
    race->options = NULL;
    if (!options)
        return;
    for (size_t i = 0; i < options->n; i++)
        if (options->values[i].buffer.obj)
            PyBuffer_Release(&options->values[i].buffer);
    PyMem_Free(options->list);
    PyMem_Free(options);
}

/* csock.dial(), and what create_connection does where nobody has changed what its loop would call:
 * arguments of both. Sits on the files beside it. */
#include "dial/dial.h"
#include "shared/args.h"
#include "object/known_class.h"
#include "address/host.h"

static void begin(struct dial_race *race, struct ext_state *st)
{
    *race = (struct dial_race){.state = st, .since = csock_now(), .bound = -1};
    race->timeout = EXT_GET(st->default_timeout);
    race->report.decisive = -1;
}

/* ---- dial */

static bool seconds_of_delay(PyObject *o, const char *name, int64_t *ret_ns)
{
    if (!ext_timeout(o, ret_ns))
        return false;
    if (*ret_ns >= 0)
        return true;
    PyErr_Format(PyExc_TypeError, "%s must be a number of seconds", name);
    return false;
}

struct dial_arguments {
    PyObject *address, *port, *timeout, *source, *options, *attempt_delay, *resolution_delay,
        *resolver;
    int family;
};

static bool parse(PyObject *args, PyObject *kwargs, struct dial_arguments *a)
{
    static char *names[] = {"address",        "port",    "timeout",       "family",
                            "source_address", "options", "attempt_delay", "resolution_delay",
                            "resolver",       NULL};
    return PyArg_ParseTupleAndKeywords(args, kwargs, "O|O$OiOOOOO:dial", names, &a->address,
                                       &a->port, &a->timeout, &a->family, &a->source, &a->options,
                                       &a->attempt_delay, &a->resolution_delay, &a->resolver);
}

static bool no_path_with(const struct dial_arguments *a)
{
    bool bad_family = a->family != AF_UNSPEC && a->family != AF_UNIX;
    if (bad_family || a->source != Py_None || a->resolver != Py_None) {
        PyErr_Format(PyExc_ValueError, "%s is for a host and a port",
                     bad_family             ? "family"
                     : a->source != Py_None ? "source_address"
                                            : "resolver");
        return false;
    }
    return true;
}

/* As connect() takes it. */
static bool tuple_address(struct dial_race *race, PyObject *address)
{
    Py_ssize_t n = PyTuple_GET_SIZE(address);
    if (n == 3 || n == 4)
        return dial_target_inet6(race, address);
    if (n == 2)
        return dial_target_host(race, PyTuple_GET_ITEM(address, 0), PyTuple_GET_ITEM(address, 1));
    PyErr_SetString(PyExc_TypeError, "an address must be (host, port[, flowinfo[, scope id]])");
    return false;
}

/* One object without a port: a tuple, or a path. */
static bool whole_address(struct dial_race *race, const struct dial_arguments *a)
{
    if (PyTuple_Check(a->address))
        return tuple_address(race, a->address);
    return no_path_with(a) && dial_target_path(race, a->address);
}

static bool target_of(struct dial_race *race, const struct dial_arguments *a)
{
    if (a->port == Py_None)
        return whole_address(race, a);
    if (PyUnicode_Check(a->address) || PyBytes_Check(a->address))
        return dial_target_host(race, a->address, a->port);
    PyErr_Format(PyExc_TypeError, "a host must be str or bytes, not %.200s",
                 Py_TYPE(a->address)->tp_name);
    return false;
}

static bool take_delays(struct dial_race *race, const struct dial_arguments *a)
{
    int64_t *attempt = &race->d.attempt_delay, *resolution = &race->d.resolution_delay;
    if ((a->attempt_delay && !seconds_of_delay(a->attempt_delay, "attempt_delay", attempt)) ||
        (a->resolution_delay &&
         !seconds_of_delay(a->resolution_delay, "resolution_delay", resolution)))
        return false;
    if (a->attempt_delay && *attempt == 0)
        *attempt = 1; /* 0 is the usual one to the core; this is its least */
    if (a->resolution_delay && *resolution == 0)
        *resolution = -1;
    return true;
}

static bool take_resolver(struct dial_race *race, PyObject *resolver)
{
    if (resolver == Py_None)
        return true;
    if (!PyCallable_Check(resolver)) {
        PyErr_SetString(PyExc_TypeError, "resolver must be callable");
        return false;
    }
    race->resolver = resolver;
    return true;
}

static bool audit_look_up(const struct dial_race *race)
{
    return !race->host || PySys_Audit("socket.getaddrinfo", "OOiii", race->host, race->port,
                                      race->d.family, SOCK_STREAM, 0) == 0;
}

static bool prepare_dial(struct dial_race *race, const struct dial_arguments *a)
{
    return target_of(race, a) && audit_look_up(race) && ext_timeout(a->timeout, &race->bound) &&
           take_delays(race, a) && take_resolver(race, a->resolver) &&
           (a->source == Py_None || dial_target_source(race, a->source)) &&
           (!a->options || dial_target_options(race, a->options));
}

static PyObject *core_dial(PyObject *module, PyObject *args, PyObject *kwargs)
{
    struct dial_race race;
    struct dial_arguments a = {
        .port = Py_None, .timeout = Py_None, .source = Py_None, .resolver = Py_None};
    if (!parse(args, kwargs, &a))
        return NULL;
    begin(&race, ext_state_of(module));
    race.d.family = a.family;
    PyObject *result = prepare_dial(&race, &a) ? dial_race_run(&race) : NULL;
    dial_race_done(&race);
    return result;
}

/* ---- create_connection */

/* Whether stock's loop would call csock's own: what makes, binds, connects and closes a socket. */
static bool class_is_own(const struct ext_state *st)
{
    static const enum ext_name names[] = {NAME_CONNECT, NAME_BIND, NAME_SETTIMEOUT, NAME_CLOSE,
                                          NAME_REAL_CLOSE};
    const struct sock_class *c = ext_class(st);
    if (!c->type || c->type->tp_init != c->init || c->type->tp_new != c->new)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!sock_class_still_has(st, c, names[i]))
            return false;
    return true;
}

/* What is unusual about an argument is left to stock's loop, and so are its errors. */
static bool is_usual_port(PyObject *port)
{
    Py_ssize_t number;
    if (PyUnicode_Check(port))
        return dial_port_fits(addr_ascii_text(port));
    if (!PyLong_CheckExact(port))
        return false;
    bool fits = ext_size(port, &number) && number >= 0 && number <= 65535;
    PyErr_Clear();
    return fits;
}

static bool is_usual_pair(PyObject *address)
{
    return PyTuple_Check(address) && PyTuple_GET_SIZE(address) == 2 &&
           PyUnicode_Check(PyTuple_GET_ITEM(address, 0)) &&
           is_usual_port(PyTuple_GET_ITEM(address, 1));
}

static bool is_numeric(int family, PyObject *o)
{
    union csock_addr addr;
    socklen_t len;
    const char *host = addr_ascii_text(o);
    return host && csock_addr_from_host(family, host, 0, &addr, &len) == 0;
}

/* As getpeername() has it for AF_INET6. */
static bool is_quadruple(PyObject *address)
{
    return PyTuple_Check(address) && PyTuple_GET_SIZE(address) == 4 &&
           is_numeric(AF_INET6, PyTuple_GET_ITEM(address, 0)) &&
           PyLong_Check(PyTuple_GET_ITEM(address, 1));
}

/* A source that has to be looked up is none of the usual. */
static bool is_usual_source(PyObject *address)
{
    if (!is_usual_pair(address) || PyUnicode_Check(PyTuple_GET_ITEM(address, 1)))
        return false;
    PyObject *host = PyTuple_GET_ITEM(address, 0);
    return PyUnicode_GET_LENGTH(host) == 0 || is_numeric(AF_INET, host) ||
           is_numeric(AF_INET6, host);
}

static bool is_usual(PyObject *address, PyObject *timeout, PyObject *source)
{
    bool number = PyLong_CheckExact(timeout) || PyFloat_CheckExact(timeout);
    bool named = is_usual_pair(address) && PyUnicode_GET_LENGTH(PyTuple_GET_ITEM(address, 0)) > 0;
    if (!named && !is_quadruple(address))
        return false;
    return (timeout == Py_None || (number && PyFloat_AsDouble(timeout) > 0)) &&
           (source == Py_None || is_usual_source(source));
}

static PyObject *race_to(struct ext_state *st, PyObject *const *args)
{
    struct dial_race race;
    PyObject *result = NULL, *source = args[2];
    begin(&race, st);
    race.all_errors = args[3] == Py_True;
    if (ext_timeout(args[1], &race.bound) && tuple_address(&race, args[0]) &&
        (source == Py_None || dial_target_source(&race, source)) && audit_look_up(&race)) {
        race.timeout = race.bound;
        result = dial_race_run(&race);
    }
    dial_race_done(&race);
    return result;
}

/* race(address, timeout, source address or None, all_errors) */
static PyObject *core_race(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct ext_state *st = ext_state_of(module);
    if (!ext_arg_count("race", n, 4, 4))
        return NULL;
    if (!class_is_own(st) || !is_usual(args[0], args[1], args[2])) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return race_to(st, args);
}

static PyObject *core_class_is_own(PyObject *module, PyObject *none)
{
    (void)none;
    return PyBool_FromLong(class_is_own(ext_state_of(module)));
}

static PyObject *core_observe_dials(PyObject *module, PyObject *observer)
{
    struct ext_state *st = ext_state_of(module);
    PyObject *before = st->dial_observer;
    st->dial_observer = observer == Py_None ? NULL : Py_NewRef(observer);
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(
    dial_doc,
    "dial($module, /, address, port=None, *, timeout=None, family=0, source_address=None,\n"
    "     options=(), attempt_delay=0.25, resolution_delay=0.05, resolver=None)\n--\n\n"
    "A connection to a host and a port, or without port to the path of an AF_UNIX socket.\n\n"
    "The host's addresses are tried one after the other, the next one 0.25 s after the one\n"
    "before, or at once when that has failed; the first that connects is kept (Happy Eyeballs,\n"
    "RFC 8305). timeout bounds all of it, look-up included. See docs/connecting.md.");
PyDoc_STRVAR(race_doc, "race(address, timeout, source_address, all_errors)\n\n"
                       "What create_connection() returns; None if stock's loop has to be gone.");
PyDoc_STRVAR(observe_doc, "observe_dials(function)\n\n"
                          "Have function called with a dictionary after each race; None: nobody.");

static PyMethodDef dial_functions[] = {
    {"dial", (PyCFunction)(void (*)(void))core_dial, METH_VARARGS | METH_KEYWORDS, dial_doc},
    {"race", EXT_FASTCALL(core_race), race_doc},
    {"class_is_own", core_class_is_own, METH_NOARGS,
     "class_is_own() -> bool\n\n"
     "Whether what connects, in the class socket.socket, is as csock has made it."},
    {"observe_dials", core_observe_dials, METH_O, observe_doc},
    {NULL, NULL, 0, NULL},
};

int dial_setup(PyObject *module, struct ext_state *st)
{
    if (!st->attempt_type && !(st->attempt_type = dial_attempt_type()))
        return -1;
    if (PyModule_AddObjectRef(module, "Attempt", (PyObject *)st->attempt_type) < 0)
        return -1;
    return PyModule_AddFunctions(module, dial_functions);
}

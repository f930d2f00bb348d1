/* The two modules of the one shared object: csock._socket, with the names of stock, owns the
 * state; csock._core, with what goes beyond, shares it. Sits on the setup functions of the other
 * files, and has the functions that belong to none of them. */
#include "constants/constants.h"
#include "ext.h"

#include <errno.h>

struct ext_state *ext_state_of(PyObject *module)
{
    if (PyModule_GetDef(module) == &ext_core_module)
        module = *(PyObject **)PyModule_GetState(module);
    return PyModule_GetState(module);
}

/* ---- functions on bare descriptors */

static PyObject *mod_close(PyObject *module, PyObject *o)
{
    int fd, r;
    if (!ext_int(o, &fd))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_fd_close(fd);
    Py_END_ALLOW_THREADS
    if (r < 0 && r != -ECONNRESET) /* the peer's doing; the descriptor is closed */
        return ext_raise(ext_state_of(module), r);
    Py_RETURN_NONE;
}

static PyObject *mod_dup(PyObject *module, PyObject *o)
{
    int fd;
    if (!ext_int(o, &fd))
        return NULL;
    fd = csock_fd_dup(fd);
    return fd < 0 ? ext_raise(ext_state_of(module), fd) : PyLong_FromLong(fd);
}

static PyObject *pair_as_py(struct ext_state *st, struct csock pair[2], int64_t timeout)
{
    PyObject *first = sock_from_core(st, &pair[0], timeout);
    if (!first) {
        csock_close(&pair[1]);
        return NULL;
    }
    PyObject *second = sock_from_core(st, &pair[1], timeout);
    if (!second) {
        Py_DECREF(first);
        return NULL;
    }
    return Py_BuildValue("(NN)", first, second);
}

static PyObject *mod_socketpair(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    struct csock pair[2];
    int family = AF_UNIX, type = SOCK_STREAM, proto = 0;
    if (!PyArg_ParseTuple(args, "|iii:socketpair", &family, &type, &proto))
        return NULL;
    int64_t timeout = type & SOCK_NONBLOCK ? 0 : EXT_GET(st->default_timeout);
    unsigned flags = SOCK_AS_STOCK | (timeout < 0 ? 0 : CSOCK_NONBLOCK);
    int r = csock_pair(pair, family, type, proto, flags);
    return r < 0 ? ext_raise(st, r) : pair_as_py(st, pair, timeout);
}

static PyObject *mod_getdefaulttimeout(PyObject *module, PyObject *none)
{
    (void)none;
    return ext_timeout_as_py(EXT_GET(ext_state_of(module)->default_timeout));
}

static PyObject *mod_setdefaulttimeout(PyObject *module, PyObject *o)
{
    int64_t ns;
    if (!ext_timeout(o, &ns))
        return NULL;
    EXT_SET(ext_state_of(module)->default_timeout, ns);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc, "close($module, fd, /)\n--\n\n"
                        "Close a socket by its descriptor.");
PyDoc_STRVAR(dup_doc, "dup($module, fd, /)\n--\n\n"
                      "A second descriptor of a socket, close-on-exec.");
PyDoc_STRVAR(socketpair_doc, "socketpair([family[, type[, proto]]]) -> (socket, socket)\n\n"
                             "Two sockets connected to each other, of AF_UNIX by default.");
PyDoc_STRVAR(getdefaulttimeout_doc, "getdefaulttimeout($module, /)\n--\n\n"
                                    "The timeout of new sockets in seconds, or None.");
PyDoc_STRVAR(setdefaulttimeout_doc, "setdefaulttimeout($module, timeout, /)\n--\n\n"
                                    "Set the timeout of new sockets in seconds, or None.");

PyMethodDef module_functions[] = {
    {"close", mod_close, METH_O, close_doc},
    {"dup", mod_dup, METH_O, dup_doc},
    {"socketpair", mod_socketpair, METH_VARARGS, socketpair_doc},
    {"getdefaulttimeout", mod_getdefaulttimeout, METH_NOARGS, getdefaulttimeout_doc},
    {"setdefaulttimeout", mod_setdefaulttimeout, METH_O, setdefaulttimeout_doc},
    {NULL, NULL, 0, NULL},
};

/* ---- csock._socket */

static int socket_exec(PyObject *module)
{
    struct ext_state *st = PyModule_GetState(module);
    PyMethodDef *tables[] = {module_functions,   conv_functions, netdb_functions,
                             addrinfo_functions, cmsg_functions, ifaces_functions};
    st->default_timeout = -1;
    st->sock_class = &st->no_class;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (PyModule_AddFunctions(module, tables[i]) < 0)
            return -1;
    if (errors_setup(module, st) < 0 || sock_type_setup(module, st) < 0 ||
        capi_setup(module, st) < 0 || csock_constants_add_stock(module) < 0 ||
        PyModule_AddStringConstant(module, "BDADDR_ANY", "00:00:00:00:00:00") < 0 ||
        PyModule_AddStringConstant(module, "BDADDR_LOCAL", "00:00:00:FF:FF:FF") < 0)
        return -1;
    return PyModule_AddObjectRef(module, "has_ipv6", Py_True);
}

static int socket_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct ext_state *st = PyModule_GetState(module);
    Py_VISIT(st->sock_type);
    Py_VISIT(st->stream_type);
    Py_VISIT(st->gaierror);
    Py_VISIT(st->herror);
    /* What is kept of receives is bytes, which refer to nothing. */
    return sock_class_traverse(st, visit, arg);
}

static int socket_clear(PyObject *module)
{
    struct ext_state *st = PyModule_GetState(module);
    Py_CLEAR(st->sock_type);
    Py_CLEAR(st->stream_type);
    Py_CLEAR(st->gaierror);
    Py_CLEAR(st->herror);
    sock_class_clear(st);
    for (size_t i = 0; i < EXT_SPARES; i++)
        Py_CLEAR(st->spares[i]);
    sock_results_clear(st);
    return 0;
}

static void socket_free(void *module)
{
    struct ext_state *st = PyModule_GetState(module);
    socket_clear(module);
    sock_class_free(st);
    for (size_t i = 0; i < EXT_NAMES; i++) /* until now, as sockets may outlive their module */
        Py_CLEAR(st->names[i]);
}

/* Interpreters with a GIL of their own, or without any: all state is the module's or the core's,
 * which is made for threads. */
#if PY_VERSION_HEX >= 0x030D0000
#define LAST_SLOTS \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \
        {Py_mod_gil, Py_MOD_GIL_NOT_USED}, \
    { \
        0, NULL \
    }
#elif PY_VERSION_HEX >= 0x030C0000
#define LAST_SLOTS \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}, \
    { \
        0, NULL \
    }
#else
#define LAST_SLOTS \
    { \
        0, NULL \
    }
#endif

static PyModuleDef_Slot socket_slots[] = {
    {Py_mod_exec, (void *)socket_exec},
    LAST_SLOTS,
};

struct PyModuleDef ext_socket_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_socket",
    .m_doc = "Sockets under the names that CPython's _socket has. See the module csock.",
    .m_size = sizeof(struct ext_state),
    .m_slots = socket_slots,
    .m_traverse = socket_traverse,
    .m_clear = socket_clear,
    .m_free = socket_free,
};

PyMODINIT_FUNC PyInit__socket(void)
{
    return PyModuleDef_Init(&ext_socket_module);
}

/* ---- csock._core: its own state is a strong reference to csock._socket */

/* csock._socket where it is there, else a new one, from the file that this module is from. */
static PyObject *find_or_make_socket(PyObject *module)
{
    PyObject *origin = PyModule_GetFilenameObject(module), *owner = NULL;
    PyObject *package = PyImport_ImportModule("csock");
    if (package && origin)
        owner = PyObject_CallMethod(package, "_find_or_make_socket", "O", origin);
    Py_XDECREF(package);
    Py_XDECREF(origin);
    return owner;
}

static int core_exec(PyObject *module)
{
    PyObject **owner = PyModule_GetState(module);
    *owner = find_or_make_socket(module);
    if (!*owner)
        return -1;
    if (!PyModule_Check(*owner) || PyModule_GetDef(*owner) != &ext_socket_module) {
        PyErr_SetString(PyExc_ImportError, "csock._socket is not the module that csock comes with");
        return -1;
    }
    if (PyModule_AddFunctions(module, sendfile_functions) < 0 ||
        PyModule_AddFunctions(module, sock_class_functions) < 0 ||
        PyModule_AddFunctions(module, enum_functions) < 0 ||
        PyModule_AddFunctions(module, enum_make_functions) < 0 ||
        sock_class_setup(PyModule_GetState(*owner)) < 0)
        return -1;
    return stream_type_setup(module, PyModule_GetState(*owner));
}

/* Over two thousand names that few programs ask for: not at import, but when they are. */
static PyObject *core_load_constants(PyObject *module, PyObject *none)
{
    (void)none;
    if (csock_constants_add_more(module) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* Not a method, because the socket type has exactly stock's. */
static PyObject *core_dup_socket(PyObject *module, PyObject *sock)
{
    if (!PyObject_TypeCheck(sock, ext_state_of(module)->sock_type)) {
        PyErr_Format(PyExc_TypeError, "a socket is required, not %.200s", Py_TYPE(sock)->tp_name);
        return NULL;
    }
    return sock_dup((struct sock_object *)sock);
}

PyDoc_STRVAR(dup_socket_doc, "dup_socket($module, sock, /)\n--\n\n"
                             "A second descriptor for the same socket. fcntl(2), F_DUPFD_CLOEXEC.");
PyDoc_STRVAR(load_constants_doc,
             "load_constants($module, /)\n--\n\n"
             "Add the constants of Linux that this CPython's socket module lacks to this module.");

static PyMethodDef core_functions[] = {
    {"dup_socket", core_dup_socket, METH_O, dup_socket_doc},
    {"load_constants", core_load_constants, METH_NOARGS, load_constants_doc},
    {NULL, NULL, 0, NULL},
};

static int core_traverse(PyObject *module, visitproc visit, void *arg)
{
    PyObject **owner = PyModule_GetState(module);
    Py_VISIT(*owner);
    return 0;
}

static int core_clear(PyObject *module)
{
    PyObject **owner = PyModule_GetState(module);
    Py_CLEAR(*owner);
    return 0;
}

static void core_free(void *module)
{
    core_clear(module);
}

static PyModuleDef_Slot core_slots[] = {
    {Py_mod_exec, (void *)core_exec},
    LAST_SLOTS,
};

struct PyModuleDef ext_core_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_core",
    .m_doc = "What csock has beyond CPython's socket module. See the module csock.",
    .m_size = sizeof(PyObject *),
    .m_methods = core_functions,
    .m_slots = core_slots,
    .m_traverse = core_traverse,
    .m_clear = core_clear,
    .m_free = core_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&ext_core_module);
}

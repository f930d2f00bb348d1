/* The two modules of the one shared object: csock._socket, with the names of stock, owns the
 * state; csock._core, with what goes beyond, shares it. Sits on the setup functions of the other
 * files: it calls all of them, and none calls it. */
#include "shared/errors.h"
#include "shared/interp.h"
#include "state.h"
#include "object/capi.h"
#include "object/counts.h"
#include "object/known_class.h"
#include "object/lookup.h"
#include "object/span.h"
#include "methods/results.h"
#include "methods/tables.h"
#include "methods/type.h"
#include "names/tables.h"
#include "class/enums.h"
#include "class/equip.h"
#include "file/raw.h"
#include "stream/reader.h"
#include "tls/tls.h"
#include "dial/dial.h"
#include "constants/constants.h"

/* ---- csock._socket */

static int socket_exec(PyObject *module)
{
    struct ext_state *st = PyModule_GetState(module);
    PyMethodDef *tables[] = {socket_functions,   convert_functions, host_functions,
                             addrinfo_functions, cmsg_functions,    interface_functions};
    st->default_timeout = -1;
    if (sock_class_setup(st) < 0 || sock_census_setup(st) < 0)
        return -1;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (PyModule_AddFunctions(module, tables[i]) < 0)
            return -1;
    if (errors_setup(module, &st->errors) < 0 || ext_deadlines_setup(module, &st->deadlines) < 0 ||
        sock_type_setup(module, st) < 0 || capi_setup(module, st) < 0 ||
        csock_constants_add_stock(module) < 0 ||
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
    Py_VISIT(st->reader_type);
    Py_VISIT(st->stats_type);
    Py_VISIT(st->lookup_type);
    Py_VISIT(st->incomplete);
    Py_VISIT(st->overrun);
    Py_VISIT(st->errors.gaierror);
    Py_VISIT(st->errors.herror);
    Py_VISIT(st->deadlines.type);
    Py_VISIT(st->deadlines.exceeded);
    Py_VISIT(st->attempt_type);
    Py_VISIT(st->span_functions);
    Py_VISIT(st->dial_observer);
    /* What is kept of receives is bytes, which refer to nothing. */
    int r = tls_known_traverse(st, visit, arg);
    return r ? r : sock_class_traverse(st, visit, arg);
}

static int socket_clear(PyObject *module)
{
    struct ext_state *st = PyModule_GetState(module);
    Py_CLEAR(st->sock_type);
    Py_CLEAR(st->stream_type);
    Py_CLEAR(st->reader_type);
    Py_CLEAR(st->stats_type);
    Py_CLEAR(st->lookup_type);
    Py_CLEAR(st->incomplete);
    Py_CLEAR(st->overrun);
    Py_CLEAR(st->errors.gaierror);
    Py_CLEAR(st->errors.herror);
    Py_CLEAR(st->deadlines.type);
    Py_CLEAR(st->deadlines.exceeded);
    tls_known_clear(st);
    Py_CLEAR(st->attempt_type);
    Py_CLEAR(st->span_functions);
    Py_CLEAR(st->dial_observer);
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
    sock_census_free(st);
    sock_class_free(st);
    tls_known_free(st);
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
    if (PyModule_AddObjectRef(module, "_plain", INTERP_IS_KNOWN ? Py_False : Py_True) < 0 ||
        PyModule_AddFunctions(module, dup_functions) < 0 ||
        PyModule_AddFunctions(module, sendfile_functions) < 0 ||
        PyModule_AddFunctions(module, alive_functions) < 0 ||
        PyModule_AddFunctions(module, stats_functions) < 0 ||
        PyModule_AddFunctions(module, capture_functions) < 0 ||
        PyModule_AddFunctions(module, span_functions) < 0 ||
        PyModule_AddFunctions(module, sock_class_functions) < 0 ||
        PyModule_AddFunctions(module, answer_functions) < 0 ||
        PyModule_AddFunctions(module, enum_functions) < 0 ||
        PyModule_AddFunctions(module, tls_functions) < 0 ||
        PyModule_AddFunctions(module, lookup_functions) < 0 ||
        PyModule_AddFunctions(module, reader_functions) < 0 ||
        dial_setup(module, PyModule_GetState(*owner)) < 0 ||
        ext_deadlines_add(module, &((struct ext_state *)PyModule_GetState(*owner))->deadlines) < 0)
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

PyDoc_STRVAR(load_constants_doc,
             "load_constants($module, /)\n--\n\n"
             "Add the constants of Linux that this CPython's socket module lacks to this module.");

static PyObject *core_current_deadline(PyObject *module, PyObject *none)
{
    (void)none;
    return ext_deadline_current(&ext_state_of(module)->deadlines);
}

PyDoc_STRVAR(current_deadline_doc, "current_deadline($module, /)\n--\n\n"
                                   "The innermost csock.deadline that this thread is in, or None.");

static PyMethodDef core_functions[] = {
    {"current_deadline", core_current_deadline, METH_NOARGS, current_deadline_doc},
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

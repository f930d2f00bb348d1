/* What of interp.h is no inline: mostly the plain ways. Sits on nothing but the interpreter. Must
 * not know what it is asked for. */
#include "shared/interp.h"

#include <string.h>

/* ---- attributes of a class */

#ifndef INTERP_KNOWN

/* 1 if the class's own dictionary has the name, and then whether it is for `what`; 0 if not; -1
 * with an exception. */
static int own_attribute_is(PyObject *type, PyObject *name, const PyObject *what, bool *ret)
{
    PyObject *own = ext_attr(type, "__dict__");
    PyObject *found = own ? PyObject_GetItem(own, name) : NULL;
    Py_XDECREF(own);
    if (!found)
        return PyErr_ExceptionMatches(PyExc_KeyError) ? (PyErr_Clear(), 0) : -1;
    *ret = found == what;
    Py_DECREF(found);
    return 1;
}

bool interp_class_has(PyTypeObject *type, PyObject *name, const PyObject *what)
{
    PyObject *mro = ext_attr((PyObject *)type, "__mro__");
    bool same = false;
    int r = mro && PyTuple_Check(mro) ? 0 : -1;
    for (Py_ssize_t i = 0; r == 0 && i < PyTuple_GET_SIZE(mro); i++)
        r = own_attribute_is(PyTuple_GET_ITEM(mro, i), name, what, &same);
    Py_XDECREF(mro);
    if (r < 0)
        PyErr_Clear(); /* whoever asks goes the long way then */
    return r > 0 && same;
}

#endif

/* ---- capsules: the interpreter exports the function, but no public header declares it */

#if defined INTERP_KNOWN && PY_VERSION_HEX >= 0x030D0000

extern int _PyCapsule_SetTraverse(PyObject *capsule, traverseproc traverse, inquiry clear)
    __attribute__((weak));

bool interp_capsules_can_be_traversed(void)
{
    return _PyCapsule_SetTraverse != NULL;
}

int interp_capsule_set_traverse(PyObject *capsule, traverseproc traverse, inquiry clear)
{
    return _PyCapsule_SetTraverse(capsule, traverse, clear);
}

#else

bool interp_capsules_can_be_traversed(void)
{
    return false;
}

int interp_capsule_set_traverse(PyObject *capsule, traverseproc traverse, inquiry clear)
{
    (void)capsule;
    (void)traverse;
    (void)clear;
    return 0;
}

#endif

/* ---- the interpreter's end */

#if PY_VERSION_HEX < 0x030D0000 && defined INTERP_KNOWN

bool interp_is_finalizing(void)
{
    return _Py_IsFinalizing();
}

#elif PY_VERSION_HEX < 0x030D0000

/* It is asked when an object ends, whatever exception is under way. */
bool interp_is_finalizing(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *ask = PySys_GetObject("is_finalizing");
    PyObject *answer = ask ? PyObject_CallNoArgs(ask) : NULL;
    bool ending = !answer || PyObject_IsTrue(answer) != 0;
    Py_XDECREF(answer);
    PyErr_Restore(type, value, traceback);
    return ending;
}

#endif

/* ---- layouts */

#ifndef INTERP_KNOWN
size_t interp_raw_io_size;
#endif

/* Whether the base has the size that is known, or what size it has. */
static bool take_raw_io_size(const PyTypeObject *base)
{
    size_t size = (size_t)base->tp_basicsize;
#ifdef INTERP_KNOWN
    return size == INTERP_RAW_IO_SIZE;
#else
    EXT_SET(interp_raw_io_size, (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *));
    return true;
#endif
}

PyTypeObject *interp_raw_io_base(void)
{
    PyObject *io = PyImport_ImportModule("io");
    PyObject *raw = io ? ext_attr(io, "RawIOBase") : NULL;
    PyObject *base = raw ? ext_attr(raw, "__base__") : NULL;
    Py_XDECREF(io);
    Py_XDECREF(raw);
    if (base && (!PyType_Check(base) || !take_raw_io_size((PyTypeObject *)base))) {
        PyErr_SetString(PyExc_SystemError, "this interpreter's raw streams have another size");
        Py_CLEAR(base);
    }
    return (PyTypeObject *)base;
}

#ifdef INTERP_KNOWN

/* Declared in another header in each version. */
PyAPI_FUNC(int) _PyOS_IsMainThread(void) __attribute__((weak));

bool interp_handles_signals(void)
{
    return !_PyOS_IsMainThread || _PyOS_IsMainThread();
}

int interp_ssl_reads_as_known(void)
{
    return 1;
}

#else

/* Whether the object, which has no descriptor, has what _ssl reads where it is known to be: it is
 * given a timeout, and shows it there, even if it cannot tell a descriptor of it. */
static int has_known_layout(PyObject *sock)
{
    static const int64_t ns[] = {1234567890, 987654321};
    const char *own = (const char *)sock + sizeof(PyObject);
    int fd;
    int64_t timeout;
    if ((size_t)Py_TYPE(sock)->tp_basicsize <
        sizeof(PyObject) + INTERP_SSL_TIMEOUT + sizeof timeout)
        return 0;
    for (size_t i = 0; i < sizeof ns / sizeof *ns; i++) {
        PyObject *none = PyObject_CallMethod(sock, "settimeout", "d", (double)ns[i] / 1e9);
        if (!none && !PyErr_ExceptionMatches(PyExc_OSError))
            return -1;
        Py_XDECREF(none);
        PyErr_Clear();
        memcpy(&fd, own + INTERP_SSL_FD, sizeof fd);
        memcpy(&timeout, own + INTERP_SSL_TIMEOUT, sizeof timeout);
        if (fd != -1 || timeout != ns[i])
            return 0;
    }
    return 1;
}

int interp_ssl_reads_as_known(void)
{
    PyObject *ours = PyImport_ImportModule("csock._interp");
    PyObject *type = ours ? PyObject_CallMethod(ours, "stock_socket_type", NULL) : NULL;
    PyObject *sock = type ? PyObject_CallMethod(type, "__new__", "O", type) : NULL;
    int r = sock ? has_known_layout(sock) : -1;
    Py_XDECREF(sock);
    Py_XDECREF(type);
    Py_XDECREF(ours);
    return r;
}

#endif

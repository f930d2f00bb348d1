/* Calls of the TLS object's methods. Sits on the interpreter. Must not wait, and asks for no lock:
 * its callers have `state`. */
#include "tls/call.h"
#include "shared/args.h"

#define MUCH (1 << 24) /* bytes; for more there may be no memory, and that is said at once */

/* A program mostly reads by one and the same number: the tuple of it is kept. New reference. */
static PyObject *tuple_of(struct sock_secured *t, PyObject **args, size_t n)
{
    bool is_length = n == 2 && PyLong_CheckExact(args[1]);
    if (is_length && t->length && PyTuple_GET_ITEM(t->length, 0) == args[1])
        return Py_NewRef(t->length);
    PyObject *tuple = PyTuple_New((Py_ssize_t)n - 1);
    for (size_t i = 1; tuple && i < n; i++)
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i - 1, Py_NewRef(args[i]));
    if (tuple && is_length)
        Py_XSETREF(t->length, Py_NewRef(tuple));
    return tuple;
}

static PyObject *call_with_tuple(struct sock_secured *t, PyCFunction call, PyObject **args,
                                 size_t n)
{
    PyObject *tuple = tuple_of(t, args, n);
    PyObject *result = tuple ? call(args[0], tuple) : NULL;
    Py_XDECREF(tuple);
    return result;
}

PyObject *tls_call_object(struct tls_call *c, PyObject **args, size_t n)
{
    const struct tls_known *k = c->k;
    const struct tls_function *f = &k->functions[c->kind];
    args[0] = c->object;
    if (!Py_IS_TYPE(c->object, k->object_type))
        return PyObject_VectorcallMethod(k->object_names[c->kind], args, n, NULL);
    if (f->call && f->flags == METH_VARARGS)
        return call_with_tuple(c->t, f->call, args, n);
    if (f->call && f->flags == METH_O && n == 2)
        return f->call(args[0], args[1]);
    return PyObject_Vectorcall(k->object_methods[c->kind], args, n, NULL);
}

Py_ssize_t tls_bytes_asked(PyObject *len, PyObject *buffer)
{
    Py_ssize_t n, room = MUCH;
    if (!PyLong_CheckExact(len) || !ext_size(len, &n)) {
        PyErr_Clear();
        return 0;
    }
    if (buffer && PyByteArray_CheckExact(buffer)) {
        room = PyByteArray_GET_SIZE(buffer);
    } else if (buffer) {
        const Py_buffer *view = PyMemoryView_Check(buffer) ? PyMemoryView_GET_BUFFER(buffer) : NULL;
        room = view && !view->readonly ? view->len : 0;
    }
    if (n <= 0 || n > MUCH)
        return 0;
    return n < room ? n : room;
}

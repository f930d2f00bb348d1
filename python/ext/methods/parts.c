/* The buffers of a message, held while a call uses them. Sits on nothing but the interpreter. */
#include "methods/parts.h"
#include "shared/buffers.h"

#include <limits.h>
#include <stdio.h>

PyObject *msg_snapshot(PyObject *o, const char *not_iterable)
{
    PyObject *sequence = PySequence_Fast(o, not_iterable);
    PyObject *items = sequence ? PySequence_Tuple(sequence) : NULL;
    Py_XDECREF(sequence);
    return items;
}

void msg_parts_release(struct msg_parts *parts)
{
    for (Py_ssize_t i = 0; i < parts->n; i++)
        PyBuffer_Release(&parts->views[i]);
    PyMem_Free(parts->views);
    PyMem_Free(parts->iov);
}

static bool readable(PyObject *o, Py_buffer *ret)
{
    return PyObject_GetBuffer(o, ret, PyBUF_SIMPLE) == 0;
}

static bool writable(PyObject *o, Py_buffer *ret)
{
    return PyArg_Parse(o,
                       "w*;recvmsg_into() argument 1 must be an iterable of single-segment "
                       "read-write buffers",
                       ret);
}

static bool hold(struct msg_parts *parts, PyObject *items, bool (*view)(PyObject *, Py_buffer *))
{
    size_t n = (size_t)PyTuple_GET_SIZE(items);
    parts->iov = PyMem_New(struct iovec, n);
    parts->views = PyMem_New(Py_buffer, n);
    if (!parts->iov || !parts->views) {
        PyErr_NoMemory();
        return false;
    }
    for (; parts->n < (Py_ssize_t)n; parts->n++) {
        Py_buffer *buffer = &parts->views[parts->n];
        if (!view(PyTuple_GET_ITEM(items, parts->n), buffer))
            return false;
        parts->iov[parts->n] = (struct iovec){buffer->buf, (size_t)buffer->len};
        parts->weight += ext_weight(buffer, (size_t)buffer->len);
    }
    return true;
}

static bool parts_of(struct msg_parts *ret, const char *what, PyObject *buffers,
                     bool (*view)(PyObject *, Py_buffer *))
{
    char text[80];
    *ret = (struct msg_parts){0};
    snprintf(text, sizeof text, "%s() argument 1 must be an iterable", what);
    PyObject *items = msg_snapshot(buffers, text);
    if (!items)
        return false;
    bool ok = PyTuple_GET_SIZE(items) <= INT_MAX;
    if (!ok)
        PyErr_Format(PyExc_OSError, "%s() argument 1 is too long", what);
    else
        ok = hold(ret, items, view);
    Py_DECREF(items);
    if (!ok)
        msg_parts_release(ret);
    return ok;
}

bool msg_parts_to_send(struct msg_parts *ret, const char *what, PyObject *buffers)
{
    return parts_of(ret, what, buffers, readable);
}

bool msg_parts_to_fill(struct msg_parts *ret, const char *what, PyObject *buffers)
{
    return parts_of(ret, what, buffers, writable);
}

/* Buffers that are asked for, and what they count as. Sits on nothing but the interpreter. */
#include "shared/buffers.h"

size_t ext_weight(const Py_buffer *buffer, size_t n)
{
    PyObject *owner = buffer->obj;
    if (owner && PyMemoryView_Check(owner))
        owner = PyMemoryView_GET_BASE(owner); /* NULL: the buffers of io make such */
    bool known = !owner || PyByteArray_Check(owner) || PyBytes_Check(owner);
    return known || n > EXT_HELD_MAX ? n : EXT_HEAVY;
}

bool ext_payload_of_buffer(PyObject *o, struct ext_payload *ret)
{
    ret->buffer.obj = NULL;
    if (PyObject_GetBuffer(o, &ret->buffer, PyBUF_SIMPLE) < 0)
        return false;
    ret->data = ret->buffer.buf;
    ret->n = (size_t)ret->buffer.len;
    ret->weight = ext_weight(&ret->buffer, ret->n);
    return true;
}

EXT_RARE static bool raise_not_writable(const char *what, PyObject *o)
{
    PyErr_Format(PyExc_TypeError, "%s() argument 1 must be read-write bytes-like object, not %.50s",
                 what, o == Py_None ? "None" : Py_TYPE(o)->tp_name);
    return false;
}

bool ext_writable_buffer(const char *what, PyObject *o, Py_buffer *ret)
{
    return PyObject_GetBuffer(o, ret, PyBUF_WRITABLE) == 0 || raise_not_writable(what, o);
}

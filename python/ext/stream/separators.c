/* The argument of readuntil(): bytes, or a tuple of them, as the core takes it. Sits on the
 * interpreter's buffers. */
#include "stream/reader.h"

void reader_separators_done(struct reader_separators *seps)
{
    for (size_t i = 0; i < seps->n; i++)
        if (seps->held[i].obj)
            PyBuffer_Release(&seps->held[i]);
    if (seps->all != seps->few) {
        PyMem_Free(seps->all);
        PyMem_Free(seps->held);
    }
}

/* Bytes, which the caller keeps alive, need not be held. */
static bool add_separator(struct reader_separators *seps, PyObject *o)
{
    Py_buffer *held = &seps->held[seps->n];
    struct csock_separator *sep = &seps->all[seps->n];
    held->obj = NULL;
    if (PyBytes_CheckExact(o)) {
        *sep = (struct csock_separator){PyBytes_AS_STRING(o), (size_t)PyBytes_GET_SIZE(o)};
    } else {
        if (PyObject_GetBuffer(o, held, PyBUF_SIMPLE) < 0)
            return false;
        *sep = (struct csock_separator){held->buf, (size_t)held->len};
    }
    seps->n++;
    if (sep->len == 0)
        PyErr_SetString(PyExc_ValueError, "a separator must have at least one byte");
    return sep->len > 0;
}

static bool separators_room(struct reader_separators *seps, size_t n)
{
    seps->n = 0;
    seps->all = seps->few;
    seps->held = seps->few_held;
    if (n <= READER_FEW)
        return true;
    struct csock_separator *all = PyMem_New(struct csock_separator, n);
    Py_buffer *held = PyMem_New(Py_buffer, n);
    if (!all || !held) {
        PyMem_Free(all);
        PyMem_Free(held);
        PyErr_NoMemory();
        return false;
    }
    seps->all = all;
    seps->held = held;
    return true;
}

bool reader_separators_of(PyObject *separator, struct reader_separators *ret)
{
    bool several = PyTuple_Check(separator);
    size_t n = several ? (size_t)PyTuple_GET_SIZE(separator) : 1;
    if (n == 0) {
        PyErr_SetString(PyExc_ValueError, "there must be at least one separator");
        return false;
    }
    if (!separators_room(ret, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_separator(ret, several ? PyTuple_GET_ITEM(separator, (Py_ssize_t)i) : separator)) {
            reader_separators_done(ret);
            return false;
        }
    return true;
}

/* csock.IncompleteReadError and csock.LimitOverrunError, with the attributes of asyncio's, and the
 * exceptions that a reader's calls raise. Sits on shared/errors.c. */
#include "stream/reader.h"

#include "shared/args.h"

#include <errno.h>

/* What Exception.__init__ does with one argument. */
static bool init_with_text(PyObject *self, PyObject *text)
{
    PyObject *args = text ? PyTuple_Pack(1, text) : NULL;
    int err = args ? ((PyTypeObject *)PyExc_EOFError)->tp_init(self, args, NULL) : -1;
    Py_XDECREF(args);
    return err == 0;
}

static PyObject *incomplete_text(PyObject *partial, PyObject *expected)
{
    Py_ssize_t n = PyObject_Size(partial);
    if (n < 0)
        return NULL;
    if (expected == Py_None)
        return PyUnicode_FromFormat("the stream ended without a separator after %zd bytes", n);
    return PyUnicode_FromFormat("the stream ended after %zd of %S bytes", n, expected);
}

static PyObject *incomplete_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"partial", "expected", NULL};
    PyObject *partial, *expected;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:IncompleteReadError", names, &partial,
                                     &expected))
        return NULL;
    PyObject *text = incomplete_text(partial, expected);
    bool ok = init_with_text(self, text) && PyObject_SetAttrString(self, "partial", partial) == 0 &&
              PyObject_SetAttrString(self, "expected", expected) == 0;
    Py_XDECREF(text);
    return ok ? Py_NewRef(Py_None) : NULL;
}

static PyObject *overrun_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"message", "consumed", NULL};
    PyObject *message, *consumed;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:LimitOverrunError", names, &message,
                                     &consumed))
        return NULL;
    bool ok =
        init_with_text(self, message) && PyObject_SetAttrString(self, "consumed", consumed) == 0;
    return ok ? Py_NewRef(Py_None) : NULL;
}

/* (type, (first, second)), which are taken over: what a pickle has to know. */
static PyObject *reduced(PyObject *self, PyObject *first, PyObject *second)
{
    PyObject *args = ext_tuple_of((PyObject *[]){first, second}, 2);
    return args ? Py_BuildValue("(ON)", Py_TYPE(self), args) : NULL;
}

static PyObject *incomplete_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return reduced(self, ext_attr(self, "partial"), ext_attr(self, "expected"));
}

static PyObject *overrun_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    PyObject *args = ext_attr(self, "args");
    PyObject *message = args ? PySequence_GetItem(args, 0) : NULL;
    Py_XDECREF(args);
    return reduced(self, message, ext_attr(self, "consumed"));
}

static PyMethodDef incomplete_methods[] = {
    {"__init__", EXT_FUNCTION(incomplete_init), METH_VARARGS | METH_KEYWORDS,
     "__init__($self, /, partial, expected)\n--\n\n"},
    {"__reduce__", incomplete_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef overrun_methods[] = {
    {"__init__", EXT_FUNCTION(overrun_init), METH_VARARGS | METH_KEYWORDS,
     "__init__($self, /, message, consumed)\n--\n\n"},
    {"__reduce__", overrun_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* A class as Python makes it, with these methods. */
static PyObject *make_exception(const char *name, const char *doc, PyObject *base,
                                PyMethodDef *methods)
{
    PyObject *cls = PyErr_NewExceptionWithDoc(name, doc, base, NULL);
    for (PyMethodDef *m = methods; cls && m->ml_name; m++) {
        PyObject *method = PyDescr_NewMethod((PyTypeObject *)cls, m);
        if (!method || PyObject_SetAttrString(cls, m->ml_name, method) < 0)
            Py_CLEAR(cls);
        Py_XDECREF(method);
    }
    return cls;
}

int reader_exceptions_make(PyObject **ret_incomplete, PyObject **ret_overrun)
{
    PyObject *incomplete =
        make_exception("csock.IncompleteReadError",
                       "The stream ended before all came that was asked for.\n\n"
                       "partial: the bytes that came; expected: how many were asked for, or None.",
                       PyExc_EOFError, incomplete_methods);
    PyObject *overrun = make_exception("csock.LimitOverrunError",
                                       "There is no separator within the reader's limit.\n\n"
                                       "consumed: how many bytes there are before it.",
                                       PyExc_Exception, overrun_methods);
    if (!incomplete || !overrun) {
        Py_XDECREF(incomplete);
        Py_XDECREF(overrun);
        return -1;
    }
    *ret_incomplete = incomplete;
    *ret_overrun = overrun;
    return 0;
}

/* Raises cls(first, second), which it takes over; the base where the interpreter is ending and the
 * class is gone. */
static PyObject *raise_pair(PyObject *cls, PyObject *base, PyObject *first, PyObject *second)
{
    PyObject *args[] = {first, second}, *error = NULL;
    if (first && second)
        error = PyObject_Vectorcall(cls ? cls : base, args, 2, NULL);
    Py_XDECREF(first);
    Py_XDECREF(second);
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    return NULL;
}

static PyObject *raise_incomplete(struct reader *r, PyObject *expected)
{
    const char *data;
    ssize_t n = csock_reader_peek(&r->core, csock_reader_pending(&r->core), &data, NULL);
    PyObject *partial = PyBytes_FromStringAndSize(data, n);
    if (partial)
        csock_reader_skip(&r->core, (size_t)n);
    return raise_pair(r->state->incomplete, PyExc_EOFError, partial, Py_NewRef(expected));
}

PyObject *reader_raise(struct reader *r, int err, PyObject *expected)
{
    switch (err) {
    case CSOCK_EINTERRUPTED:
        return NULL; /* by the source */
    case CSOCK_EINCOMPLETE:
        return raise_incomplete(r, expected);
    case CSOCK_EOVERRUN:
        return raise_pair(
            r->state->overrun, PyExc_ValueError,
            PyUnicode_FromFormat("no separator within the limit of %zu bytes", r->core.limit),
            PyLong_FromSize_t(csock_reader_overrun(&r->core)));
    case -ENOMEM:
        return PyErr_NoMemory();
    default:
        return ext_raise(&r->state->errors, err);
    }
}

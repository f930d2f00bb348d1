/* read, recv and recv_into of ssl.SSLSocket. Sits on call.c. What a subclass, or a program, has put
 * in the place of `read` is called by recv and recv_into, by its name, as in stock. */
#include "tls/call.h"
#include "shared/args.h"
#include "object/capture.h"
#include "object/counts.h"

#define DEFAULT_SIZE 1024
#define END_OF_FILE 8 /* ssl.SSL_ERROR_EOF: OpenSSL knows no such, ssl made it up */

/* ---- a connection that ends without a good-bye */

/* Whether it is an SSLError with that number; it stays set. */
static bool is_ragged_end(const struct tls_known *k)
{
    PyObject *type, *value, *traceback;
    if (!PyErr_ExceptionMatches(k->error))
        return false;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *args = value ? ext_attr(value, "args") : NULL;
    PyObject *number = args ? PySequence_GetItem(args, 0) : NULL;
    bool is = number && PyLong_Check(number) && PyLong_AsLong(number) == END_OF_FILE;
    Py_XDECREF(number);
    Py_XDECREF(args);
    PyErr_Restore(type, value, traceback); /* drops what went wrong here */
    return is;
}

/* What the program gets of that: nothing more to read, or the error. */
static PyObject *end_or_error(const struct tls_known *k, PyObject *self, bool into)
{
    if (!is_ragged_end(k))
        return NULL;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *suppress = PyObject_GetAttr(self, k->names[TLS_SUPPRESS_RAGGED_EOFS]);
    int is = suppress ? PyObject_IsTrue(suppress) : -1;
    Py_XDECREF(suppress);
    if (is == 0) {
        PyErr_Restore(type, value, traceback);
        return NULL;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    if (is < 0)
        return NULL;
    return into ? PyLong_FromLong(0) : PyBytes_FromStringAndSize(NULL, 0);
}

/* ---- reading */

/* What _ssl gives for a read: the bytes, or how many went into a buffer. */
static inline void note_read(struct sock_object *s, PyObject *result, PyObject *buffer)
{
    Py_ssize_t n = -1;
    if (!buffer && PyBytes_CheckExact(result))
        n = PyBytes_GET_SIZE(result);
    else if (buffer && PyLong_CheckExact(result))
        n = PyLong_AsSsize_t(result);
    if (n >= 0)
        sock_add_received(s, (size_t)n);
    if (sock_is_captured(s))
        sock_capture_read(s, result, buffer);
}

/* Takes over the reference to the TLS object. buffer may be NULL. */
static PyObject *read_from(const struct tls_known *k, PyObject *self, PyObject *object,
                           PyObject *len, PyObject *buffer)
{
    struct tls_call c;
    int64_t timeout = EXT_GET(((struct sock_object *)self)->timeout);
    if (!tls_begin(&c, k, self, object, TLS_READS, "read", timeout))
        return NULL;
    PyObject *args[] = {NULL, len, buffer};
    PyObject *result = tls_run(&c, args, buffer ? 3 : 2);
    if (!result)
        result = end_or_error(k, self, buffer != NULL);
    if (result)
        note_read(c.s, result, buffer);
    tls_end(&c);
    return result;
}

PyObject *tls_read(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const names[] = {"len", "buffer"};
    const struct tls_known *k = tls_known(self);
    PyObject *given[2] = {NULL};
    PyObject *object = k && n == 1 && !kwnames ? tls_plain_object(k, self, TLS_READ) : NULL;
    if (object)
        return read_from(k, self, object, args[0], NULL);
    if (!k || !tls_arguments(names, 2, args, n, kwnames, given))
        return tls_call_stock(k, TLS_READ, self, args, n, kwnames);
    if (tls_check_closed(k, self) < 0 || !(object = tls_object_of(k, self)))
        return NULL;
    if (object == Py_None) {
        Py_DECREF(object);
        return tls_call_stock(k, TLS_READ, self, args, n, kwnames); /* says so */
    }
    PyObject *len = given[0] ? Py_NewRef(given[0]) : PyLong_FromLong(DEFAULT_SIZE);
    if (!len) {
        Py_DECREF(object);
        return NULL;
    }
    PyObject *buffer = given[1] == Py_None ? NULL : given[1];
    PyObject *result = read_from(k, self, object, len, buffer);
    Py_DECREF(len);
    return result;
}

/* `read` by its name, with len, which it takes over, and a buffer that may be NULL. */
static PyObject *call_read(const struct tls_known *k, PyObject *self, PyObject *len,
                           PyObject *buffer)
{
    if (!len)
        return NULL;
    PyObject *args[] = {self, len, buffer};
    PyObject *result =
        PyObject_VectorcallMethod(k->method_names[TLS_READ], args, buffer ? 3 : 2, NULL);
    Py_DECREF(len);
    return result;
}

/* 1 if there is a TLS object, 0 if there is none; -1 with an exception. */
static int has_object(const struct tls_known *k, PyObject *self)
{
    PyObject *object = tls_object_of(k, self);
    int has = object ? object != Py_None : -1;
    Py_XDECREF(object);
    return has;
}

/* Whether flags, that are there or not, are an exact 0. */
static bool no_flags(PyObject *flags)
{
    return !flags || (PyLong_CheckExact(flags) && PyLong_AsLong(flags) == 0 && !PyErr_Occurred());
}

PyObject *tls_recv(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct tls_known *k = tls_known(self);
    PyObject *object = k && n == 1 && !kwnames ? tls_plain_object(k, self, TLS_READ) : NULL;
    if (object)
        return read_from(k, self, object, args[0], NULL);
    bool plain = k && !kwnames && (n < 2 || (n == 2 && no_flags(args[1])));
    int has = plain ? has_object(k, self) : 0;
    if (has < 0)
        return NULL;
    if (!has) {
        if (k)
            PyErr_Clear(); /* flags that are too large for a number */
        return tls_call_stock(k, TLS_RECV, self, args, n, kwnames);
    }
    if (tls_check_closed(k, self) < 0)
        return NULL;
    PyObject *len = n > 0 ? Py_NewRef(args[0]) : PyLong_FromLong(DEFAULT_SIZE);
    return call_read(k, self, len, NULL);
}

/* How many bytes a recv_into without a number of its own asks for: all that there is room for. -1
 * if it is not one of the two kinds of buffers that it mostly is. */
static Py_ssize_t room_in(PyObject *buffer)
{
    Py_ssize_t size = -1;
    if (PyByteArray_CheckExact(buffer)) {
        size = PyByteArray_GET_SIZE(buffer);
    } else if (PyMemoryView_Check(buffer)) {
        const Py_buffer *view = PyMemoryView_GET_BUFFER(buffer);
        if (view->ndim == 1 && view->itemsize == 1)
            size = view->len;
    }
    return size == 0 ? DEFAULT_SIZE : size;
}

/* The same without asking by name. */
static PyObject *read_into(const struct tls_known *k, PyObject *self, PyObject *object,
                           PyObject *buffer, Py_ssize_t size)
{
    PyObject *len = PyLong_FromSsize_t(size);
    if (!len) {
        Py_DECREF(object);
        return NULL;
    }
    PyObject *result = read_from(k, self, object, len, buffer);
    Py_DECREF(len);
    return result;
}

PyObject *tls_recv_into(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const names[] = {"buffer", "nbytes", "flags"};
    const struct tls_known *k = tls_known(self);
    PyObject *given[3] = {NULL};
    bool plain =
        k && tls_arguments(names, 3, args, n, kwnames, given) && given[0] && no_flags(given[2]);
    bool numbered = plain && given[1] && given[1] != Py_None;
    Py_ssize_t size = plain && !numbered ? room_in(given[0]) : 0;
    PyObject *object = size > 0 ? tls_plain_object(k, self, TLS_READ) : NULL;
    if (object)
        return read_into(k, self, object, given[0], size);
    int has = plain && size >= 0 ? has_object(k, self) : 0;
    if (has < 0)
        return NULL;
    if (!has) {
        if (k)
            PyErr_Clear();
        return tls_call_stock(k, TLS_RECV_INTO, self, args, n, kwnames);
    }
    if (tls_check_closed(k, self) < 0)
        return NULL;
    return call_read(k, self, numbered ? Py_NewRef(given[1]) : PyLong_FromSsize_t(size), given[0]);
}

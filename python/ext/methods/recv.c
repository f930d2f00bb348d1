/* The methods recv, recvfrom, recv_into and recvfrom_into: their arguments and results. Sits on
 * receive.c, which receives. */
#include "shared/args.h"
#include "shared/buffers.h"
#include "object/socket.h"
#include "address/address.h"
#include "methods/receive.h"
#include "methods/tables.h"

EXT_RARE static void raise_negative(const char *what)
{
    PyErr_Format(PyExc_ValueError, "negative buffersize in %s", what);
}

/* The arguments (bufsize[, flags]). */
EXT_SHORT bool size_and_flags(const char *what, PyObject *const *args, Py_ssize_t n,
                              size_t *ret_size, int *ret_flags)
{
    Py_ssize_t size;
    if (!ext_arg_count(what, n, 1, 2) || !ext_size(args[0], &size) ||
        (n == 2 && !ext_int(args[1], ret_flags)))
        return false;
    if (size < 0) {
        raise_negative(what);
        return false;
    }
    *ret_size = (size_t)size;
    return true;
}

static PyObject *sock_recv(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    size_t size;
    int flags = 0;
    if (!size_and_flags("recv", args, n, &size, &flags))
        return NULL;
    if (size == 0) /* stock makes no call then, not even on a closed socket */
        return PyBytes_FromStringAndSize(NULL, 0);
    return sock_recv_bytes((struct sock_object *)self, "recv", size, flags, NULL);
}

/* (what, sender's address); steals what, which may be NULL. */
static PyObject *with_sender(struct sock_object *s, PyObject *what, const struct sock_sender *from)
{
    PyObject *items[] = {what, what ? sock_addr_as_py(s, &from->addr, from->len) : NULL};
    return ext_tuple_of(items, 2);
}

static PyObject *sock_recvfrom(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    struct sock_sender from;
    size_t size;
    int flags = 0;
    if (!size_and_flags("recvfrom", args, n, &size, &flags) || !sock_addr_has_form(s))
        return NULL;
    return with_sender(s, sock_recv_bytes(s, "recvfrom", size, flags, &from), &from);
}

/* The arguments (buffer[, nbytes[, flags]]), each by place or by name. */
EXT_RARE static bool into_arguments(const char *what, PyObject *const *args, Py_ssize_t n,
                                    PyObject *kwnames, PyObject *ret[3])
{
    static const char *const names[] = {"buffer", "nbytes", "flags"};
    Py_ssize_t n_named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (n + n_named > 3)
        return ext_arg_count(what, n + n_named, 0, 3);
    for (Py_ssize_t i = 0; i < n; i++)
        ret[i] = args[i];
    for (Py_ssize_t k = 0; k < n_named; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k);
        Py_ssize_t i = 0;
        while (i < 3 && PyUnicode_CompareWithASCIIString(name, names[i]) != 0)
            i++;
        if (i == 3 || ret[i]) {
            PyErr_Format(PyExc_TypeError,
                         i == 3 ? "%R is an invalid keyword argument for %s()"
                                : "%R is given twice to %s()",
                         name, what);
            return false;
        }
        ret[i] = args[n + k];
    }
    if (!ret[0])
        PyErr_Format(PyExc_TypeError, "%s() missing required argument 'buffer' (pos 1)", what);
    return ret[0] != NULL;
}

struct into {
    Py_buffer buffer; /* to be released */
    size_t n;
    int flags;
};

EXT_SHORT bool into_size(const char *what, Py_ssize_t n, const char *too_small, struct into *into)
{
    if (n < 0) {
        raise_negative(what);
        return false;
    }
    if (n > into->buffer.len) {
        PyErr_SetString(PyExc_ValueError, too_small);
        return false;
    }
    into->n = (size_t)(n ? n : into->buffer.len);
    return true;
}

/* Fills *ret from the call's arguments. */
EXT_SHORT bool into_parse(const char *what, const char *too_small, PyObject *const *args,
                          Py_ssize_t n, PyObject *kwnames, struct into *ret)
{
    PyObject *given[3] = {NULL};
    Py_ssize_t nbytes = 0;
    ret->flags = 0;
    if (n == 1 && !kwnames)
        given[0] = args[0];
    else if (!into_arguments(what, args, n, kwnames, given))
        return false;
    if (!ext_writable_buffer(what, given[0], &ret->buffer))
        return false;
    if ((given[1] && !ext_size(given[1], &nbytes)) ||
        (given[2] && !ext_int(given[2], &ret->flags)) || !into_size(what, nbytes, too_small, ret)) {
        PyBuffer_Release(&ret->buffer);
        return false;
    }
    return true;
}

static PyObject *sock_recv_into(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                PyObject *kwnames)
{
    struct sock_object *s = (struct sock_object *)self;
    struct into into;
    if (!into_parse("recv_into", "buffer too small for requested bytes", args, n, kwnames, &into))
        return NULL;
    ssize_t r = into.n ? sock_receive_into(s, &into.buffer, into.n, into.flags, NULL) : 0;
    PyBuffer_Release(&into.buffer);
    return r < 0 ? ext_raise_sock(s, "recv_into", (int)r) : PyLong_FromSsize_t(r);
}

static PyObject *sock_recvfrom_into(PyObject *self, PyObject *const *args, Py_ssize_t n,
                                    PyObject *kwnames)
{
    struct sock_object *s = (struct sock_object *)self;
    struct sock_sender from;
    struct into into;
    if (!into_parse("recvfrom_into", "nbytes is greater than the length of the buffer", args, n,
                    kwnames, &into))
        return NULL;
    if (!sock_addr_has_form(s)) {
        PyBuffer_Release(&into.buffer);
        return NULL;
    }
    ssize_t r = sock_receive_into(s, &into.buffer, into.n, into.flags, &from);
    PyBuffer_Release(&into.buffer);
    if (r < 0)
        return ext_raise_sock(s, "recvfrom_into", (int)r);
    return with_sender(s, PyLong_FromSsize_t(r), &from);
}

PyMethodDef sock_recv_methods[] = {
    {"recv", EXT_FASTCALL(sock_recv),
     "recv(bufsize[, flags]) -> bytes\n\n"
     "Receive what there is, at most bufsize bytes; b\"\" once the peer has sent all it will.\n"
     "Waits for the first byte until the timeout, the deadline of a block, or close() by\n"
     "another thread. recv(2)."},
    {"recv_into", EXT_KEYWORDS(sock_recv_into),
     "recv_into(buffer, nbytes=0, flags=0) -> count\n\n"
     "Receive into a writable buffer, at most nbytes if not 0."},
    {"recvfrom", EXT_FASTCALL(sock_recvfrom),
     "recvfrom(bufsize[, flags]) -> (bytes, address)\n\nAs recv(), with the sender's address."},
    {"recvfrom_into", EXT_KEYWORDS(sock_recvfrom_into),
     "recvfrom_into(buffer, nbytes=0, flags=0) -> (count, address)\n\n"
     "As recv_into(), with the sender's address."},
    {NULL, NULL, 0, NULL},
};

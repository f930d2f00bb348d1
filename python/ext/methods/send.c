/* Transfers: the methods recv, recvfrom, recv_into, recvfrom_into, send, sendto and sendall. Sits
 * on methods/receive.c and on the core's calls of the same names. */
#include "ext.h"

/* The arguments (bufsize[, flags]). */
static bool size_and_flags(const char *what, PyObject *const *args, Py_ssize_t n, size_t *ret_size,
                           int *ret_flags)
{
    Py_ssize_t size;
    if (!sock_arg_count(what, n, 1, 2) || !ext_size(args[0], &size) ||
        (n == 2 && !ext_int(args[1], ret_flags)))
        return false;
    if (size < 0) {
        PyErr_Format(PyExc_ValueError, "negative buffersize in %s", what);
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
static bool into_arguments(const char *what, PyObject *const *args, Py_ssize_t n, PyObject *kwnames,
                           PyObject *ret[3])
{
    static const char *const names[] = {"buffer", "nbytes", "flags"};
    Py_ssize_t n_named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    if (n + n_named > 3)
        return sock_arg_count(what, n + n_named, 0, 3);
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

bool sock_writable_buffer(const char *what, PyObject *o, Py_buffer *ret)
{
    if (PyObject_GetBuffer(o, ret, PyBUF_WRITABLE) == 0)
        return true;
    PyErr_Format(PyExc_TypeError, "%s() argument 1 must be read-write bytes-like object, not %.50s",
                 what, o == Py_None ? "None" : Py_TYPE(o)->tp_name);
    return false;
}

struct into {
    Py_buffer buffer; /* to be released */
    size_t n;
    int flags;
};

static bool into_size(const char *what, Py_ssize_t n, const char *too_small, struct into *into)
{
    if (n < 0) {
        PyErr_Format(PyExc_ValueError, "negative buffersize in %s", what);
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
static bool into_parse(const char *what, const char *too_small, PyObject *const *args, Py_ssize_t n,
                       PyObject *kwnames, struct into *ret)
{
    PyObject *given[3] = {NULL};
    Py_ssize_t nbytes = 0;
    ret->flags = 0;
    if (!into_arguments(what, args, n, kwnames, given) ||
        !sock_writable_buffer(what, given[0], &ret->buffer))
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

bool sock_payload_of_buffer(PyObject *o, struct sock_payload *ret)
{
    ret->buffer.obj = NULL;
    if (PyObject_GetBuffer(o, &ret->buffer, PyBUF_SIMPLE) < 0)
        return false;
    ret->data = ret->buffer.buf;
    ret->n = (size_t)ret->buffer.len;
    ret->weight = ext_weight(&ret->buffer, ret->n);
    return true;
}

/* The arguments (data[, flags]); *ret_data has to be released. */
static bool data_and_flags(const char *what, PyObject *const *args, Py_ssize_t n,
                           struct sock_payload *ret_data, int *ret_flags)
{
    if (!sock_arg_count(what, n, 1, 2) || !sock_payload_of(args[0], ret_data))
        return false;
    if (n == 1 || sock_send_flags(args[1], ret_flags))
        return true;
    sock_payload_done(ret_data);
    return false;
}

/* The core gives the count, but what the signal's handler has raised comes first, as it would right
 * after a send of stock. */
PyObject *sock_count_sent(struct sock_object *s, const char *what, ssize_t r)
{
    if (r < 0)
        return ext_raise_sock(s, what, (int)r);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(r);
}

/* Whether a plain try ended the call: all went out, or an error came. */
static bool ends_send(ssize_t tried, size_t n)
{
    return tried == (ssize_t)n || (tried < 0 && !ext_inconclusive(tried));
}

/* What the method `what` returns where a plain try ended it: no signal's handler has run. */
static PyObject *sent_at_once(struct sock_object *s, const char *what, ssize_t r)
{
    return r < 0 ? ext_raise_sock(s, what, (int)r) : PyLong_FromSsize_t(r);
}

/* What a send counts as. A datagram wakes whoever waits for one: of many threads on one socket all,
 * which takes the kernel microseconds for each, and the first of them wants the GIL meanwhile. */
#define CROWD 32

static inline size_t weight_of(const struct sock_object *s, size_t weight)
{
#ifndef Py_GIL_DISABLED
    if (__atomic_load_n(&s->state->sleepers, __ATOMIC_RELAXED) > CROWD && s->type != SOCK_STREAM)
        return EXT_HEAVY;
#endif
    return weight;
}

/* All of a send but the plain try, of which tried is the result; 0 if there was none. */
EXT_WAITS static ssize_t transmit_waiting(struct sock_object *s, const struct sock_payload *data,
                                          int flags, ssize_t tried)
{
    struct ext_wait w;
    ext_wait_begin(&w, s, tried != 0 || ext_may_hold(s, weight_of(s, data->weight)));
    ssize_t r = csock_send_tried(&s->core, data->data, data->n, flags, tried, &w.wait);
    ext_wait_end(&w);
    return r;
}

ssize_t sock_transmit(struct sock_object *s, const struct sock_payload *data, int flags,
                      ssize_t tried)
{
    if (tried == 0 && ext_may_try(s, weight_of(s, data->weight), flags)) {
        tried = csock_try_send(&s->core, data->data, data->n, 0);
        if (ends_send(tried, data->n))
            return tried;
    }
    return transmit_waiting(s, data, flags, tried);
}

/* The method in full, after a plain try with that result, or none: 0. */
EXT_WAITS static PyObject *send_in_full(struct sock_object *s, PyObject *const *args, Py_ssize_t n,
                                        ssize_t tried)
{
    struct sock_payload data;
    int flags = 0;
    if (!data_and_flags("send", args, n, &data, &flags))
        return NULL;
    ssize_t r = sock_transmit(s, &data, flags, tried);
    sock_payload_done(&data);
    return sock_count_sent(s, "send", r);
}

/* Most sends are bytes without flags, and there is room for them: they end here, having touched
 * nothing but what they need. */
static PyObject *sock_send(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    ssize_t r = 0;
    if (n == 1 && PyBytes_CheckExact(args[0])) {
        size_t size = (size_t)PyBytes_GET_SIZE(args[0]);
        if (ext_may_try(s, weight_of(s, size), 0)) {
            r = csock_try_send(&s->core, PyBytes_AS_STRING(args[0]), size, 0);
            if (ends_send(r, size))
                return sent_at_once(s, "send", r);
        }
    }
    return send_in_full(s, args, n, r);
}

/* 0, or a negative result of the core. */
static int transmit_all(struct sock_object *s, const struct sock_payload *data, int flags)
{
    struct ext_wait w;
    ssize_t r = 0;
    if (ext_may_try(s, weight_of(s, data->weight), flags)) {
        r = csock_try_send(&s->core, data->data, data->n, 0);
        if (ends_send(r, data->n))
            return r < 0 ? (int)r : 0;
    }
    ext_wait_begin(&w, s, r != 0 || ext_may_hold(s, weight_of(s, data->weight)));
    r = csock_send_all_tried(&s->core, data->data, data->n, flags, NULL, r, &w.wait);
    ext_wait_end(&w);
    return (int)r;
}

static PyObject *sock_sendall(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    struct sock_payload data;
    int flags = 0;
    if (!data_and_flags("sendall", args, n, &data, &flags))
        return NULL;
    int r = transmit_all(s, &data, flags);
    sock_payload_done(&data);
    if (r < 0)
        return ext_raise_sock(s, "sendall", r);
    if (PyErr_Occurred()) /* from a signal's handler, when all went out nevertheless */
        return NULL;
    Py_RETURN_NONE;
}

/* A path is looked up in a file system, and that takes as long as it takes, whatever MSG_DONTWAIT
 * says: unix(7). Abstract names begin with a NUL. */
size_t sock_weight_to(size_t weight, const union csock_addr *addr, socklen_t len)
{
    bool path = addr->any.sa_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path) &&
                addr->un.sun_path[0] != '\0';
    return path ? EXT_HEAVY : weight;
}

static PyObject *send_to(struct sock_object *s, const struct sock_payload *data, int flags,
                         PyObject *address)
{
    struct ext_wait w;
    union csock_addr addr;
    socklen_t len;
    ssize_t r = 0;
    if (!addr_from_py(s, "sendto", address, &addr, &len) ||
        PySys_Audit("socket.sendto", "OO", (PyObject *)s, address) < 0)
        return NULL;
    size_t weight = weight_of(s, sock_weight_to(data->weight, &addr, len));
    if (ext_may_try(s, weight, flags)) {
        r = csock_try_send_to(&s->core, data->data, data->n, 0, &addr.any, len);
        if (ends_send(r, data->n))
            return sent_at_once(s, "sendto", r);
    }
    ext_wait_begin(&w, s, r != 0 || ext_may_hold(s, weight));
    r = csock_send_to_tried(&s->core, data->data, data->n, flags, &addr.any, len, r, &w.wait);
    ext_wait_end(&w);
    return sock_count_sent(s, "sendto", r);
}

/* sendto(data, address) or sendto(data, flags, address) */
static PyObject *sock_sendto(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *result = NULL;
    struct sock_payload data;
    int flags = 0;
    if (n < 2 || n > 3)
        return PyErr_Format(PyExc_TypeError, "sendto() takes 2 or 3 arguments (%zd given)", n);
    if (!sock_payload_of(args[0], &data))
        return NULL;
    if (n == 2 || ext_int(args[1], &flags))
        result = send_to((struct sock_object *)self, &data, flags, args[n - 1]);
    sock_payload_done(&data);
    return result;
}

#define FASTCALL(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL
#define KEYWORDS(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL | METH_KEYWORDS

PyMethodDef sock_io_methods[] = {
    {"recv", FASTCALL(sock_recv),
     "recv(bufsize[, flags]) -> bytes\n\nReceive at most bufsize bytes. recv(2)."},
    {"recv_into", KEYWORDS(sock_recv_into),
     "recv_into(buffer, nbytes=0, flags=0) -> count\n\n"
     "Receive into a writable buffer, at most nbytes if not 0."},
    {"recvfrom", FASTCALL(sock_recvfrom),
     "recvfrom(bufsize[, flags]) -> (bytes, address)\n\nAs recv(), with the sender's address."},
    {"recvfrom_into", KEYWORDS(sock_recvfrom_into),
     "recvfrom_into(buffer, nbytes=0, flags=0) -> (count, address)\n\n"
     "As recv_into(), with the sender's address."},
    {"send", FASTCALL(sock_send),
     "send(data[, flags]) -> count\n\n"
     "Send data. With a timeout, perhaps only the first part of it. send(2)."},
    {"sendall", FASTCALL(sock_sendall),
     "sendall(data[, flags])\n\nSend all of data, within one timeout."},
    {"sendto", FASTCALL(sock_sendto),
     "sendto(data, address) -> count\nsendto(data, flags, address) -> count\n\n"
     "Send data to an address. sendto(2)."},
    {NULL, NULL, 0, NULL},
};

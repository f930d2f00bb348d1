/* Reading and writing of a raw stream. Sits on methods/send.c and methods/receive.c for sockets
 * whose class is as it was found, and on the methods of all others. */
#include "file/stream.h"
#include "object/known_class.h"
#include "methods/receive.h"
#include "methods/send.h"

#include <errno.h>

/* A method of this stream, or a function of its base's. */
static PyObject *call_own(struct stream *f, enum ext_name name)
{
    return PyObject_CallMethodNoArgs(self_of(f), f->state->names[name]);
}

PyObject *stream_call_sock(struct stream *f, PyObject *sock, enum ext_name name, PyObject *arg)
{
    PyObject *args[] = {sock, arg};
    return PyObject_VectorcallMethod(f->state->names[name], args, arg ? 2 : 1, NULL);
}

/* Raw streams say None where a socket raises EAGAIN. */
static PyObject *none_if_would_block(PyObject *result)
{
    if (result || !ext_would_block())
        return result;
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* What a receive of the core gives as a raw stream's: what a signal's handler has raised comes
 * first. */
static PyObject *count_received(struct sock_object *s, ssize_t r)
{
    if (r == -EAGAIN)
        Py_RETURN_NONE;
    if (r < 0)
        return ext_raise_sock(s, "recv_into", (int)r);
    return PyErr_Occurred() ? NULL : PyLong_FromSsize_t(r);
}

/* The short cuts: straight to where the socket's methods go. Not for a class that has others. */
static PyObject *read_directly(struct stream *f, struct sock_object *s, PyObject *buffer)
{
    Py_buffer into;
    if (!ext_writable_buffer("recv_into", buffer, &into))
        return NULL;
    ssize_t r = into.len ? sock_receive_into(s, &into, (size_t)into.len, 0, NULL) : 0;
    PyBuffer_Release(&into);
    if (r == CSOCK_ETIMEOUT || ext_is_deadline(r))
        EXT_SET(f->timed_out, true);
    return count_received(s, r);
}

static PyObject *write_directly(struct sock_object *s, PyObject *data)
{
    struct ext_payload from;
    if (!ext_payload_of(data, &from))
        return NULL;
    ssize_t r = sock_transmit(s, &from, 0, 0);
    ext_payload_done(&from);
    if (r == -EAGAIN)
        Py_RETURN_NONE;
    return sock_count_sent(s, "send", r);
}

static PyObject *read_by_method(struct stream *f, PyObject *sock, PyObject *buffer)
{
    PyObject *result = stream_call_sock(f, sock, NAME_RECV_INTO, buffer);
    if (!result && PyErr_ExceptionMatches(PyExc_TimeoutError))
        EXT_SET(f->timed_out, true);
    return none_if_would_block(result);
}

/* After a timeout nobody knows how much of what was read a buffer above has lost. */
PyObject *stream_readinto(PyObject *self, PyObject *buffer)
{
    struct stream *f = stream_of(self);
    PyObject *result = NULL, *sock = stream_open(f);
    if (!sock)
        return NULL;
    if (!EXT_GET(f->reading))
        result = call_own(f, NAME_CHECK_READABLE); /* raises */
    else if (EXT_GET(f->timed_out))
        PyErr_SetString(PyExc_OSError, "cannot read from timed out object");
    else if (sock_is_untouched(f->state, sock, NAME_RECV_INTO))
        result = read_directly(f, (struct sock_object *)sock, buffer);
    else
        result = read_by_method(f, sock, buffer);
    Py_DECREF(sock);
    return result;
}

PyObject *stream_write(PyObject *self, PyObject *data)
{
    struct stream *f = stream_of(self);
    PyObject *result, *sock = stream_open(f);
    if (!sock)
        return NULL;
    if (!EXT_GET(f->writing))
        result = call_own(f, NAME_CHECK_WRITABLE); /* raises */
    else if (sock_is_untouched(f->state, sock, NAME_SEND))
        result = write_directly((struct sock_object *)sock, data);
    else
        result = none_if_would_block(stream_call_sock(f, sock, NAME_SEND, data));
    Py_DECREF(sock);
    return result;
}

/* What is in a csock._core.RawStream, for the type (raw.c) and for its transfers (stream.c).
 *
 * Another thread, or what a method of the socket does, may close the stream in the middle of a
 * call: each call holds the socket that it has found. */
#ifndef CSOCK_EXT_FILE_STREAM_H
#define CSOCK_EXT_FILE_STREAM_H

#include "shared/atomic.h"
#include "shared/interp.h"
#include "state.h"

/* Behind what the base has. */
struct stream {
    PyObject *sock; /* None or NULL: closed */
    bool reading, writing;
    char timed_out; /* bool, as PyMemberDef wants it */
    struct ext_state *state;
};

static inline struct stream *stream_of(PyObject *self)
{
    return (struct stream *)(void *)((char *)self + INTERP_RAW_IO_SIZE);
}

static inline PyObject *self_of(struct stream *f)
{
    return (PyObject *)(void *)((char *)f - INTERP_RAW_IO_SIZE);
}

static inline bool raw_is_closed(struct stream *f)
{
    PyObject *sock = EXT_GET(f->sock);
    return !sock || sock == Py_None || !EXT_GET(f->state);
}

/* The socket, a new reference; NULL and no exception if the stream is closed. */
PyObject *stream_hold(struct stream *f);
/* The same for a call on the stream, which raises if it is closed. */
PyObject *stream_open(struct stream *f);
/* Calls a method of the socket with arg, or without if that is NULL. New reference. */
PyObject *stream_call_sock(struct stream *f, PyObject *sock, enum ext_name name, PyObject *arg);

PyObject *stream_readinto(PyObject *self, PyObject *buffer);
PyObject *stream_write(PyObject *self, PyObject *data);

#endif

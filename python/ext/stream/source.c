/* Where a reader's bytes come from: for csock's own sockets whose recv_into is as it was, the core;
 * for all others (SSLSocket, subclasses, other people's classes) their recv_into. Sits on
 * methods/receive.c and object/known_class.h. Must not let memory of the core's into foreign hands:
 * who is given a buffer may keep it. */
#include "stream/reader.h"

#include "object/known_class.h"
#include "methods/receive.h"
#include "shared/args.h"

#include <string.h>

#define SCRATCH_SIZE (16 * 1024) /* a record of TLS */
#define TURN (256 * 1024)        /* received before others get their turn: some 50 us */

/* A bytearray that is ours for good: as long as we have its buffer nobody resizes it. Zeros, as a
 * recv_into may say that it has written what it has not. */
static bool make_scratch(struct reader *r)
{
    PyObject *array = PyByteArray_FromStringAndSize(NULL, SCRATCH_SIZE);
    if (!array)
        return false;
    bool ok = PyObject_GetBuffer(array, &r->scratch, PyBUF_WRITABLE) == 0;
    Py_DECREF(array);
    if (ok)
        memset(r->scratch.buf, 0, SCRATCH_SIZE);
    else
        r->scratch.obj = NULL;
    return ok;
}

void reader_scratch_free(struct reader *r)
{
    if (r->scratch.obj)
        PyBuffer_Release(&r->scratch);
}

/* A new view of the first n bytes: the one before may have been released by who got it. */
static PyObject *scratch_view(struct reader *r, size_t n)
{
    PyObject *view = PyMemoryView_FromObject(r->scratch.obj);
    if (view && n < SCRATCH_SIZE)
        Py_SETREF(view, PySequence_GetSlice(view, 0, (Py_ssize_t)n));
    return view;
}

/* A count that recv_into gave for n bytes of room; -1 with an exception. Steals it. */
static ssize_t checked_count(PyObject *result, size_t n)
{
    Py_ssize_t count;
    if (!result)
        return -1;
    bool ok = ext_size(result, &count);
    Py_DECREF(result);
    if (ok && (count < 0 || (size_t)count > n)) {
        PyErr_Format(PyExc_OSError, "recv_into() returned %zd for a buffer of %zu bytes", count, n);
        ok = false;
    }
    return ok ? count : -1;
}

static ssize_t receive_by_method(struct reader *r, void *buf, size_t n)
{
    if (!r->scratch.obj && !make_scratch(r))
        return CSOCK_EINTERRUPTED;
    if (n > SCRATCH_SIZE)
        n = SCRATCH_SIZE;
    PyObject *view = scratch_view(r, n);
    if (!view)
        return CSOCK_EINTERRUPTED;
    PyObject *args[] = {r->sock, view};
    ssize_t count =
        checked_count(PyObject_VectorcallMethod(r->state->names[NAME_RECV_INTO], args, 2, NULL), n);
    Py_DECREF(view);
    if (count < 0)
        return CSOCK_EINTERRUPTED;
    memcpy(buf, r->scratch.buf, (size_t)count);
    return count;
}

static ssize_t receive_directly(struct sock_object *s, void *buf, size_t n)
{
    ssize_t count = sock_receive_own(s, buf, n);
    if (count >= 0)
        return count;
    ext_raise_sock(s, "recv_into", (int)count);
    return CSOCK_EINTERRUPTED;
}

/* A call for much, from a stream that always has some, waits nowhere and runs no Python: signals'
 * handlers and other threads would have to wait for its end. */
static bool let_others_run(struct reader *r)
{
    r->received = 0;
    if (PyErr_CheckSignals() < 0)
        return false;
    PyEval_RestoreThread(PyEval_SaveThread());
    return true;
}

static ssize_t receive_for_reader(void *arg, void *buf, size_t n, const struct csock_wait *w)
{
    struct reader *r = arg;
    (void)w; /* how long a call waits is the socket's own matter */
    if (r->received >= TURN && !let_others_run(r))
        return CSOCK_EINTERRUPTED;
    ssize_t count = sock_is_untouched(r->state, r->sock, NAME_RECV_INTO)
                        ? receive_directly((struct sock_object *)r->sock, buf, n)
                        : receive_by_method(r, buf, n);
    if (count > 0)
        r->received += (size_t)count;
    return count;
}

struct csock_reader_source reader_source(struct reader *r)
{
    return (struct csock_reader_source){.recv = receive_for_reader, .arg = r};
}

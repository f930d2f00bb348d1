/* csock.Reader: the core's csock_reader as a Python object, over anything that has recv_into.
 *
 * One call at a time: the first thing that each does is to take the object, the last to give it
 * back. What comes in between (another thread, a signal's handler, a recv_into in Python that reads
 * from the very reader it reads for) gets a RuntimeError, for the bytes are then in somebody else's
 * hands. So all below has the reader for itself, though the GIL may be dropped, or not be there.
 *
 * Nothing is taken out of the core's reader before the object that it goes into is there. */
#ifndef CSOCK_EXT_STREAM_READER_H
#define CSOCK_EXT_STREAM_READER_H

#include "shared/atomic.h"
#include "state.h"

#include "csock.h"

struct reader {
    PyObject ob_base;
    bool busy;               /* a call is inside; atomic */
    bool bulk;               /* the newest read(n) got all that it had room for */
    PyObject *sock;          /* NULL: not initialised yet, or detached */
    struct ext_state *state; /* NULL: not initialised yet */
    struct csock_reader core;
    size_t received;   /* source.c: since others had their turn */
    Py_buffer scratch; /* source.c: what a recv_into that is not ours gets to fill; .obj or NULL */
    PyObject *weak_references;
    /* As the newest call has left it, for who asks while another is inside. */
    size_t pending;
    bool at_end;
};

/* What is in csock._core: how the package gets the classes. */
extern PyMethodDef reader_functions[];
/* reads.c: the methods that receive. */
PyObject *reader_read(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *reader_readexactly(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames);
PyObject *reader_readuntil(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames);
PyObject *reader_peek(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *reader_readline(PyObject *self, PyObject *unused);
PyObject *reader_next(PyObject *self);

/* Whether no other call has the reader: this one has it then. */
static inline bool reader_is_free(struct reader *r)
{
#ifdef Py_GIL_DISABLED
    return !__atomic_exchange_n(&r->busy, true, __ATOMIC_ACQUIRE);
#else
    bool busy = r->busy;
    r->busy = true;
    return !busy;
#endif
}

/* Takes the reader for one call, and gives it back; false with an exception where another call has
 * it, or it is detached. */
bool reader_refuse(struct reader *r, bool taken);
static inline bool reader_take(struct reader *r)
{
    bool taken = reader_is_free(r);
    return (taken && r->sock) || reader_refuse(r, taken);
}
static inline void reader_give(struct reader *r)
{
    EXT_SET(r->pending, csock_reader_pending(&r->core));
    EXT_SET(r->at_end, csock_reader_at_end(&r->core));
#ifdef Py_GIL_DISABLED
    __atomic_store_n(&r->busy, false, __ATOMIC_RELEASE);
#else
    r->busy = false;
#endif
}

/* source.c: where the bytes come from. An exception is set where the source fails, and the core
 * then hands on CSOCK_EINTERRUPTED. */
struct csock_reader_source reader_source(struct reader *r);
void reader_scratch_free(struct reader *r);

/* exceptions.c. Makes both classes: 0 or -1. */
int reader_exceptions_make(PyObject **ret_incomplete, PyObject **ret_overrun);
/* The exception for what the core's reader gave. expected: what was asked for, or None. Of
 * CSOCK_EINCOMPLETE it takes out what came, as it goes into the exception. Returns NULL. */
PyObject *reader_raise(struct reader *r, int err, PyObject *expected);

/* separators.c: the argument of readuntil() as the core takes it, held until it is let go. */
#define READER_FEW 4
struct reader_separators {
    struct csock_separator few[READER_FEW], *all;
    Py_buffer few_held[READER_FEW], *held;
    size_t n;
};
bool reader_separators_of(PyObject *separator, struct reader_separators *ret);
void reader_separators_done(struct reader_separators *seps);

#endif

/* TLS that waits in csock.
 *
 * ssl.SSLSocket leaves waiting to _ssl, which knows no deadline, is not woken by close(), and
 * shares an OpenSSL object between threads without a lock. Where csock is in the place of `socket`,
 * the methods of ssl.SSLSocket that carry data and wait are C methods of ours, put onto that very
 * class when the program imports `ssl` (known.c); all else of ssl stays what it is, and whatever is
 * not plain TLS (no TLS object yet or any more, odd arguments) goes to the method that stood there
 * before. _ssl sees a descriptor that does not block and a timeout of 0 (object/secured.h), so each
 * call into it is a try; it says what it wants, and csock waits for that, by the program's timeout.
 *
 * A try (call.c), in this order, so that no number of a descriptor is used that is somebody else's,
 * and nobody frees what is in use:
 *
 *     a reference to the TLS object, which the call keeps to its end, whatever becomes of `_sslobj`
 *     lock `state`
 *     csock_enter: closed, detached: EBADF; from here on closing waits for us, and wakes us
 *     the method of the TLS object, which lets go of the GIL, and may run callbacks and handlers
 *     csock_leave
 *     unlock `state`
 *
 * and then, with none of that held, the wait. Only a descriptor that is gone counts as closed:
 * shutdown() takes `_sslobj` away, too, and a reader then finds the end of the stream.
 *
 * The locks of a connection, outermost first; each may be taken again by its own thread, as signal
 * handlers and callbacks run in the middle of things:
 *
 *     writer  all of a write, a handshake or an unwrap, waits included: OpenSSL takes a write that
 *             comes after one that could not be finished for the rest of that
 *     reader  whoever waits for input has it. Input may be taken in by another call than the one
 *             that polls for it: OpenSSL then has the bytes, and the descriptor shows none. So only
 *             one call polls, no read is tried beside it, and what finds it taken waits for it to
 *             be given back, or for a sign that something has happened, and looks again.
 *     state   one try. Never held across a wait.
 *
 * A reader that waits keeps no writer out, nor the other way round. Nobody waits for `writer` while
 * he has `state` (in a callback, a handler): its holder may need that. He gets EDEADLK.
 *
 * A call has one deadline for all of its tries and waits, the sooner of the timeout, from its first
 * wait on, and of the thread's (csock.deadline), which is looked at once, before anything is done.
 * When the thread's has passed, that is said. When it is the timeout's, _ssl is shown a timeout of
 * a nanosecond and asked once more: the error is then its own, in its own words, which differ from
 * version to version; or it succeeds after all. */
#ifndef CSOCK_EXT_TLS_TLS_H
#define CSOCK_EXT_TLS_TLS_H

#include "object/secured.h"
#include "shared/interp.h"

/* Methods of SSLSocket that are ours; what stood there before is called by these. */
enum tls_method {
    TLS_READ,
    TLS_WRITE,
    TLS_SEND,
    TLS_RECV,
    TLS_RECV_INTO,
    TLS_SENDALL,
    TLS_DO_HANDSHAKE,
    TLS_UNWRAP,
#if PY_VERSION_HEX >= 0x030F0000
    TLS_SENDFILE,
#endif
    TLS_METHODS
};

/* Methods of the TLS object, one for each kind of call. */
enum tls_kind { TLS_READS, TLS_WRITES, TLS_SHAKES, TLS_UNWRAPS, TLS_KINDS };

/* Other names, of SSLSocket and of exceptions. */
enum tls_name {
    TLS_SSLOBJ,
    TLS_CHECK_CLOSED,
    TLS_CHECK_CONNECTED,
    TLS_SUPPRESS_RAGGED_EOFS,
    TLS_PENDING,
    TLS_REASON,
    TLS_LIBRARY,
    TLS_NAMES
};

/* What is known of a class ssl.SSLSocket that the methods were put on: mostly there is one. */
struct tls_known {
    const struct tls_known *older; /* of a class that was made before, or NULL */
    PyTypeObject *cls;             /* all strong */
    PyObject *ours[TLS_METHODS], *stock[TLS_METHODS], *method_names[TLS_METHODS];
    PyObject *names[TLS_NAMES];
    /* Of the TLS object: its type, which nobody can change, and its methods. */
    PyTypeObject *object_type;
    PyObject *object_methods[TLS_KINDS], *object_names[TLS_KINDS];
    struct tls_function {
        PyCFunction call; /* NULL: by the method */
        int flags;        /* how it takes its arguments */
    } functions[TLS_KINDS];
    PyObject *check_closed; /* the class's own, which does nothing */
    PyObject *error, *want_read, *want_write;
    unsigned seen;          /* the class's version in which `check_closed` was found */
    unsigned plain_version; /* and in which all of it was as plain.c wants it; 0: none, yet */
};

extern PyMethodDef tls_methods[TLS_METHODS + 1]; /* of ssl.SSLSocket, in that order; known.c */
extern PyMethodDef tls_functions[];              /* of csock._core */

int tls_known_traverse(const struct ext_state *st, visitproc visit, void *arg);
void tls_known_clear(struct ext_state *st);
void tls_known_free(struct ext_state *st);

static inline struct tls_known *tls_changeable(const struct tls_known *k)
{
    return (struct tls_known *)(uintptr_t)k;
}

/* That of the object's class. NULL, with an exception, where the interpreter has ended. */
const struct tls_known *tls_known_older(PyObject *self, const struct tls_known *k);
static inline const struct tls_known *tls_known(PyObject *self)
{
    const struct ext_state *st = ((struct sock_object *)self)->state;
    const struct tls_known *k = __atomic_load_n(&st->tls, __ATOMIC_ACQUIRE);
    return k && Py_IS_TYPE(self, k->cls) ? k : tls_known_older(self, k);
}
/* The attribute `_sslobj`: new reference; None where there is no TLS object; NULL with an
 * exception. */
PyObject *tls_object_of(const struct tls_known *k, PyObject *self);
/* plain.c: the TLS object, a new reference, of an object of the newest class that is as we made it,
 * has no attribute of its own in the place of that method, and is not without TLS. NULL and no
 * exception for any other. */
PyObject *tls_plain_object(const struct tls_known *k, PyObject *self, enum tls_method method);
bool tls_class_looks_plain(struct tls_known *k);
static inline bool tls_class_is_plain(const struct tls_known *k, PyObject *self)
{
    unsigned version = interp_class_version(k->cls);
    return Py_IS_TYPE(self, k->cls) && ((version != 0 && version == EXT_GET(k->plain_version)) ||
                                        tls_class_looks_plain(tls_changeable(k)));
}
/* What the class's hook has to say, if a subclass has one of its own. 0 or -1. */
int tls_check_closed(const struct tls_known *k, PyObject *self);
/* The method that stood there before, with the arguments of ours. */
PyObject *tls_call_stock(const struct tls_known *k, enum tls_method method, PyObject *self,
                         PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
/* The arguments by place, `max` of them; NULL where they are not given. False, and no exception, if
 * they do not fit: the stock method says what is wrong. */
bool tls_named_arguments(const char *const *names, Py_ssize_t max, PyObject *const *args,
                         Py_ssize_t n, PyObject *kwnames, PyObject **ret);
static inline bool tls_arguments(const char *const *names, Py_ssize_t max, PyObject *const *args,
                                 Py_ssize_t n, PyObject *kwnames, PyObject **ret)
{
    if (n != 1 || kwnames)
        return tls_named_arguments(names, max, args, n, kwnames, ret);
    ret[0] = args[0];
    return true;
}

PyObject *tls_read(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_recv(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_recv_into(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_write(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_send(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_sendall(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_do_handshake(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_unwrap(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);
PyObject *tls_sendfile(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames);

#endif

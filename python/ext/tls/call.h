/* One call of a method of SSLSocket's: its tries and its waits, under one deadline. tls.h says in
 * which order.
 *
 * tls_begin; then as often as the method needs it tls_run, which comes back when the TLS object's
 * method has ended, other than by wanting something; then tls_end. */
#ifndef CSOCK_EXT_TLS_CALL_H
#define CSOCK_EXT_TLS_CALL_H

#include "tls/tls.h"

/* Lives on the call's stack. */
struct tls_call {
    struct sock_object *s;
    struct sock_secured *t;
    const struct tls_known *k;
    PyObject *object; /* the TLS object, strong */
    enum tls_kind kind;
    const char *what;      /* the method, for error messages */
    int64_t timeout;       /* ns; < 0 for ever, 0: tries only */
    int64_t deadline;      /* CSOCK_FOREVER until it has to wait for the first time, or for good */
    bool by_deadline;      /* it is the thread's (csock.deadline), and not of the timeout */
    bool writing, reading; /* it has those locks */
    bool waited;           /* for input */
    bool slept;            /* in any wait */
    uint64_t ticks;        /* ext_ticks() when it first had to wait, if it has */
    int64_t began;         /* the same by csock_now(); 0: nobody listens for spans */
    int64_t since;         /* for csock_ready_since: of this tls_run() */
    bool output;           /* what it wanted last was to write */
    bool unfinished;       /* of a write: its record is half sent, as far as anybody knows */
    const char *record;    /* of a write: what the record holds */
    size_t record_size;
};

/* Takes over the reference to the object, also if it fails; with the lock `writer` unless the call
 * reads. False with an exception: no tls_end then. */
EXT_RARE bool tls_bound_by_deadline(struct tls_call *c);
bool tls_lock_writer(struct tls_call *c);
EXT_SHORT bool tls_begin(struct tls_call *c, const struct tls_known *k, PyObject *self,
                         PyObject *object, enum tls_kind kind, const char *what, int64_t timeout)
{
    *c = (struct tls_call){.s = (struct sock_object *)self,
                           .k = k,
                           .object = object,
                           .kind = kind,
                           .what = what,
                           .timeout = timeout,
                           .deadline = CSOCK_FOREVER};
    bool in_time = !ext_innermost || timeout == 0 || tls_bound_by_deadline(c);
    c->t = in_time ? sock_engage(c->s) : NULL;
    if (c->t && (kind == TLS_READS || tls_lock_writer(c)))
        return true;
    Py_DECREF(object);
    return false;
}
EXT_RARE void tls_end_waiting(struct tls_call *c);
static inline void tls_end(struct tls_call *c)
{
    if (c->writing)
        ext_lock_release(&c->t->writer);
    if (c->slept)
        tls_end_waiting(c);
    Py_DECREF(c->object);
}

/* The TLS object's method of that kind with these arguments: what it returns; NULL with an
 * exception, which is that it wants something only if the timeout is 0. args[0] is there for the
 * object. */
PyObject *tls_run(struct tls_call *c, PyObject **args, size_t n);
/* object.c: the same once, with `state`, and as it comes. */
PyObject *tls_call_object(struct tls_call *c, PyObject **args, size_t n);
/* object.c: how many bytes a read's arguments ask for that can do nothing but read; else 0. buffer
 * may be NULL. */
Py_ssize_t tls_bytes_asked(PyObject *len, PyObject *buffer);
/* Whether the thread's deadline has passed since the call began, if it is that which bounds it; and
 * the exception. */
static inline bool tls_is_late(const struct tls_call *c)
{
    return c->by_deadline && csock_now() >= c->deadline;
}
void tls_raise_late(const struct tls_call *c);
/* Whether the exception that is set says that it wants to read or to write. */
bool tls_wants(const struct tls_call *c);

#endif

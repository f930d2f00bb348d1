/* write, send and sendall of ssl.SSLSocket. Sits on call.c and half.c.
 *
 * A try is about one record, so that what may be half sent is known, and little. Where a program
 * does not wait (a timeout of 0), a send ends behind the last whole record. */
#include "tls/half.h"
#include "shared/args.h"
#include "shared/buffers.h"
#include "object/capture.h"
#include "object/counts.h"

/* What is being written. */
struct writing {
    PyObject *whole; /* the program's object */
    PyObject *view;  /* of its bytes, once only a part of them is tried; or NULL */
    struct ext_payload data;
    size_t done;
};

static PyObject *bytes_of(PyObject *o)
{
    PyObject *view = PyMemoryView_FromObject(o);
    if (!view)
        return NULL;
    const Py_buffer *buffer = PyMemoryView_GET_BUFFER(view);
    if (buffer->ndim == 1 && buffer->itemsize == 1)
        return view;
    PyObject *bytes = PyObject_CallMethod(view, "cast", "s", "B");
    Py_DECREF(view);
    return bytes;
}

/* The next n bytes, for _ssl. New reference. */
static PyObject *part_of(struct writing *w, size_t n)
{
    if (w->done == 0 && n == w->data.n)
        return Py_NewRef(w->whole);
    if (!w->view && !(w->view = bytes_of(w->whole)))
        return NULL;
    return PySequence_GetSlice(w->view, (Py_ssize_t)w->done, (Py_ssize_t)(w->done + n));
}

/* One record. 0 or -1 */
static int write_record(struct tls_call *c, struct writing *w, size_t n)
{
    struct sock_half *half = &c->t->half;
    PyObject *part = part_of(w, n);
    if (!part)
        return -1;
    bool again = half->data; /* of an earlier write, which had sent the same before it */
    c->record = (const char *)w->data.data + w->done;
    c->record_size = n;
    tls_half_begins(half);
    PyObject *args[] = {NULL, part};
    PyObject *result = tls_run(c, args, 2);
    Py_DECREF(part);
    Py_XDECREF(result);
    if (result || !c->unfinished || EXT_GET(c->s->fd) < 0)
        tls_half_ended(half);
    else if (again)
        half->state = HALF_KEPT;
    else
        tls_half_keeps(half, w->data.data, w->done);
    return result ? 0 : -1;
}

/* What has begun before this record, by an earlier write or by a handler in between, has to be
 * finished first. */
static int write_next(struct tls_call *c, struct writing *w)
{
    size_t left = w->data.n - w->done, done = 0, n = 0;
    if (c->t->half.state != HALF_NONE &&
        !tls_half_resumes(c, (const char *)w->data.data + w->done, left, &done, &n))
        return -1;
    w->done += done;
    if (n == 0)
        n = left < TLS_RECORD ? left : TLS_RECORD;
    if (write_record(c, w, n) < 0)
        return -1;
    w->done += n;
    return 0;
}

/* All of it, but for a program that takes a part, and does not wait, or whose thread's deadline
 * passes: that may be between two records, to a peer who takes them all at once. 0 or -1 */
static int write_out(struct tls_call *c, struct writing *w, bool takes_part)
{
    while (write_next(c, w) == 0) {
        if (w->done == w->data.n || (takes_part && tls_is_late(c)))
            return 0;
        if (!tls_is_late(c))
            continue;
        tls_half_copies(&c->t->half, "", 0);
        tls_half_keeps(&c->t->half, w->data.data, w->done);
        tls_raise_late(c);
        return -1;
    }
    if (!takes_part || c->timeout != 0 || w->done == 0 || !tls_wants(c))
        return -1;
    PyErr_Clear();
    tls_half_keeps(&c->t->half, "", 0); /* the program goes on with what the record holds */
    return 0;
}

/* Takes over the reference to the TLS object. *ret_sent on success. 0 or -1 */
static int write_to(const struct tls_known *k, PyObject *self, PyObject *object, struct writing *w,
                    bool takes_part, const char *what)
{
    struct tls_call c;
    int64_t timeout = EXT_GET(((struct sock_object *)self)->timeout);
    if (!tls_begin(&c, k, self, object, TLS_WRITES, what, timeout))
        return -1;
    int r = write_out(&c, w, takes_part);
    if (r == 0 || w->done > 0)
        sock_add_sent(c.s, w->done);
    if (sock_is_captured(c.s) && w->done > 0)
        sock_capture_written(c.s, w->data.data, w->done);
    Py_XDECREF(w->view);
    tls_end(&c);
    return r;
}

/* A count. Takes over the reference to the TLS object. */
static PyObject *write_some(const struct tls_known *k, PyObject *self, PyObject *object,
                            PyObject *data, const char *what)
{
    struct writing w = {.whole = data};
    if (!ext_payload_of(data, &w.data)) {
        Py_DECREF(object);
        return NULL;
    }
    int r = write_to(k, self, object, &w, true, what);
    ext_payload_done(&w.data);
    return r < 0 ? NULL : PyLong_FromSize_t(w.done);
}

PyObject *tls_write(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const names[] = {"data"};
    const struct tls_known *k = tls_known(self);
    PyObject *given[1] = {NULL}, *object;
    if (!k || !tls_arguments(names, 1, args, n, kwnames, given) || !given[0])
        return tls_call_stock(k, TLS_WRITE, self, args, n, kwnames);
    if (tls_check_closed(k, self) < 0 || !(object = tls_object_of(k, self)))
        return NULL;
    if (object != Py_None)
        return write_some(k, self, object, given[0], "write");
    Py_DECREF(object);
    return tls_call_stock(k, TLS_WRITE, self, args, n, kwnames);
}

/* The arguments (data, flags=0), and the TLS object, a new reference. NULL and no exception: the
 * method that stood there before is to take them. */
static PyObject *data_and_object(const struct tls_known *k, PyObject *self, PyObject *const *args,
                                 Py_ssize_t n, PyObject *kwnames, PyObject **ret_data)
{
    static const char *const names[] = {"data", "flags"};
    PyObject *given[2] = {NULL};
    if (!k || !tls_arguments(names, 2, args, n, kwnames, given) || !given[0])
        return NULL;
    if (given[1] && !(PyLong_CheckExact(given[1]) && PyObject_Not(given[1])))
        return NULL;
    PyObject *object = tls_object_of(k, self);
    if (object == Py_None)
        Py_CLEAR(object);
    *ret_data = given[0];
    return object;
}

PyObject *tls_send(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct tls_known *k = tls_known(self);
    PyObject *data, *object = k && n == 1 && !kwnames ? tls_plain_object(k, self, TLS_SEND) : NULL;
    if (object)
        return write_some(k, self, object, args[0], "send");
    object = data_and_object(k, self, args, n, kwnames, &data);
    if (!object)
        return PyErr_Occurred() ? NULL : tls_call_stock(k, TLS_SEND, self, args, n, kwnames);
    if (tls_check_closed(k, self) == 0)
        return write_some(k, self, object, data, "send");
    Py_DECREF(object);
    return NULL;
}

/* Whether self.send is ours: not another's, of the class or of the object itself. 1, 0, or -1 with
 * an exception. */
static int sends_itself(const struct tls_known *k, PyObject *self)
{
    PyObject *bound = PyObject_GetAttr(self, k->method_names[TLS_SEND]);
    if (!bound)
        return -1;
    int is = PyCFunction_Check(bound) &&
             PyCFunction_GetFunction(bound) == (PyCFunction)(void (*)(void))tls_send;
    Py_DECREF(bound);
    return is;
}

/* All of them. Takes over the reference to the TLS object. */
static PyObject *write_bytes(const struct tls_known *k, PyObject *self, PyObject *object,
                             PyObject *bytes)
{
    struct writing w = {.whole = bytes};
    ext_payload_of(bytes, &w.data);
    return write_to(k, self, object, &w, false, "sendall") < 0 ? NULL : Py_NewRef(Py_None);
}

PyObject *tls_sendall(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct tls_known *k = tls_known(self);
    if (k && n == 1 && !kwnames && PyBytes_CheckExact(args[0]) && PyBytes_GET_SIZE(args[0]) > 0) {
        PyObject *plain = tls_plain_object(k, self, TLS_SEND);
        if (plain)
            return write_bytes(k, self, plain, args[0]);
    }
    PyObject *data, *object = data_and_object(k, self, args, n, kwnames, &data);
    int direct = object ? sends_itself(k, self) : 0;
    struct writing w = {.whole = NULL};
    if (direct > 0 && ext_payload_of(data, &w.data)) {
        w.whole = data;
    } else {
        Py_XDECREF(object);
        if (direct < 0 || (!object && PyErr_Occurred()))
            return NULL;
        PyErr_Clear(); /* of what has no buffer: in stock's words */
        return tls_call_stock(k, TLS_SENDALL, self, args, n, kwnames);
    }
    int r = tls_check_closed(k, self);
    if (r == 0 && w.data.n > 0)
        r = write_to(k, self, object, &w, false, "sendall");
    else
        Py_DECREF(object);
    ext_payload_done(&w.data);
    return r < 0 ? NULL : Py_NewRef(Py_None);
}

/* do_handshake and unwrap of ssl.SSLSocket: the beginning of TLS on a connection, and its end. Sits
 * on call.c. */
#include "tls/half.h"
#include "object/span.h"

/* do_handshake(block=False) waits on a socket that does not wait, if told so. */
static int time_to_shake(PyObject *self, PyObject *block, int64_t *ret)
{
    *ret = EXT_GET(((struct sock_object *)self)->timeout);
    if (*ret != 0 || !block)
        return 0;
    int waits = PyObject_IsTrue(block);
    if (waits > 0)
        *ret = -1;
    return waits < 0 ? -1 : 0;
}

PyObject *tls_do_handshake(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    static const char *const names[] = {"block"};
    const struct tls_known *k = tls_known(self);
    PyObject *given[1] = {NULL}, *object = NULL;
    struct tls_call c;
    int64_t timeout;
    bool plain = k && tls_arguments(names, 1, args, n, kwnames, given);
    if (plain && !(object = tls_object_of(k, self)))
        return NULL;
    if (!plain || object == Py_None) {
        Py_XDECREF(object);
        return tls_call_stock(k, TLS_DO_HANDSHAKE, self, args, n, kwnames);
    }
    PyObject *connected = PyObject_CallMethodNoArgs(self, k->names[TLS_CHECK_CONNECTED]);
    Py_XDECREF(connected);
    if (!connected || time_to_shake(self, given[0], &timeout) < 0) {
        Py_DECREF(object);
        return NULL;
    }
    struct ext_span span = {.name = "TLS handshake", .s = (struct sock_object *)self};
    span.began = timeout != 0 ? ext_span_begin(span.s->state) : 0;
    if (!tls_begin(&c, k, self, object, TLS_SHAKES, "do_handshake", timeout))
        return NULL;
    PyObject *call_args[] = {NULL};
    PyObject *result = tls_run(&c, call_args, 1);
    tls_end(&c);
    if (span.began) {
        span.ended = csock_now();
        ext_span_tell(span.s->state, &span);
    }
    Py_XDECREF(result);
    return result ? Py_NewRef(Py_None) : NULL;
}

/* The connection goes on in clear text, by the program's timeout. 0 or -1 */
static int end_tls(struct tls_call *c)
{
    PyObject *self = (PyObject *)c->s;
    if (PyObject_SetAttr(self, c->k->names[TLS_SSLOBJ], Py_None) < 0)
        return -1;
    tls_half_ended(&c->t->half);
    sock_disengage(c->s); /* closed meanwhile: then there is nothing to restore */
    return 0;
}

PyObject *tls_unwrap(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct tls_known *k = tls_known(self);
    PyObject *object = !k || n || kwnames ? Py_NewRef(Py_None) : tls_object_of(k, self);
    struct tls_call c;
    if (!object)
        return NULL;
    if (object == Py_None) {
        Py_DECREF(object);
        return tls_call_stock(k, TLS_UNWRAP, self, args, n, kwnames);
    }
    int64_t timeout = EXT_GET(((struct sock_object *)self)->timeout);
    if (!tls_begin(&c, k, self, object, TLS_UNWRAPS, "unwrap", timeout))
        return NULL;
    PyObject *call_args[] = {NULL};
    PyObject *result = tls_run(&c, call_args, 1);
    if (result && end_tls(&c) < 0)
        Py_CLEAR(result);
    tls_end(&c);
    return result;
}

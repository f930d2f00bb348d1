/* Sending: the methods send, sendall and sendto, and what others that send share with them. Sits on
 * the core's calls of the same names. */
#include "methods/send.h"
#include "object/counts.h"
#include "object/wait.h"
#include "address/address.h"
#include "methods/tables.h"

#include <stddef.h>

/* The arguments (data[, flags]); *ret_data has to be released. */
static bool data_and_flags(const char *what, PyObject *const *args, Py_ssize_t n,
                           struct ext_payload *ret_data, int *ret_flags)
{
    if (!ext_arg_count(what, n, 1, 2) || !ext_payload_of(args[0], ret_data))
        return false;
    if (n == 1 || sock_send_flags(args[1], ret_flags))
        return true;
    ext_payload_done(ret_data);
    return false;
}

/* The core gives the count, but what the signal's handler has raised comes first, as it would right
 * after a send of stock. */
PyObject *sock_count_sent(struct sock_object *s, const char *what, ssize_t r)
{
    if (r < 0)
        return ext_raise_sock(s, what, (int)r);
    sock_add_sent(s, (size_t)r);
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
    if (r < 0)
        return ext_raise_sock(s, what, (int)r);
    sock_add_sent(s, (size_t)r);
    return PyLong_FromSsize_t(r);
}

/* A blocking stream takes the whole of a send, which programs rely on. So it does within a
 * deadline, where the core would be content with a part. */
static bool sends_whole(const struct sock_object *s, const struct ext_wait *w, int flags)
{
    return ext_polls_blocking(w) && EXT_GET(s->type) == SOCK_STREAM &&
           (flags & ~(MSG_NOSIGNAL | MSG_MORE)) == 0;
}

/* What went out before the deadline, an error or a signal's handler ended it is the result, as
 * after a send(2) that a signal cut short. */
static ssize_t transmit_whole(struct sock_object *s, const struct ext_wait *w,
                              const struct ext_payload *data, int flags, ssize_t tried)
{
    size_t sent;
    int r = csock_send_all_tried(&s->core, data->data, data->n, flags, &sent, tried, &w->wait);
    return r < 0 && sent == 0 ? r : (ssize_t)sent;
}

/* All of a send but the plain try, of which tried is the result; 0 if there was none. */
EXT_WAITS static ssize_t transmit_waiting(struct sock_object *s, const struct ext_payload *data,
                                          int flags, ssize_t tried)
{
    struct ext_wait w;
    bool held = tried != 0 || ext_may_hold(s, data->weight, EXT_OUT);
    if (!ext_wait_begin(&w, s, held, EXT_OUT, flags))
        return EXT_EPASSED;
    ssize_t r = sends_whole(s, &w, flags)
                    ? transmit_whole(s, &w, data, flags, tried)
                    : csock_send_tried(&s->core, data->data, data->n, flags, tried, &w.wait);
    return ext_wait_end(&w, r);
}

ssize_t sock_transmit(struct sock_object *s, const struct ext_payload *data, int flags,
                      ssize_t tried)
{
    if (tried == 0 && ext_may_try(s, data->weight, flags, EXT_OUT)) {
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
    struct ext_payload data;
    int flags = 0;
    if (!data_and_flags("send", args, n, &data, &flags))
        return NULL;
    ssize_t r = sock_transmit(s, &data, flags, tried);
    ext_payload_done(&data);
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
        if (ext_may_try(s, size, 0, EXT_OUT)) {
            r = csock_try_send(&s->core, PyBytes_AS_STRING(args[0]), size, 0);
            if (ends_send(r, size))
                return sent_at_once(s, "send", r);
        }
    }
    return send_in_full(s, args, n, r);
}

/* 0, or a negative result of the core. */
static int transmit_all(struct sock_object *s, const struct ext_payload *data, int flags)
{
    struct ext_wait w;
    size_t sent;
    ssize_t r = 0;
    if (ext_may_try(s, data->weight, flags, EXT_OUT)) {
        r = csock_try_send(&s->core, data->data, data->n, 0);
        if (r == (ssize_t)data->n) {
            sock_add_sent(s, data->n);
            return 0;
        }
        if (ends_send(r, data->n))
            return (int)r;
    }
    bool held = r != 0 || ext_may_hold(s, data->weight, EXT_OUT);
    if (!ext_wait_begin(&w, s, held, EXT_OUT, flags))
        return EXT_EPASSED;
    r = csock_send_all_tried(&s->core, data->data, data->n, flags, &sent, r, &w.wait);
    if (r >= 0 || sent > 0)
        sock_add_sent(s, sent);
    return (int)ext_wait_end(&w, r);
}

static PyObject *sock_sendall(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    struct ext_payload data;
    int flags = 0;
    if (!data_and_flags("sendall", args, n, &data, &flags))
        return NULL;
    int r = transmit_all(s, &data, flags);
    ext_payload_done(&data);
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

static PyObject *sent_to(struct sock_object *s, ssize_t r, const union csock_addr *addr,
                         socklen_t len)
{
    return r < 0 ? ext_raise_sock_to(s, "sendto", (int)r, &addr->any, len)
                 : sock_count_sent(s, "sendto", r);
}

static PyObject *send_to(struct sock_object *s, const struct ext_payload *data, int flags,
                         PyObject *address)
{
    struct ext_wait w;
    union csock_addr addr;
    socklen_t len;
    ssize_t r = 0;
    if (!addr_from_py(s, "sendto", address, &addr, &len) ||
        PySys_Audit("socket.sendto", "OO", (PyObject *)s, address) < 0)
        return NULL;
    size_t weight = sock_weight_to(data->weight, &addr, len);
    if (ext_may_try(s, weight, flags, EXT_OUT)) {
        r = csock_try_send_to(&s->core, data->data, data->n, 0, &addr.any, len);
        if (ends_send(r, data->n))
            return sent_to(s, r, &addr, len);
    }
    bool held = r != 0 || ext_may_hold(s, weight, EXT_OUT);
    if (!ext_wait_begin(&w, s, held, EXT_OUT, flags))
        return ext_raise_sock_to(s, "sendto", EXT_EPASSED, &addr.any, len);
    r = csock_send_to_tried(&s->core, data->data, data->n, flags, &addr.any, len, r, &w.wait);
    r = ext_wait_end(&w, r);
    return sent_to(s, r, &addr, len);
}

/* sendto(data, address) or sendto(data, flags, address) */
static PyObject *sock_sendto(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    PyObject *result = NULL;
    struct ext_payload data;
    int flags = 0;
    if (n < 2 || n > 3)
        return PyErr_Format(PyExc_TypeError, "sendto() takes 2 or 3 arguments (%zd given)", n);
    if (!ext_payload_of(args[0], &data))
        return NULL;
    if (n == 2 || ext_int(args[1], &flags))
        result = send_to((struct sock_object *)self, &data, flags, args[n - 1]);
    ext_payload_done(&data);
    return result;
}

PyMethodDef sock_send_methods[] = {
    {"send", EXT_FASTCALL(sock_send),
     "send(data[, flags]) -> count\n\n"
     "Send data. With a timeout, perhaps only the first part of it. send(2)."},
    {"sendall", EXT_FASTCALL(sock_sendall),
     "sendall(data[, flags])\n\nSend all of data, within one timeout."},
    {"sendto", EXT_FASTCALL(sock_sendto),
     "sendto(data, address) -> count\nsendto(data, flags, address) -> count\n\n"
     "Send data to an address. sendto(2)."},
    {NULL, NULL, 0, NULL},
};

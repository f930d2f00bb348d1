/* accept() of the class socket.socket, with a short cut for listeners of exactly that class: the
 * new socket is made here, unless a program has changed how. Sits on methods/connect.c. */
#include "class/accept.h"
#include "shared/args.h"
#include "shared/atomic.h"
#include "shared/errors.h"
#include "state.h"
#include "object/capture.h"
#include "object/known_class.h"
#include "object/socket.h"
#include "address/address.h"
#include "methods/connect.h"

#include <errno.h>

/* An object of the class around an accepted connection, which it takes over or closes. */
static PyObject *connection_as_py(const struct sock_object *listener, struct csock *conn)
{
    struct ext_state *st = listener->state;
    struct sock_object *s = sock_alloc(ext_class(st)->type, st);
    if (!s)
        goto fail;
    if (PySys_Audit("socket.__new__", "Oiii", (PyObject *)s, EXT_GET(listener->family),
                    EXT_GET(listener->type), EXT_GET(listener->proto)) < 0)
        goto fail;
    sock_class_init(s);
    int64_t timeout = EXT_GET(st->default_timeout);
    if (timeout >= 0) {
        int r = csock_set_blocking(conn, false);
        if (r < 0) {
            ext_raise(&st->errors, r);
            goto fail;
        }
    }
    sock_fill(s, conn, timeout);
    if (sock_is_captured(s))
        sock_capture_connected(s, true, sock_capture_now(), 0, NULL, 0);
    return (PyObject *)s;
fail:
    csock_close(conn);
    Py_XDECREF(s);
    return NULL;
}

/* Whether accept() makes what the class made when equip() ran: the name `socket` is looked up in
 * the module now, and a class that initialises itself in Python does so. */
static bool makes_own_class(const struct ext_state *st)
{
    const struct sock_class *c = ext_class(st);
    PyObject *named = PyDict_GetItemWithError(c->module_names, st->names[NAME_SOCKET]);
    if (!named)
        PyErr_Clear();
    return named == (PyObject *)c->type && c->type->tp_init == c->init && c->type->tp_new == c->new;
}

PyObject *sock_class_accept(PyObject *self, PyObject *unused)
{
    struct sock_object *s = (struct sock_object *)self;
    const struct ext_state *st = s->state;
    struct csock conn;
    union csock_addr peer;
    socklen_t len;
    (void)unused;
    const struct sock_class *c = sock_class_of(self);
    if (!c->slow_accept) /* the interpreter has ended */
        return ext_raise_sock(s, "accept", -EBADF);
    if (!sock_is_untouched(st, self, NAME_ACCEPT) || !makes_own_class(st))
        return PyObject_CallOneArg(c->slow_accept, self);
    if (!sock_addr_has_form(s))
        return NULL;
    int r = sock_run_accept(s, &conn, &peer, &len);
    if (r < 0)
        return ext_raise_sock(s, "accept", r);
    PyObject *items[] = {connection_as_py(s, &conn), NULL};
    if (items[0])
        items[1] = sock_addr_as_py(s, &peer, len);
    return ext_tuple_of(items, 2);
}

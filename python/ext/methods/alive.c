/* csock.is_alive(): whether a connection stands. Sits on csock_alive and object/known_class.h. */
#include "methods/tables.h"
#include "object/known_class.h"

#include <errno.h>

/* What a class makes of the bytes below, as SSLSocket does, has ends of its own, which the kernel
 * knows nothing of. The methods are looked at in the class that was equipped, or without one in the
 * base. */
static bool has_own_methods(const struct ext_state *st, PyObject *o)
{
    static const enum ext_name names[] = {NAME_RECV, NAME_RECV_INTO, NAME_SEND};
    const struct sock_class *c = sock_class_found(o);
    bool own = false;
    for (size_t i = 0; !own && i < sizeof names / sizeof *names; i++) {
        PyObject *name = st->names[names[i]];
        PyObject *found =
            c ? Py_NewRef(c->found[names[i]]) : PyObject_GetAttr((PyObject *)st->sock_type, name);
        own = !found || !interp_class_has(Py_TYPE(o), name, found);
        Py_XDECREF(found);
    }
    return own;
}

static PyObject *core_is_alive(PyObject *module, PyObject *o)
{
    const struct ext_state *st = ext_state_of(module);
    if (!PyObject_TypeCheck(o, st->sock_type))
        return PyErr_Format(PyExc_TypeError, "is_alive() takes a socket of csock's, not %.200s",
                            Py_TYPE(o)->tp_name);
    if (has_own_methods(st, o))
        return PyErr_Occurred() ? NULL
                                : PyErr_Format(PyExc_TypeError,
                                               "is_alive() sees the plain connection only, and "
                                               "%.200s has a recv or send of its own",
                                               Py_TYPE(o)->tp_name);
    struct sock_object *s = (struct sock_object *)o;
    int r = csock_alive(&s->core);
    if (r < 0 && r != -EBADF && r != CSOCK_ECLOSED)
        return ext_raise_sock(s, "is_alive", r);
    return PyBool_FromLong(r == 1);
}

PyDoc_STRVAR(is_alive_doc,
             "is_alive($module, sock, /)\n--\n\n"
             "Whether a connection stands, as far as this machine has heard: not once the peer\n"
             "has ended or reset it, with data before that or not, or the socket is closed. One\n"
             "system call, which waits for nothing and takes nothing. TypeError for TLS, and\n"
             "other classes with a recv or send of their own.");

PyMethodDef alive_functions[] = {
    {"is_alive", core_is_alive, METH_O, is_alive_doc},
    {NULL, NULL, 0, NULL},
};

/* Functions of the modules that make or end sockets, or have to do with all of them: close, dup,
 * socketpair, the default timeout; and dup_socket of csock._core. Sits on object/socket.c. */
#include "shared/args.h"
#include "shared/atomic.h"
#include "shared/errors.h"
#include "state.h"
#include "object/socket.h"
#include "methods/tables.h"

#include <errno.h>

static PyObject *mod_close(PyObject *module, PyObject *o)
{
    int fd, r;
    if (!ext_int(o, &fd))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_fd_close(fd);
    Py_END_ALLOW_THREADS
    if (r < 0 && r != -ECONNRESET) /* the peer's doing; the descriptor is closed */
        return ext_raise(&ext_state_of(module)->errors, r);
    Py_RETURN_NONE;
}

static PyObject *mod_dup(PyObject *module, PyObject *o)
{
    int fd;
    if (!ext_int(o, &fd))
        return NULL;
    fd = csock_fd_dup(fd);
    return fd < 0 ? ext_raise(&ext_state_of(module)->errors, fd) : PyLong_FromLong(fd);
}

static PyObject *pair_as_py(struct ext_state *st, struct csock pair[2], int64_t timeout)
{
    PyObject *first = sock_from_core(st, &pair[0], timeout);
    if (!first) {
        csock_close(&pair[1]);
        return NULL;
    }
    PyObject *second = sock_from_core(st, &pair[1], timeout);
    if (!second) {
        Py_DECREF(first);
        return NULL;
    }
    return Py_BuildValue("(NN)", first, second);
}

static PyObject *mod_socketpair(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    struct csock pair[2];
    int family = AF_UNIX, type = SOCK_STREAM, proto = 0;
    if (!PyArg_ParseTuple(args, "|iii:socketpair", &family, &type, &proto))
        return NULL;
    int64_t timeout = type & SOCK_NONBLOCK ? 0 : EXT_GET(st->default_timeout);
    unsigned flags = SOCK_AS_STOCK | (timeout < 0 ? 0 : CSOCK_NONBLOCK);
    int r = csock_pair(pair, family, type, proto, flags);
    return r < 0 ? ext_raise(&st->errors, r) : pair_as_py(st, pair, timeout);
}

static PyObject *mod_getdefaulttimeout(PyObject *module, PyObject *none)
{
    (void)none;
    return ext_timeout_as_py(EXT_GET(ext_state_of(module)->default_timeout));
}

static PyObject *mod_setdefaulttimeout(PyObject *module, PyObject *o)
{
    int64_t ns;
    if (!ext_timeout(o, &ns))
        return NULL;
    EXT_SET(ext_state_of(module)->default_timeout, ns);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(close_doc, "close($module, fd, /)\n--\n\n"
                        "Close a socket by its descriptor.");
PyDoc_STRVAR(dup_doc, "dup($module, fd, /)\n--\n\n"
                      "A second descriptor of a socket, close-on-exec.");
PyDoc_STRVAR(socketpair_doc, "socketpair([family[, type[, proto]]]) -> (socket, socket)\n\n"
                             "Two sockets connected to each other, of AF_UNIX by default.");
PyDoc_STRVAR(getdefaulttimeout_doc, "getdefaulttimeout($module, /)\n--\n\n"
                                    "The timeout of new sockets in seconds, or None.");
PyDoc_STRVAR(setdefaulttimeout_doc, "setdefaulttimeout($module, timeout, /)\n--\n\n"
                                    "Set the timeout of new sockets in seconds, or None.");

PyMethodDef socket_functions[] = {
    {"close", mod_close, METH_O, close_doc},
    {"dup", mod_dup, METH_O, dup_doc},
    {"socketpair", mod_socketpair, METH_VARARGS, socketpair_doc},
    {"getdefaulttimeout", mod_getdefaulttimeout, METH_NOARGS, getdefaulttimeout_doc},
    {"setdefaulttimeout", mod_setdefaulttimeout, METH_O, setdefaulttimeout_doc},
    {NULL, NULL, 0, NULL},
};

/* The copy is made from inside the socket, so no other thread can close it, and have its number
 * reused, half-way. */
static PyObject *dup_socket(struct sock_object *s)
{
    struct csock copy;
    int r = csock_dup(&s->core, &copy);
    if (r < 0)
        return ext_raise_sock(s, "dup", r);
    PyObject *fd = PyLong_FromLong(csock_fd(&copy));
    if (fd)
        csock_detach(&copy);
    else
        csock_close(&copy);
    return fd;
}

/* Not a method, because the socket type has exactly stock's. */
static PyObject *core_dup_socket(PyObject *module, PyObject *sock)
{
    if (!PyObject_TypeCheck(sock, ext_state_of(module)->sock_type)) {
        PyErr_Format(PyExc_TypeError, "a socket is required, not %.200s", Py_TYPE(sock)->tp_name);
        return NULL;
    }
    return dup_socket((struct sock_object *)sock);
}

PyDoc_STRVAR(dup_socket_doc, "dup_socket($module, sock, /)\n--\n\n"
                             "A second descriptor for the same socket. fcntl(2), F_DUPFD_CLOEXEC.");

PyMethodDef dup_functions[] = {
    {"dup_socket", core_dup_socket, METH_O, dup_socket_doc},
    {NULL, NULL, 0, NULL},
};

/* What csock/_helpers.py needs of the core: a part of a file into a socket, and waiting until a
 * socket takes more. Functions of csock._core, because stock's socket type has no such methods. */
#include "shared/args.h"
#include "state.h"
#include "object/counts.h"
#include "object/secured.h"
#include "object/wait.h"
#include "methods/tables.h"

#include <poll.h>

static struct sock_object *socket_argument(PyObject *module, PyObject *o)
{
    if (PyObject_TypeCheck(o, ext_state_of(module)->sock_type))
        return (struct sock_object *)o;
    PyErr_Format(PyExc_TypeError, "a socket is required, not %.200s", Py_TYPE(o)->tp_name);
    return NULL;
}

static bool offset_argument(PyObject *o, int64_t *ret)
{
    long long offset = PyLong_AsLongLong(o);
    *ret = offset;
    return offset != -1 || !PyErr_Occurred();
}

static PyObject *core_send_file(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct ext_wait w;
    int file;
    int64_t offset;
    Py_ssize_t size;
    if (!ext_arg_count("send_file", n, 4, 4))
        return NULL;
    struct sock_object *s = socket_argument(module, args[0]);
    if (!s || !ext_int(args[1], &file) || !offset_argument(args[2], &offset) ||
        !ext_ssize(args[3], &size))
        return NULL;
    if (sock_is_engaged(s)) {
        PyErr_SetString(PyExc_TypeError, "the socket carries TLS: the file would go out in clear");
        return NULL;
    }
    ssize_t r = EXT_EPASSED;
    if (ext_wait_begin_mode(&w, s, false, EXT_OUT))
        r = ext_wait_end(&w, csock_sendfile(&s->core, file, offset, (size_t)size, &w.wait));
    if (r < 0)
        return ext_raise_sock(s, "sendfile", (int)r);
    sock_add_sent(s, (size_t)r);
    return PyLong_FromSsize_t(r);
}

static PyObject *core_await_writable(PyObject *module, PyObject *o)
{
    struct ext_wait w;
    struct sock_object *s = socket_argument(module, o);
    if (!s)
        return NULL;
    int r = EXT_EPASSED;
    if (ext_wait_begin(&w, s, false, EXT_OUT, 0))
        r = (int)ext_wait_end(&w, csock_ready(&s->core, POLLOUT, &w.wait));
    if (r < 0)
        return ext_raise_sock(s, "sendfile", r);
    Py_RETURN_NONE;
}

static PyObject *core_is_bounded(PyObject *module, PyObject *o)
{
    struct sock_object *s = socket_argument(module, o);
    if (!s)
        return NULL;
    if (ext_innermost && ext_is_over(s))
        return ext_raise_sock(s, "sendfile", EXT_EPASSED);
    return PyBool_FromLong(sock_is_captured(s) || (ext_innermost && ext_is_bounded(s)));
}

PyDoc_STRVAR(
    is_bounded_doc,
    "is_bounded(sock) -> bool\n\n"
    "Whether a deadline bounds calls on the socket, which is a blocking\n"
    "one, or it is captured. DeadlineExceeded if one has passed, for whatever socket waits.");
PyDoc_STRVAR(send_file_doc, "send_file(sock, fd, offset, count) -> int\n\n"
                            "Send at most count bytes of an open file. sendfile(2).");
PyDoc_STRVAR(await_writable_doc, "await_writable(sock)\n\n"
                                 "Wait until the socket takes more, within its timeout.");

PyMethodDef sendfile_functions[] = {
    {"send_file", EXT_FASTCALL(core_send_file), send_file_doc},
    {"is_bounded", core_is_bounded, METH_O, is_bounded_doc},
    {"await_writable", core_await_writable, METH_O, await_writable_doc},
    {NULL, NULL, 0, NULL},
};

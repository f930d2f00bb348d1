/* The type csock._core.RawStream. Sits on methods/send.c and methods/receive.c, for sockets whose
 * class is as it was found, and on the methods of all others. */
#include "file/raw.h"
#include "shared/atomic.h"
#include "shared/interp.h"
#include "object/known_class.h"
#include "methods/receive.h"
#include "methods/send.h"
#include "class/refs.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* Behind what the base has. */
struct stream {
    PyObject *sock; /* None or NULL: closed */
    bool reading, writing;
    char timed_out; /* bool, as PyMemberDef wants it */
    struct ext_state *state;
};

static struct stream *stream_of(PyObject *self)
{
    return (struct stream *)(void *)((char *)self + INTERP_RAW_IO_SIZE);
}

static PyObject *self_of(struct stream *f)
{
    return (PyObject *)(void *)((char *)f - INTERP_RAW_IO_SIZE);
}

static bool raw_is_closed(struct stream *f)
{
    PyObject *sock = EXT_GET(f->sock);
    return !sock || sock == Py_None || !EXT_GET(f->state);
}

static bool raise_closed(const char *what)
{
    PyErr_Format(PyExc_ValueError, "I/O operation on closed %s.", what);
    return false;
}

static bool check_open(struct stream *f, const char *what)
{
    return !raw_is_closed(f) || raise_closed(what);
}

/* The socket, held: this stream may be closed, and let go of it, by another thread or by what the
 * socket's own methods do. NULL if it is closed, and no exception. */
static PyObject *hold_sock(struct stream *f)
{
    PyObject *sock;
    Py_BEGIN_CRITICAL_SECTION(self_of(f));
    sock = raw_is_closed(f) ? NULL : Py_NewRef(f->sock);
    Py_END_CRITICAL_SECTION();
    return sock;
}

/* The same for a call on the stream, which raises if it is closed. */
static PyObject *open_sock(struct stream *f)
{
    PyObject *sock = hold_sock(f);
    if (!sock)
        raise_closed("file");
    return sock;
}

/* Puts sock, which it steals, in the place of what is there, and gives that; where only_open is set
 * and the stream is closed, it changes nothing and gives sock itself back. */
static PyObject *exchange_sock(struct stream *f, PyObject *sock, bool only_open)
{
    PyObject *before = sock;
    Py_BEGIN_CRITICAL_SECTION(self_of(f));
    if (!only_open || !raw_is_closed(f)) {
        before = f->sock;
        __atomic_store_n(&f->sock, sock, __ATOMIC_RELEASE);
    }
    Py_END_CRITICAL_SECTION();
    return before;
}

/* One of r, w, rw, with or without b. */
static bool parse_mode(struct stream *f, PyObject *mode)
{
    static const char *const modes[] = {"rw", "r", "w", "rwb", "rb", "wb"};
    for (size_t i = 0; PyUnicode_Check(mode) && i < sizeof modes / sizeof *modes; i++)
        if (PyUnicode_CompareWithASCIIString(mode, modes[i]) == 0) {
            EXT_SET(f->reading, strchr(modes[i], 'r') != NULL);
            EXT_SET(f->writing, strchr(modes[i], 'w') != NULL);
            return true;
        }
    PyErr_Format(PyExc_ValueError, "invalid mode: %R", mode);
    return false;
}

static int stream_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sock", "mode", NULL};
    struct stream *f = stream_of(self);
    PyObject *sock, *mode, *module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:SocketIO", names, &sock, &mode) ||
        !parse_mode(f, mode) || !(module = PyType_GetModuleByDef(Py_TYPE(self), &ext_core_module)))
        return -1;
    EXT_SET(f->state, ext_state_of(module));
    EXT_SET(f->timed_out, false);
    Py_XDECREF(exchange_sock(f, Py_NewRef(sock), false));
    return 0;
}

/* A method of this stream, or a function of its base's. */
static PyObject *call_own(struct stream *f, enum ext_name name)
{
    return PyObject_CallMethodNoArgs(self_of(f), f->state->names[name]);
}

/* A method of the socket. */
static PyObject *call_sock(struct stream *f, PyObject *sock, enum ext_name name, PyObject *arg)
{
    PyObject *args[] = {sock, arg};
    return PyObject_VectorcallMethod(f->state->names[name], args, arg ? 2 : 1, NULL);
}

/* Raw streams say None where a socket raises EAGAIN. */
static PyObject *none_if_would_block(PyObject *result)
{
    if (result || !ext_would_block())
        return result;
    PyErr_Clear();
    Py_RETURN_NONE;
}

/* What a receive or send of the core gives as a raw stream's. */
static PyObject *count_as_py(struct stream *f, struct sock_object *s, const char *what, ssize_t r)
{
    if (r == -EAGAIN)
        Py_RETURN_NONE;
    if (r == CSOCK_ETIMEOUT)
        EXT_SET(f->timed_out, EXT_GET(f->timed_out) || what[0] == 'r');
    return sock_count_sent(s, what, r);
}

/* The short cuts: straight to where the socket's methods go. Not for a class that has others. */
static PyObject *read_directly(struct stream *f, struct sock_object *s, PyObject *buffer)
{
    Py_buffer into;
    if (!ext_writable_buffer("recv_into", buffer, &into))
        return NULL;
    ssize_t r = into.len ? sock_receive_into(s, &into, (size_t)into.len, 0, NULL) : 0;
    PyBuffer_Release(&into);
    return count_as_py(f, s, "recv_into", r);
}

static PyObject *write_directly(struct stream *f, struct sock_object *s, PyObject *data)
{
    struct ext_payload from;
    if (!ext_payload_of(data, &from))
        return NULL;
    ssize_t r = sock_transmit(s, &from, 0, 0);
    ext_payload_done(&from);
    return count_as_py(f, s, "send", r);
}

static PyObject *read_by_method(struct stream *f, PyObject *sock, PyObject *buffer)
{
    PyObject *result = call_sock(f, sock, NAME_RECV_INTO, buffer);
    if (!result && PyErr_ExceptionMatches(PyExc_TimeoutError))
        EXT_SET(f->timed_out, true);
    return none_if_would_block(result);
}

/* After a timeout nobody knows how much of what was read a buffer above has lost. */
static PyObject *stream_readinto(PyObject *self, PyObject *buffer)
{
    struct stream *f = stream_of(self);
    PyObject *result = NULL, *sock = open_sock(f);
    if (!sock)
        return NULL;
    if (!EXT_GET(f->reading))
        result = call_own(f, NAME_CHECK_READABLE); /* raises */
    else if (EXT_GET(f->timed_out))
        PyErr_SetString(PyExc_OSError, "cannot read from timed out object");
    else if (sock_is_untouched(f->state, sock, NAME_RECV_INTO))
        result = read_directly(f, (struct sock_object *)sock, buffer);
    else
        result = read_by_method(f, sock, buffer);
    Py_DECREF(sock);
    return result;
}

static PyObject *stream_write(PyObject *self, PyObject *data)
{
    struct stream *f = stream_of(self);
    PyObject *result, *sock = open_sock(f);
    if (!sock)
        return NULL;
    if (!EXT_GET(f->writing))
        result = call_own(f, NAME_CHECK_WRITABLE); /* raises */
    else if (sock_is_untouched(f->state, sock, NAME_SEND))
        result = write_directly(f, (struct sock_object *)sock, data);
    else
        result = none_if_would_block(call_sock(f, sock, NAME_SEND, data));
    Py_DECREF(sock);
    return result;
}

static PyObject *stream_readable(PyObject *self, PyObject *unused)
{
    (void)unused;
    return check_open(stream_of(self), "socket")
               ? PyBool_FromLong(EXT_GET(stream_of(self)->reading))
               : NULL;
}

static PyObject *stream_writable(PyObject *self, PyObject *unused)
{
    (void)unused;
    return check_open(stream_of(self), "socket")
               ? PyBool_FromLong(EXT_GET(stream_of(self)->writing))
               : NULL;
}

static PyObject *stream_seekable(PyObject *self, PyObject *unused)
{
    (void)unused;
    return check_open(stream_of(self), "socket") ? Py_NewRef(Py_False) : NULL;
}

static PyObject *stream_fileno(PyObject *self, PyObject *unused)
{
    struct stream *f = stream_of(self);
    PyObject *sock = open_sock(f);
    (void)unused;
    PyObject *result = sock ? call_sock(f, sock, NAME_FILENO, NULL) : NULL;
    Py_XDECREF(sock);
    return result;
}

/* The type below ours, which knows io_base. Ours is the last type with this traverse. */
static PyTypeObject *raw_base(PyObject *self, traverseproc own)
{
    PyTypeObject *type = Py_TYPE(self);
    while (type->tp_traverse != own)
        type = type->tp_base;
    while (type->tp_traverse == own)
        type = type->tp_base;
    return type;
}

static int stream_traverse(PyObject *self, visitproc visit, void *arg)
{
    PyTypeObject *base = raw_base(self, stream_traverse);
    Py_VISIT(stream_of(self)->sock);
    /* A heap type's traverse visits the object's type, and once is right. */
    if (!(base->tp_flags & Py_TPFLAGS_HEAPTYPE))
        Py_VISIT(Py_TYPE(self));
    return base->tp_traverse ? base->tp_traverse(self, visit, arg) : 0;
}

static int stream_clear(PyObject *self)
{
    PyTypeObject *base = raw_base(self, stream_traverse);
    Py_CLEAR(stream_of(self)->sock);
    return base->tp_clear ? base->tp_clear(self) : 0;
}

/* One stream gives back one reference to the socket, and only one, even if the flush closes the
 * stream or takes the socket away. */
static PyObject *let_go(struct stream *f, PyObject *sock)
{
    PyObject *before = exchange_sock(f, Py_NewRef(Py_None), true);
    if (before == Py_None)
        return before;
    Py_DECREF(before);
    if (sock_is_untouched(f->state, sock, NAME_DECREF_SOCKETIOS))
        return sock_class_decref_socketios(sock, NULL);
    return PyObject_CallMethodNoArgs(sock, f->state->names[NAME_DECREF_SOCKETIOS]);
}

/* The base's close flushes and marks. The socket is let go even if that fails, for closing again
 * does nothing. */
static PyObject *stream_close(PyObject *self, PyObject *unused)
{
    struct stream *f = stream_of(self);
    (void)unused;
    PyObject *sock = hold_sock(f);
    if (!sock)
        Py_RETURN_NONE;
    PyObject *type, *value, *traceback;
    PyTypeObject *base = raw_base(self, stream_traverse);
    PyObject *args[] = {(PyObject *)base, self};
    PyObject *closed = PyObject_VectorcallMethod(f->state->names[NAME_CLOSE], args, 2, NULL);
    Py_XDECREF(closed);
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *released = let_go(f, sock);
    Py_DECREF(sock);
    Py_XDECREF(released);
    if (type)
        PyErr_Restore(type, value, traceback);
    if (!closed || !released)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *stream_get_closed(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(raw_is_closed(stream_of(self)));
}

static PyObject *stream_get_mode(PyObject *self, void *closure)
{
    const struct stream *f = stream_of(self);
    (void)closure;
    return PyUnicode_FromFormat("%s%sb", EXT_GET(f->reading) ? "r" : "",
                                EXT_GET(f->writing) ? "w" : "");
}

static PyObject *stream_get_name(PyObject *self, void *closure)
{
    struct stream *f = stream_of(self);
    PyObject *sock = hold_sock(f);
    (void)closure;
    PyObject *name = sock ? call_sock(f, sock, NAME_FILENO, NULL) : PyLong_FromLong(-1);
    Py_XDECREF(sock);
    return name;
}

static PyMethodDef methods[] = {
    {"close", stream_close, METH_NOARGS,
     "close()\n\nLet go of the socket, which closes if it was only open for this stream."},
    {"fileno", stream_fileno, METH_NOARGS, "fileno() -> int\n\nThe socket's descriptor."},
    {"readable", stream_readable, METH_NOARGS, "readable() -> bool"},
    {"readinto", stream_readinto, METH_O,
     "readinto(buffer) -> count or None\n\n"
     "Receive into a writable buffer. 0: the peer sends no more. None: it would have to wait."},
    {"seekable", stream_seekable, METH_NOARGS, "seekable() -> bool\n\nFalse."},
    {"writable", stream_writable, METH_NOARGS, "writable() -> bool"},
    {"write", stream_write, METH_O,
     "write(data) -> count or None\n\n"
     "Send, perhaps only the first part. None: it would have to wait."},
    {NULL, NULL, 0, NULL},
};

/* No READONLY: the interpreter clears only members without it when the object dies. */
static PyMemberDef members[] = {
    {"_sock", T_OBJECT_EX, offsetof(struct stream, sock), 0, "the socket, None when closed"},
    {"_timeout_occurred", T_BOOL, offsetof(struct stream, timed_out), 0, "a read has timed out"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"closed", stream_get_closed, NULL, "whether the stream is closed", NULL},
    {"mode", stream_get_mode, NULL, "'rb', 'wb' or 'rwb'", NULL},
    {"name", stream_get_name, NULL, "the descriptor, -1 when closed", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* No dealloc: that of Python's own classes clears the members, then lets the base do its part. */
static PyType_Slot slots[] = {
    {Py_tp_init, stream_init},
    {Py_tp_traverse, stream_traverse},
    {Py_tp_clear, stream_clear},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {Py_tp_doc, "RawStream(sock, mode)\n--\n\n"
                "A raw byte stream over a socket; makefile() makes these."},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "csock._core.RawStream",
    .basicsize = sizeof(struct stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};

/* Once it is known how much that is. */
static void move_behind_base(void)
{
    spec.basicsize += (int)INTERP_RAW_IO_SIZE;
    for (PyMemberDef *m = members; m->name; m++)
        m->offset += (Py_ssize_t)INTERP_RAW_IO_SIZE;
}

int stream_type_setup(PyObject *module, struct ext_state *st)
{
    static pthread_once_t moved = PTHREAD_ONCE_INIT;
    PyObject *base = (PyObject *)interp_raw_io_base();
    if (!base)
        return -1;
    pthread_once(&moved, move_behind_base);
    st->stream_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, base);
    Py_DECREF(base);
    return st->stream_type ? PyModule_AddType(module, st->stream_type) : -1;
}

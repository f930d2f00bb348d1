/* The type csock._core.RawStream: which socket it is on, and letting go of that once. What it reads
 * and writes is stream.c's. */
#include "file/raw.h"
#include "file/stream.h"
#include "object/known_class.h"
#include "class/refs.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

static bool raise_closed(const char *what)
{
    PyErr_Format(PyExc_ValueError, "I/O operation on closed %s.", what);
    return false;
}

static bool check_open(struct stream *f, const char *what)
{
    return !raw_is_closed(f) || raise_closed(what);
}

PyObject *stream_hold(struct stream *f)
{
    PyObject *sock;
    Py_BEGIN_CRITICAL_SECTION(self_of(f));
    sock = raw_is_closed(f) ? NULL : Py_NewRef(f->sock);
    Py_END_CRITICAL_SECTION();
    return sock;
}

PyObject *stream_open(struct stream *f)
{
    PyObject *sock = stream_hold(f);
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
    PyObject *sock = stream_open(f);
    (void)unused;
    PyObject *result = sock ? stream_call_sock(f, sock, NAME_FILENO, NULL) : NULL;
    Py_XDECREF(sock);
    return result;
}

/* The type below ours: the interpreter's raw base. Ours is the last one with this traverse. */
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
    PyObject *sock = stream_hold(f);
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
    PyObject *sock = stream_hold(f);
    (void)closure;
    PyObject *name = sock ? stream_call_sock(f, sock, NAME_FILENO, NULL) : PyLong_FromLong(-1);
    Py_XDECREF(sock);
    return name;
}

static PyMethodDef stream_methods[] = {
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
static PyMemberDef stream_members[] = {
    {"_sock", T_OBJECT_EX, offsetof(struct stream, sock), 0, "the socket, None when closed"},
    {"_timeout_occurred", T_BOOL, offsetof(struct stream, timed_out), 0, "a read has timed out"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef stream_properties[] = {
    {"closed", stream_get_closed, NULL, "whether the stream is closed", NULL},
    {"mode", stream_get_mode, NULL, "'rb', 'wb' or 'rwb'", NULL},
    {"name", stream_get_name, NULL, "the descriptor, -1 when closed", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* No dealloc: that of Python's own classes clears the members, then lets the base do its part. */
static PyType_Slot stream_slots[] = {
    {Py_tp_init, stream_init},
    {Py_tp_traverse, stream_traverse},
    {Py_tp_clear, stream_clear},
    {Py_tp_methods, stream_methods},
    {Py_tp_members, stream_members},
    {Py_tp_getset, stream_properties},
    {Py_tp_doc, "RawStream(sock, mode)\n--\n\n"
                "A raw byte stream over a socket; makefile() makes these."},
    {0, NULL},
};

static PyType_Spec stream_spec = {
    .name = "csock._core.RawStream",
    .basicsize = sizeof(struct stream),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = stream_slots,
};

/* Once it is known how much that is. */
static void move_behind_base(void)
{
    stream_spec.basicsize += (int)INTERP_RAW_IO_SIZE;
    for (PyMemberDef *m = stream_members; m->name; m++)
        m->offset += (Py_ssize_t)INTERP_RAW_IO_SIZE;
}

int stream_type_setup(PyObject *module, struct ext_state *st)
{
    static pthread_once_t moved = PTHREAD_ONCE_INIT;
    PyObject *base = (PyObject *)interp_raw_io_base();
    if (!base)
        return -1;
    pthread_once(&moved, move_behind_base);
    st->stream_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &stream_spec, base);
    Py_DECREF(base);
    return st->stream_type ? PyModule_AddType(module, st->stream_type) : -1;
}

/* The type csock.Reader: its life, and what it does without receiving. What it reads is reads.c's.
 *
 * The classes are made when somebody asks for the first of them: a program that has sockets and no
 * reader does without. */
#include "stream/reader.h"

#include "shared/args.h"

#include <stddef.h>
#include <structmember.h>

bool reader_refuse(struct reader *r, bool taken)
{
    if (!taken) {
        PyErr_SetString(PyExc_RuntimeError,
                        "the reader is in use: a call on it has not returned yet");
        return false;
    }
    reader_give(r);
    PyErr_SetString(PyExc_ValueError,
                    r->state ? "the reader is detached" : "the reader is not initialised");
    return false;
}

static bool check_source(struct ext_state *st, PyObject *sock)
{
    PyObject *method = PyObject_GetAttr(sock, st->names[NAME_RECV_INTO]);
    bool callable = method && PyCallable_Check(method);
    Py_XDECREF(method);
    if (!callable && (method || PyErr_ExceptionMatches(PyExc_AttributeError)))
        PyErr_Format(PyExc_TypeError, "Reader() needs something with recv_into(), not %.100s",
                     Py_TYPE(sock)->tp_name);
    return callable;
}

static void fill_reader(struct reader *r, struct ext_state *st, PyObject *sock, size_t limit)
{
    csock_reader_init(&r->core, reader_source(r), limit);
    r->state = st;
    r->sock = Py_NewRef(sock);
}

static int reader_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sock", "limit", NULL};
    struct reader *r = (struct reader *)self;
    Py_ssize_t limit = CSOCK_READER_LIMIT;
    PyObject *sock, *module;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|n:Reader", names, &sock, &limit) ||
        !(module = PyType_GetModuleByDef(Py_TYPE(self), &ext_core_module)))
        return -1;
    if (limit <= 0) {
        PyErr_SetString(PyExc_ValueError, "the limit must be above 0");
        return -1;
    }
    if (!check_source(ext_state_of(module), sock))
        return -1;
    if (!reader_is_free(r)) {
        reader_refuse(r, false);
        return -1;
    }
    bool first = !r->state;
    if (first)
        fill_reader(r, ext_state_of(module), sock, (size_t)limit);
    reader_give(r);
    if (!first)
        PyErr_SetString(PyExc_RuntimeError, "the reader is initialised already");
    return first ? 0 : -1;
}

/* (socket, bytes): all that there is in it. */
static PyObject *reader_detach(PyObject *self, PyObject *unused)
{
    struct reader *r = (struct reader *)self;
    const char *data;
    (void)unused;
    if (!reader_take(r))
        return NULL;
    size_t n = csock_reader_pending(&r->core);
    csock_reader_peek(&r->core, n, &data, NULL); /* it is there: nothing is received */
    PyObject *rest = PyBytes_FromStringAndSize(data, (Py_ssize_t)n);
    PyObject *result = rest ? PyTuple_Pack(2, r->sock, rest) : NULL;
    Py_XDECREF(rest);
    PyObject *sock = NULL;
    if (result) {
        sock = r->sock;
        r->sock = NULL;
        csock_reader_free(&r->core);
    }
    reader_give(r);
    Py_XDECREF(sock);
    return result;
}

static PyObject *reader_at_eof(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(EXT_GET(((struct reader *)self)->at_end));
}

static PyObject *reader_get_pending(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromSize_t(EXT_GET(((struct reader *)self)->pending));
}

static PyObject *reader_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyErr_Format(PyExc_TypeError, "cannot pickle '%.100s' object", Py_TYPE(self)->tp_name);
}

static int reader_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct reader *)self)->sock);
    return 0; /* the scratch refers to nothing */
}

static int reader_clear(PyObject *self)
{
    Py_CLEAR(((struct reader *)self)->sock);
    return 0;
}

static void reader_dealloc(PyObject *self)
{
    struct reader *r = (struct reader *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (r->weak_references)
        PyObject_ClearWeakRefs(self);
    reader_clear(self);
    reader_scratch_free(r);
    csock_reader_free(&r->core);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef reader_methods[] = {
    {"read", EXT_KEYWORDS(reader_read),
     "read($self, /, n=-1)\n--\n\n"
     "At most n bytes: what is there, or else what comes first; b'' at the end of the stream.\n"
     "-1: all until the end."},
    {"readexactly", EXT_KEYWORDS(reader_readexactly),
     "readexactly($self, /, n)\n--\n\nExactly n bytes. IncompleteReadError if the stream ends."},
    {"readuntil", EXT_KEYWORDS(reader_readuntil),
     "readuntil($self, /, separator=b'\\n')\n--\n\n"
     "All up to the separator, which is included; of a tuple, up to that which ends first.\n"
     "IncompleteReadError if the stream ends, LimitOverrunError if there is none in the limit."},
    {"readline", reader_readline, METH_NOARGS,
     "readline($self, /)\n--\n\n"
     "A line with its b'\\n'; what is left at the end of the stream; then b''.\n"
     "ValueError if it is longer than the limit: it is dropped."},
    {"peek", EXT_KEYWORDS(reader_peek),
     "peek($self, /, n)\n--\n\n"
     "The next n bytes, which stay. Waits until they are there; less only at the stream's end."},
    {"at_eof", reader_at_eof, METH_NOARGS,
     "at_eof($self, /)\n--\n\nWhether the stream has ended and all of it is read."},
    {"detach", reader_detach, METH_NOARGS,
     "detach($self, /)\n--\n\n"
     "(socket, bytes): the socket, and what came of it and is not read. The reader is of no use\n"
     "after."},
    {"__reduce__", reader_reduce, METH_NOARGS, NULL},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef reader_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(struct reader, weak_references), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef reader_properties[] = {
    {"pending", reader_get_pending, NULL, "how many bytes have come and are not read", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_init, reader_init},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, reader_next},
    {Py_tp_methods, reader_methods},
    {Py_tp_members, reader_members},
    {Py_tp_getset, reader_properties},
    {Py_tp_doc, "Reader(sock, limit=65536)\n--\n\n"
                "Reads from anything with recv_into, with the methods of asyncio.StreamReader.\n\n"
                "What has come stays for the next call if one fails: after a timeout, say. limit:\n"
                "how many bytes may come before a separator. The socket is not closed."},
    {0, NULL},
};

static PyType_Spec reader_spec = {
    .name = "csock.Reader",
    .basicsize = sizeof(struct reader),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = reader_slots,
};

/* The three classes, new; 0 or -1. */
static int make_classes(PyObject *module, PyObject *ret[3])
{
    if (reader_exceptions_make(&ret[1], &ret[2]) < 0)
        return -1;
    ret[0] = PyType_FromModuleAndSpec(module, &reader_spec, NULL);
    if (ret[0])
        return 0;
    Py_DECREF(ret[1]);
    Py_DECREF(ret[2]);
    return -1;
}

/* They are the state's from now on, if no other thread has just made some. */
static void publish_classes(PyObject *module, struct ext_state *st, PyObject *classes[3])
{
    bool first;
    (void)module; /* before 3.13 */
    Py_BEGIN_CRITICAL_SECTION(module);
    first = !st->reader_type;
    if (first) {
        st->incomplete = classes[1];
        st->overrun = classes[2];
        __atomic_store_n(&st->reader_type, (PyTypeObject *)classes[0], __ATOMIC_RELEASE);
    }
    Py_END_CRITICAL_SECTION();
    for (int i = 0; !first && i < 3; i++)
        Py_DECREF(classes[i]);
}

static PyObject *core_reader_classes(PyObject *module, PyObject *none)
{
    struct ext_state *st = ext_state_of(module);
    PyObject *classes[3];
    (void)none;
    if (!__atomic_load_n(&st->reader_type, __ATOMIC_ACQUIRE)) {
        if (make_classes(module, classes) < 0)
            return NULL;
        publish_classes(module, st, classes);
    }
    return PyTuple_Pack(3, st->reader_type, st->incomplete, st->overrun);
}

PyMethodDef reader_functions[] = {
    {"reader_classes", core_reader_classes, METH_NOARGS,
     "reader_classes($module, /)\n--\n\n"
     "(Reader, IncompleteReadError, LimitOverrunError), made when they are first asked for."},
    {NULL, NULL, 0, NULL},
};

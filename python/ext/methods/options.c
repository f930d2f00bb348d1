/* getsockopt and setsockopt. Sits on csock_opt_*. */
#include "shared/args.h"
#include "shared/atomic.h"
#include "object/socket.h"
#include "methods/options.h"
#include "methods/tables.h"

/* The kernel copies options of every size whole; nobody asks for more than this. */
#define OPTION_MAX (1024 * 1024)
#define OPTION_SMALL 1024

static PyObject *option_int(struct sock_object *s, int level, int name)
{
    int value;
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_get_int(&s->core, level, name, &value);
    sock_quick_end(saved);
    return r < 0 ? ext_raise_sock(s, "getsockopt", r) : PyLong_FromLong(value);
}

/* AF_VSOCK: all its options are taken for 64 bits wide, and none for bytes, as in stock. */
static PyObject *vsock_get(struct sock_object *s, int level, int name, int size)
{
    uint64_t value;
    if (size != 0) {
        PyErr_SetString(PyExc_OSError, "getsockopt string buffer not allowed");
        return NULL;
    }
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_get_u64(&s->core, level, name, &value);
    sock_quick_end(saved);
    return r < 0 ? ext_raise_sock(s, "getsockopt", r) : PyLong_FromUnsignedLongLong(value);
}

static PyObject *option_bytes(struct sock_object *s, int level, int name, int size)
{
    char small[OPTION_SMALL];
    socklen_t len = (socklen_t)size;
    void *buf = size <= OPTION_SMALL ? small : PyMem_Malloc((size_t)size);
    PyObject *result = NULL;
    if (!buf)
        return PyErr_NoMemory();
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_get(&s->core, level, name, buf, &len);
    sock_quick_end(saved);
    if (r < 0)
        ext_raise_sock(s, "getsockopt", r);
    else
        result = PyBytes_FromStringAndSize(buf, (Py_ssize_t)len);
    if (buf != small)
        PyMem_Free(buf);
    return result;
}

static PyObject *sock_getsockopt(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    int level, name, size = 0;
    if (!ext_arg_count("getsockopt", n, 2, 3) || !ext_int(args[0], &level) ||
        !ext_int(args[1], &name) || (n == 3 && !ext_int(args[2], &size)))
        return NULL;
    if (EXT_GET(s->family) == AF_VSOCK)
        return vsock_get(s, level, name, size);
    if (size < 0 || size > OPTION_MAX) {
        PyErr_SetString(PyExc_OSError, "getsockopt buflen out of range");
        return NULL;
    }
    return size == 0 ? option_int(s, level, name) : option_bytes(s, level, name, size);
}

/* What bears on waiting. Other objects may share the option, by descriptors that are duplicates. */
void sock_note_option(struct ext_state *st, int level, int name)
{
    if (level == SOL_SOCKET && name == SO_RCVLOWAT)
        EXT_SET(st->low_water, true);
    if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        EXT_SET(st->kernel_timeouts, true);
}

static int note_option(struct sock_object *s, int level, int name, int r)
{
    if (r == 0)
        sock_note_option(s->state, level, name);
    return r;
}

static int set_int(struct sock_object *s, int level, int name, int value)
{
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_set_int(&s->core, level, name, value);
    sock_quick_end(saved);
    return note_option(s, level, name, r);
}

static int set_buffer(struct sock_object *s, int level, int name, const Py_buffer *value)
{
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_set(&s->core, level, name, value->buf, (socklen_t)value->len);
    sock_quick_end(saved);
    return note_option(s, level, name, r);
}

static int set_absent(struct sock_object *s, int level, int name, socklen_t len)
{
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_set_absent(&s->core, level, name, len);
    sock_quick_end(saved);
    return r;
}

/* An int, or anything that counts as one, if it fits; else it has to be a buffer, as in stock. From
 * 3.15 on one that does not fit is an error. */
bool sock_option_int(PyObject *o, int *ret)
{
    if (!PyIndex_Check(o))
        return false;
    if (ext_int(o, ret))
        return true;
#if PY_VERSION_HEX < 0x030F0000
    PyErr_Clear();
#endif
    return false;
}

static PyObject *set_value(struct sock_object *s, int level, int name, PyObject *value)
{
    Py_buffer buffer;
    int number, r;
    if (sock_option_int(value, &number)) {
        r = set_int(s, level, name, number);
    } else {
        if (PyErr_Occurred() || PyObject_GetBuffer(value, &buffer, PyBUF_SIMPLE) < 0)
            return NULL;
        if (buffer.len > INT32_MAX) {
            PyBuffer_Release(&buffer);
            PyErr_SetString(PyExc_OverflowError, "option value is too long");
            return NULL;
        }
        r = set_buffer(s, level, name, &buffer);
        PyBuffer_Release(&buffer);
    }
    if (r < 0)
        return ext_raise_sock(s, "setsockopt", r);
    Py_RETURN_NONE;
}

/* The length that goes with None, converted as stock does. */
static bool length(PyObject *o, unsigned int *ret)
{
    return PyArg_Parse(o, "I", ret);
}

#if PY_VERSION_HEX >= 0x030F0000
/* How many arguments there are, and of what kinds they are; 3.15 says what is wrong. */
static bool set_arguments(PyObject *const *args, Py_ssize_t n, int *ret_level, int *ret_name,
                          unsigned int *ret_length)
{
    if (!ext_arg_count("setsockopt", n, 3, 4) || !ext_int(args[0], ret_level) ||
        !ext_int(args[1], ret_name) || (n == 4 && !length(args[3], ret_length)))
        return false;
    PyObject *value = args[2];
    if (value == Py_None && n == 3)
        PyErr_SetString(PyExc_TypeError, "setsockopt() requires 4 arguments when the third "
                                         "argument is None");
    else if (value != Py_None && n == 4)
        PyErr_Format(PyExc_TypeError,
                     "setsockopt() only takes 4 arguments when the third argument is None (got %T)",
                     value);
    else if (value != Py_None && !PyIndex_Check(value) && !PyObject_CheckBuffer(value))
        PyErr_Format(PyExc_TypeError,
                     "socket option should be int, bytes-like object or None (got %T)", value);
    else
        return true;
    return false;
}
#else
/* Four that do not fit are one too many, whatever is wrong with them: stock tries the forms in
 * turn, and tells of the last, which has three. */
static bool set_arguments(PyObject *const *args, Py_ssize_t n, int *ret_level, int *ret_name,
                          unsigned int *ret_length)
{
    if (n == 4 && args[2] == Py_None && ext_int(args[0], ret_level) && ext_int(args[1], ret_name) &&
        length(args[3], ret_length))
        return true;
    PyErr_Clear();
    return ext_arg_count("setsockopt", n, 3, 3) && ext_int(args[0], ret_level) &&
           ext_int(args[1], ret_name);
}
#endif

#if PY_VERSION_HEX >= 0x030F0000
static bool vsock_arguments(PyObject *const *args, Py_ssize_t n, int *ret_level, int *ret_name,
                            unsigned long long *ret_value)
{
    unsigned int no_length;
    bool odd =
        (n == 3 && args[2] != Py_None && !PyIndex_Check(args[2])) || (n == 4 && args[2] == Py_None);
    if (odd && ext_int(args[0], ret_level) && ext_int(args[1], ret_name)) {
        PyErr_Format(PyExc_TypeError,
                     "setsockopt() argument 3 for AF_VSOCK must be an int (got %T)", args[2]);
        return false;
    }
    if (odd || !set_arguments(args, n, ret_level, ret_name, &no_length))
        return false;
    *ret_value = PyLong_AsUnsignedLongLongMask(args[2]);
    return !PyErr_Occurred();
}
#else
static bool vsock_arguments(PyObject *const *args, Py_ssize_t n, int *ret_level, int *ret_name,
                            unsigned long long *ret_value)
{
    PyObject *tuple = ext_tuple_copy(args, n);
    bool ok = tuple && PyArg_ParseTuple(tuple, "iiK:setsockopt", ret_level, ret_name, ret_value);
    Py_XDECREF(tuple);
    return ok;
}
#endif

static PyObject *vsock_set(struct sock_object *s, PyObject *const *args, Py_ssize_t n)
{
    int level, name;
    unsigned long long value;
    if (!vsock_arguments(args, n, &level, &name, &value))
        return NULL;
    PyThreadState *saved = sock_quick_begin(s);
    int r = csock_opt_set_u64(&s->core, level, name, value);
    sock_quick_end(saved);
    if (r < 0)
        return ext_raise_sock(s, "setsockopt", r);
    Py_RETURN_NONE;
}

/* setsockopt(level, name, value) or setsockopt(level, name, None, length) */
static PyObject *sock_setsockopt(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    int level, name;
    unsigned int len = 0;
    if (EXT_GET(s->family) == AF_VSOCK)
        return vsock_set(s, args, n);
    if (!set_arguments(args, n, &level, &name, &len))
        return NULL;
    if (n == 3)
        return set_value(s, level, name, args[2]);
    int r = set_absent(s, level, name, len);
    if (r < 0)
        return ext_raise_sock(s, "setsockopt", r);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(getsockopt_doc,
             "getsockopt(level, option[, buflen]) -> int or bytes\n\n"
             "A socket option: an int, or with buflen at most that many bytes. getsockopt(2).");
PyDoc_STRVAR(setsockopt_doc,
             "setsockopt(level, option, value)\n"
             "setsockopt(level, option, None, optlen)\n\n"
             "Set a socket option to an int or to the bytes of a buffer, or give a length\n"
             "without a value. setsockopt(2).");

PyMethodDef sock_option_methods[] = {
    {"getsockopt", EXT_FASTCALL(sock_getsockopt), getsockopt_doc},
    {"setsockopt", EXT_FASTCALL(sock_setsockopt), setsockopt_doc},
    {NULL, NULL, 0, NULL},
};

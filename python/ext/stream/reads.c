/* The methods of csock.Reader that receive: arguments, and bytes objects of what the core's reader
 * finds. Sits on csock_reader and exceptions.c. */
#include "stream/reader.h"

#include "object/wait.h"
#include "shared/args.h"

#define STRAIGHT_MAX (256 * 1024)       /* of a read(n) that may get less */
#define UP_FRONT_MAX (64 * 1024 * 1024) /* of a readexactly(n) that a peer may have the say of */

/* ---- arguments */

/* The argument, by place or by its name; NULL with no exception where it is not given. */
static bool only_argument(const char *what, const char *name, PyObject *const *args, Py_ssize_t n,
                          PyObject *kwnames, PyObject **ret)
{
    Py_ssize_t n_named = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    *ret = n + n_named > 0 ? args[0] : NULL;
    if (!ext_arg_count(what, n + n_named, 0, 1))
        return false;
    if (n_named == 0 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), name) == 0)
        return true;
    PyErr_Format(PyExc_TypeError, "%R is an invalid keyword argument for %s()",
                 PyTuple_GET_ITEM(kwnames, 0), what);
    return false;
}

/* A number of bytes. What is larger than any stands for "all". */
static bool size_of_argument(PyObject *o, Py_ssize_t *ret)
{
    if (PyLong_CheckExact(o) && interp_small_int(o, ret))
        return true;
    *ret = PyNumber_AsSsize_t(o, NULL);
    return *ret != -1 || !PyErr_Occurred();
}

static bool size_argument(const char *what, PyObject *const *args, Py_ssize_t n, PyObject *kwnames,
                          PyObject **ret, Py_ssize_t *ret_size)
{
    if (!only_argument(what, "n", args, n, kwnames, ret))
        return false;
    if (*ret)
        return size_of_argument(*ret, ret_size);
    PyErr_Format(PyExc_TypeError, "%s() missing required argument 'n' (pos 1)", what);
    return false;
}

/* ---- a thread's deadline */

/* Whether it has passed; then that is raised. */
static bool time_is_up(struct reader *r)
{
    bool ours = PyObject_TypeCheck(r->sock, r->state->sock_type);
    struct sock_object *s = (struct sock_object *)r->sock;
    if (ours ? !ext_is_over(s) : !ext_moment_is_over(ext_deadline_now()))
        return false;
    if (ours)
        ext_raise_sock(s, "read", EXT_EPASSED);
    else
        ext_deadline_raise(&r->state->deadlines, "read", "", false);
    return true;
}

/* Once it has passed no call begins, though what is asked for may be there already. */
static bool begin_reading(struct reader *r)
{
    if (!reader_take(r))
        return false;
    if (!ext_innermost || !time_is_up(r))
        return true;
    reader_give(r);
    return false;
}

/* ---- results */

/* What a call has taken out of the reader's memory; given back where there is none for the object.
 */
static PyObject *as_bytes(struct reader *r, const char *data, size_t n)
{
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)n);
    if (!bytes)
        csock_reader_unread(&r->core, n);
    return bytes;
}

/* Waits until n bytes are there, or the stream has ended: at most n of them. */
static PyObject *peek_bytes(struct reader *r, size_t n, bool take)
{
    const char *data;
    ssize_t got = csock_reader_peek(&r->core, n, &data, NULL);
    if (got < 0)
        return reader_raise(r, (int)got, Py_None);
    PyObject *bytes = PyBytes_FromStringAndSize(data, got);
    if (bytes && take)
        csock_reader_skip(&r->core, (size_t)got);
    return bytes;
}

/* ---- read */

/* Into memory of the result's own: for a stream that lately has filled what it was given. */
static PyObject *read_straight(struct reader *r, size_t n)
{
    if (n > STRAIGHT_MAX)
        n = STRAIGHT_MAX;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
    if (!bytes)
        return NULL;
    ssize_t got = csock_reader_some(&r->core, PyBytes_AS_STRING(bytes), n, NULL);
    if (got < 0) {
        Py_DECREF(bytes);
        return reader_raise(r, (int)got, Py_None);
    }
    r->bulk = (size_t)got >= n / 2;
    if ((size_t)got < n)
        _PyBytes_Resize(&bytes, got);
    return bytes;
}

/* What is there; if that is nothing, what comes first. */
static PyObject *read_some(struct reader *r, size_t n)
{
    size_t pending = csock_reader_pending(&r->core);
    if (pending == 0 && n > 0) {
        const char *data;
        if (r->bulk && n >= CSOCK_READER_LIMIT)
            return read_straight(r, n);
        ssize_t got = csock_reader_peek(&r->core, 1, &data, NULL);
        if (got < 0)
            return reader_raise(r, (int)got, Py_None);
        pending = csock_reader_pending(&r->core);
        r->bulk = pending >= 16 * 1024;
    }
    return peek_bytes(r, n < pending ? n : pending, true);
}

PyObject *reader_read(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct reader *r = (struct reader *)self;
    Py_ssize_t n = -1;
    PyObject *given;
    if (!only_argument("read", "n", args, nargs, kwnames, &given) ||
        (given && !size_of_argument(given, &n)) || !begin_reading(r))
        return NULL;
    PyObject *result = n < 0 ? peek_bytes(r, SIZE_MAX, true) : read_some(r, (size_t)n);
    reader_give(r);
    return result;
}

/* ---- readexactly, peek */

/* More than would be set aside for a number that a peer has sent. */
static PyObject *exactly_in_steps(struct reader *r, size_t n, PyObject *expected)
{
    const char *data;
    ssize_t got = csock_reader_peek(&r->core, n, &data, NULL);
    if (got >= 0 && (size_t)got < n)
        got = CSOCK_EINCOMPLETE;
    return got < 0 ? reader_raise(r, (int)got, expected) : peek_bytes(r, n, true);
}

static PyObject *exactly(struct reader *r, size_t n, PyObject *expected)
{
    if (n > UP_FRONT_MAX)
        return exactly_in_steps(r, n, expected);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
    if (!bytes)
        return NULL;
    ssize_t got = csock_reader_exactly(&r->core, PyBytes_AS_STRING(bytes), n, NULL);
    if (got >= 0)
        return bytes;
    Py_DECREF(bytes);
    return reader_raise(r, (int)got, expected);
}

PyObject *reader_readexactly(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames)
{
    struct reader *r = (struct reader *)self;
    Py_ssize_t n;
    PyObject *given;
    if (!size_argument("readexactly", args, nargs, kwnames, &given, &n))
        return NULL;
    if (n < 0) {
        PyErr_SetString(PyExc_ValueError, "readexactly() of a negative number of bytes");
        return NULL;
    }
    if (!begin_reading(r))
        return NULL;
    PyObject *result = exactly(r, (size_t)n, given);
    reader_give(r);
    return result;
}

PyObject *reader_peek(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    struct reader *r = (struct reader *)self;
    Py_ssize_t n;
    PyObject *given;
    if (!size_argument("peek", args, nargs, kwnames, &given, &n))
        return NULL;
    if (n < 0) {
        PyErr_SetString(PyExc_ValueError, "peek() at a negative number of bytes");
        return NULL;
    }
    if (!begin_reading(r))
        return NULL;
    PyObject *result = peek_bytes(r, (size_t)n, false);
    reader_give(r);
    return result;
}

/* ---- readuntil, readline */

static PyObject *until(struct reader *r, const struct csock_separator *seps, size_t n_seps)
{
    const char *data;
    ssize_t n = csock_reader_until(&r->core, seps, n_seps, &data, NULL);
    return n < 0 ? reader_raise(r, (int)n, Py_None) : as_bytes(r, data, (size_t)n);
}

PyObject *reader_readuntil(PyObject *self, PyObject *const *args, Py_ssize_t nargs,
                           PyObject *kwnames)
{
    static const struct csock_separator newline = {"\n", 1};
    struct reader *r = (struct reader *)self;
    struct reader_separators seps;
    PyObject *given, *result = NULL;
    if (!only_argument("readuntil", "separator", args, nargs, kwnames, &given) ||
        (given && !reader_separators_of(given, &seps)))
        return NULL;
    if (begin_reading(r)) {
        result = given ? until(r, seps.all, seps.n) : until(r, &newline, 1);
        reader_give(r);
    }
    if (given)
        reader_separators_done(&seps);
    return result;
}

/* As with asyncio's: the line that is too long, or what has come of it, is dropped, so that the
 * program may go on with the next. */
static PyObject *drop_line(struct reader *r)
{
    size_t overrun = csock_reader_overrun(&r->core), pending = csock_reader_pending(&r->core);
    const char *data;
    csock_reader_peek(&r->core, pending, &data, NULL);
    bool ends = overrun < pending && data[overrun] == '\n';
    csock_reader_skip(&r->core, ends ? overrun + 1 : pending);
    return PyErr_Format(PyExc_ValueError, "no end of a line within the limit of %zu bytes",
                        r->core.limit);
}

static inline PyObject *next_line(struct reader *r)
{
    const char *line;
    ssize_t n = csock_reader_line(&r->core, &line, NULL);
    if (n >= 0)
        return as_bytes(r, line, (size_t)n);
    return n == CSOCK_EOVERRUN ? drop_line(r) : reader_raise(r, (int)n, Py_None);
}

PyObject *reader_readline(PyObject *self, PyObject *unused)
{
    struct reader *r = (struct reader *)self;
    (void)unused;
    if (!begin_reading(r))
        return NULL;
    PyObject *result = next_line(r);
    reader_give(r);
    return result;
}

PyObject *reader_next(PyObject *self)
{
    PyObject *line = reader_readline(self, NULL);
    if (line && PyBytes_GET_SIZE(line) == 0)
        Py_CLEAR(line); /* the end: no exception */
    return line;
}

/* close() of the class, and the count of files. A program may put what it likes into the two slots,
 * or delete them; then the interpreter's own conversions and errors apply. Sits on
 * object/known_class.c, which knows the class. */
#include "class/refs.h"
#include "shared/args.h"
#include "shared/atomic.h"
#include "state.h"
#include "object/known_class.h"
#include "object/socket.h"
#include "methods/connect.h"

static struct sock_object *socket_of(PyObject *self)
{
    return (struct sock_object *)self;
}

/* New reference; where it is empty, the interpreter's AttributeError. */
static PyObject *slot_get(PyObject *self, PyObject *const *slot, const char *name)
{
    return *slot ? Py_NewRef(*slot) : ext_attr(self, name);
}

/* Files of makefile() that are open. -1 with an exception, or because a program has put that in. */
static Py_ssize_t io_refs_of(PyObject *self)
{
    PyObject *value = slot_get(self, &socket_of(self)->io_refs, "_io_refs");
    Py_ssize_t refs = -1; /* it stays so where the conversion fails */
    if (value)
        ext_size(value, &refs);
    Py_XDECREF(value);
    return refs;
}

/* 1 or 0; -1 with an exception. */
static int is_closed(PyObject *self)
{
    PyObject *value = slot_get(self, &socket_of(self)->closed, "_closed");
    int closed = value ? PyObject_IsTrue(value) : -1;
    Py_XDECREF(value);
    return closed;
}

/* The method `name` of whatever class, for its effect. */
static PyObject *call_for_none(PyObject *self, enum ext_name name)
{
    const struct ext_state *st = socket_of(self)->state;
    PyObject *result = PyObject_CallMethodNoArgs(self, st->names[name]);
    Py_XDECREF(result);
    return result ? Py_NewRef(Py_None) : NULL;
}

PyObject *sock_class_close(PyObject *self, PyObject *unused)
{
    Py_ssize_t refs;
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    sock_slot_set(&socket_of(self)->closed, Py_NewRef(Py_True));
    refs = io_refs_of(self);
    Py_END_CRITICAL_SECTION();
    if (refs == -1 && PyErr_Occurred())
        return NULL;
    if (refs > 0)
        Py_RETURN_NONE;
    return sock_is_untouched(socket_of(self)->state, self, NAME_REAL_CLOSE)
               ? sock_close(self, NULL)
               : call_for_none(self, NAME_REAL_CLOSE);
}

/* 0, or -1 with an exception. */
static int io_refs_add(PyObject *self, long n)
{
    Py_ssize_t refs = io_refs_of(self);
    if (refs == -1 && PyErr_Occurred())
        return -1;
    Py_ssize_t after;
    if (__builtin_add_overflow(refs, n, &after)) {
        PyErr_SetString(PyExc_OverflowError, "too many files of one socket");
        return -1;
    }
    if (after < 0)
        return 0;
    PyObject *sum = PyLong_FromSsize_t(after);
    if (sum)
        sock_slot_set(&socket_of(self)->io_refs, sum);
    return sum ? 0 : -1;
}

/* An object that only lends itself the method makefile: what Python would do. */
static int foreign_io_refs_add_one(PyObject *o)
{
    PyObject *refs = ext_attr(o, "_io_refs");
    PyObject *one = refs ? PyLong_FromLong(1) : NULL;
    PyObject *sum = one ? PyNumber_InPlaceAdd(refs, one) : NULL;
    int r = sum ? PyObject_SetAttrString(o, "_io_refs", sum) : -1;
    Py_XDECREF(refs);
    Py_XDECREF(one);
    Py_XDECREF(sum);
    return r;
}

/* What makefile() does for the file that it makes: one more that keeps the socket open. */
PyObject *sock_class_file_opened(PyObject *module, PyObject *o)
{
    bool ours = PyObject_TypeCheck(o, ext_state_of(module)->sock_type) && sock_class_found(o);
    int r;
    if (!ours) {
        r = foreign_io_refs_add_one(o);
    } else {
        Py_BEGIN_CRITICAL_SECTION(o);
        r = io_refs_add(o, 1);
        Py_END_CRITICAL_SECTION();
    }
    if (r < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *sock_class_decref_socketios(PyObject *self, PyObject *unused)
{
    int closed;
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    closed = io_refs_add(self, -1) < 0 ? -1 : is_closed(self);
    Py_END_CRITICAL_SECTION();
    if (closed < 0)
        return NULL;
    return closed ? call_for_none(self, NAME_CLOSE) : Py_NewRef(Py_None);
}

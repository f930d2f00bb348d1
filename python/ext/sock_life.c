/* How objects of the class socket.socket begin and end, in C: equip() of sock_class.c gives it to
 * the class itself. Subclasses begin as the interpreter makes them begin, and end here after what
 * is theirs. Sits on sock_type.c. Must not close a descriptor that is open: that is the finaliser's.
 */
#include "ext.h"

/* type(*args), for a class whose metaclass is `type`, by the interpreter. */
static PyObject *call_in_full(PyObject *type, PyObject *const *args, Py_ssize_t n,
                              PyObject *kwnames)
{
    PyObject *tuple = ext_tuple_copy(args, n), *result = NULL;
    PyObject *keywords = tuple && kwnames ? ext_keywords_copy(args + n, kwnames) : NULL;
    if (tuple && (keywords || !kwnames))
        result = PyType_Type.tp_call(type, tuple, keywords);
    Py_XDECREF(tuple);
    Py_XDECREF(keywords);
    return result;
}

/* The state of the base, if the class begins now as the base does: nobody has given it another
 * __new__ or __init__, or another base. Else NULL, and no exception. */
static struct ext_state *state_of_base(PyTypeObject *type)
{
    PyTypeObject *base = type->tp_base;
    if (type->tp_new != base->tp_new || type->tp_init != base->tp_init)
        return NULL;
    struct ext_state *st = PyType_GetModuleState(base);
    if (!st)
        PyErr_Clear();
    return st;
}

/* The class called: what the interpreter would do, without a tuple for the arguments. */
static PyObject *class_call(PyObject *self, PyObject *const *args, size_t n_and_flag,
                            PyObject *kwnames)
{
    PyTypeObject *type = (PyTypeObject *)self;
    Py_ssize_t n = PyVectorcall_NARGS(n_and_flag);
    bool plain = !kwnames && n <= SOCK_PLAIN_ARGS;
    struct ext_state *st = plain ? state_of_base(type) : NULL;
    return st ? sock_make(type, st, args, n) : call_in_full(self, args, n, kwnames);
}

/* ---- the end */

static bool is_plain(PyObject *value)
{
    return !value || PyLong_CheckExact(value) || PyBool_Check(value);
}

static void end(PyObject *self, PyObject **io_refs, PyObject **closed)
{
    Py_CLEAR(*io_refs);
    Py_CLEAR(*closed);
    sock_free(self);
}

static bool has_weak_references(PyObject *self)
{
    PyObject **list = sock_slot(self, Py_TYPE(self)->tp_weaklistoffset);
    return EXT_GET(*list) != NULL;
}

/* A program may have put a socket into a slot of another, and so on, a chain too long to be ended
 * by as many functions that call each other. */
static void class_dealloc(PyObject *self)
{
    if (!sock_finalized(self))
        return; /* alive again */
    PyObject_GC_UnTrack(self);
    const struct sock_class *c = sock_class_of(self);
    PyObject **io_refs = sock_slot(self, c->io_refs), **closed = sock_slot(self, c->closed);
    if (has_weak_references(self))
        PyObject_ClearWeakRefs(self);
    if (is_plain(*io_refs) && is_plain(*closed)) {
        end(self, io_refs, closed);
    } else {
        Py_TRASHCAN_BEGIN(self, class_dealloc);
        end(self, io_refs, closed);
        Py_TRASHCAN_END;
    }
}

void sock_class_live(PyTypeObject *type)
{
    type->tp_dealloc = class_dealloc;
    if (Py_IS_TYPE(type, &PyType_Type))
        type->tp_vectorcall = class_call;
}

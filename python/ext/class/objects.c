/* The class called, and its objects' deallocation. Sits on object/init.c and object/socket.c. Must
 * not close a descriptor: that is the finaliser's. */
#include "class/objects.h"
#include "shared/args.h"
#include "shared/interp.h"
#include "object/init.h"

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

/* ---- the end
 *
 * It may come when the interpreter has ended, and the module's state is gone: nothing here looks at
 * that. */

#ifdef INTERP_CLASS_DEALLOC

static bool is_plain_value(PyObject *value)
{
    return !value || PyLong_CheckExact(value) || PyBool_Check(value);
}

/* A program may have put a socket into _closed of another, and so on, a chain too long to be ended
 * by as many functions that call each other. */
static void class_dealloc(PyObject *self)
{
    const struct sock_object *s = (const struct sock_object *)self;
    if (!sock_finalized(self))
        return; /* alive again */
    PyObject_GC_UnTrack(self);
    if (interp_has_weak_references(self))
        PyObject_ClearWeakRefs(self);
    if (is_plain_value(s->io_refs) && is_plain_value(s->closed)) {
        sock_free(self);
    } else {
        Py_TRASHCAN_BEGIN(self, class_dealloc);
        sock_free(self);
        Py_TRASHCAN_END;
    }
}

#endif

void sock_class_live(const struct sock_class *c)
{
#ifdef INTERP_CLASS_DEALLOC
    interp_class_set_dealloc(c->type, class_dealloc);
#endif
    if (Py_IS_TYPE(c->type, &PyType_Type))
        interp_class_set_call(c->type, class_call);
}

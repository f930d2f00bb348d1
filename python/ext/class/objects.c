/* The class called, and its objects' deallocation. Sits on object/init.c and object/socket.c. Must
 * not close a descriptor: that is the finaliser's. */
#include "class/objects.h"
#include "shared/args.h"
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
 * that. Where an object has its slots is known without: see SLOTS. */

#define SLOTS 2 /* _io_refs and _closed, in any order, right behind what the base has */

static PyObject **slots_of(PyObject *self)
{
    return sock_slot(self, sizeof(struct sock_object));
}

static bool are_behind_base(Py_ssize_t one, Py_ssize_t other)
{
    Py_ssize_t first = one < other ? one : other, last = one < other ? other : one;
    return first == sizeof(struct sock_object) && last - first == sizeof(PyObject *);
}

static bool is_plain_value(PyObject *value)
{
    return !value || PyLong_CheckExact(value) || PyBool_Check(value);
}

static void end(PyObject *self)
{
    PyObject **slots = slots_of(self);
    for (int i = 0; i < SLOTS; i++)
        Py_CLEAR(slots[i]);
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
    if (has_weak_references(self))
        PyObject_ClearWeakRefs(self);
    if (is_plain_value(slots_of(self)[0]) && is_plain_value(slots_of(self)[1])) {
        end(self);
    } else {
        Py_TRASHCAN_BEGIN(self, class_dealloc);
        end(self);
        Py_TRASHCAN_END;
    }
}

void sock_class_live(const struct sock_class *c)
{
    if (are_behind_base(c->io_refs, c->closed) && c->type->tp_weaklistoffset)
        c->type->tp_dealloc = class_dealloc;
    if (Py_IS_TYPE(c->type, &PyType_Type))
        c->type->tp_vectorcall = class_call;
}

/* The type csock.deadline. Sits on deadline.c and on the interpreter. Must not
 * know sockets. */
#include "shared/deadline_type.h"
#include "shared/args.h"

struct deadline {
    PyObject ob_base;
    struct ext_moment own;
    struct ext_moment bound; /* the same, or that of a block around it, if that is sooner */
    bool shields;
    struct ext_block *block; /* while it is entered */
};

static struct deadline *object_of(PyObject *self)
{
    return (struct deadline *)self;
}

/* ---- making one */

/* A moment in the past stays one: the core's clock begins at 0, which means none. */
static bool moment_in(PyObject *seconds, struct ext_moment *ret)
{
    int64_t ns;
    *ret = (struct ext_moment){CSOCK_FOREVER, 0};
    if (seconds == Py_None)
        return true;
    if (!ext_seconds(seconds, &ns))
        return false;
    *ret = (struct ext_moment){csock_deadline(ns), ns > 0 ? ns : 0};
    return true;
}

static struct ext_moment bound_of(struct deadline *d)
{
    return (struct ext_moment){EXT_GET(d->bound.at), EXT_GET(d->bound.given)};
}

static void set_bound(struct deadline *d, struct ext_moment m)
{
    EXT_SET(d->bound.at, m.at);
    EXT_SET(d->bound.given, m.given);
}

/* Of another thread's, perhaps. */
static bool moment_of(PyTypeObject *type, PyObject *until, struct ext_moment *ret)
{
    *ret = (struct ext_moment){CSOCK_FOREVER, 0};
    if (until == Py_None)
        return true;
    if (!Py_IS_TYPE(until, type)) {
        PyErr_Format(PyExc_TypeError, "until must be a csock.deadline or None, not %.200s",
                     Py_TYPE(until)->tp_name);
        return false;
    }
    *ret = bound_of(object_of(until));
    return true;
}

static PyObject *deadline_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"seconds", "shield", "until", NULL};
    PyObject *seconds = NULL, *until = NULL;
    struct ext_moment own;
    int shields = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$pO:deadline", names, &seconds, &shields,
                                     &until))
        return NULL;
    if (!seconds == !until) {
        PyErr_SetString(PyExc_TypeError, "deadline() takes either seconds or until");
        return NULL;
    }
    if (!(seconds ? moment_in(seconds, &own) : moment_of(type, until, &own)))
        return NULL;
    struct deadline *d = (struct deadline *)type->tp_alloc(type, 0);
    if (!d)
        return NULL;
    d->own = d->bound = own;
    d->shields = shields != 0;
    return (PyObject *)d;
}

static void deadline_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (object_of(self)->block)
        ext_block_drop(object_of(self)->block);
    type->tp_free(self);
    Py_DECREF(type);
}

static int deadline_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

/* ---- the objects that a thread has entered: a list in its dictionary, by the type */

static bool is_entered_here(PyObject *self)
{
    bool here;
    Py_BEGIN_CRITICAL_SECTION(self);
    here = object_of(self)->block && ext_block_is_here(object_of(self)->block);
    Py_END_CRITICAL_SECTION();
    return here;
}

/* New reference; NULL without an exception if the thread has none. */
static PyObject *entered_list(PyTypeObject *type)
{
    PyObject *own = PyThreadState_GetDict();
    return own ? Py_XNewRef(PyDict_GetItemWithError(own, (PyObject *)type)) : NULL;
}

static bool note_entered(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject *own = PyThreadState_GetDict(), *list = entered_list(type);
    int r = list ? 0 : -1;
    if (!list && own && !PyErr_Occurred() && (list = PyList_New(0)))
        r = PyDict_SetItem(own, (PyObject *)type, list);
    if (r == 0)
        r = PyList_Append(list, self);
    Py_XDECREF(list);
    if (r < 0 && !PyErr_Occurred())
        PyErr_NoMemory();
    return r == 0;
}

/* Drops those at its end that are not entered here any more. The last one, a new reference; NULL:
 * none, perhaps with an exception. */
static PyObject *newest_entered(PyObject *list)
{
    Py_ssize_t n;
    while ((n = PyList_GET_SIZE(list)) > 0) {
        PyObject *newest = Py_NewRef(PyList_GET_ITEM(list, n - 1));
        if (is_entered_here(newest))
            return newest;
        Py_DECREF(newest);
        if (PyList_SetSlice(list, n - 1, n, NULL) < 0)
            return NULL;
    }
    return NULL;
}

PyObject *ext_deadline_current(const struct ext_deadlines *d)
{
    PyObject *list = d->type ? entered_list(d->type) : NULL;
    PyObject *newest = list ? newest_entered(list) : NULL;
    Py_XDECREF(list);
    if (!newest && !PyErr_Occurred())
        Py_RETURN_NONE;
    return newest;
}

/* Whatever exception is under way. */
static void forget_left(PyTypeObject *type)
{
    PyObject *error, *value, *traceback;
    PyErr_Fetch(&error, &value, &traceback);
    struct ext_deadlines d = {.type = type};
    PyObject *newest = ext_deadline_current(&d);
    Py_XDECREF(newest);
    PyErr_Restore(error, value, traceback);
}

/* ---- entering and leaving */

/* Under the object's critical section: it may be handed to two threads. */
static bool enter_block(struct deadline *d)
{
    if (d->block) {
        PyErr_SetString(PyExc_RuntimeError,
                        "this deadline is entered already; csock.deadline(until=it) makes another "
                        "one with the same end");
        return false;
    }
    d->block = ext_block_enter(d->own, d->shields);
    if (!d->block) {
        PyErr_NoMemory();
        return false;
    }
    set_bound(d, ext_block_bound(d->block));
    return true;
}

static struct ext_block *take_block(struct deadline *d)
{
    struct ext_block *block;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)d);
    block = d->block;
    d->block = NULL;
    Py_END_CRITICAL_SECTION();
    return block;
}

static PyObject *deadline_enter(PyObject *self, PyObject *unused)
{
    bool entered;
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    entered = enter_block(object_of(self));
    Py_END_CRITICAL_SECTION();
    if (!entered)
        return NULL;
    if (note_entered(self))
        return Py_NewRef(self);
    struct ext_block *block = take_block(object_of(self));
    if (block)
        ext_block_leave(block);
    return NULL;
}

static PyObject *raise_left_wrongly(enum ext_leaving how)
{
    PyErr_SetString(PyExc_RuntimeError,
                    how == EXT_LEFT_ANOTHER
                        ? "a deadline was left before one that was entered after it, as happens "
                          "where generators, coroutines or greenlets take turns within such "
                          "blocks; it is taken out, the other one stays"
                        : "a deadline was left by another thread than the one that had entered it; "
                          "it is taken out there");
    return NULL;
}

static PyObject *deadline_exit(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    (void)args, (void)n;
    struct ext_block *block = take_block(object_of(self));
    if (!block) {
        PyErr_SetString(PyExc_RuntimeError, "a deadline was left that is not entered");
        return NULL;
    }
    enum ext_leaving how = ext_block_leave(block);
    forget_left(Py_TYPE(self));
    if (how != EXT_LEFT_INNERMOST)
        return raise_left_wrongly(how);
    Py_RETURN_NONE;
}

/* ---- what it tells */

/* What is around the block may have changed: a block was left before its turn. */
static struct ext_moment newest_bound(PyObject *self)
{
    struct deadline *d = object_of(self);
    Py_BEGIN_CRITICAL_SECTION(self);
    if (d->block && ext_block_is_here(d->block))
        set_bound(d, ext_block_bound(d->block));
    Py_END_CRITICAL_SECTION();
    return bound_of(d);
}

static double seconds_left(struct ext_moment m)
{
    int64_t left = m.at - csock_now();
    return left > 0 ? (double)left / EXT_NS_PER_SECOND : 0;
}

static PyObject *deadline_remaining(PyObject *self, PyObject *unused)
{
    struct ext_moment m = newest_bound(self);
    (void)unused;
    if (m.at == CSOCK_FOREVER)
        Py_RETURN_NONE;
    return PyFloat_FromDouble(seconds_left(m));
}

static PyObject *deadline_expired(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(ext_moment_is_over(newest_bound(self)));
}

static PyObject *deadline_repr(PyObject *self)
{
    struct ext_moment m = newest_bound(self);
    if (m.at == CSOCK_FOREVER)
        return PyUnicode_FromString("<csock.deadline: none>");
    if (ext_moment_is_over(m))
        return PyUnicode_FromString("<csock.deadline: passed>");
    char *left = PyOS_double_to_string(seconds_left(m), 'f', 3, 0, NULL);
    PyObject *text = left ? PyUnicode_FromFormat("<csock.deadline: %s s left>", left) : NULL;
    PyMem_Free(left);
    return text;
}

static PyObject *deadline_reduce(PyObject *self, PyObject *unused)
{
    (void)self, (void)unused;
    PyErr_SetString(PyExc_TypeError, "cannot pickle or copy a csock.deadline: it is of its thread");
    return NULL;
}

/* ---- the type */

static PyMethodDef deadline_methods[] = {
    {"__enter__", deadline_enter, METH_NOARGS, NULL},
    {"__exit__", EXT_FASTCALL(deadline_exit), NULL},
    {"__reduce__", deadline_reduce, METH_NOARGS, NULL},
    {"expired", deadline_expired, METH_NOARGS,
     "expired($self, /)\n--\n\nWhether it has passed, or a sooner one around it."},
    {"remaining", deadline_remaining, METH_NOARGS,
     "remaining($self, /)\n--\n\n"
     "The seconds until it passes, or a sooner one around it; None: it never does."},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(deadline_doc,
             "deadline(seconds=None, *, shield=False, until=None)\n--\n\n"
             "with deadline(seconds): bounds all that waits in csock on this thread within the\n"
             "block; what has not ended then raises DeadlineExceeded. The time begins with the\n"
             "object. Of several around each other the sooner holds; shield=True hides those\n"
             "outside. until: one that has the same end, for another thread.");

static PyType_Slot deadline_slots[] = {
    {Py_tp_new, deadline_new},
    {Py_tp_dealloc, deadline_dealloc},
    {Py_tp_traverse, deadline_traverse},
    {Py_tp_repr, deadline_repr},
    {Py_tp_methods, deadline_methods},
    {Py_tp_doc, (void *)(uintptr_t)deadline_doc},
    {0, NULL},
};

static PyType_Spec deadline_spec = {
    .name = "csock.deadline",
    .basicsize = sizeof(struct deadline),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = deadline_slots,
};

int ext_deadlines_setup(PyObject *owner, struct ext_deadlines *d)
{
    d->type = (PyTypeObject *)PyType_FromModuleAndSpec(owner, &deadline_spec, NULL);
    d->exceeded = ext_deadline_exceeded_new();
    return d->type && d->exceeded ? 0 : -1;
}

int ext_deadlines_add(PyObject *module, const struct ext_deadlines *d)
{
    if (PyModule_AddObjectRef(module, "DeadlineExceeded", d->exceeded) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "deadline", (PyObject *)d->type);
}

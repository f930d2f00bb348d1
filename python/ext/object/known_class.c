/* The record of the class socket.socket: what of it is watched, and its place in the state. Sits on
 * nothing but the interpreter. */
#include "object/known_class.h"

#include <structmember.h>

static const char *const name_texts[EXT_NAMES] = {
    [NAME_REAL_CLOSE] = "_real_close",
    [NAME_ACCEPT] = "_accept",
    [NAME_CLOSE] = "close",
    [NAME_SOCKET] = "socket",
    [NAME_DECREF_SOCKETIOS] = "_decref_socketios",
    [NAME_RECV_INTO] = "recv_into",
    [NAME_SEND] = "send",
    [NAME_FILENO] = "fileno",
    [NAME_CHECK_READABLE] = "_checkReadable",
    [NAME_CHECK_WRITABLE] = "_checkWritable",
};

/* Attributes that short cuts look at. */
static const enum ext_name watched[] = {
    NAME_REAL_CLOSE, NAME_ACCEPT, NAME_DECREF_SOCKETIOS, NAME_RECV_INTO, NAME_SEND,
};

/* The oldest of every state, before equip(). Nobody writes to it: it has nothing to forget, and no
 * object is of its type. */
static const struct sock_class no_class;

static struct sock_class *changeable(const struct sock_class *c)
{
    return (struct sock_class *)(uintptr_t)c;
}

/* The version is read first: what is found is then true of it, or of none that will come again. */
bool sock_class_has(const struct ext_state *st, enum ext_name name)
{
    const struct sock_class *c = ext_class(st);
    unsigned version = EXT_GET(c->type->tp_version_tag);
    if (_PyType_Lookup(c->type, st->names[name]) != c->found[name])
        return false;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        if (_PyType_Lookup(c->type, st->names[watched[i]]) != c->found[watched[i]])
            return true;
    EXT_SET(changeable(c)->seen, version);
    return true;
}

int sock_class_setup(struct ext_state *st)
{
    st->sock_class = &no_class;
    for (size_t i = 0; i < EXT_NAMES; i++)
        if (!(st->names[i] = PyUnicode_InternFromString(name_texts[i])))
            return -1;
    return 0;
}

int sock_class_traverse(const struct ext_state *st, visitproc visit, void *arg)
{
    for (const struct sock_class *c = st->sock_class; c; c = c->older) {
        Py_VISIT(c->type);
        Py_VISIT(c->module_names);
        Py_VISIT(c->slow_accept);
        Py_VISIT(c->families);
        Py_VISIT(c->types);
        for (size_t i = 0; i < EXT_NAMES; i++)
            Py_VISIT(c->found[i]);
    }
    return 0;
}

void sock_class_forget(struct sock_class *c)
{
    Py_CLEAR(c->type);
    Py_CLEAR(c->module_names);
    Py_CLEAR(c->slow_accept);
    Py_CLEAR(c->families);
    Py_CLEAR(c->types);
    for (size_t i = 0; i < EXT_NAMES; i++)
        Py_CLEAR(c->found[i]);
}

void sock_class_clear(struct ext_state *st)
{
    for (const struct sock_class *c = st->sock_class; c && c != &no_class; c = c->older)
        sock_class_forget(changeable(c));
}

void sock_class_free(struct ext_state *st)
{
    const struct sock_class *c = st->sock_class;
    while (c && c != &no_class) {
        const struct sock_class *older = c->older;
        PyMem_Free(changeable(c));
        c = older;
    }
    st->sock_class = &no_class;
}

static PyObject *own_item(PyTypeObject *type, const char *name)
{
    PyObject *item = PyDict_GetItemString(type->tp_dict, name);
    if (!item)
        PyErr_Format(PyExc_TypeError, "the class has no %s", name);
    return Py_XNewRef(item);
}

/* Where the objects of the class keep the slot `name`; -1 with an exception. */
static Py_ssize_t offset_of_slot(PyTypeObject *type, const char *name)
{
    PyObject *slot = PyDict_GetItemString(type->tp_dict, name);
    if (slot && Py_IS_TYPE(slot, &PyMemberDescr_Type))
        return ((PyMemberDescrObject *)slot)->d_member->offset;
    PyErr_Format(PyExc_TypeError, "the class has no slot %s", name);
    return -1;
}

int sock_class_look(struct sock_class *c, PyTypeObject *type)
{
    if ((c->io_refs = offset_of_slot(type, "_io_refs")) < 0 ||
        (c->closed = offset_of_slot(type, "_closed")) < 0)
        return -1;
    Py_XSETREF(c->slow_accept, own_item(type, "accept"));
    return c->slow_accept ? 0 : -1;
}

int sock_class_remember(struct sock_class *c, PyTypeObject *type)
{
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        enum ext_name name = watched[i];
        Py_XSETREF(c->found[name], own_item(type, name_texts[name]));
        if (!c->found[name])
            return -1;
    }
    c->init = type->tp_init;
    c->new = type->tp_new;
    return 0;
}

void sock_class_add(struct ext_state *st, struct sock_class *c)
{
    c->older = __atomic_load_n(&st->sock_class, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(&st->sock_class, &c->older, c, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        ;
}

void sock_class_init(struct sock_object *s)
{
    const struct sock_class *c = sock_class_found((PyObject *)s);
    if (!c)
        return;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    sock_slot_set((PyObject *)s, c->io_refs, PyLong_FromLong(0)); /* a small int is always there */
    sock_slot_set((PyObject *)s, c->closed, Py_NewRef(Py_False));
    Py_END_CRITICAL_SECTION();
}

/* The record of the class socket.socket: what of it is watched, and its place in the state. Sits on
 * shared/interp.c. */
#include "object/known_class.h"

static const char *const name_texts[EXT_NAMES] = {
    [NAME_REAL_CLOSE] = "_real_close",
    [NAME_ACCEPT] = "_accept",
    [NAME_CLOSE] = "close",
    [NAME_SOCKET] = "socket",
    [NAME_DECREF_SOCKETIOS] = "_decref_socketios",
    [NAME_CONNECT] = "connect",
    [NAME_BIND] = "bind",
    [NAME_SETTIMEOUT] = "settimeout",
    [NAME_RECV] = "recv",
    [NAME_RECV_INTO] = "recv_into",
    [NAME_SEND] = "send",
    [NAME_FILENO] = "fileno",
    [NAME_CHECK_READABLE] = "_checkReadable",
    [NAME_CHECK_WRITABLE] = "_checkWritable",
};

/* Attributes that short cuts look at. */
static const enum ext_name watched[] = {
    NAME_REAL_CLOSE, NAME_ACCEPT,     NAME_CLOSE, NAME_DECREF_SOCKETIOS, NAME_CONNECT,
    NAME_BIND,       NAME_SETTIMEOUT, NAME_RECV,  NAME_RECV_INTO,        NAME_SEND,
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
    unsigned version = interp_class_version(c->type);
    if (!interp_class_has(c->type, st->names[name], c->found[name]))
        return false;
    if (version == 0)
        return true;
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++)
        if (!interp_class_has(c->type, st->names[watched[i]], c->found[watched[i]]))
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
        Py_VISIT(c->families.type);
        Py_VISIT(c->families.members);
        Py_VISIT(c->types.type);
        Py_VISIT(c->types.members);
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
    Py_CLEAR(c->families.members); /* first: where they are, the type is asked for others */
    Py_CLEAR(c->families.type);
    Py_CLEAR(c->types.members);
    Py_CLEAR(c->types.type);
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

int sock_class_look(struct sock_class *c, PyObject *own)
{
    Py_XSETREF(c->slow_accept, PyMapping_GetItemString(own, "accept"));
    return c->slow_accept ? 0 : -1;
}

int sock_class_remember(struct sock_class *c, PyTypeObject *type, PyObject *own)
{
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        enum ext_name name = watched[i];
        Py_XSETREF(c->found[name], PyMapping_GetItemString(own, name_texts[name]));
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
    if (!sock_class_found((PyObject *)s))
        return;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    sock_slot_set(&s->io_refs, PyLong_FromLong(0)); /* a small int is always there */
    sock_slot_set(&s->closed, Py_NewRef(Py_False));
    Py_END_CRITICAL_SECTION();
}

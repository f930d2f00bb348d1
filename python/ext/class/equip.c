/* What the Python class socket.socket has in C: csock._core.equip(cls, names) puts it there.
 *
 * The interpreter calls a C method without a detour only if it belongs to the object's own class,
 * so each method of the base gets a descriptor of the class, too. accept and close take short cuts
 * through C for objects of exactly that class whose methods are as they were: subclasses
 * (SSLSocket) and tests that replace a method, or the name `socket` in the module, are heard. Sits
 * on methods/connect.c and object/socket.c. */
#include "ext.h"

#include <structmember.h>

/* An object of the class around an accepted connection, which it takes over or closes. */
static PyObject *connection_as_py(const struct sock_object *listener, struct csock *conn)
{
    struct ext_state *st = listener->state;
    struct sock_object *s = sock_alloc(ext_class(st)->type, st);
    if (!s)
        goto fail;
    if (PySys_Audit("socket.__new__", "Oiii", (PyObject *)s, EXT_GET(listener->family),
                    EXT_GET(listener->type), EXT_GET(listener->proto)) < 0)
        goto fail;
    sock_class_init(s);
    int64_t timeout = EXT_GET(st->default_timeout);
    if (timeout >= 0) {
        int r = csock_set_blocking(conn, false);
        if (r < 0) {
            ext_raise(st, r);
            goto fail;
        }
    }
    sock_fill(s, conn, timeout);
    return (PyObject *)s;
fail:
    csock_close(conn);
    Py_XDECREF(s);
    return NULL;
}

/* Whether accept() makes what the class made when equip() ran: the name `socket` is looked up in
 * the module now, and a class that initialises itself in Python does so. */
static bool makes_own_class(const struct ext_state *st)
{
    const struct sock_class *c = ext_class(st);
    PyObject *named = PyDict_GetItemWithError(c->module_names, st->names[NAME_SOCKET]);
    if (!named)
        PyErr_Clear();
    return named == (PyObject *)c->type && c->type->tp_init == c->init && c->type->tp_new == c->new;
}

static PyObject *class_accept(PyObject *self, PyObject *unused)
{
    struct sock_object *s = (struct sock_object *)self;
    const struct ext_state *st = s->state;
    struct csock conn = CSOCK_INIT;
    union csock_addr peer;
    socklen_t len;
    (void)unused;
    const struct sock_class *c = sock_class_of(self);
    if (!c->slow_accept) /* the interpreter has ended */
        return ext_raise_sock(s, "accept", -EBADF);
    if (!sock_is_untouched(st, self, NAME_ACCEPT) || !makes_own_class(st))
        return PyObject_CallOneArg(c->slow_accept, self);
    if (!sock_addr_has_form(s))
        return NULL;
    int r = sock_run_accept(s, &conn, &peer, &len);
    if (r < 0)
        return ext_raise_sock(s, "accept", r);
    PyObject *items[] = {connection_as_py(s, &conn), NULL};
    if (items[0])
        items[1] = sock_addr_as_py(s, &peer, len);
    return ext_tuple_of(items, 2);
}

static PyMethodDef own_methods[] = {
    {"accept", class_accept, METH_NOARGS,
     "accept($self, /)\n--\n\n"
     "Wait for a connection: the new socket, and the address of the peer."},
    {"close", sock_class_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Close the socket. While files of makefile() are open, they keep the descriptor."},
    {"_decref_socketios", sock_class_decref_socketios, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* The class's own dictionary comes first: what it defines in Python stays. */
static int add_methods(PyTypeObject *type, PyMethodDef *methods, bool replace)
{
    for (PyMethodDef *m = methods; m->ml_name; m++) {
        if (!replace && PyDict_GetItemString(type->tp_dict, m->ml_name))
            continue;
        PyObject *descriptor = PyDescr_NewMethod(type, m);
        int r = descriptor ? PyObject_SetAttrString((PyObject *)type, m->ml_name, descriptor) : -1;
        Py_XDECREF(descriptor);
        if (r < 0)
            return -1;
    }
    return 0;
}

static int add_properties(PyTypeObject *type)
{
    for (PyGetSetDef *p = sock_class_properties; p->name; p++) {
        PyObject *descriptor = PyDescr_NewGetSet(type, p);
        int r = descriptor ? PyObject_SetAttrString((PyObject *)type, p->name, descriptor) : -1;
        Py_XDECREF(descriptor);
        if (r < 0)
            return -1;
    }
    return 0;
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

static PyObject *own_item(PyTypeObject *type, const char *name)
{
    PyObject *item = PyDict_GetItemString(type->tp_dict, name);
    if (!item)
        PyErr_Format(PyExc_TypeError, "the class has no %s", name);
    return Py_XNewRef(item);
}

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
    EXT_SET(((struct sock_class *)(uintptr_t)c)->seen, version);
    return true;
}

int sock_class_setup(struct ext_state *st)
{
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

static void forget(struct sock_class *c)
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
    for (struct sock_class *c = st->sock_class; c; c = c->older)
        forget(c);
}

void sock_class_free(struct ext_state *st)
{
    struct sock_class *c = st->sock_class;
    while (c && c != &st->no_class) {
        struct sock_class *older = c->older;
        PyMem_Free(c);
        c = older;
    }
    st->sock_class = &st->no_class;
}

static int remember(struct sock_class *c, PyTypeObject *type)
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

static int equip(struct sock_class *c, PyTypeObject *type, PyObject *names)
{
    PyMethodDef *const tables[] = {sock_conn_methods, sock_io_methods, sock_opt_methods,
                                   sock_msg_methods, sock_recvmsg_methods};
    if ((c->io_refs = offset_of_slot(type, "_io_refs")) < 0 ||
        (c->closed = offset_of_slot(type, "_closed")) < 0)
        return -1;
    Py_XSETREF(c->slow_accept, own_item(type, "accept"));
    if (!c->slow_accept)
        return -1;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (add_methods(type, tables[i], false) < 0)
            return -1;
    if (add_methods(type, own_methods, true) < 0 || add_properties(type) < 0 ||
        remember(c, type) < 0 || sock_class_enums(c, names) < 0)
        return -1;
    c->module_names = Py_NewRef(names);
    c->type = (PyTypeObject *)Py_NewRef(type);
    sock_class_live(c);
    return 0;
}

/* Sockets and subclasses of a class that importlib.reload() has replaced live on: it is kept. */
static void make_newest(struct ext_state *st, struct sock_class *c)
{
    c->older = __atomic_load_n(&st->sock_class, __ATOMIC_ACQUIRE);
    while (!__atomic_compare_exchange_n(&st->sock_class, &c->older, c, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE))
        ;
}

static PyObject *core_equip(PyObject *module, PyObject *args)
{
    struct ext_state *st = ext_state_of(module);
    PyObject *type, *names;
    if (!PyArg_ParseTuple(args, "O!O!:equip", &PyType_Type, &type, &PyDict_Type, &names))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)type, st->sock_type)) {
        PyErr_SetString(PyExc_TypeError, "the class must derive from csock._socket.socket");
        return NULL;
    }
    if (ext_class(st)->type == (PyTypeObject *)type) {
        PyErr_SetString(PyExc_TypeError, "the class has its methods already");
        return NULL;
    }
    struct sock_class *c = PyMem_Calloc(1, sizeof *c);
    if (!c)
        return PyErr_NoMemory();
    if (equip(c, (PyTypeObject *)type, names) < 0) {
        forget(c);
        PyMem_Free(c);
        return NULL;
    }
    make_newest(st, c);
    Py_RETURN_NONE;
}

PyMethodDef sock_class_functions[] = {
    {"file_opened", sock_class_file_opened, METH_O,
     "file_opened($module, sock, /)\n--\n\n"
     "Count one file more that keeps the socket open, whatever other threads do."},
    {"equip", core_equip, METH_VARARGS,
     "equip(cls, names)\n\n"
     "Give the class socket.socket its methods in C; names is the dictionary of its module."},
    {NULL, NULL, 0, NULL},
};

/* The type csock._socket.socket: its slots, its attributes, and one table of all methods, which are
 * in the other files of this folder. Sits on object/socket.c and object/init.c. */
#include "methods/type.h"
#include "shared/args.h"
#include "shared/atomic.h"
#include "object/init.h"
#include "object/socket.h"
#include "methods/tables.h"

#include <assert.h>
#include <pthread.h>
#include <stddef.h>
#include <structmember.h>

static PyObject *sock_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    PyObject *module = PyType_GetModuleByDef(type, &ext_socket_module);
    return module ? (PyObject *)sock_alloc(type, ext_state_of(module)) : NULL;
}

static void sock_dealloc(PyObject *self)
{
    if (!sock_finalized(self))
        return; /* alive again */
    PyObject_GC_UnTrack(self);
    sock_free(self);
}

static int sock_traverse(PyObject *self, visitproc visit, void *arg)
{
    const struct sock_object *s = (const struct sock_object *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(s->peer); /* refers to nothing, so there is nothing to clear */
    Py_VISIT(s->io_refs);
    Py_VISIT(s->closed);
    return 0;
}

static int sock_clear(PyObject *self)
{
    Py_CLEAR(((struct sock_object *)self)->io_refs);
    Py_CLEAR(((struct sock_object *)self)->closed);
    return 0;
}

static PyObject *sock_repr(PyObject *self)
{
    const struct sock_object *s = (const struct sock_object *)self;
    return PyUnicode_FromFormat("<socket object, fd=%d, family=%d, type=%d, proto=%d>",
                                EXT_GET(s->fd), EXT_GET(s->family), EXT_GET(s->type),
                                EXT_GET(s->proto));
}

static PyObject *sock_get_timeout(PyObject *self, void *closure)
{
    (void)closure;
    return ext_timeout_as_py(EXT_GET(((const struct sock_object *)self)->timeout));
}

static PyMemberDef sock_members[] = {
    {"family", T_INT, offsetof(struct sock_object, family), READONLY, "address family, AF_…"},
    {"type", T_INT, offsetof(struct sock_object, type), READONLY, "socket type, SOCK_…"},
    {"proto", T_INT, offsetof(struct sock_object, proto), READONLY, "protocol, or 0"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef sock_properties[] = {
    {"timeout", sock_get_timeout, NULL, "timeout in seconds, or None", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(sock_doc,
             "socket(family=AF_INET, type=SOCK_STREAM, proto=0, fileno=None)\n--\n\n"
             "A socket: a new one of the family, type and protocol given, or one around the open\n"
             "descriptor fileno, which is then asked for what is not given.\n\n"
             "Calls that wait end at the timeout (settimeout) or at the deadline of a block\n"
             "(csock.deadline), whichever is sooner: TimeoutError. They can be ended from another\n"
             "thread by close(): they raise OSError with errno EBADF.");

PyMethodDef sock_methods[SOCK_METHODS_MAX];
static pthread_once_t methods_joined = PTHREAD_ONCE_INIT;

static void join_methods(void)
{
    PyMethodDef *const tables[] = {sock_connect_methods, sock_recv_methods,
                                   sock_send_methods,    sock_option_methods,
                                   sock_sendmsg_methods, sock_recvmsg_methods};
    size_t n = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const PyMethodDef *m = tables[i]; m->ml_name; m++) {
            assert(n + 1 < SOCK_METHODS_MAX);
            sock_methods[n++] = *m;
        }
}

static PyType_Slot sock_slots[] = {
    {Py_tp_new, sock_new},
    {Py_tp_init, sock_init},
    {Py_tp_finalize, sock_finalize},
    {Py_tp_dealloc, sock_dealloc},
    {Py_tp_traverse, sock_traverse},
    {Py_tp_clear, sock_clear},
    {Py_tp_repr, sock_repr},
    {Py_tp_members, sock_members},
    {Py_tp_getset, sock_properties},
    {Py_tp_methods, sock_methods},
    {Py_tp_doc, (void *)(uintptr_t)sock_doc},
    {0, NULL},
};

static PyType_Spec sock_spec = {
    .name = "_socket.socket",
    .basicsize = sizeof(struct sock_object),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = sock_slots,
};

int sock_type_setup(PyObject *module, struct ext_state *st)
{
    pthread_once(&methods_joined, join_methods);
    st->sock_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &sock_spec, NULL);
    if (!st->sock_type || PyModule_AddType(module, st->sock_type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "SocketType", (PyObject *)st->sock_type);
}

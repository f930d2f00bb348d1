/* The type csock._socket.socket: its life and its attributes. The methods are those of the other
 * sock_*.c files. Sits on csock_open, csock_adopt and csock_close. */
#include "ext.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#define AFTER_HEAD(member) (offsetof(struct sock_object, member) - sizeof(PyObject))

static_assert(AFTER_HEAD(fd) == 0 && AFTER_HEAD(family) == 4 && AFTER_HEAD(type) == 8 &&
                  AFTER_HEAD(proto) == 12,
              "ssl reads fd from memory");
static_assert(sizeof(void *) != 8 || (AFTER_HEAD(errorhandler) == 16 && AFTER_HEAD(timeout) == 24 &&
                                      AFTER_HEAD(state) == 32),
              "ssl reads the timeout from memory");

bool sock_arg_count_raise(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max)
{
    Py_ssize_t bound = n < min ? min : max;
    const char *than = min == max ? "exactly" : (n < min ? "at least" : "at most");
#if PY_VERSION_HEX >= 0x030F0000
    if (strncmp(what, "send", 4) == 0) { /* send, sendall and sendmsg of stock are parsed anew */
        PyErr_Format(PyExc_TypeError, "%s expected %s %zd argument%s, got %zd", what, than, bound,
                     bound == 1 ? "" : "s", n);
        return false;
    }
#endif
    PyErr_Format(PyExc_TypeError, "%s() takes %s %zd argument%s (%zd given)", what, than, bound,
                 bound == 1 ? "" : "s", n);
    return false;
}

static bool is_finalizing(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_IsFinalizing();
#else
    return _Py_IsFinalizing();
#endif
}

/* At the interpreter's end a daemon thread that is inside cannot leave any more: it would have to
 * take the GIL for that. Waiting for it would cost a second for each socket. */
int sock_close_core(struct sock_object *s)
{
    int r;
    bool wait = !is_finalizing();
    Py_BEGIN_ALLOW_THREADS
    r = wait ? csock_close(&s->core) : csock_close_within(&s->core, 0);
    Py_END_ALLOW_THREADS
    return r;
}

/* What ssl calls after a failed system call of OpenSSL's. */
static PyObject *raise_errno(void)
{
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* No descriptor yet: an object that __init__ never filled has nothing to warn of. */
struct sock_object *sock_alloc(PyTypeObject *type, struct ext_state *st)
{
    struct sock_object *s = (struct sock_object *)type->tp_alloc(type, 0);
    if (!s)
        return NULL;
    s->fd = -1;
    s->errorhandler = raise_errno;
    s->timeout = -1;
    s->state = st;
    s->core = (struct csock)CSOCK_INIT;
    return s;
}

static PyObject *sock_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    PyObject *module = PyType_GetModuleByDef(type, &ext_socket_module);
    return module ? (PyObject *)sock_alloc(type, ext_state_of(module)) : NULL;
}

/* The object is as the core's socket is. */
static void show(struct sock_object *s, int64_t timeout)
{
    EXT_SET(s->family, s->core.family);
    EXT_SET(s->type, s->core.type);
    EXT_SET(s->proto, s->core.proto);
    EXT_SET(s->timeout, timeout);
    EXT_SET(s->last_received, 0);
    EXT_SET(s->fd, csock_fd(&s->core));
}

void sock_fill(struct sock_object *s, struct csock *core, int64_t timeout)
{
    csock_move(core, &s->core);
    show(s, timeout);
}

PyObject *sock_from_core(struct ext_state *st, struct csock *core, int64_t timeout)
{
    struct sock_object *s = sock_alloc(st->sock_type, st);
    if (!s) {
        csock_close(core);
        return NULL;
    }
    sock_fill(s, core, timeout);
    return (PyObject *)s;
}

static bool fileno_argument(PyObject *o, int *ret)
{
    long fd = PyLong_AsLong(o);
    if (fd == -1 && PyErr_Occurred())
        return false;
    if (fd > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to C int");
        return false;
    }
    if (fd < 0) {
        PyErr_SetString(PyExc_ValueError, "negative file descriptor");
        return false;
    }
    *ret = (int)fd;
    return true;
}

static void detach_core(struct sock_object *s)
{
    Py_BEGIN_ALLOW_THREADS
    csock_detach(&s->core);
    Py_END_ALLOW_THREADS
}

/* __init__ on an object that has a socket: the old one is closed, or its descriptor would leak,
 * unless it is the very one to be adopted. Another thread's __init__ may come in between. */
static void discard_old(struct sock_object *s, int adopted)
{
    int fd;
    while (EXT_GET(s->fd) >= 0 && (fd = ext_take_fd(s)) >= 0) {
        if (fd == adopted)
            detach_core(s);
        else
            sock_close_core(s);
    }
}

static int open_new(struct csock *core, int family, int type, int proto, int64_t timeout)
{
    return csock_open(core, family == -1 ? AF_INET : family, type == -1 ? SOCK_STREAM : type,
                      proto == -1 ? 0 : proto, SOCK_AS_STOCK | (timeout >= 0 ? CSOCK_NONBLOCK : 0));
}

static int adopt(struct csock *core, int fd, int family, int type, int proto, int64_t timeout)
{
    int r = csock_adopt(core, fd, family, type, proto, SOCK_AS_STOCK);
    if (r == 0 && timeout >= 0 && (r = csock_set_blocking(core, false)) < 0)
        csock_detach(core);
    /* As stock, a socket without a timeout does not wait on a descriptor that somebody else made
     * non-blocking: the core is to take it for a blocking one, and to give what the kernel says. */
    if (r == 0 && timeout < 0)
        core->flags &= ~CSOCK_NONBLOCK;
    return r;
}

struct init_arguments {
    int family, type, proto;
    bool by_class; /* the class socket.socket, which knows defaults */
    PyObject *fileno;
};
#define NO_ARGUMENTS(self) -1, -1, -1, sock_class_found(self) != NULL, Py_None

/* The numbers family, type and proto; those at the end may be missing, and any may be NULL. */
static bool numbers_of(PyObject *const *given, Py_ssize_t n, struct init_arguments *a)
{
    int *const numbers[SOCK_PLAIN_ARGS] = {&a->family, &a->type, &a->proto};
    for (Py_ssize_t i = 0; i < n; i++)
        if (given[i] && !ext_c_int_or_none(given[i], a->by_class, numbers[i]))
            return false;
    return true;
}

static bool init_arguments_of(PyObject *args, PyObject *kwargs, struct init_arguments *a)
{
    static char *names[] = {"family", "type", "proto", "fileno", NULL};
    PyObject *given[SOCK_PLAIN_ARGS] = {NULL};
    if (!kwargs && PyTuple_GET_SIZE(args) <= SOCK_PLAIN_ARGS)
        return numbers_of(&PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), a);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOO:socket", names, &given[0], &given[1],
                                     &given[2], &a->fileno))
        return false;
    a->by_class = a->by_class && a->fileno == Py_None;
    return numbers_of(given, SOCK_PLAIN_ARGS, a);
}

/* Audit hooks are shown what is opened, and not what was left out. */
static void put_defaults(struct init_arguments *a)
{
    if (!a->by_class)
        return;
    a->family = a->family == -1 ? AF_INET : a->family;
    a->type = a->type == -1 ? SOCK_STREAM : a->type;
    a->proto = a->proto == -1 ? 0 : a->proto;
}

/* The object's socket is a new one from here on. Nobody else gets in between: neither function lets
 * the GIL, or the critical section, go. 0 or -1. */
static int replace_core(struct sock_object *s, int fd, const struct init_arguments *a,
                        int64_t timeout)
{
    struct csock core;
    if (!csock_idle(&s->core)) {
        PyErr_SetString(PyExc_ValueError, "socket is in use by another call");
        return -1;
    }
    int r = fd >= 0 ? adopt(&core, fd, a->family, a->type, a->proto, timeout)
                    : open_new(&core, a->family, a->type, a->proto, timeout);
    if (r < 0) {
        ext_raise(s->state, r);
        return -1;
    }
    csock_renew(&core, &s->core);
    show(s, timeout);
    return 0;
}

/* __init__ with these arguments. 0 or -1. */
static int initialise(struct sock_object *s, struct init_arguments *a)
{
    int fd = -1;
    put_defaults(a);
    if (PySys_Audit("socket.__new__", "Oiii", (PyObject *)s, a->family, a->type, a->proto) < 0)
        return -1;
    if (a->fileno != Py_None && !fileno_argument(a->fileno, &fd))
        return -1;
    int64_t timeout = EXT_GET(s->state->default_timeout);
    if (a->type != -1 && (a->type & SOCK_NONBLOCK))
        timeout = 0;
    int r;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    discard_old(s, fd);
    r = replace_core(s, fd, a, timeout);
    Py_END_CRITICAL_SECTION();
    if (r == 0)
        sock_class_init(s);
    return r;
}

static int sock_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct init_arguments a = {NO_ARGUMENTS(self)};
    return init_arguments_of(args, kwargs, &a) ? initialise((struct sock_object *)self, &a) : -1;
}

PyObject *sock_make(PyTypeObject *type, struct ext_state *st, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = sock_alloc(type, st);
    if (!s)
        return NULL;
    struct init_arguments a = {NO_ARGUMENTS((PyObject *)s)};
    if (!numbers_of(args, n, &a) || initialise(s, &a) < 0)
        Py_CLEAR(s);
    return (PyObject *)s;
}

/* The warning comes first: whoever logs it may still ask the socket for its addresses. */
static void sock_finalize(PyObject *self)
{
    struct sock_object *s = (struct sock_object *)self;
    PyObject *type, *value, *traceback;
    if (EXT_GET(s->fd) < 0)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    /* Warnings that are turned into errors have nowhere to go; other failures come from an
     * interpreter half gone. */
    if (PyErr_ResourceWarning(self, 1, "unclosed %R", self) < 0) {
        if (PyErr_ExceptionMatches(PyExc_Warning))
            PyErr_WriteUnraisable(self);
        else
            PyErr_Clear();
    }
    if (ext_take_fd(s) >= 0)
        sock_close_core(s);
    PyErr_Restore(type, value, traceback);
}

bool sock_finalized(PyObject *self)
{
    bool nothing_to_do = EXT_GET(((struct sock_object *)self)->fd) < 0 &&
                         Py_TYPE(self)->tp_finalize == sock_finalize;
    return nothing_to_do || PyObject_CallFinalizerFromDealloc(self) == 0;
}

void sock_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    Py_CLEAR(((struct sock_object *)self)->peer);
    type->tp_free(self);
    Py_DECREF(type);
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
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(
        ((struct sock_object *)self)->peer); /* refers to nothing, so there is nothing to clear */
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

static PyMemberDef members[] = {
    {"family", T_INT, offsetof(struct sock_object, family), READONLY, "address family, AF_…"},
    {"type", T_INT, offsetof(struct sock_object, type), READONLY, "socket type, SOCK_…"},
    {"proto", T_INT, offsetof(struct sock_object, proto), READONLY, "protocol, or 0"},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"timeout", sock_get_timeout, NULL, "timeout in seconds, or None", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyDoc_STRVAR(sock_doc,
             "socket(family=AF_INET, type=SOCK_STREAM, proto=0, fileno=None)\n--\n\n"
             "A socket: a new one of the family, type and protocol given, or one around the open\n"
             "descriptor fileno, which is then asked for what is not given.\n\n"
             "Calls that wait can be ended from another thread by close(): they raise OSError\n"
             "with errno EBADF.");

/* One table for the type, of those of several files. It outlives every interpreter; the first that
 * comes fills it. */
static PyMethodDef methods[48];
static pthread_once_t methods_joined = PTHREAD_ONCE_INIT;

static void join_methods(void)
{
    PyMethodDef *const tables[] = {sock_conn_methods, sock_io_methods, sock_opt_methods,
                                   sock_msg_methods, sock_recvmsg_methods};
    size_t n = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const PyMethodDef *m = tables[i]; m->ml_name; m++) {
            assert(n + 1 < sizeof methods / sizeof *methods);
            methods[n++] = *m;
        }
}

static PyType_Slot slots[] = {
    {Py_tp_new, sock_new},
    {Py_tp_init, sock_init},
    {Py_tp_finalize, sock_finalize},
    {Py_tp_dealloc, sock_dealloc},
    {Py_tp_traverse, sock_traverse},
    {Py_tp_repr, sock_repr},
    {Py_tp_members, members},
    {Py_tp_getset, properties},
    {Py_tp_methods, methods},
    {Py_tp_doc, (void *)(uintptr_t)sock_doc},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "_socket.socket",
    .basicsize = sizeof(struct sock_object),
    .flags =
        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int sock_type_setup(PyObject *module, struct ext_state *st)
{
    pthread_once(&methods_joined, join_methods);
    st->sock_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    if (!st->sock_type || PyModule_AddType(module, st->sock_type) < 0)
        return -1;
    return PyModule_AddObjectRef(module, "SocketType", (PyObject *)st->sock_type);
}

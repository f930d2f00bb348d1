/* How a socket object gets its socket: __init__, and the same for who has no tuple of arguments.
 * Audit hooks hear of it first. Sits on socket.c, and on csock_open and csock_adopt. Must not know
 * the methods. */
#include "object/init.h"
#include "object/capture.h"
#include "object/counts.h"
#include "shared/args.h"
#include "object/known_class.h"

#include <limits.h>

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
    sock_capture_end(s, false);
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
        ext_raise(&s->state->errors, r);
        return -1;
    }
    csock_renew(&core, &s->core);
    sock_show(s, timeout);
    sock_counts_begin(s);
    sock_capture_new(s);
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

int sock_init(PyObject *self, PyObject *args, PyObject *kwargs)
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

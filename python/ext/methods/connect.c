/* Connections: naming, listening, accepting, connecting, shutting down, closing, and the blocking
 * mode. Sits on the core's calls of the same names. */
#include "methods/connect.h"
#include "shared/args.h"
#include "object/capture.h"
#include "object/secured.h"
#include "object/span.h"
#include "object/wait.h"
#include "address/address.h"
#include "methods/tables.h"

#include <errno.h>
#include <poll.h>

#define DEFAULT_BACKLOG 128

/* 1998's two-argument forms: bind(host, port) becomes the tuple (host, port), new reference, for
 * AF_INET and AF_INET6; other families with two arguments: TypeError. One argument: itself. */
static PyObject *address_argument(struct sock_object *s, const char *what, PyObject *const *args,
                                  Py_ssize_t n)
{
    bool host_and_port = s->family == AF_INET || s->family == AF_INET6;
    if (n == 1)
        return Py_NewRef(args[0]);
    if (n == 2 && host_and_port)
        return PyTuple_Pack(2, args[0], args[1]);
    PyErr_Format(PyExc_TypeError, "socket.%s() takes exactly one argument (%zd given)", what, n);
    return NULL;
}

/* The address among the arguments, and the audit event once it is known to be one. */
static bool address_of(struct sock_object *s, const char *what, const char *event,
                       PyObject *const *args, Py_ssize_t n, union csock_addr *ret_addr,
                       socklen_t *ret_len)
{
    PyObject *address = address_argument(s, what, args, n);
    if (!address)
        return false;
    bool ok = addr_from_py(s, what, address, ret_addr, ret_len) &&
              PySys_Audit(event, "OO", (PyObject *)s, address) == 0;
    Py_DECREF(address);
    return ok;
}

static PyObject *none_or_raise(struct sock_object *s, const char *what, int r)
{
    if (r < 0)
        return ext_raise_sock(s, what, r);
    Py_RETURN_NONE;
}

static PyObject *sock_bind(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    union csock_addr addr;
    socklen_t len;
    int r;
    if (!address_of(s, "bind", "socket.bind", args, n, &addr, &len))
        return NULL;
    /* On AF_UNIX this makes a file, wherever that may be. */
    Py_BEGIN_ALLOW_THREADS
    r = csock_bind(&s->core, &addr.any, len);
    Py_END_ALLOW_THREADS
    if (r < 0)
        return ext_raise_sock_to(s, "bind", r, &addr.any, len);
    Py_RETURN_NONE;
}

static PyObject *sock_listen(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    int backlog = DEFAULT_BACKLOG, r;
    if (!ext_arg_count("listen", n, 0, 1) || (n == 1 && !ext_int(args[0], &backlog)))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_listen(&s->core, backlog);
    Py_END_ALLOW_THREADS
    return none_or_raise(s, "listen", r);
}

/* An accept that heard EAGAIN, as it does beside one that has borrowed the descriptor's mode
 * (object/mode.h): waits by poll, and tries again. borrowed, loans: as they were when it began. */
EXT_RARE static int accept_beside(struct sock_object *s, struct csock *conn, union csock_addr *peer,
                                  socklen_t *len, const struct ext_wait *w, bool borrowed,
                                  uint16_t loans)
{
    int r = -EAGAIN;
    while (r == -EAGAIN && EXT_GET(s->timeout) < 0 && !(w->bounded && w->lender) &&
           (borrowed || sock_mode_loans(s) != loans)) {
        if ((r = csock_ready(&s->core, POLLIN, &w->wait)) < 0)
            break;
        borrowed = sock_mode_is_borrowed(s);
        loans = sock_mode_loans(s);
        r = csock_accept(&s->core, conn, peer, len, &w->wait);
    }
    return r;
}

/* Without a timeout accept hardly ever finds a connection waiting, and the blocking call cannot
 * be tried: the GIL goes first. */
int sock_run_accept(struct sock_object *s, struct csock *conn, union csock_addr *peer,
                    socklen_t *len)
{
    struct ext_wait w;
    bool held = EXT_GET(s->timeout) >= 0 && ext_may_hold(s, 0, EXT_IN);
    if (!ext_wait_begin_mode(&w, s, held, EXT_IN))
        return EXT_EPASSED;
    w.direction = EXT_UNTOLD;
    bool borrowed = sock_mode_is_borrowed(s);
    uint16_t loans = sock_mode_loans(s);
    int r = csock_accept(&s->core, conn, peer, len, &w.wait);
    if (r == -EAGAIN)
        r = accept_beside(s, conn, peer, len, &w, borrowed, loans);
    return (int)ext_wait_end(&w, r);
}

static PyObject *sock_accept(PyObject *self, PyObject *unused)
{
    struct sock_object *s = (struct sock_object *)self;
    struct csock conn;
    union csock_addr peer;
    socklen_t len;
    (void)unused;
    if (!sock_addr_has_form(s))
        return NULL;
    int r = sock_run_accept(s, &conn, &peer, &len);
    if (r < 0)
        return ext_raise_sock(s, "accept", r);
    PyObject *address = sock_addr_as_py(s, &peer, len);
    PyObject *result = address ? Py_BuildValue("(iO)", csock_fd(&conn), address) : NULL;
    Py_XDECREF(address);
    if (result)
        csock_detach(&conn); /* the number in the result is its owner now */
    else
        csock_close(&conn);
    return result;
}

/* Whether connecting names a peer and no more: then it is like a call with MSG_DONTWAIT. */
static bool connects_at_once(const struct sock_object *s)
{
    int type = EXT_GET(s->type);
    return ext_is_quick(EXT_GET(s->family)) && (type == SOCK_DGRAM || type == SOCK_RAW);
}

/* For csock.trace(). */
EXT_RARE static void tell_connect(struct sock_object *s, int64_t began,
                                  const union csock_addr *addr, socklen_t len, int r)
{
    struct ext_span span = {.name = "socket connect", .began = began, .ended = csock_now(), .s = s};
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* of a handler that ended it */
    span.peer = addr_as_py(addr, len, EXT_GET(s->proto));
    if (!span.peer)
        PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    ext_span_tell_result(&span, "connect", r);
    Py_XDECREF(span.peer);
}

/* Connecting may take long and is never tried: it runs without the GIL from start to end. */
static int connect_waiting(struct sock_object *s, const union csock_addr *addr, socklen_t len)
{
    struct ext_wait w;
    bool waits = !connects_at_once(s) && EXT_GET(s->timeout) != 0;
    int64_t began = waits ? ext_span_begin(s->state) : 0;
    if (!(connects_at_once(s) ? ext_wait_begin(&w, s, false, EXT_OUT, MSG_DONTWAIT)
                              : ext_wait_begin_mode(&w, s, false, EXT_OUT)))
        return EXT_EPASSED;
    w.direction = EXT_UNTOLD;
    int64_t start = sock_is_captured(s) ? sock_capture_now() : 0;
    int r = (int)ext_wait_end(&w, csock_connect(&s->core, &addr->any, len, &w.wait));
    bool by_option = r == -EAGAIN && w.bounded && w.ends_by == EXT_BY_OPTION;
    if (by_option && EXT_GET(s->family) != AF_UNIX)
        r = -EINPROGRESS;
    if (sock_is_captured(s))
        sock_capture_connected(s, false, start, r, &addr->any, len);
    if (began)
        tell_connect(s, began, addr, len, r);
    return r;
}

static PyObject *sock_connect(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    union csock_addr addr;
    socklen_t len;
    if (!address_of(s, "connect", "socket.connect", args, n, &addr, &len))
        return NULL;
    int r = connect_waiting(s, &addr, len);
    if (r < 0)
        return ext_raise_sock_to(s, "connect", r, &addr.any, len);
    Py_RETURN_NONE;
}

/* What connect makes of the address is raised as ever, and the thread's deadline is; what the
 * kernel says is returned. */
static PyObject *sock_connect_ex(PyObject *self, PyObject *const *args, Py_ssize_t n)
{
    struct sock_object *s = (struct sock_object *)self;
    union csock_addr addr;
    socklen_t len;
    if (!address_of(s, "connect_ex", "socket.connect", args, n, &addr, &len))
        return NULL;
    int r = connect_waiting(s, &addr, len);
    if (r == CSOCK_EINTERRUPTED || ext_is_deadline(r))
        return ext_raise_sock_to(s, "connect_ex", r, &addr.any, len);
    if (r == CSOCK_ETIMEOUT)
        return PyLong_FromLong(EAGAIN);
    return PyLong_FromLong(r < 0 ? csock_err_errno(r) : 0);
}

static PyObject *sock_shutdown(PyObject *self, PyObject *arg)
{
    struct sock_object *s = (struct sock_object *)self;
    int how, r;
    if (!ext_c_int(arg, &how))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    r = csock_shutdown(&s->core, how);
    Py_END_ALLOW_THREADS
    if (r == 0 && sock_is_captured(s))
        sock_capture_shut(s, how);
    return none_or_raise(s, "shutdown", r);
}

/* The peer's reset is no failure to close: what it ends is over anyway. */
PyObject *sock_close(PyObject *self, PyObject *unused)
{
    struct sock_object *s = (struct sock_object *)self;
    (void)unused;
    if (ext_take_fd(s) < 0)
        Py_RETURN_NONE;
    int r = sock_close_core(s);
    sock_secured_close(s);
    return none_or_raise(s, "close", r == -ECONNRESET ? 0 : r);
}

static PyObject *sock_detach(PyObject *self, PyObject *unused)
{
    struct sock_object *s = (struct sock_object *)self;
    int fd = -1;
    (void)unused;
    if (ext_take_fd(s) >= 0) {
        bool borrowed = sock_mode_is_borrowed(s);
        sock_capture_end(s, false);
        Py_BEGIN_ALLOW_THREADS
        fd = csock_detach(&s->core);
        Py_END_ALLOW_THREADS
        if (fd >= 0 && borrowed)
            sock_mode_settle(s, fd);
        if (fd >= 0)
            sock_disengage_detached(s, fd);
        sock_secured_close(s);
    }
    return PyLong_FromLong(fd < 0 ? -1 : fd);
}

static PyObject *name_as_py(struct sock_object *s, const char *what,
                            int (*call)(struct csock *, union csock_addr *, socklen_t *))
{
    union csock_addr addr;
    socklen_t len;
    if (!sock_addr_has_form(s))
        return NULL;
    PyThreadState *saved = sock_quick_begin(s);
    int r = call(&s->core, &addr, &len);
    sock_quick_end(saved);
    return r < 0 ? ext_raise_sock(s, what, r) : sock_addr_as_py(s, &addr, len);
}

static PyObject *sock_getpeername(PyObject *self, PyObject *unused)
{
    (void)unused;
    return name_as_py((struct sock_object *)self, "getpeername", csock_peername);
}

static PyObject *sock_getsockname(PyObject *self, PyObject *unused)
{
    (void)unused;
    return name_as_py((struct sock_object *)self, "getsockname", csock_sockname);
}

static PyObject *sock_fileno(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyLong_FromLong(EXT_GET(((const struct sock_object *)self)->fd));
}

/* A socket with a timeout has a non-blocking descriptor, so that nobody who shares it, and no race
 * for its data, makes a call wait longer; so has one that carries TLS. Of two threads that set it,
 * one sets all. */
static PyObject *set_timeout(struct sock_object *s, const char *what, int64_t ns)
{
    int r;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    EXT_SET(s->timeout, ns);
    sock_show_timeout(s);
    r = sock_mode_set(s, ns < 0 && !sock_is_engaged(s));
    Py_END_CRITICAL_SECTION();
    return none_or_raise(s, what, r);
}

static PyObject *sock_setblocking(PyObject *self, PyObject *flag)
{
#if PY_VERSION_HEX >= 0x030C0000
    int blocking = PyObject_IsTrue(flag);
#else
    long value = PyLong_AsLong(flag);
    int blocking = value == -1 && PyErr_Occurred() ? -1 : value != 0;
#endif
    if (blocking < 0)
        return NULL;
    return set_timeout((struct sock_object *)self, "setblocking", blocking ? -1 : 0);
}

static PyObject *sock_getblocking(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyBool_FromLong(EXT_GET(((const struct sock_object *)self)->timeout) != 0);
}

static PyObject *sock_settimeout(PyObject *self, PyObject *seconds)
{
    int64_t ns;
    if (!ext_timeout(seconds, &ns))
        return NULL;
    return set_timeout((struct sock_object *)self, "settimeout", ns);
}

static PyObject *sock_gettimeout(PyObject *self, PyObject *unused)
{
    (void)unused;
    return ext_timeout_as_py(EXT_GET(((const struct sock_object *)self)->timeout));
}

PyMethodDef sock_connect_methods[] = {
    {"_accept", sock_accept, METH_NOARGS,
     "_accept() -> (descriptor, address)\n\nWait for a connection. accept(2)."},
    {"bind", EXT_FASTCALL(sock_bind),
     "bind(address)\nbind(host, port)\n\nGive the socket its own address. bind(2)."},
    {"close", sock_close, METH_NOARGS,
     "close()\n\nClose the socket. Calls that wait on it in other threads end with OSError."},
    {"connect", EXT_FASTCALL(sock_connect),
     "connect(address)\nconnect(host, port)\n\nConnect to a peer. connect(2)."},
    {"connect_ex", EXT_FASTCALL(sock_connect_ex),
     "connect_ex(address) -> errno\nconnect_ex(host, port) -> errno\n\n"
     "As connect(), but the errno, or 0, is returned and not raised."},
    {"detach", sock_detach, METH_NOARGS,
     "detach()\n\nGive the descriptor away without closing it; the socket is closed."},
    {"fileno", sock_fileno, METH_NOARGS, "fileno() -> int\n\nThe descriptor, -1 when closed."},
    {"getblocking", sock_getblocking, METH_NOARGS,
     "getblocking()\n\nFalse if calls never wait, that is, if the timeout is 0."},
    {"getpeername", sock_getpeername, METH_NOARGS,
     "getpeername() -> address\n\nThe peer's address. getpeername(2)."},
    {"getsockname", sock_getsockname, METH_NOARGS,
     "getsockname() -> address\n\nThe socket's own address. getsockname(2)."},
    {"gettimeout", sock_gettimeout, METH_NOARGS,
     "gettimeout() -> seconds or None\n\nThe timeout; None means for ever."},
    {"listen", EXT_FASTCALL(sock_listen), "listen([backlog])\n\nTake connections. listen(2)."},
    {"setblocking", sock_setblocking, METH_O,
     "setblocking(flag)\n\nTrue: calls wait for ever. False: they never wait."},
    {"settimeout", sock_settimeout, METH_O,
     "settimeout(seconds)\n\nHow long a call may wait. None: for ever. 0: not at all."},
    {"shutdown", sock_shutdown, METH_O,
     "shutdown(how)\n\nEnd receiving (SHUT_RD), sending (SHUT_WR) or both (SHUT_RDWR)."},
    {NULL, NULL, 0, NULL},
};

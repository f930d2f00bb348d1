/* What the files of the extension share: the socket object, the module state, and one header
 * paragraph per file. The binding parses arguments and builds results; every system call is the
 * core's (csock.h). */
#ifndef CSOCK_EXT_H
#define CSOCK_EXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "csock.h"

#define EXT_SPARES 4

/* One per interpreter, owned by csock._socket; csock._core finds it there. */
struct ext_state {
    PyTypeObject *sock_type;   /* csock._socket.socket */
    PyTypeObject *stream_type; /* raw stream behind makefile() */
    PyObject *gaierror;        /* strong; stock's classes where stock is loaded too */
    PyObject *herror;
    int64_t default_timeout;      /* ns, < 0: none */
    PyObject *spares[EXT_SPARES]; /* receive buffers for reuse: see sock_recv.c; may be NULL */
};

/* The members up to `state` stand where the standard library's ssl module reads them from memory:
 * their order, types and offsets are a contract. */
struct sock_object {
    PyObject ob_base;
    int fd; /* mirror of core.fd for ssl; -1 from the moment close() begins */
    int family, type, proto;
    PyObject *(*errorhandler)(void);
    int64_t timeout; /* ns; < 0 blocking, 0 non-blocking */
    struct ext_state *state;
    struct csock core;
    size_t last_received; /* size of the newest receive: see sock_recv.c */
};

/* ---- module.c: init, state */
extern struct PyModuleDef ext_socket_module, ext_core_module;
struct ext_state *ext_state_of(PyObject *module);

/* ---- errors.c: negative results of the core to Python exceptions */

/* gaierror, herror, error and timeout, into the state and into the module. 0 or -1. */
int errors_setup(PyObject *module, struct ext_state *st);

/* Sets the exception for a negative core result and returns NULL. CSOCK_EINTERRUPTED: the handler
 * has set one already. System errors are OSError(errno, text), with stock's text. */
PyObject *ext_raise(struct ext_state *st, int err);
/* The same for a call on a socket: CSOCK_ECLOSED becomes OSError(EBADF, "<what>: socket closed by
 * another thread"). what: the Python method's name. */
PyObject *ext_raise_sock(struct sock_object *s, const char *what, int err);

/* ---- capi.c: the capsule that the standard library's _ssl looks for, into the module. 0 or -1. */
int capi_setup(PyObject *module, struct ext_state *st);

/* ---- args.c: small converters for METH_FASTCALL; each sets an exception and returns false */

/* 1998's two-argument forms: bind(host, port) becomes the tuple (host, port), new reference, for
 * AF_INET and AF_INET6; other families with two arguments: TypeError. One argument: itself. */
PyObject *ext_address_argument(struct sock_object *s, const char *what, PyObject *const *args,
                               Py_ssize_t n);
bool ext_int(PyObject *o, int *ret);
/* None, float or int seconds to ns, rounding up; < 0 ValueError; None is -1.
 * What int64_t cannot hold: OverflowError. */
bool ext_timeout(PyObject *o, int64_t *ret_ns);
/* The reverse: a float, or None for < 0. New reference. */
PyObject *ext_timeout_as_py(int64_t ns);

/* ---- addr_py.c: addresses */

/* Python address to union csock_addr for the socket's family, resolving names where stock does
 * (GIL released meanwhile). what names the method in error texts ("bind(): port must be …"). */
bool addr_from_py(struct sock_object *s, const char *what, PyObject *address,
                  union csock_addr *ret_addr, socklen_t *ret_len);
/* The reverse; len 0 gives None. New reference. */
PyObject *addr_as_py(const union csock_addr *addr, socklen_t len, int proto);
/* str, bytes or bytearray host argument to a NUL-terminated char *; *ret_keep owns it.
 * Same rules and messages as stock: ASCII str as is, else idna. */
bool addr_host_argument(PyObject *o, const char **ret_host, PyObject **ret_keep);

/* The address of a host, port 0: numeric hosts at once, names by the resolver with the GIL
 * released. AF_UNSPEC takes either family. Errors as stock's. */
bool addr_resolve(struct ext_state *st, int family, const char *host, union csock_addr *ret_addr,
                  socklen_t *ret_len);
/* The text of a str that is a numeric host of either family, valid as long as o; else NULL, and no
 * exception. */
const char *addr_numeric_text(PyObject *o);

/* ---- sock_wait.c: how a Python call waits */

/* Filled in place, for one call; lives on its stack. */
struct ext_wait {
    struct csock_wait wait;
    PyThreadState *saved; /* NULL while the GIL is held */
};
/* For a call that starts with the GIL held and drops it only if it has to wait. */
void ext_wait_held(struct ext_wait *w, const struct sock_object *s);
/* For a call that runs without the GIL from start to end: begin drops it, end takes it back. */
void ext_wait_free_begin(struct ext_wait *w, const struct sock_object *s);
void ext_wait_free_end(struct ext_wait *w);
/* Whether a transfer of n bytes on s may try while it holds the GIL. */
bool ext_try_held(const struct sock_object *s, size_t n);

/* ---- one table of methods or functions per file, joined by module.c and sock_type.c */
extern PyMethodDef netdb_functions[], addrinfo_functions[];
extern PyMethodDef conv_functions[], module_functions[];
extern PyMethodDef sock_conn_methods[], sock_io_methods[], sock_opt_methods[];
int sock_type_setup(PyObject *module, struct ext_state *st);   /* sock_type.c */
int stream_type_setup(PyObject *module, struct ext_state *st); /* stream.c */
/* A new _socket.socket around an open core socket, moved in; on failure it is closed. timeout is
 * the new object's, in ns as above; it does not touch the descriptor's mode. sock_type.c */
PyObject *sock_from_core(struct ext_state *st, struct csock *core, int64_t timeout);

/* A second descriptor for the socket, as an int object that owns nothing; NULL with an exception.
 * sock_conn.c */
PyObject *sock_dup(struct sock_object *s);

/* ---- sock_type.c: what the sock_*.c files share */

/* Between min and max arguments, or stock's TypeError for the method `what`. */
bool sock_arg_count(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max);
/* Closes the core socket without the GIL. 0 or negative; the mirror must be -1 already. */
int sock_close_core(struct sock_object *s);
/* Around a call that looks something up and does not wait: the GIL is dropped only for families
 * whose calls may take long. */
static inline PyThreadState *sock_quick_begin(const struct sock_object *s)
{
    return ext_try_held(s, 0) ? NULL : PyEval_SaveThread();
}
static inline void sock_quick_end(PyThreadState *saved)
{
    if (saved)
        PyEval_RestoreThread(saved);
}

/* ---- sock_recv.c: receiving, with the memory and the GIL taken care of */

struct sock_sender {
    union csock_addr addr;
    socklen_t len;
};
/* Into buf: the core's result. from may be NULL. */
ssize_t sock_receive(struct sock_object *s, void *buf, size_t n, int flags,
                     struct sock_sender *from);
/* A bytes object of what came, n bytes at most; on failure the exception is set. */
PyObject *sock_recv_bytes(struct sock_object *s, const char *what, size_t n, int flags,
                          struct sock_sender *from);

#endif

/* What the files of the extension share: the socket object, the module state, and one header
 * paragraph per file. The binding parses arguments and builds results; every system call is the
 * core's (csock.h). */
#ifndef CSOCK_EXT_H
#define CSOCK_EXT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>

#include "csock.h"

#define EXT_SPARES 4

/* ---- Without a GIL, several threads may be in one object or in the module's state at once. Single
 * members are then read and written by these two; several that belong together, and references,
 * inside a critical section of the object they are in. No lock is ever shared by two sockets. */
#ifdef Py_GIL_DISABLED
#define EXT_GET(member) __atomic_load_n(&(member), __ATOMIC_RELAXED)
#define EXT_SET(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELAXED)
#else
#define EXT_GET(member) (member)
#define EXT_SET(member, value) ((void)((member) = (value)))
#endif

#ifndef Py_BEGIN_CRITICAL_SECTION /* before 3.13 */
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* Interned names of methods, kept so that nobody interns them at each call. */
enum ext_name {
    NAME_REAL_CLOSE,
    NAME_ACCEPT,
    NAME_CLOSE,
    NAME_SOCKET,
    NAME_DECREF_SOCKETIOS,
    NAME_RECV_INTO,
    NAME_SEND,
    NAME_FILENO,
    NAME_CHECK_READABLE,
    NAME_CHECK_WRITABLE,
    EXT_NAMES
};

/* The class socket.socket as equip() found it, and what does not change after: class/equip.c. */
struct sock_class {
    struct sock_class *older;   /* of an earlier equip(), or NULL */
    PyTypeObject *type;         /* strong, as all of them; NULL where there is no class (yet) */
    PyObject *module_names;     /* the dictionary of its module */
    PyObject *slow_accept;      /* accept in Python, which hears everybody */
    PyObject *found[EXT_NAMES]; /* its attributes of these names; NULL where nobody looks */
    PyObject *families, *types; /* {number: member} of its module's enums */
    Py_ssize_t io_refs, closed; /* where objects keep these slots */
    initproc init;
    newfunc new;
    unsigned seen; /* the type's version in which it had all that was found; 0: none, yet */
};

/* One per interpreter, owned by csock._socket; csock._core finds it there. */
struct ext_state {
    PyTypeObject *sock_type;   /* csock._socket.socket */
    PyTypeObject *stream_type; /* raw stream behind makefile() */
    PyObject *gaierror;        /* strong; stock's classes where stock is loaded too */
    PyObject *herror;
    int64_t default_timeout;       /* ns, < 0: none */
    struct sock_class *sock_class; /* the newest; never NULL, see ext_class() */
    struct sock_class no_class;    /* the oldest: before equip() */
    PyObject *names[EXT_NAMES];
    PyObject *spares[EXT_SPARES]; /* receive buffers for reuse: methods/receive.c; may be NULL */
    PyObject *results[2];         /* what was received, newest first: methods/results.c; the same */
    /* object/wait.c: threads that want the GIL back after waiting, atomic; how many calls more its
     * holder may begin with it while there are any; and what count of forks the first is for. */
    int gil_wanted, gil_budget;
    int sleepers; /* calls that wait, or have waited and are not over yet; atomic */
    uint32_t forks;
    bool low_water; /* SO_RCVLOWAT was set, on some socket: see methods/receive.c */
};

/* The members up to `state` stand where the standard library's ssl module reads them from memory:
 * their order, types and offsets are a contract. */
struct sock_object {
    PyObject ob_base;
    int fd; /* the core's descriptor, for ssl; -1 from the moment close() begins */
    int family, type, proto;
    PyObject *(*errorhandler)(void);
    int64_t timeout; /* ns; < 0 blocking, 0 non-blocking */
    struct ext_state *state;
    struct csock core;
    size_t last_received; /* size of the newest receive: see methods/receive.c */
    /* The newest numeric AF_INET address that came or went, both ways: address/inet.c. */
    PyObject *peer; /* its tuple, of an exact str and int; NULL: none */
    struct sockaddr_in peer_addr;
};

/* The newest class of equip(). */
static inline const struct sock_class *ext_class(const struct ext_state *st)
{
    return __atomic_load_n(&st->sock_class, __ATOMIC_ACQUIRE);
}

/* Takes the right to close: the object's descriptor, which is none from then on. Of several threads
 * that close at once, one gets it. */
static inline int ext_take_fd(struct sock_object *s)
{
#ifdef Py_GIL_DISABLED
    return __atomic_exchange_n(&s->fd, -1, __ATOMIC_SEQ_CST);
#else
    int fd = s->fd;
    s->fd = -1;
    return fd;
#endif
}

/* ---- module.c: init, state */
extern struct PyModuleDef ext_socket_module, ext_core_module;
struct ext_state *ext_state_of(PyObject *module);

/* ---- shared/errors.c: negative results of the core to Python exceptions */

/* gaierror, herror, error and timeout, into the state and into the module. 0 or -1. */
int errors_setup(PyObject *module, struct ext_state *st);

/* Sets the exception for a negative core result and returns NULL. CSOCK_EINTERRUPTED: the handler
 * has set one already. System errors are OSError(errno, text), with stock's text. */
PyObject *ext_raise(struct ext_state *st, int err);
/* The same for a call on a socket: CSOCK_ECLOSED becomes OSError(EBADF, "<what>: socket closed by
 * another thread"). what: the Python method's name. */
PyObject *ext_raise_sock(struct sock_object *s, const char *what, int err);

/* Whether the exception that is set is an OSError with EAGAIN; it stays set. */
bool ext_would_block(void);

/* ---- object/capi.c: the capsule that the standard library's _ssl looks for, into the module */
int capi_setup(PyObject *module, struct ext_state *st);

/* ---- shared/args.c: small converters for METH_FASTCALL; each sets an exception or succeeds */

/* 1998's two-argument forms: bind(host, port) becomes the tuple (host, port), new reference, for
 * AF_INET and AF_INET6; other families with two arguments: TypeError. One argument: itself. */
PyObject *ext_address_argument(struct sock_object *s, const char *what, PyObject *const *args,
                               Py_ssize_t n);
bool ext_int(PyObject *o, int *ret);
/* The same, with the words of functions whose arguments CPython has parsed by generated code. */
bool ext_c_int(PyObject *o, int *ret);
/* The same; where may_be_none, all that equals -1 (-1.0) is it. */
bool ext_c_int_or_none(PyObject *o, bool may_be_none, int *ret);
bool ext_ssize(PyObject *o, Py_ssize_t *ret);
/* The same, quick for what it mostly gets. */
static inline bool ext_size(PyObject *o, Py_ssize_t *ret)
{
    if (!PyLong_CheckExact(o))
        return ext_ssize(o, ret);
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)o)) {
        *ret = PyUnstable_Long_CompactValue((PyLongObject *)o);
        return true;
    }
#endif
    *ret = PyLong_AsSsize_t(o);
    return *ret != -1 || !PyErr_Occurred();
}
/* The arguments of a METH_FASTCALL function as a tuple and as a dict, for the parsers that want
 * those. New references. */
PyObject *ext_tuple_copy(PyObject *const *items, Py_ssize_t n);
PyObject *ext_keywords_copy(PyObject *const *values, PyObject *kwnames);
/* A tuple of the items, which it takes over; NULL if one of them is NULL. */
PyObject *ext_tuple_of(PyObject **items, Py_ssize_t n);
/* None, float or int seconds to ns, rounding up; < 0 ValueError; None is -1.
 * What int64_t cannot hold: OverflowError. */
bool ext_timeout(PyObject *o, int64_t *ret_ns);
/* The reverse: a float, or None for < 0. New reference. */
PyObject *ext_timeout_as_py(int64_t ns);

/* ---- address/address.c: addresses */

/* Python address to union csock_addr for the socket's family, resolving names where stock does
 * (GIL released meanwhile). what names the method in error texts ("bind(): port must be …"). */
static inline bool addr_from_py(struct sock_object *s, const char *what, PyObject *address,
                                union csock_addr *ret_addr, socklen_t *ret_len);
/* The reverse, for an address that a socket gave: interfaces have the names that they have in its
 * network namespace. len 0 gives None. New reference. */
static inline PyObject *sock_addr_as_py(struct sock_object *s, const union csock_addr *addr,
                                        socklen_t len);
/* The same for an address from elsewhere. */
PyObject *addr_as_py(const union csock_addr *addr, socklen_t len, int proto);
/* Whether the family of s, and its protocol, has addresses that Python knows; else stock's OSError.
 * To be asked before a call that will return one. */
bool sock_addr_has_form(const struct sock_object *s);
/* str, bytes or bytearray host argument to a NUL-terminated char *; *ret_keep owns it.
 * Same rules and messages as stock: ASCII str as is, else idna. */
bool addr_host_argument(PyObject *o, const char **ret_host, PyObject **ret_keep);

/* The address of a host, port 0: numeric hosts at once, names by the resolver with the GIL
 * released. AF_UNSPEC takes either family. Errors as stock's. */
bool addr_resolve(struct ext_state *st, int family, const char *host, union csock_addr *ret_addr,
                  socklen_t *ret_len);
/* The text of a str that the idna codec would leave as it is, valid as long as o; else NULL, and no
 * exception. The codec is slow, and may be out of reach. */
const char *addr_ascii_text(PyObject *o);

/* A server answers whom it heard, and hears the same one again: so the socket keeps the newest
 * numeric AF_INET address as tuple and as sockaddr. The tuple cannot change, and a name, which may
 * mean something else tomorrow, is never kept. address/inet.c remembers; not where there is no GIL,
 * as the two would need a lock. */
static inline bool addr_is_newest(const struct sock_object *s, const union csock_addr *addr)
{
    return s->peer && addr->in.sin_family == AF_INET &&
           s->peer_addr.sin_port == addr->in.sin_port &&
           s->peer_addr.sin_addr.s_addr == addr->in.sin_addr.s_addr;
}
/* addr_from_py and sock_addr_as_py, for addresses that are not remembered. */
bool addr_convert(struct sock_object *s, const char *what, PyObject *address,
                  union csock_addr *ret_addr, socklen_t *ret_len);
PyObject *sock_addr_make(struct sock_object *s, const union csock_addr *addr, socklen_t len);

static inline bool addr_from_py(struct sock_object *s, const char *what, PyObject *address,
                                union csock_addr *ret_addr, socklen_t *ret_len)
{
    if (address != s->peer || s->family != AF_INET) /* __init__ may have changed the family */
        return addr_convert(s, what, address, ret_addr, ret_len);
    ret_addr->in = s->peer_addr;
    *ret_len = sizeof ret_addr->in;
    return true;
}

static inline PyObject *sock_addr_as_py(struct sock_object *s, const union csock_addr *addr,
                                        socklen_t len)
{
    bool newest = len >= sizeof addr->in && addr_is_newest(s, addr);
    return newest ? Py_NewRef(s->peer) : sock_addr_make(s, addr, len);
}

/* ---- names/literal.c: getaddrinfo where there is nothing to look up */
struct addrinfo;
struct addr_literal {
    union csock_addr addr;
    socklen_t len;
    const struct addrinfo *hints;
};
/* Whether host and port are plain numbers, and the hints ask for nothing special; no exception. */
bool addr_literal_of(PyObject *host, PyObject *port, const struct addrinfo *hints,
                     struct addr_literal *ret);
PyObject *addr_literal_as_py(const struct addr_literal *literal);

/* ---- object/wait.c: how a Python call waits */

/* Filled in place, for one call; lives on its stack. */
struct ext_wait {
    struct csock_wait wait;
    struct ext_state *state;
    PyThreadState *saved; /* while the GIL is not held */
    bool held;            /* the GIL, but for waiting */
    bool waited;
};
/* For a call that holds the GIL until it has to wait, or one that runs without it from start to
 * end. */
void ext_wait_begin(struct ext_wait *w, const struct sock_object *s, bool held);
void ext_wait_end(struct ext_wait *w);

/* What only a call that has to wait needs, apart, so that the others set up no frame for it. */
#define EXT_WAITS __attribute__((noinline))

/* A transfer larger than this copies for longer than other threads should stand still. */
#define EXT_HELD_MAX (64 * 1024)

/* What a call counts as that may take long whatever its size. */
#define EXT_HEAVY (EXT_HELD_MAX + 1)
/* What n bytes of a buffer count as. Its pages may have to come from a file, a slow one even,
 * unless the memory is of a kind that is known: the copy would hold the GIL meanwhile. */
size_t ext_weight(const Py_buffer *buffer, size_t n);

/* Other families may work for long inside one system call: a netlink send took 16 ms. In these,
 * too, a path is looked up in a file system, which may take any time: see EXT_HEAVY. */
static inline bool ext_is_quick(int family)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

/* Whether one call more may begin with the GIL held, as far as others are concerned. */
static inline bool ext_in_budget(struct ext_state *st)
{
#ifdef Py_GIL_DISABLED
    (void)st;
    return true;
#else
    if (__atomic_load_n(&st->gil_wanted, __ATOMIC_RELAXED) <= 0)
        return true;
    if (st->gil_budget <= 0)
        return false;
    st->gil_budget--;
    return true;
#endif
}

/* Whether a transfer of n bytes on s may begin with the GIL held. */
static inline bool ext_may_hold(const struct sock_object *s, size_t n)
{
    return n <= EXT_HELD_MAX && ext_is_quick(EXT_GET(s->family)) && ext_in_budget(s->state);
}

/* Whether the call may begin with one of csock_try_…, with the GIL as the lock that keeps closers
 * out: they all set s->fd to -1 before they let go of it. object/wait.c has the reasons. */
static inline bool ext_may_try(const struct sock_object *s, size_t n, int flags)
{
#ifdef Py_GIL_DISABLED
    (void)s, (void)n, (void)flags;
    return false; /* nothing keeps closers out */
#else
    return flags == 0 && s->fd >= 0 && !(s->core.flags & CSOCK_NO_TRY) && ext_may_hold(s, n);
#endif
}

/* After such a try: whether the call has to go on, by csock_…_tried. */
static inline bool ext_inconclusive(ssize_t r)
{
    return r == -EAGAIN || r == -EINTR;
}

/* ---- one table of methods or functions per file, joined by module.c and object/socket.c */
extern PyMethodDef netdb_functions[], addrinfo_functions[], ifaces_functions[];
extern PyMethodDef cmsg_functions[], conv_functions[], module_functions[];
extern PyMethodDef sock_conn_methods[], sock_io_methods[], sock_opt_methods[];
extern PyMethodDef sock_msg_methods[], sock_recvmsg_methods[];
extern PyMethodDef sendfile_functions[];                       /* of csock._core */
int sock_type_setup(PyObject *module, struct ext_state *st);   /* object/socket.c */
int stream_type_setup(PyObject *module, struct ext_state *st); /* file/raw.c */
/* A new _socket.socket around an open core socket, moved in; on failure it is closed. timeout is
 * the new object's, in ns as above; it does not touch the descriptor's mode. object/socket.c */
PyObject *sock_from_core(struct ext_state *st, struct csock *core, int64_t timeout);

/* A second descriptor for the socket, as an int object that owns nothing; NULL with an exception.
 * methods/connect.c */
PyObject *sock_dup(struct sock_object *s);

/* ---- methods/connect.c, for class/equip.c */
int sock_run_accept(struct sock_object *s, struct csock *conn, union csock_addr *peer,
                    socklen_t *len);
PyObject *sock_close(PyObject *self, PyObject *unused);

/* ---- class/enums.c: numbers as members of enums */
extern PyMethodDef enum_functions[]; /* of csock._core */
extern PyGetSetDef sock_class_properties[];
int sock_class_enums(struct sock_class *c, PyObject *names); /* 0 or -1 */

/* ---- class/enum_members.c: members of enums */
extern PyMethodDef enum_make_functions[]; /* of csock._core */

/* ---- class/equip.c: the class socket.socket */
extern PyMethodDef sock_class_functions[];  /* of csock._core */
int sock_class_setup(struct ext_state *st); /* 0 or -1 */
int sock_class_traverse(const struct ext_state *st, visitproc visit, void *arg);
void sock_class_clear(struct ext_state *st);
void sock_class_free(struct ext_state *st); /* what sockets that outlive the module looked at */
/* Whether the newest class has the attribute `name` that equip() found. */
bool sock_class_has(const struct ext_state *st, enum ext_name name);
/* Whether o is a socket of exactly that class, whose attribute `name` is what equip() found. The
 * interpreter numbers the versions of a class, and none has the number of another: where all was
 * found in this one, nothing has to be looked up. */
static inline bool sock_is_untouched(const struct ext_state *st, PyObject *o, enum ext_name name)
{
    const struct sock_class *c = ext_class(st);
    if (!Py_IS_TYPE(o, c->type))
        return false;
    unsigned version = EXT_GET(c->type->tp_version_tag);
    return (version != 0 && version == EXT_GET(c->seen)) || sock_class_has(st, name);
}
/* The newest class of equip() that self is of; NULL if there is none. */
static inline const struct sock_class *sock_class_found(PyObject *self)
{
    const struct sock_class *c = ext_class(((struct sock_object *)self)->state);
    while (c && !(c->type && PyObject_TypeCheck(self, c->type)))
        c = c->older;
    return c;
}
/* For a method of such a class. Where the interpreter has ended, all but the slots is gone. */
static inline const struct sock_class *sock_class_of(PyObject *self)
{
    const struct sock_class *c = sock_class_found(self);
    return c ? c : ext_class(((struct sock_object *)self)->state);
}

/* ---- class/objects.c: how its objects begin and end */
void sock_class_live(const struct sock_class *c);

/* ---- class/refs.c: what keeps a socket of such a class open */

static inline PyObject **sock_slot(PyObject *self, Py_ssize_t offset)
{
    return (PyObject **)((char *)self + offset);
}
/* Fills the slots of a new object of the class; of others, nothing. */
void sock_class_init(struct sock_object *s);
PyObject *sock_class_close(PyObject *self, PyObject *unused);
/* A file of makefile() on such a socket has closed. */
PyObject *sock_class_decref_socketios(PyObject *self, PyObject *unused);
PyObject *sock_class_file_opened(PyObject *module, PyObject *o); /* of csock._core */

/* ---- object/socket.c: what the sock_*.c files share */

/* An object without a socket yet, and what gives it one. */
struct sock_object *sock_alloc(PyTypeObject *type, struct ext_state *st);
void sock_fill(struct sock_object *s, struct csock *core, int64_t timeout);
/* type(*args) for a type that begins as the base does; args: family, type, proto, or fewer. */
#define SOCK_PLAIN_ARGS 3
PyObject *sock_make(PyTypeObject *type, struct ext_state *st, PyObject *const *args, Py_ssize_t n);
/* The two steps of deallocation: false if the finaliser has revived the object; and the rest, once
 * the object is out of the garbage collector's sight. */
bool sock_finalized(PyObject *self);
void sock_free(PyObject *self);

/* Between min and max arguments, or stock's TypeError for the method `what`. */
bool sock_arg_count_raise(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max);
static inline bool sock_arg_count(const char *what, Py_ssize_t n, Py_ssize_t min, Py_ssize_t max)
{
    return (n >= min && n <= max) || sock_arg_count_raise(what, n, min, max);
}
/* The core's flags of every socket: SIGPIPE is Python's matter, and EAGAIN its caller's. */
#define SOCK_AS_STOCK (CSOCK_SIGPIPE | CSOCK_EAGAIN)
/* Closes the core socket without the GIL. 0 or negative; the mirror must be -1 already. */
int sock_close_core(struct sock_object *s);
/* Around a call that looks something up and does not wait: the GIL is dropped only for families
 * whose calls may take long. */
static inline PyThreadState *sock_quick_begin(const struct sock_object *s)
{
    return ext_is_quick(EXT_GET(s->family)) ? NULL : PyEval_SaveThread();
}
static inline void sock_quick_end(PyThreadState *saved)
{
    if (saved)
        PyEval_RestoreThread(saved);
}

/* ---- methods/send.c: sending */

/* What a call sends. For bytes, which the caller keeps alive and nobody changes, no buffer is
 * asked for. */
struct sock_payload {
    const void *data;
    size_t n;
    size_t weight;    /* n, or EXT_HEAVY */
    Py_buffer buffer; /* held if .obj */
};
bool sock_payload_of_buffer(PyObject *o, struct sock_payload *ret);
/* Takes what o has; sock_payload_done gives it back. */
static inline bool sock_payload_of(PyObject *o, struct sock_payload *ret)
{
    if (!PyBytes_CheckExact(o))
        return sock_payload_of_buffer(o, ret);
    ret->buffer.obj = NULL;
    ret->data = PyBytes_AS_STRING(o);
    ret->weight = ret->n = (size_t)PyBytes_GET_SIZE(o);
    return true;
}
static inline void sock_payload_done(struct sock_payload *p)
{
    if (p->buffer.obj)
        PyBuffer_Release(&p->buffer);
}

/* The flags of send, sendall and sendmsg: stock's words for too large ones change with 3.15. */
static inline bool sock_send_flags(PyObject *o, int *ret)
{
#if PY_VERSION_HEX >= 0x030F0000
    return ext_c_int(o, ret);
#else
    return ext_int(o, ret);
#endif
}

/* Sends, as csock_send does: the core's result. tried: the result of a plain try that did not end
 * the call; 0 if there was none. */
ssize_t sock_transmit(struct sock_object *s, const struct sock_payload *data, int flags,
                      ssize_t tried);
/* What a send to that address counts as. */
size_t sock_weight_to(size_t weight, const union csock_addr *addr, socklen_t len);
/* What the method `what` returns for the core's result. A signal may have ended a send of which
 * some went out: its handler's exception wins. */
PyObject *sock_count_sent(struct sock_object *s, const char *what, ssize_t r);

/* ---- methods/receive.c: receiving, with the memory and the GIL taken care of */

struct sock_sender {
    union csock_addr addr;
    socklen_t len;
};
/* flags as the core is to have them. */
int sock_recv_flags(struct sock_object *s, int flags);
/* Into the first n bytes of a buffer: the core's result. from may be NULL. */
ssize_t sock_receive_into(struct sock_object *s, const Py_buffer *into, size_t n, int flags,
                          struct sock_sender *from);
/* The buffer of an object that can be written to, or stock's TypeError for the method `what`:
 * methods/send.c. */
bool sock_writable_buffer(const char *what, PyObject *o, Py_buffer *ret);

/* A bytes object of what came, n bytes at most; on failure the exception is set. */
PyObject *sock_recv_bytes(struct sock_object *s, const char *what, size_t n, int flags,
                          struct sock_sender *from);

/* ---- methods/results.c: what was received, given out again */

/* A bytes object of n bytes of data. */
PyObject *sock_result(struct ext_state *st, const char *data, size_t n);
void sock_results_clear(struct ext_state *st);

#endif

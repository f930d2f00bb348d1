/* The socket object: a socket of the core, and beside it what Python programs, and the standard
 * library's ssl module, read of it.
 *
 * Whoever closes the descriptor, detaches it or puts another in its place first takes the right to:
 * sock_object.fd, which is -1 from then on. So a call that has seen it and holds the GIL is done
 * before a closer begins (object/wait.h), and of several closers one closes. */
#ifndef CSOCK_EXT_OBJECT_SOCKET_H
#define CSOCK_EXT_OBJECT_SOCKET_H

#include "shared/atomic.h"
#include "state.h"

#include "csock.h"

struct sock_secured;

/* The descriptor's mode, as calls borrow it: object/mode.c. Small, as every socket has one. */
struct sock_mode {
    uint16_t borrowers, loans; /* at present; so far, round and round */
    uint16_t forks;            /* that borrowers are counted for */
    bool blocks;               /* what it is to be given back as */
};

/* What a socket has carried: object/counts.h. */
struct sock_counts {
    uint64_t received, sent;  /* bytes */
    uint64_t receives, sends; /* calls */
    uint64_t waits, waited;   /* calls; ext_ticks() */
    int64_t since;            /* csock_now(), when the socket came; 0: none has come yet */
};

/* The members up to `state` stand where the standard library's ssl module reads them from memory:
 * their order, types and offsets are a contract. */
struct sock_object {
    PyObject ob_base;
    int fd; /* the core's descriptor, for ssl; -1 from the moment close() begins */
    int family, type, proto;
    PyObject *(*errorhandler)(void);
    int64_t ssl_timeout; /* what ssl waits for: the timeout, or 0 while csock does (secured.h) */
    struct ext_state *state;
    struct csock core;
    int64_t timeout;      /* ns; < 0 blocking, 0 non-blocking */
    size_t last_received; /* size of the newest receive: see methods/receive.c */
    /* The newest numeric AF_INET address that came or went, both ways: address/inet.c. */
    PyObject *peer; /* its tuple, of an exact str and int; NULL: none */
    struct sockaddr_in peer_addr;
    /* The class socket.socket's _io_refs and _closed (class/refs.c), which its descriptors show. In
     * objects of no such class, and where a program has deleted them: NULL. */
    PyObject *io_refs, *closed;
    struct sock_secured *secured; /* secured.h; NULL until it is needed */
    struct sock_mode mode;
#ifndef CSOCK_NO_STATS
    struct sock_counts counts;
    struct sock_object *next, **link; /* among those of its interpreter; link NULL: it is not */
#endif
};

/* The core's flags of every socket: SIGPIPE is Python's matter, and EAGAIN its caller's. */
#define SOCK_AS_STOCK (CSOCK_SIGPIPE | CSOCK_EAGAIN)

/* An object without a socket yet, and what gives it one: moved in, with that timeout. */
struct sock_object *sock_alloc(PyTypeObject *type, struct ext_state *st);
void sock_fill(struct sock_object *s, struct csock *core, int64_t timeout);
/* The members tell what the core's socket is. */
void sock_show(struct sock_object *s, int64_t timeout);
/* A new _socket.socket around an open core socket, moved in; on failure it is closed. timeout is
 * the new object's, in ns as above; it does not touch the descriptor's mode. */
PyObject *sock_from_core(struct ext_state *st, struct csock *core, int64_t timeout);

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
/* Closes the core socket without the GIL. 0 or negative; the right must have been taken. */
int sock_close_core(struct sock_object *s);

/* The type's finaliser, and the two steps of deallocation: false if the finaliser has revived the
 * object; and the rest, once the object is out of the garbage collector's sight. */
void sock_finalize(PyObject *self);
bool sock_finalized(PyObject *self);
void sock_free(PyObject *self);

/* Results of calls beside the core's: the thread's deadline (shared/deadline.h), and not the
 * socket's own timeout, has passed while the call waited; or before it did anything. */
#define EXT_EDEADLINE (-5100)
#define EXT_EPASSED (-5101)

static inline bool ext_is_deadline(ssize_t r)
{
    return r == EXT_EDEADLINE || r == EXT_EPASSED;
}

/* ext_raise for a call on a socket: CSOCK_ECLOSED becomes OSError(EBADF, "<what>: socket closed by
 * another thread"), and those above csock.DeadlineExceeded. what: the Python method's name. */
PyObject *ext_raise_sock(struct sock_object *s, const char *what, int err);
/* The same for a call to an address, or bind: an OSError with an errno has it as filename. */
EXT_RARE void ext_tell_address(const struct sockaddr *addr, socklen_t len); /* one that is set */
EXT_RARE PyObject *ext_raise_sock_to(struct sock_object *s, const char *what, int err,
                                     const struct sockaddr *addr, socklen_t len);

/* Other families may work for long inside one system call: a netlink send took 16 ms. In these,
 * too, a path is looked up in a file system, which may take any time: see EXT_HEAVY. */
static inline bool ext_is_quick(int family)
{
    return family == AF_INET || family == AF_INET6 || family == AF_UNIX;
}

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

#endif

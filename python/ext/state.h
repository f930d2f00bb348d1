/* The state of the module, one per interpreter, and how a function of either module gets at it.
 * csock._socket owns it; the state of csock._core is a strong reference to csock._socket. Each
 * member belongs to the file that is named beside it, which alone changes it; module.c visits and
 * clears them. */
#ifndef CSOCK_EXT_STATE_H
#define CSOCK_EXT_STATE_H

#include "shared/deadline_type.h"
#include "shared/errors.h"

#define EXT_SPARES 4

/* Interned names of methods, kept so that nobody interns them at each call. */
enum ext_name {
    NAME_REAL_CLOSE,
    NAME_ACCEPT,
    NAME_CLOSE,
    NAME_SOCKET,
    NAME_DECREF_SOCKETIOS,
    NAME_CONNECT,
    NAME_BIND,
    NAME_SETTIMEOUT,
    NAME_RECV,
    NAME_RECV_INTO,
    NAME_SEND,
    NAME_FILENO,
    NAME_CHECK_READABLE,
    NAME_CHECK_WRITABLE,
    EXT_NAMES
};

struct sock_class;
struct sock_census;
struct tls_known;

struct ext_state {
    PyTypeObject *sock_type;             /* methods/type.c: csock._socket.socket */
    PyTypeObject *stream_type;           /* file/raw.c: the raw stream behind makefile() */
    PyTypeObject *reader_type;           /* stream/reader.c; NULL until somebody asks for it */
    PyObject *incomplete, *overrun;      /* stream/exceptions.c: its exceptions; the same */
    struct ext_errors errors;            /* shared/errors.c */
    struct ext_deadlines deadlines;      /* shared/deadline_type.c */
    PyTypeObject *attempt_type;          /* dial/attempt.c */
    PyObject *span_functions;            /* object/span.c: hear of spans; a tuple, or NULL */
    PyObject *dial_observer;             /* dial/report.c: hears of each dial; or NULL */
    int64_t default_timeout;             /* methods/functions.c: ns, < 0: none */
    const struct sock_class *sock_class; /* object/known_class.c: the newest; never NULL */
    PyObject *names[EXT_NAMES];          /* the same */
    const struct tls_known *tls;         /* tls/known.c: NULL until `ssl` is imported */
    struct sock_census *census;          /* object/counts.c: of all sockets; NULL: built without */
    int captures;                        /* object/capture.h: CSOCK_PCAP */
    PyTypeObject *stats_type;            /* methods/stats.c; NULL until somebody asks for it */
    PyTypeObject *lookup_type;           /* object/lookup.c; the same */
    PyObject *spares[EXT_SPARES];        /* methods/receive.c: buffers for reuse; may be NULL */
    PyObject *results[2];                /* methods/results.c: the newest first; the same */
    /* object/wait.c: threads that want the GIL back after waiting, and EXT_CROWDED more while very
     * many calls wait, atomic; how many calls more the GIL's holder may begin with it while there
     * are such threads; calls that wait, or have waited and are not over yet, atomic; and the count
     * of forks that those two are for. */
    int gil_wanted, gil_budget, sleepers;
    uint32_t forks;
    /* methods/options.c: SO_RCVLOWAT was set, on some socket; SO_RCVTIMEO or SO_SNDTIMEO was. */
    bool low_water, kernel_timeouts;
};

/* By these the interpreter tells modules and types of ours from others; module.c fills them. */
extern struct PyModuleDef ext_socket_module, ext_core_module;

static inline struct ext_state *ext_state_of(PyObject *module)
{
    if (PyModule_GetDef(module) == &ext_core_module)
        module = *(PyObject **)PyModule_GetState(module);
    return PyModule_GetState(module);
}

#endif

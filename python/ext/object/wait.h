/* How a Python call waits: without the GIL, and with Python's signal handlers run in between
 * (PEP 475). The waiting itself is the core's.
 *
 * Most calls find what they need there and do not wait at all. Those try with the GIL held, and not
 * even counted among the calls inside the socket (csock_try_…): whoever closes it, detaches it or
 * initialises it anew sets s->fd to -1 while he holds the GIL, and goes to the core after. So a
 * try that has seen s->fd, and holds the GIL until it is over, is done before a closer begins.
 * Without a GIL every call is counted.
 *
 * A call waits for as long as the socket's timeout and the thread's deadline both allow. Within a
 * deadline each begins with a look at the clock, and none is made once it has passed. */
#ifndef CSOCK_EXT_OBJECT_WAIT_H
#define CSOCK_EXT_OBJECT_WAIT_H

#include "object/capture.h"
#include "object/mode.h"
#include "shared/buffers.h"

/* EXT_UNTOLD: of a wait that makes no span of its own (object/span.h). */
enum ext_direction { EXT_IN, EXT_OUT, EXT_UNTOLD };

/* What ends a call's waiting first: the socket's timeout, the thread's deadline, or SO_RCVTIMEO or
 * SO_SNDTIMEO, which are heeded here where it is not the kernel that waits. */
enum ext_end { EXT_BY_TIMEOUT, EXT_BY_DEADLINE, EXT_BY_OPTION };

/* What has become of a call, of which most are none of it. */
enum {
    EXT_SLEPT = 1,          /* or may have */
    EXT_CAPTURE_FAILED = 2, /* which is to be told: object/capture.h */
};

/* Filled in place, for one call; lives on its stack. */
struct ext_wait {
    struct csock_wait wait;
    struct sock_object *s; /* that it is on; NULL: on none alone, or somebody else counts */
    struct ext_state *state;
    enum ext_direction direction; /* where s is not NULL */
    uint64_t ticks;               /* ext_ticks() when it first had to wait, if it has */
    int64_t began;                /* the same by csock_now(); 0: nobody listens for spans */
    PyThreadState *saved;         /* while the GIL is not held */
    bool held;                    /* the GIL, but for waiting */
    uint8_t waited;               /* of EXT_SLEPT and its like */
    bool raised;                  /* a signal's handler has */
    bool bounded;                 /* by the thread's deadline; what follows is of use then alone */
    bool polls;                   /* for a blocking socket it waits by poll */
    enum ext_end ends_by;
    struct sock_object *lender; /* whose mode it has borrowed, or NULL */
};

/* For a call that holds the GIL until it has to wait, or one that runs without it from start to
 * end. flags: those of recv(2) or send(2). False: the thread's deadline has passed; then the call
 * is not to be made, and its result is EXT_EPASSED. */
bool ext_wait_begin(struct ext_wait *w, struct sock_object *s, bool held,
                    enum ext_direction direction, int flags) __attribute__((warn_unused_result));
/* The same for a call that knows no MSG_DONTWAIT: see object/mode.h. */
bool ext_wait_begin_mode(struct ext_wait *w, struct sock_object *s, bool held,
                         enum ext_direction direction) __attribute__((warn_unused_result));
/* For a call that is no single socket's: timeout in ns, < 0 for ever, 0 not at all, counts from
 * now. It holds the GIL until it has to wait. */
bool ext_wait_begin_alone(struct ext_wait *w, struct ext_state *st, int64_t timeout)
    __attribute__((warn_unused_result));
/* For a wait that is one of several in a call, which counts them as one itself. */
void ext_wait_uncounted(struct ext_wait *w);
/* What the call does from here on, it does without the GIL: before it waits, or is captured. */
void ext_wait_let_go(struct ext_wait *w);
/* Around what such a call's callbacks do with the interpreter. */
void ext_wait_take(struct ext_wait *w);
void ext_wait_drop(struct ext_wait *w);
/* What the core's result is for the method. Counts the wait, if it was one, and tells of it:
 * object/counts.h, object/span.h. The exception of a handler that ended it is set by then. */
EXT_RARE ssize_t ext_wait_end_waiting(struct ext_wait *w, ssize_t r);
EXT_RARE ssize_t ext_wait_end_bounded(const struct ext_wait *w, ssize_t r);
static inline void ext_wait_retake(struct ext_wait *w);
static inline ssize_t ext_wait_end(struct ext_wait *w, ssize_t r)
{
    if (w->waited)
        return ext_wait_end_waiting(w, r);
    if (!w->held)
        ext_wait_retake(w);
    return w->bounded ? ext_wait_end_bounded(w, r) : r;
}

#define EXT_BUDGET 32 /* the fairness quota (wait.c): some requests, taken and answered */

/* The GIL, after what was done without it. */
static inline void ext_wait_retake(struct ext_wait *w)
{
    PyThreadState *saved = w->saved;
    w->saved = NULL;
#ifdef Py_GIL_DISABLED
    PyEval_RestoreThread(saved);
#else
    struct ext_state *st = w->state;
    __atomic_fetch_add(&st->gil_wanted, 1, __ATOMIC_RELAXED);
    PyEval_RestoreThread(saved);
    __atomic_fetch_sub(&st->gil_wanted, 1, __ATOMIC_RELAXED);
    st->gil_budget = (w->waited & EXT_SLEPT) * EXT_BUDGET;
#endif
}

/* Whether the call waits by poll where, but for a deadline, the kernel would block. */
static inline bool ext_polls_blocking(const struct ext_wait *w)
{
    return w->bounded && w->polls;
}

/* Whether a deadline bounds calls on s, and it is a blocking one. */
bool ext_is_bounded(const struct sock_object *s);
/* Whether it does, and has passed: for a thread that is in one. A socket that never waits is left
 * alone: it is an event loop's, which has other things to do than what the thread is about. */
EXT_RARE bool ext_is_over(const struct sock_object *s);

/* What a receive has come to. With MSG_WAITALL the core gives what came before a signal's handler
 * raised; but the exception comes first, as it would right after a receive of stock. */
static inline ssize_t ext_received(const struct ext_wait *w, ssize_t r)
{
    return w->raised ? CSOCK_EINTERRUPTED : r;
}

/* What only a call that has to wait needs, apart, so that the others set up no frame for it. */
#define EXT_WAITS __attribute__((noinline))

#define EXT_CROWDED (1 << 24) /* in gil_wanted: more than a system has threads */

/* Whether one call more may begin with the GIL held, as far as others are concerned. A datagram
 * wakes whoever waits for one: of many threads on one socket all, which takes the kernel
 * microseconds for each, and the first of them wants the GIL meanwhile. */
static inline bool ext_in_budget(const struct sock_object *s, enum ext_direction direction)
{
#ifdef Py_GIL_DISABLED
    (void)s, (void)direction;
    return true;
#else
    struct ext_state *st = s->state;
    int wanted = __atomic_load_n(&st->gil_wanted, __ATOMIC_RELAXED);
    if (wanted <= 0)
        return true;
    if (wanted >= EXT_CROWDED && direction == EXT_OUT && s->type != SOCK_STREAM)
        return false;
    if (wanted % EXT_CROWDED == 0)
        return true;
    if (st->gil_budget <= 0)
        return false;
    st->gil_budget--;
    return true;
#endif
}

/* Whether a transfer of n bytes on s may begin with the GIL held. */
static inline bool ext_may_hold(const struct sock_object *s, size_t n, enum ext_direction direction)
{
    return n <= EXT_HELD_MAX && ext_is_quick(EXT_GET(s->family)) && ext_in_budget(s, direction);
}

/* Whether the call may begin with one of csock_try_…, with the GIL as the lock that keeps closers
 * out. */
static inline bool ext_may_try(const struct sock_object *s, size_t n, int flags,
                               enum ext_direction direction)
{
#ifdef Py_GIL_DISABLED
    (void)s, (void)n, (void)flags, (void)direction;
    return false; /* nothing keeps closers out */
#else
    return flags == 0 && s->fd >= 0 && !(csock_flags(&s->core) & (CSOCK_NO_TRY | CSOCK__TAPPED)) &&
           ext_may_hold(s, n, direction) && !(ext_innermost && ext_is_over(s));
#endif
}

/* After such a try: whether the call has to go on, by csock_…_tried. */
static inline bool ext_inconclusive(ssize_t r)
{
    return r == -EAGAIN || r == -EINTR;
}

#endif

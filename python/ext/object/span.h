/* Spans: what a program hears, by csock.trace(), of look-ups, connects, handshakes and waits. They
 * are told when they are over, in the thread they were in, with the GIL and outside of any call of
 * the core's: a function that is told may use the socket, and close it. What it raises goes to
 * sys.unraisablehook. Meanwhile its own thread tells of nothing, so that whoever sends spans away
 * by a socket is not told of that.
 *
 * While nobody listens, a call that waits looks at one word for it, and one that does not wait at
 * nothing. A child of fork(2) goes on telling. */
#ifndef CSOCK_EXT_OBJECT_SPAN_H
#define CSOCK_EXT_OBJECT_SPAN_H

#include "object/socket.h"

struct ext_span {
    const char *name;
    int64_t began, ended;  /* csock_now() */
    struct sock_object *s; /* NULL: it is about host */
    const char *host;
    PyObject *peer;  /* an address; NULL: the socket knows */
    PyObject *error; /* NULL: the exception that is set, if one is */
};

/* The time if anybody listens to what this thread does, else 0: when what may become a span begins.
 */
EXT_RARE int64_t ext_span_begin_heard(void);
static inline int64_t ext_span_begin(const struct ext_state *st)
{
    return __atomic_load_n(&st->span_functions, __ATOMIC_RELAXED) ? ext_span_begin_heard() : 0;
}

/* An exception that is set stays set. References are borrowed. */
void ext_span_tell(struct ext_state *st, const struct ext_span *span);
/* The same of a call on s whose result is r: it is the error, if no exception is set. `what` is
 * the method, for that. */
void ext_span_tell_result(const struct ext_span *span, const char *what, ssize_t r);
/* The same of a receive's or a send's wait, which ends now. */
EXT_RARE void ext_span_tell_wait(struct sock_object *s, bool receives, int64_t began, ssize_t r);

/* Of csock._core: tell_spans. */
extern PyMethodDef span_functions[];

#endif

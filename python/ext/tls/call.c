/* Tries and waits. Sits on csock_enter and csock_ready_since, and on object/wait.h. Must not know
 * what the methods make of the results. */
#include "tls/half.h"
#include "object/counts.h"
#include "object/span.h"
#include "object/wait.h"

#include <errno.h>
#include <poll.h>

/* Who waits for a lock looks this often whether the socket is closed; and a reader that wants to
 * write, whether it still does. */
#define SLICE_NS 50000000
/* For so long a wait that is a guess goes on without a try; and what ends sooner was none. */
#define GUESS_NS 100000000
#define AT_ONCE_NS 3000
/* A try that its deadline has left no time for is still made, if its turn comes within this. */
#define MOMENT_NS 5000000

/* ---- time: the one place that says how long a call may take */

/* What a deadline says was going on. */
static const char *const activity[TLS_KINDS] = {
    [TLS_READS] = "read",
    [TLS_WRITES] = "write",
    [TLS_SHAKES] = "handshake",
    [TLS_UNWRAPS] = "unwrap",
};

static int64_t time_bound(struct tls_call *c)
{
    if (c->deadline == CSOCK_FOREVER && c->timeout >= 0)
        c->deadline = csock_deadline(c->timeout);
    return c->deadline;
}

/* For a thread that is in a deadline: the sooner of that and the timeout, before anything else is
 * done. False with an exception if it has passed. */
bool tls_bound_by_deadline(struct tls_call *c)
{
    struct ext_moment m = ext_deadline_now();
    if (m.at == CSOCK_FOREVER)
        return true;
    int64_t now = csock_now(), own;
    if (now >= m.at) {
        ext_raise_sock(c->s, activity[c->kind], EXT_EPASSED);
        return false;
    }
    c->by_deadline = c->timeout < 0 || __builtin_add_overflow(now, c->timeout, &own) || m.at <= own;
    c->deadline = c->by_deadline ? m.at : own;
    return true;
}

/* ns, at most the slice; 0 once the deadline has passed. */
static int64_t slice_left(struct tls_call *c)
{
    int64_t deadline = time_bound(c);
    if (deadline == CSOCK_FOREVER)
        return SLICE_NS;
    int64_t left = deadline - csock_now();
    return left < 0 ? 0 : left < SLICE_NS ? left : SLICE_NS;
}

void tls_raise_late(const struct tls_call *c)
{
    ext_raise_sock(c->s, activity[c->kind], EXT_EDEADLINE);
}

/* Where _ssl cannot be asked for its own words, as it does not know the deadline. */
static void raise_timed_out(const struct tls_call *c)
{
    static const char *const texts[] = {
        [TLS_READS] = "The read operation timed out",
        [TLS_WRITES] = "The write operation timed out",
        [TLS_SHAKES] = "The handshake operation timed out",
    };
    if (c->by_deadline) {
        tls_raise_late(c);
        return;
    }
    bool writes = c->kind == TLS_UNWRAPS && c->output;
    enum tls_kind kind = c->kind != TLS_UNWRAPS ? c->kind : writes ? TLS_WRITES : TLS_READS;
    PyErr_SetString(PyExc_TimeoutError, texts[kind]);
}

/* As _ssl does where it would have to wait. */
static void raise_wants(const struct tls_call *c)
{
    bool reads = c->kind == TLS_READS;
    PyObject *args = Py_BuildValue("(is)", reads ? 2 : 3,
                                   reads ? "The operation did not complete (read)"
                                         : "The operation did not complete (write)");
    if (args)
        PyErr_SetObject(reads ? c->k->want_read : c->k->want_write, args);
    Py_XDECREF(args);
}

/* ---- locks */

/* Waits a while for somebody to give the lock back. False with an exception. */
static bool wait_for_lock(struct tls_call *c, struct ext_lock *lock)
{
    if (EXT_GET(c->s->fd) < 0) {
        ext_raise_sock(c->s, c->what, CSOCK_ECLOSED);
        return false;
    }
    if (c->timeout == 0) {
        raise_wants(c);
        return false;
    }
    int64_t ns = slice_left(c);
    if (ns == 0) {
        raise_timed_out(c);
        return false;
    }
    return ext_lock_wait(lock, ns) && PyErr_CheckSignals() == 0;
}

/* A try takes no time, but for its callbacks. So for this one who must not wait does, too; and who
 * has no time left waits a moment, as it is mostly had then, and his last try with it. */
static bool lock_state(struct tls_call *c)
{
    int64_t left = SLICE_NS;
    while (!ext_lock_try(&c->t->state)) {
        if (EXT_GET(c->s->fd) < 0) {
            ext_raise_sock(c->s, c->what, CSOCK_ECLOSED);
            return false;
        }
        if (left == 0) {
            raise_timed_out(c);
            return false;
        }
        left = c->timeout == 0 ? SLICE_NS : slice_left(c);
        if (!ext_lock_wait(&c->t->state, left ? left : MOMENT_NS) || PyErr_CheckSignals() < 0)
            return false;
    }
    return true;
}

bool tls_lock_writer(struct tls_call *c)
{
    while (!ext_lock_try(&c->t->writer)) {
        if (ext_lock_is_mine(&c->t->state)) {
            ext_raise_numbered(PyExc_OSError, EDEADLK,
                               "another thread is writing, and waits for this callback to end");
            return false;
        }
        if (!wait_for_lock(c, &c->t->writer))
            return false;
    }
    c->writing = true;
    return true;
}

void tls_end_waiting(struct tls_call *c)
{
    sock_add_wait(c->s, ext_ticks() - c->ticks);
    if (c->began && c->kind <= TLS_WRITES) /* those of a handshake are in the span of that */
        ext_span_tell_wait(c->s, c->kind == TLS_READS, c->began, 0);
}

/* ---- tries */

bool tls_wants(const struct tls_call *c)
{
    return PyErr_ExceptionMatches(c->k->want_read) || PyErr_ExceptionMatches(c->k->want_write);
}

/* With `state`. _ssl takes its timeout, which is 0 or next to nothing, as it begins. */
static PyObject *try_inside(struct tls_call *c, PyObject **args, size_t n, int64_t timeout)
{
    struct csock_inside in;
    int r = csock_enter(&c->s->core, &in);
    if (r < 0)
        return ext_raise_sock(c->s, c->what, r == -EBADF ? CSOCK_ECLOSED : r);
    EXT_SET(c->s->ssl_timeout, timeout);
    PyObject *result = tls_call_object(c, args, n);
    EXT_SET(c->s->ssl_timeout, sock_shown_timeout(c->s, sock_is_engaged(c->s)));
    csock_leave(&in);
    return result;
}

/* Time is over: _ssl says so itself, or has something after all; but of the thread's deadline it
 * knows nothing. An unwrap is not tried again: its second try would find its own first half sent,
 * and take that for a mistake. */
static PyObject *try_last(struct tls_call *c, PyObject **args, size_t n)
{
    if (c->kind == TLS_UNWRAPS || c->by_deadline) {
        raise_timed_out(c);
        return NULL;
    }
    if (!lock_state(c))
        return NULL;
    PyObject *result = try_inside(c, args, n, 1);
    ext_lock_release(&c->t->state);
    if (!result && tls_wants(c)) {
        PyErr_Clear();
        raise_timed_out(c);
    }
    return result;
}

static bool has_none_pending(const struct tls_call *c)
{
    PyObject *count = PyObject_CallMethodNoArgs(c->object, c->k->names[TLS_PENDING]);
    bool none = count && PyLong_Check(count) && PyLong_AsLong(count) == 0;
    Py_XDECREF(count);
    PyErr_Clear();
    return none;
}

/* How many bytes a read that may wait asks for; 0: nobody can say, or it is none. */
static Py_ssize_t asked(const struct tls_call *c, PyObject **args, size_t n)
{
    bool reads = c->kind == TLS_READS && c->timeout != 0;
    return reads ? tls_bytes_asked(args[1], n > 2 ? args[2] : NULL) : 0;
}

/* Whether the next read will have to wait, with `state`. What got less than it asked for has left
 * nothing behind: OpenSSL reads no further than to the end of a record. Else it is asked. */
static void guess_next(struct tls_call *c, PyObject *result, Py_ssize_t most)
{
    Py_ssize_t got = 0;
    if (c->kind == TLS_WRITES && result)
        return;
    if (result && PyBytes_Check(result))
        got = PyBytes_GET_SIZE(result);
    else if (result && PyLong_Check(result))
        got = PyLong_AsSsize_t(result);
    bool waits = c->waited && got > 0 && most > 0 && (got < most || has_none_pending(c));
    EXT_SET(c->t->waits, waits);
}

/* A read, if it is not another's turn to wait for input: then nothing is tried, and no exception
 * set. A callback's own read is part of what has `state`. */
static PyObject *try_in_turn(struct tls_call *c, PyObject **args, size_t n, bool *ret_tried)
{
    *ret_tried = false;
    if (!lock_state(c))
        return NULL;
    bool nested = c->t->state.depth > 1;
    *ret_tried = c->kind != TLS_READS || nested || !ext_lock_is_others(&c->t->reader);
    PyObject *result = *ret_tried ? try_inside(c, args, n, 0) : NULL;
    if (*ret_tried && (c->waited || EXT_GET(c->t->waits)))
        guess_next(c, result, asked(c, args, n));
    bool wants_input = !result && *ret_tried && PyErr_ExceptionMatches(c->k->want_read);
    /* Taken before anybody else can try. */
    if (wants_input && c->timeout != 0 && !c->reading)
        c->reading = ext_lock_try(&c->t->reader);
    else if (c->reading)
        ext_lock_wake(&c->t->reader); /* for who waits for what this try may have brought */
    ext_lock_release(&c->t->state);
    return result;
}

/* ---- waits */

/* One wait in csock, which ends after a handler, too: it may have read what was waited for. */
struct nap {
    struct ext_wait wait; /* the first: it is what the callbacks get */
    int (*run_handlers)(void *arg);
};

static int look_again(void *arg)
{
    struct nap *nap = arg;
    nap->run_handlers(arg);
    return 1;
}

/* 1: look again, 0: the deadline has passed, -1 with an exception. It waits by the call's own
 * bound, which knows the thread's deadline. */
static int wait_for_socket(struct tls_call *c, short events, int64_t most)
{
    struct nap nap;
    int64_t deadline = time_bound(c);
    int64_t slice = most ? csock_deadline(most) : CSOCK_FOREVER;
    bool sliced = most && (deadline == CSOCK_FOREVER || slice < deadline);
    if (!ext_wait_begin(&nap.wait, c->s, true, events == POLLIN ? EXT_IN : EXT_OUT, 0)) {
        c->by_deadline |= deadline == CSOCK_FOREVER; /* a handler has left one behind */
        return 0;
    }
    ext_wait_uncounted(&nap.wait);
    if (!c->slept) {
        c->slept = true;
        c->ticks = ext_ticks();
        c->began = ext_span_begin(c->s->state);
    }
    nap.wait.bounded = false;
    nap.run_handlers = nap.wait.wait.interrupted;
    nap.wait.wait.interrupted = look_again;
    nap.wait.wait.deadline = sliced ? slice : deadline;
    nap.wait.wait.timeout = 0;
    int r = csock_ready_since(&c->s->core, events, &nap.wait.wait, &c->since);
    r = (int)ext_wait_end(&nap.wait, r);
    if (r > 0 || (r == CSOCK_EINTERRUPTED && !nap.wait.raised))
        return 1;
    if (r == CSOCK_ETIMEOUT)
        return sliced;
    ext_raise_sock(c->s, c->what, r == -EBADF ? CSOCK_ECLOSED : r);
    return -1;
}

/* The try wanted what the exception says. 1, 0 or -1, as above; the exception is gone. */
static int wait_for_wanted(struct tls_call *c)
{
    bool input = PyErr_ExceptionMatches(c->k->want_read);
    PyErr_Clear();
    c->output = !input;
    if (input && !c->reading)
        return wait_for_lock(c, &c->t->reader) ? 1 : -1;
    c->waited = input;
    bool crossed = !input && c->kind == TLS_READS;
    return wait_for_socket(c, input ? POLLIN : POLLOUT, crossed ? SLICE_NS : 0);
}

/* What a try of a write that has failed leaves behind. A handler that raises hides what OpenSSL had
 * to say: a record is not finished if the socket takes no more. */
static void note_unfinished(struct tls_call *c)
{
    static const struct csock_wait at_once = {.deadline = CSOCK_NOWAIT};
    if (c->kind != TLS_WRITES || PyErr_ExceptionMatches(c->k->want_read))
        return;
    c->unfinished = PyErr_ExceptionMatches(c->k->want_write) ||
                    csock_ready(&c->s->core, POLLOUT, &at_once) == CSOCK_ETIMEOUT;
    if (c->unfinished)
        tls_half_copies(&c->t->half, c->record, c->record_size);
}

/* A read after one that has waited will have to wait, too, mostly, as where each answer follows a
 * question. So it does that first, as it would after a try that finds nothing. What comes at once
 * was a wrong guess. Not for long: a program that reads by the TLS object itself leaves what nobody
 * knows of. As wait_for_socket. */
static int wait_first(struct tls_call *c)
{
    if (!lock_state(c))
        return -1;
    if (c->t->state.depth == 1 && EXT_GET(c->t->waits))
        c->reading = ext_lock_try(&c->t->reader);
    ext_lock_release(&c->t->state);
    if (!c->reading)
        return 1;
    int64_t start = csock_now();
    int more = wait_for_socket(c, POLLIN, GUESS_NS);
    c->waited = more > 0 && csock_now() - start > AT_ONCE_NS;
    return more;
}

PyObject *tls_run(struct tls_call *c, PyObject **args, size_t n)
{
    PyObject *result = NULL;
    c->since = 0;
    int more = EXT_GET(c->t->waits) && asked(c, args, n) ? wait_first(c) : 1;
    c->unfinished = c->kind == TLS_WRITES && c->t->half.data;
    if (more == 0)
        result = try_last(c, args, n);
    while (more > 0) {
        bool tried;
        if (c->kind == TLS_WRITES && PyErr_CheckSignals() < 0)
            break;
        result = try_in_turn(c, args, n, &tried);
        if (result)
            break;
        if (tried)
            note_unfinished(c);
        if (!tried)
            more = !PyErr_Occurred() && wait_for_lock(c, &c->t->reader) ? 1 : -1;
        else
            more = c->timeout != 0 && tls_wants(c) ? wait_for_wanted(c) : -1;
        if (more == 0)
            result = try_last(c, args, n);
    }
    if (c->reading)
        ext_lock_release(&c->t->reader);
    c->reading = false;
    return result;
}

/* Fills the core's struct csock_wait for a Python call; lets the GIL go, and takes it back, around
 * what may take long. Sits on csock_forks and on the interpreter. */
#include "object/counts.h"
#include "object/span.h"
#include "object/wait.h"

#include <errno.h>
#include <sys/time.h>

/* Whether the kernel answers at once, whatever the descriptor's mode: the error queue of a family
 * that has one is never waited for. recv(2) */
static bool never_waits(const struct sock_object *s, int flags)
{
    int family = EXT_GET(s->family);
    bool has_queue =
        family == AF_INET || family == AF_INET6 || family == AF_PACKET || family == AF_CAN;
    return (flags & MSG_DONTWAIT) || ((flags & MSG_ERRQUEUE) && has_queue);
}

/* SO_RCVTIMEO or SO_SNDTIMEO in ns, where a program has set one on any socket; <= 0: none. The
 * kernel heeds them where it waits itself, and not in poll(2). socket(7) */
static int64_t option_timeout(const struct sock_object *s, enum ext_direction direction)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    int name = direction == EXT_IN ? SO_RCVTIMEO : SO_SNDTIMEO;
    struct csock *core = (struct csock *)(uintptr_t)&s->core;
    if (!EXT_GET(s->state->kernel_timeouts) || csock_opt_get(core, SOL_SOCKET, name, &tv, &len) < 0)
        return -1;
    return (int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
}

/* The sooner of the socket's timeout, which is not 0, and the thread's deadline. False: that has
 * passed. */
EXT_RARE static bool bound_wait(struct ext_wait *w, const struct sock_object *s, int64_t timeout,
                                enum ext_direction direction, int flags)
{
    struct ext_moment m = ext_deadline_now();
    int64_t now, own;
    if (m.at == CSOCK_FOREVER)
        return true;
    if ((now = csock_now()) >= m.at)
        return false;
    if (timeout < 0 && never_waits(s, flags))
        return true;
    w->bounded = true;
    w->polls = timeout < 0;
    w->lender = NULL;
    w->ends_by = timeout < 0 ? EXT_BY_OPTION : EXT_BY_TIMEOUT;
    if (timeout < 0)
        timeout = option_timeout(s, direction);
    if (timeout <= 0 || __builtin_add_overflow(now, timeout, &own) || m.at <= own) {
        w->ends_by = EXT_BY_DEADLINE;
        own = m.at;
    }
    w->wait.deadline = own;
    w->wait.timeout = 0;
    return true;
}

bool ext_is_over(const struct sock_object *s)
{
    return EXT_GET(s->timeout) != 0 && ext_moment_is_over(ext_deadline_now());
}

bool ext_is_bounded(const struct sock_object *s)
{
    return EXT_GET(s->timeout) < 0 && ext_deadline_now().at != CSOCK_FOREVER;
}

static void drop(struct ext_wait *w)
{
    w->saved = PyEval_SaveThread();
}

/* ---- fairness
 *
 * The interpreter takes the GIL from a thread that does not let go of it after 5 ms. A thread that
 * always finds data would be such a one, and another that comes back from waiting in a socket, with
 * a request to answer perhaps, would stand there for so long each time; with stock the GIL is to be
 * had at each call. So those who come back are counted, and while there are any, whoever has the
 * GIL calls without it, as stock does; but for a few calls, if it has waited itself: it will again.
 */
#define CROWD 32 /* calls that wait: more are a crowd */

#ifdef Py_GIL_DISABLED

static void forget_parents_threads(struct ext_state *st)
{
    (void)st;
}

static void sleeper_comes(struct ext_state *st)
{
    (void)st;
}

static void sleeper_goes(struct ext_state *st)
{
    (void)st;
}

#else

/* Those who were counted when this process was forked do not exist here. Called with the GIL, by
 * whoever is the first here to wait: nobody has been counted yet. */
static void forget_parents_threads(struct ext_state *st)
{
    uint32_t forks = csock_forks();
    if (st->forks == forks)
        return;
    st->forks = forks;
    __atomic_store_n(&st->gil_wanted, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&st->sleepers, 0, __ATOMIC_RELAXED);
}

/* The one that makes them a crowd says so in the word that every call looks at anyway, and the one
 * that ends it takes it back. */
static void sleeper_comes(struct ext_state *st)
{
    if (__atomic_fetch_add(&st->sleepers, 1, __ATOMIC_RELAXED) == CROWD)
        __atomic_fetch_add(&st->gil_wanted, EXT_CROWDED, __ATOMIC_RELAXED);
}

static void sleeper_goes(struct ext_state *st)
{
    if (__atomic_fetch_sub(&st->sleepers, 1, __ATOMIC_RELAXED) == CROWD + 1)
        __atomic_fetch_sub(&st->gil_wanted, EXT_CROWDED, __ATOMIC_RELAXED);
}

#endif

void ext_wait_let_go(struct ext_wait *w)
{
    if (w->held)
        drop(w);
    w->held = false;
}

/* A call that has waited goes on without the GIL, to its end. Where many threads wait for one
 * datagram, poll(2) is spurious for all but one of them: each would take the GIL only to see that,
 * and while the one that gets the datagram stands in line with them, more are woken so. */
static void before_waiting(void *arg)
{
    struct ext_wait *w = arg;
    struct ext_state *st = w->state;
    if (!(w->waited & EXT_SLEPT)) {
        w->waited |= EXT_SLEPT;
        sleeper_comes(st);
        w->began = ext_span_begin(st);
        w->ticks = ext_ticks();
    }
    ext_wait_let_go(w);
}

static int handle_signals(void *arg)
{
    struct ext_wait *w = arg;
    if (!w->held)
        ext_wait_retake(w);
    int stop = PyErr_CheckSignals();
    w->raised = stop != 0;
    if (!w->held)
        drop(w);
    return stop;
}

/* How long the call waits; how the GIL goes and comes in it, and signals are heard. */
static inline void attend(struct ext_wait *w, struct ext_state *st, bool held, int64_t deadline,
                          int64_t timeout)
{
    forget_parents_threads(st);
    w->state = st;
    w->held = held;
    w->waited = 0;
    w->raised = false;
    w->wait = (struct csock_wait){.deadline = deadline,
                                  .timeout = timeout,
                                  .interrupted = handle_signals,
                                  .pause = before_waiting,
                                  .arg = w};
}

/* All but letting the GIL go. */
static bool prepare(struct ext_wait *w, struct sock_object *s, bool held,
                    enum ext_direction direction, int flags)
{
    int64_t timeout = EXT_GET(s->timeout);
    /* A relative timeout, so that the core reads the clock only for a call that has to wait. */
    attend(w, s->state, held, timeout == 0 ? CSOCK_NOWAIT : CSOCK_FOREVER,
           timeout > 0 ? timeout : 0);
    w->bounded = false;
    w->s = s;
    w->direction = direction;
    return !ext_innermost || timeout == 0 || bound_wait(w, s, timeout, direction, flags);
}

bool ext_wait_begin(struct ext_wait *w, struct sock_object *s, bool held,
                    enum ext_direction direction, int flags)
{
    if (!prepare(w, s, held, direction, flags))
        return false;
    if (!held)
        drop(w);
    return true;
}

bool ext_wait_begin_mode(struct ext_wait *w, struct sock_object *s, bool held,
                         enum ext_direction direction)
{
    if (!prepare(w, s, held, direction, 0))
        return false;
    if (ext_polls_blocking(w)) {
        w->lender = s;
        sock_mode_borrow(s);
    }
    if (!held)
        drop(w);
    return true;
}

bool ext_wait_begin_alone(struct ext_wait *w, struct ext_state *st, int64_t timeout)
{
    struct ext_moment m = ext_deadline_now();
    if (ext_moment_is_over(m))
        return false;
    int64_t own = timeout < 0    ? CSOCK_FOREVER
                  : timeout == 0 ? csock_now()
                                 : csock_deadline(timeout);
    w->bounded = m.at != CSOCK_FOREVER;
    w->polls = false;
    w->lender = NULL;
    bool sooner = w->bounded && (own == CSOCK_FOREVER || m.at < own);
    w->ends_by = sooner ? EXT_BY_DEADLINE : EXT_BY_TIMEOUT;
    w->s = NULL;
    attend(w, st, true, sooner ? m.at : own, 0);
    return true;
}

void ext_wait_uncounted(struct ext_wait *w)
{
    w->s = NULL;
}

void ext_wait_take(struct ext_wait *w)
{
    if (!w->held)
        ext_wait_retake(w);
}

void ext_wait_drop(struct ext_wait *w)
{
    if (!w->held)
        drop(w);
}

ssize_t ext_wait_end_bounded(const struct ext_wait *w, ssize_t r)
{
    if (w->lender)
        sock_mode_return(w->lender);
    if (r != CSOCK_ETIMEOUT || w->ends_by == EXT_BY_TIMEOUT)
        return r;
    return w->ends_by == EXT_BY_DEADLINE ? EXT_EDEADLINE : -EAGAIN;
}

/* The GIL is not held. */
ssize_t ext_wait_end_waiting(struct ext_wait *w, ssize_t r)
{
    struct sock_object *s = w->s;
    if (w->waited & EXT_SLEPT)
        sleeper_goes(w->state);
    ext_wait_retake(w);
    if (w->bounded)
        r = ext_wait_end_bounded(w, r);
    if (!s)
        return r;
    if (w->waited & EXT_CAPTURE_FAILED)
        sock_capture_tell(s);
    if (!(w->waited & EXT_SLEPT))
        return r;
    sock_add_wait(s, ext_ticks() - w->ticks);
    if (w->began && w->direction != EXT_UNTOLD)
        ext_span_tell_wait(s, w->direction == EXT_IN, w->began, r);
    return r;
}

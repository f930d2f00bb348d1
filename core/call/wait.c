/* The two waits. Sits on wake, users and sys.
 *
 * Without a deadline a call sleeps in the blocking system call itself, so that whatever the kernel
 * ties to that call (SO_RCVTIMEO, SO_RCVLOWAT, MSG_WAITALL, a full AF_UNIX backlog, one of many in
 * accept) is as it always was. With a deadline it sleeps in poll(2), and tries again. Every system
 * call that can sleep, for whatever reason, is announced as one that closing has to wake: all but
 * those with MSG_DONTWAIT. */
#include <limits.h>

#include "sys/sys.h"
#include "call/wait.h"
#include "call/wake.h"

#define MS 1000000 /* ns */
#define SPURIOUS_FREE 2
#define FIRST_BACKOFF_NS 50000
#define LONGEST_BACKOFF_NS (10 * MS)

static const struct csock_wait forever = {.deadline = CSOCK_FOREVER};

void csock__waiting_fill(struct csock__waiting *wg, const struct csock_wait *w)
{
    wg->w = w ? w : &forever;
    wg->deadline = wg->w->deadline;
    wg->tried = 0;
    wg->op = NULL;
    wg->spurious = 0;
    wg->blocked = 0;
}

int csock__waiting_begin(struct csock__waiting *wg, struct csock *s, const struct csock_wait *w)
{
    int r = csock__enter(&wg->call, s);
    if (r < 0)
        return r;
    csock__waiting_fill(wg, w);
    return 0;
}

void csock__waiting_end(struct csock__waiting *wg)
{
    csock__leave(&wg->call);
}

static bool has_deadline(const struct csock__waiting *wg)
{
    return csock__is_bounded(wg->w);
}

bool csock__polls(const struct csock__waiting *wg)
{
    return has_deadline(wg) || (csock_flags(wg->call.s) & CSOCK_NONBLOCK);
}

int csock__interrupted(struct csock__waiting *wg)
{
    csock__recount(&wg->call); /* the signal's handler may have forked */
    if (csock__closing(wg->call.s))
        return CSOCK_ECLOSED;
    if (!wg->w->interrupted)
        return 0;
    csock__step_aside(&wg->call);
    int stop = wg->w->interrupted(wg->w->arg);
    csock__step_back(&wg->call);
    if (stop)
        return CSOCK_EINTERRUPTED;
    return csock__closing(wg->call.s) ? CSOCK_ECLOSED : 0;
}

/* For csock__show: what only few calls have. */
static __attribute__((cold, noinline)) void show_address(struct csock__shown *shown,
                                                         const struct csock__op *op)
{
    socklen_t len = 0;
    shown->about = (uintptr_t)op->kind->to(op, &len);
    shown->about_size = shown->about ? len : 0;
}

/* For other processes, what this thread is about to sleep in; until csock__sleep_end. */
static inline void show(struct csock__waiting *wg, const struct csock__sleep *sleep)
{
    struct csock__shown *shown = sleep->shown;
    const struct csock__op *op = wg->op;
    if (__builtin_expect(csock__records.off != 0, 0) || !op)
        return;
    if (wg->since == 0)
        wg->since = sleep->now;
    uint32_t count = csock__show_begin(shown);
    shown->fd = csock__fd(wg->call.s);
    shown->what = op->kind->what;
    shown->about_size = 0;
    shown->since = wg->since;
    shown->deadline = wg->deadline;
    shown->frame = (uintptr_t)sleep;
    if (op->kind->to)
        show_address(shown, op);
    csock__show_end(shown, count);
}

/* From here to fall_awake the thread may sleep. */
static int fall_asleep(struct csock__waiting *wg, struct csock__sleep *sleep)
{
    if (wg->w->pause)
        wg->w->pause(wg->w->arg);
    int r = csock__sleep_begin(sleep, &wg->call, false);
    if (r == 0)
        show(wg, sleep);
    else if (wg->w->resume)
        wg->w->resume(wg->w->arg);
    return r;
}

static void fall_awake(struct csock__waiting *wg, struct csock__sleep *sleep)
{
    csock__sleep_end(sleep, &wg->call);
    if (wg->w->resume)
        wg->w->resume(wg->w->arg);
}

int csock__set_blocking(struct csock *s, bool blocking)
{
    int r = (int)csock__ret(csock__sys->set_nonblock(csock__fd(s), !blocking));
    if (r == 0)
        csock__flag(s, CSOCK_NONBLOCK, !blocking);
    return r;
}

/* Where there is a deadline, a call that cannot be told not to wait is kept from it by O_NONBLOCK.
 * That belongs to the open description, and a duplicate of it, here or in another process, may have
 * switched it off since anybody looked: so it is set for each try. */
static int keep_from_waiting(struct csock__waiting *wg, const struct csock__op *op)
{
    return op->dontwait || !has_deadline(wg) ? 0 : csock__set_blocking(wg->call.s, false);
}

/* The system call without MSG_DONTWAIT, once, as one that may sleep. Not in the code of calls that
 * find data ready, which would save registers for it. */
static __attribute__((noinline)) ssize_t run_asleep(struct csock__waiting *wg,
                                                    const struct csock__op *op)
{
    struct csock__sleep sleep;
    if (wg->op != op)
        csock__waits_in(wg, op);
    ssize_t r = fall_asleep(wg, &sleep);
    if (r < 0)
        return r;
    r = csock__closing(wg->call.s) ? CSOCK_ECLOSED : keep_from_waiting(wg, op);
    if (r == 0)
        r = op->kind->run(csock__fd(wg->call.s), op, 0);
    fall_awake(wg, &sleep);
    return r;
}

ssize_t csock__block(struct csock__waiting *wg, const struct csock__op *op)
{
    wg->blocked = 1;
    ssize_t r = run_asleep(wg, op);
    if (r <= 0 && csock__closing(wg->call.s)) /* what came in time is not lost */
        return CSOCK_ECLOSED;
    return r;
}

bool csock__nowait(const struct csock__waiting *wg)
{
    return wg->w->deadline == CSOCK_NOWAIT;
}

static ssize_t run_once(struct csock__waiting *wg, const struct csock__op *op)
{
    return op->dontwait ? op->kind->run(csock__fd(wg->call.s), op, MSG_DONTWAIT)
                        : run_asleep(wg, op);
}

ssize_t csock__try(struct csock__waiting *wg, const struct csock__op *op)
{
    ssize_t r;
    while ((r = run_once(wg, op)) == -EINTR) {
        int stop = csock__interrupted(wg);
        if (stop < 0)
            return stop;
    }
    return r <= 0 && csock__closing(wg->call.s) ? CSOCK_ECLOSED : r;
}

/* A timeout begins with the first look, which reads the clock once. */
int64_t csock__time_left(struct csock__waiting *wg)
{
    if (wg->deadline == CSOCK_FOREVER) {
        wg->deadline = csock__bound(wg->w);
        if (wg->deadline == CSOCK_FOREVER)
            return -1;
        return wg->w->timeout > 0 ? wg->w->timeout : 0;
    }
    int64_t now = csock_now();
    return wg->deadline > now ? wg->deadline - now : 0;
}

bool csock__is_late(struct csock__waiting *wg)
{
    return has_deadline(wg) && !csock__nowait(wg) && csock__time_left(wg) == 0;
}

/* poll(2) counts ms: rounded up, or it would give up before the deadline and spin through the
 * last millisecond. */
int csock__poll_ms(int64_t left)
{
    if (left < 0)
        return -1;
    int64_t ms = left / MS + (left % MS != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

static int poll_once(struct csock__waiting *wg, struct pollfd *p, int64_t left)
{
    struct csock__sleep sleep;
    int r = fall_asleep(wg, &sleep);
    if (r < 0)
        return r;
    r = csock__closing(wg->call.s) ? CSOCK_ECLOSED
                                   : (int)csock__ret(csock__sys->poll(p, 1, csock__poll_ms(left)));
    fall_awake(wg, &sleep);
    return csock__closing(wg->call.s) ? CSOCK_ECLOSED : r;
}

int csock__poll(struct csock__waiting *wg, short events)
{
    struct pollfd p = {.fd = csock__fd(wg->call.s), .events = events};
    for (;;) {
        int64_t left = csock__time_left(wg);
        int r = poll_once(wg, &p, left);
        if (r > 0)
            return p.revents;
        if (r == -EINTR)
            r = csock__interrupted(wg);
        if (r < 0)
            return r;
        /* Asked once at least: what is ready is taken even if the deadline has passed. */
        if (left >= 0 && csock__time_left(wg) == 0)
            return CSOCK_ETIMEOUT;
    }
}

int csock__back_off(struct csock__waiting *wg)
{
    struct csock__sleep sleep;
    if (++wg->spurious <= SPURIOUS_FREE)
        return 0;
    unsigned doublings = wg->spurious - SPURIOUS_FREE - 1;
    int64_t nap = doublings < 8 ? (int64_t)FIRST_BACKOFF_NS << doublings : LONGEST_BACKOFF_NS;
    int64_t left = csock__time_left(wg);
    if (left == 0)
        return CSOCK_ETIMEOUT;
    if (left > 0 && left < nap)
        nap = left;
    int r = fall_asleep(wg, &sleep);
    if (r < 0)
        return r;
    if (!csock__closing(wg->call.s))
        r = (int)csock__ret(csock__sys->nanosleep(&(struct timespec){.tv_nsec = (long)nap}));
    fall_awake(wg, &sleep);
    if (csock__closing(wg->call.s))
        return CSOCK_ECLOSED;
    return r == -EINTR ? csock__interrupted(wg) : 0;
}

static ssize_t run_polling(struct csock__waiting *wg, const struct csock__op *op)
{
    for (;;) {
        int ready = csock__poll(wg, op->events);
        if (ready < 0)
            return ready;
        ssize_t r = csock__try(wg, op);
        if (r != -EAGAIN)
            return r;
        int stop = csock__back_off(wg);
        if (stop < 0)
            return stop;
    }
}

bool csock__has_to_poll(const struct csock__waiting *wg)
{
    if (csock__polls(wg))
        return true;
    return !(csock_flags(wg->call.s) & CSOCK_EAGAIN) &&
           csock__sys->get_nonblock(csock__fd(wg->call.s)) == 1;
}

/* The descriptor may become non-blocking under the call, if another thread has a deadline. */
static inline ssize_t run_blocking(struct csock__waiting *wg, const struct csock__op *op)
{
    ssize_t r;
    while ((r = csock__block(wg, op)) == -EINTR) {
        int stop = csock__interrupted(wg);
        if (stop < 0)
            return stop;
    }
    return r == -EAGAIN && csock__has_to_poll(wg) ? run_polling(wg, op) : r;
}

ssize_t csock__run_blocking(struct csock__waiting *wg, const struct csock__op *op)
{
    return run_blocking(wg, op);
}

/* Whether the call is tried before it waits. */
static bool tries(const struct csock__waiting *wg, const struct csock__op *op)
{
    if (csock__nowait(wg))
        return true;
    return csock__polls(wg) ? !op->poll_first : op->dontwait && !op->no_try;
}

/* The first try, if it has not been made before. */
static ssize_t first_try(struct csock__waiting *wg, const struct csock__op *op)
{
    ssize_t tried = wg->tried;
    wg->tried = 0;
    if (tried == -EINTR) {
        int stop = csock__interrupted(wg);
        if (stop < 0)
            return stop;
    } else if (tried) {
        return tried;
    }
    return csock__try(wg, op);
}

static inline ssize_t run(struct csock__waiting *wg, const struct csock__op *op)
{
    if (tries(wg, op)) {
        ssize_t r = first_try(wg, op);
        if (r != -EAGAIN || csock__nowait(wg))
            return r;
    }
    csock__waits_in(wg, op);
    return csock__polls(wg) ? run_polling(wg, op) : run_blocking(wg, op);
}

ssize_t csock__run(struct csock__waiting *wg, const struct csock__op *op)
{
    if (op->rare) {
        if (op->rare & CSOCK__TAPPED)
            return csock__run_tapped(wg, op);
        if (!has_deadline(wg))
            return csock__try(wg, op);
    }
    return run(wg, op);
}

__attribute__((cold)) ssize_t csock__run_plainly(struct csock__waiting *wg,
                                                 const struct csock__op *op)
{
    return (op->rare & CSOCK__NEVER_WAITS) && !has_deadline(wg) ? csock__try(wg, op) : run(wg, op);
}

static const struct csock__kind in_kind = {.what = CSOCK__POLL_IN},
                                out_kind = {.what = CSOCK__POLL_OUT},
                                any_kind = {.what = CSOCK__POLL};
static const struct csock__op ready[] = {[0] = {.kind = &any_kind},
                                         [POLLIN] = {.kind = &in_kind},
                                         [POLLOUT] = {.kind = &out_kind},
                                         [POLLIN | POLLOUT] = {.kind = &any_kind}};

int csock_ready_since(struct csock *s, short events, const struct csock_wait *w, int64_t *since)
{
    struct csock__waiting wg;
    int r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    csock__waits_in(&wg, &ready[events & (POLLIN | POLLOUT)]);
    wg.since = *since;
    if (csock__is_tapped(s))
        csock__wait_tapped(&wg);
    r = csock__poll(&wg, events);
    *since = wg.since;
    csock__waiting_end(&wg);
    return r;
}

int csock_ready(struct csock *s, short events, const struct csock_wait *w)
{
    int64_t since = 0;
    return csock_ready_since(s, events, w, &since);
}

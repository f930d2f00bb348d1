/* Waiting for several sockets at a time. Sits on wait, wake, users and sys.
 *
 * The call is inside each of the sockets, and its thread's record says MANY: so whoever closes one
 * of them signals it, and others may, too. After each sleep it looks at all of them. */
#include "sys/sys.h"
#include "call/thread.h"
#include "call/wait.h"
#include "call/wake.h"

enum { FEW = 16 }; /* so many need no memory */

struct polling {
    struct csock_polled *polled;
    size_t n;
    struct csock__waiting wg; /* for its deadline: it is inside no socket by this */
    struct csock__call *calls;
    struct pollfd *fds;
    uintptr_t many;
    const struct csock__shown *part_of; /* or NULL */
};

static void leave_first(struct polling *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p->polled[i].s)
            csock__leave(&p->calls[i]);
}

/* What the caller hears where it was not for poll(2) to say. */
static void say(struct polling *p, size_t closed)
{
    for (size_t i = 0; i < p->n; i++)
        p->polled[i].revents = i == closed ? POLLNVAL : 0;
}

static int enter_all(struct polling *p)
{
    for (size_t i = 0; i < p->n; i++) {
        struct csock *s = p->polled[i].s;
        p->fds[i] = (struct pollfd){.fd = p->polled[i].fd, .events = p->polled[i].events};
        if (!s)
            continue;
        if (csock__enter(&p->calls[i], s) < 0) {
            leave_first(p, i);
            say(p, i);
            return -EBADF;
        }
        p->fds[i].fd = p->polled[i].events ? csock__fd(s) : -1;
        p->many |= csock__many_bit(s);
    }
    return 0;
}

/* CSOCK_ECLOSED if one of them is closed by now. In a child of fork(2) it is counted there
 * first. */
static int look_at_all(struct polling *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!p->polled[i].s)
            continue;
        csock__recount(&p->calls[i]);
        if (csock__closing(p->polled[i].s)) {
            say(p, i);
            return CSOCK_ECLOSED;
        }
    }
    return 0;
}

static void note_all(struct polling *p, bool asleep)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->polled[i].s)
            csock__note_asleep(&p->calls[i], asleep);
}

/* For those who look from outside: one of them all, of sockets alone if so wanted. */
static int first_fd(const struct polling *p, bool sockets)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->fds[i].fd >= 0 && (p->polled[i].s || !sockets))
            return p->fds[i].fd;
    return -1;
}

static void show_many(struct polling *p, const struct csock__sleep *sleep)
{
    struct csock__shown shown = {.what = CSOCK__POLL_MANY, .deadline = p->wg.deadline};
    if (p->wg.since == 0)
        p->wg.since = sleep->now;
    if (p->part_of)
        shown = *p->part_of;
    else
        shown.since = p->wg.since;
    shown.fd = first_fd(p, p->part_of != NULL);
    csock__show(sleep, &shown);
}

static int sleep_once(struct polling *p, int64_t left)
{
    struct csock__sleep sleep;
    uint32_t generation = csock__generation();
    int r = csock__sleep_begin_many(&sleep, p->many);
    if (r < 0)
        return r;
    note_all(p, true);
    show_many(p, &sleep);
    r = look_at_all(p);
    if (r == 0)
        r = (int)csock__ret(csock__sys->poll(p->fds, (nfds_t)p->n, csock__poll_ms(left)));
    note_all(p, false);
    csock__sleep_end_many(&sleep, generation);
    return r;
}

static int poll_all(struct polling *p, int64_t left)
{
    const struct csock_wait *w = p->wg.w;
    if (w->pause)
        w->pause(w->arg);
    int r = sleep_once(p, left);
    if (w->resume)
        w->resume(w->arg);
    int closed = look_at_all(p);
    return closed < 0 ? closed : r;
}

/* A signal came. Meanwhile the call uses none of them, and nobody who closes one waits for it. */
static int many_interrupted(struct polling *p)
{
    const struct csock_wait *w = p->wg.w;
    if (!w->interrupted)
        return 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->polled[i].s)
            csock__step_aside(&p->calls[i]);
    int stop = w->interrupted(w->arg);
    for (size_t i = 0; i < p->n; i++)
        if (p->polled[i].s)
            csock__step_back(&p->calls[i]);
    return stop ? CSOCK_EINTERRUPTED : look_at_all(p);
}

static int poll_until(struct polling *p)
{
    for (;;) {
        int64_t left = csock__time_left(&p->wg);
        int r = poll_all(p, left);
        if (r > 0)
            return r;
        if (r == -EINTR)
            r = many_interrupted(p);
        if (r < 0)
            return r;
        if (left >= 0 && csock__time_left(&p->wg) == 0)
            return CSOCK_ETIMEOUT;
    }
}

static int poll_inside(struct polling *p)
{
    int r = enter_all(p);
    if (r < 0)
        return r;
    r = poll_until(p);
    for (size_t i = 0; r > 0 && i < p->n; i++)
        p->polled[i].revents = p->fds[i].revents;
    leave_first(p, p->n);
    return r;
}

int csock__poll_as_part(struct csock_polled *polled, size_t n, const struct csock_wait *w,
                        const struct csock__shown *whole)
{
    struct csock__call few_calls[FEW];
    struct pollfd few_fds[FEW];
    struct polling p = {
        .polled = polled, .n = n, .calls = few_calls, .fds = few_fds, .part_of = whole};
    csock__waiting_fill(&p.wg, w);
    if (n <= FEW)
        return poll_inside(&p);
    if (n > SIZE_MAX / (sizeof *p.calls + sizeof *p.fds))
        return -EINVAL;
    p.calls = csock__sys->alloc(n * (sizeof *p.calls + sizeof *p.fds));
    if (!p.calls)
        return -ENOMEM;
    p.fds = (struct pollfd *)(p.calls + n);
    int r = poll_inside(&p);
    csock__sys->release(p.calls);
    return r;
}

int csock_poll(struct csock_polled *polled, size_t n, const struct csock_wait *w)
{
    return csock__poll_as_part(polled, n, w, NULL);
}

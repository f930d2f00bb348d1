/* Asking and waiting for the answer. Sits on lookup, on call and on sys.
 *
 * The caller sleeps in futex(2), on the word of its look-up, until the deadline: once, and not in
 * slices. A signal ends that with EINTR, closing the socket that it is for sends one. As the answer
 * is in the look-up, which nobody frees who has a part in it, and none of that is on a stack, a
 * program may leave for good from `interrupted`; its part then stays behind. */
#include "sys/sys.h"
#include "call/wait.h"
#include "call/wake.h"
#include "names/files.h"
#include "names/lookup.h"

#include <arpa/inet.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

/* One call, over all that it waits for. */
struct asking {
    struct csock__waiting wg; /* inside of a socket, if `inside` */
    bool inside;
    const struct csock_wait *w;
    int64_t deadline;
    int64_t since;    /* when it first had to wait; 0: not yet */
    const char *name; /* that it asks for, or NULL */
};

bool csock__host_is_numeric(const char *host)
{
    struct in_addr in;
    struct in6_addr in6;
    char literal[INET6_ADDRSTRLEN];
    if (!host)
        return true;
    if (!strchr(host, ':')) /* inet_aton(3) takes anything after a blank */
        return inet_aton(host, &in) && !strpbrk(host, " \t\n\v\f\r");
    size_t n = strcspn(host, "%");
    if (n >= sizeof literal)
        return false;
    memcpy(literal, host, n);
    literal[n] = '\0';
    return inet_pton(AF_INET6, literal, &in6) == 1;
}

bool csock__is_local(const struct csock__question *q)
{
    if (q->what == CSOCK__ADDRESSES)
        return (q->flags & AI_NUMERICHOST) || csock__host_is_numeric(q->host);
    if (q->what == CSOCK__NAMES)
        return (q->flags & NI_NUMERICHOST) || !q->wants_host;
    return q->what == CSOCK__HOST_BY_NAME && csock__host_is_numeric(q->host);
}

/* A name that is in hosts(5) all but everywhere, and asked for so often that no thread is made for
 * it just to hear of signals. */
static bool is_localhost(const struct csock__question *q)
{
    return q->host && strcasecmp(q->host, "localhost") == 0;
}

/* ---- waiting */

/* Far off and not for ever: a futex(2) without an end is begun anew by the kernel after a handler
 * with SA_RESTART, and nobody would hear of that signal. */
static struct timespec futex_end(int64_t deadline)
{
    if (deadline == CSOCK_FOREVER)
        return (struct timespec){.tv_sec = INT_MAX};
    if (deadline < 0)
        return (struct timespec){0};
    int64_t seconds = deadline / 1000000000;
    return (struct timespec){.tv_sec = (time_t)(seconds > INT_MAX ? INT_MAX : seconds),
                             .tv_nsec = (long)(deadline % 1000000000)};
}

static void show_name(const struct csock__sleep *sleep, const char *name, int fd, int64_t since,
                      int64_t deadline)
{
    csock__show(sleep, &(struct csock__shown){.what = CSOCK__LOOKUP,
                                              .fd = fd,
                                              .since = since,
                                              .deadline = deadline,
                                              .about = (uintptr_t)name,
                                              .about_size = csock__shown_size(name)});
}

static void show_lookup(struct asking *a, const struct csock__sleep *sleep)
{
    if (a->since == 0)
        a->since = sleep->now;
    show_name(sleep, a->name, a->inside ? csock__fd(a->wg.call.s) : -1, a->since, a->deadline);
}

/* Whoever closes the socket signals this thread for as long as it is in here. */
static int sleep_inside(struct asking *a, const uint32_t *word, uint32_t value,
                        const struct timespec *until)
{
    struct csock__sleep sleep;
    int r = csock__sleep_begin(&sleep, &a->wg.call, false);
    if (r < 0)
        return r;
    show_lookup(a, &sleep);
    if (!csock__closing(a->wg.call.s))
        r = (int)csock__ret(csock__sys->futex_wait(word, value, until));
    csock__sleep_end(&sleep, &a->wg.call);
    return csock__closing(a->wg.call.s) ? CSOCK_ECLOSED : r;
}

/* On no socket; announced for those who look from outside alone. */
static int sleep_outside(struct asking *a, const uint32_t *word, uint32_t value,
                         const struct timespec *until)
{
    struct csock__sleep sleep;
    uint32_t generation = csock__generation();
    bool announced = csock__sleep_begin_many(&sleep, 0) == 0;
    if (announced)
        show_lookup(a, &sleep);
    int r = (int)csock__ret(csock__sys->futex_wait(word, value, until));
    if (announced)
        csock__sleep_end_many(&sleep, generation);
    return r;
}

static int sleep_on(struct asking *a, const uint32_t *word, uint32_t value)
{
    struct timespec until = futex_end(a->deadline);
    if (a->w->pause)
        a->w->pause(a->w->arg);
    int r =
        a->inside ? sleep_inside(a, word, value, &until) : sleep_outside(a, word, value, &until);
    if (a->w->resume)
        a->w->resume(a->w->arg);
    return r;
}

static int interrupted(struct asking *a)
{
    if (a->inside)
        return csock__interrupted(&a->wg);
    return a->w->interrupted && a->w->interrupted(a->w->arg) ? CSOCK_EINTERRUPTED : 0;
}

/* 1: woken, or *word is another by now. 0: a signal came, and the call goes on. */
static int wait_for(struct asking *a, const uint32_t *word, uint32_t value)
{
    int r = sleep_on(a, word, value);
    if (r == 0 || r == -EAGAIN)
        return 1;
    if (r == -EINTR)
        return interrupted(a);
    if (r == -ETIMEDOUT)
        return a->deadline == CSOCK_FOREVER ? 0 : CSOCK_ETIMEOUT;
    return r;
}

/* ---- asking */

/* Waits for a place among those under way, if need be. CSOCK_ELOOKUPS: there was none. */
static int start(struct asking *a, const struct csock__question *q, struct csock__lookup **ret)
{
    bool woken = false, started = false;
    int r;
    for (;;) {
        uint32_t ended = __atomic_load_n(csock__lookups_ended(), __ATOMIC_SEQ_CST);
        r = csock__lookup_start(q, -1, ret, &started);
        if (r != CSOCK_ELOOKUPS || a->deadline == CSOCK_FOREVER)
            break;
        int waited = wait_for(a, csock__lookups_ended(), ended);
        woken = woken || waited > 0;
        if (waited < 0) {
            r = waited == CSOCK_ETIMEOUT ? CSOCK_ELOOKUPS : waited;
            break;
        }
    }
    if (woken && !started)
        csock__lookups_pass_on();
    return r;
}

/* What came in time is not lost, but where `interrupted` has ended the call: it may have raised. */
static int await(struct asking *a, const struct csock__lookup *l, struct csock__answer *ret)
{
    int r, stop = 0;
    while (stop != CSOCK_EINTERRUPTED) {
        r = csock__lookup_answer(l, ret);
        if (r != -EAGAIN || stop < 0)
            return r == -EAGAIN ? stop : r;
        stop = wait_for(a, csock__lookup_done(l), 0);
    }
    return stop;
}

/* Once more in a child, forked in a signal handler of the wait. */
static int ask_in_thread(struct asking *a, const struct csock__question *q,
                         struct csock__answer *ret)
{
    struct csock__lookup *l;
    int r;
    do {
        r = start(a, q, &l);
        if (r < 0)
            return r;
        r = await(a, l, ret);
        csock__lookup_drop(l);
    } while (r == -ESTALE);
    return r;
}

/* In the caller's own thread. */
static int ask_here(const struct csock__question *q, const struct csock_wait *w,
                    struct csock__answer *ret)
{
    if (w && w->pause)
        w->pause(w->arg);
    csock__ask(q, ret);
    if (w && w->resume)
        w->resume(w->arg);
    return 0;
}

/* The same, of what may take long: announced for those who look from outside alone. */
static int ask_here_for_long(const struct csock__question *q, const struct csock_wait *w,
                             struct csock__answer *ret)
{
    struct csock__sleep sleep;
    uint32_t generation = csock__generation();
    if (w && w->pause)
        w->pause(w->arg);
    bool announced = csock__sleep_begin_many(&sleep, 0) == 0;
    if (announced)
        show_name(&sleep, q->host, -1, sleep.now, CSOCK_FOREVER);
    csock__ask(q, ret);
    if (announced)
        csock__sleep_end_many(&sleep, generation);
    if (w && w->resume)
        w->resume(w->arg);
    return 0;
}

/* Whether the look-up failed in what it takes to begin one. A deadline that has passed while there
 * was no place is no reason to ask without one. */
static bool could_not_begin(const struct asking *a, int r)
{
    switch (r) {
    case CSOCK_ELOOKUPS:
        return a->deadline == CSOCK_FOREVER;
    case CSOCK_ETIMEOUT:
    case CSOCK_ECLOSED:
    case CSOCK_EINTERRUPTED:
        return false;
    default:
        return r < 0;
    }
}

/* What the answer says is in *ret; the result is of the asking alone. */
static int ask_bounded(struct csock *s, const struct csock__question *q, const struct csock_wait *w,
                       struct csock__answer *ret)
{
    static const struct csock_wait forever = {.deadline = CSOCK_FOREVER};
    struct asking a = {.inside = s != NULL, .w = w ? w : &forever, .name = q->host};
    a.deadline = csock__bound(a.w);
    if (a.deadline == CSOCK_NOWAIT)
        return -EAGAIN;
    if (a.deadline != CSOCK_FOREVER && csock_now() >= a.deadline)
        return CSOCK_ETIMEOUT;
    int r = s ? csock__waiting_begin(&a.wg, s, w) : 0;
    if (r < 0)
        return r;
    r = csock__in_hosts_file(q) ? ask_here(q, w, ret) : ask_in_thread(&a, q, ret);
    if (s)
        csock__waiting_end(&a.wg);
    return could_not_begin(&a, r) ? ask_here_for_long(q, w, ret) : r;
}

int csock__ask_within(struct csock *s, const struct csock__question *q, const struct csock_wait *w,
                      struct csock__answer *ret)
{
    if (csock__is_local(q))
        return ask_here(q, NULL, ret);
    if (s || (w && (csock__is_bounded(w) || (w->interrupted && !is_localhost(q)))))
        return ask_bounded(s, q, w, ret);
    return is_localhost(q) ? ask_here(q, w, ret) : ask_here_for_long(q, w, ret);
}

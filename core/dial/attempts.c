/* One attempt at an address, and the list of all: see dialing.h. */
#include "dial/dialing.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "sys/sys.h"

enum { ROOM_AT_FIRST = 8, UNDER_WAY = 1 };

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

int64_t csock__dial_elapsed(const struct csock__dialing *dl)
{
    int64_t ns = csock_now() - dl->start;
    return ns > 0 ? ns : 1;
}

static bool is_inet(int family)
{
    return family == AF_INET || family == AF_INET6;
}

static const struct csock_dial_addr *source_of(const struct csock_dial_request *d, int family)
{
    for (size_t i = 0; i < d->n_sources; i++)
        if (d->sources[i].addr->sa_family == family)
            return &d->sources[i];
    return NULL;
}

bool csock__dial_wants(const struct csock_dial_request *d, int family)
{
    return (d->family == 0 || d->family == family) &&
           (d->n_sources == 0 || source_of(d, family) != NULL);
}

/* ---- the list */

static struct csock_dial_attempt *list_attempt(struct csock__dialing *dl,
                                               const struct csock__candidate *c)
{
    struct csock_dial_attempt *a = &dl->attempts[dl->n_attempts];
    a->index = dl->n_attempts++;
    a->addr = c->addr;
    a->len = c->len;
    a->family = c->addr.any.sa_family;
    a->type = dl->d->type ? dl->d->type : SOCK_STREAM;
    a->proto = dl->d->proto;
    a->source = source_of(dl->d, a->family);
    a->began = csock__dial_elapsed(dl);
    return a;
}

static int tell(struct csock__dialing *dl, const struct csock_dial_attempt *a,
                enum csock_dial_step step)
{
    return dl->d->step ? dl->d->step(dl->d->arg, a, step) : 0;
}

/* ---- its end */

static struct csock_dial_attempt *attempt_of(struct csock__dialing *dl, struct csock__flight *f)
{
    return &dl->attempts[f->index];
}

static void attempt_ended(struct csock__dialing *dl, struct csock__flight *f, int err)
{
    struct csock_dial_attempt *a = attempt_of(dl, f);
    f->on = false;
    a->ended = csock__dial_elapsed(dl);
    a->err = err;
    if (a->s)
        csock_close(a->s);
    a->s = NULL;
    tell(dl, a, CSOCK_DIAL_END);
}

static void flight_fails(struct csock__dialing *dl, struct csock__flight *f, int err)
{
    csock__race_failed(&dl->race);
    attempt_ended(dl, f, err);
}

/* Two may connect in the same instant: the one that is looked at first wins, csock__attempts_end()
 * closes the other. */
static void flight_wins(struct csock__dialing *dl, struct csock__flight *f)
{
    if (dl->winner)
        return;
    dl->winner = f;
    attempt_of(dl, f)->ended = csock__dial_elapsed(dl);
    csock__race_end(&dl->race);
}

/* connect(2), EINPROGRESS. Reading SO_ERROR takes it, too: none is left in the winner. */
static int outcome(struct csock *s, short revents)
{
    union csock_addr peer;
    socklen_t len;
    int err = 0, r = csock_opt_get_int(s, SOL_SOCKET, SO_ERROR, &err);
    if (r < 0 || err)
        return r < 0 ? r : -err;
    return revents & (POLLHUP | POLLERR) ? csock_peername(s, &peer, &len) : 0;
}

void csock__attempt_event(struct csock__dialing *dl, struct csock__flight *f, short revents)
{
    int err = revents == CSOCK__GONE ? CSOCK_ECLOSED : outcome(attempt_of(dl, f)->s, revents);
    if (err < 0)
        flight_fails(dl, f, err);
    else
        flight_wins(dl, f);
}

void csock__attempt_give_up(struct csock__dialing *dl)
{
    struct csock__flight *oldest = NULL;
    for (size_t i = 0; i < CSOCK_DIAL_IN_FLIGHT; i++)
        if (dl->flights[i].on && (!oldest || dl->flights[i].index < oldest->index))
            oldest = &dl->flights[i];
    csock__race_given_up(&dl->race);
    attempt_ended(dl, oldest, -ECANCELED);
}

void csock__attempts_end(struct csock__dialing *dl, int err)
{
    csock__race_end(&dl->race);
    for (size_t i = 0; i < CSOCK_DIAL_IN_FLIGHT; i++)
        if (dl->flights[i].on && &dl->flights[i] != dl->winner)
            attempt_ended(dl, &dl->flights[i], err);
}

/* ---- its beginning */

static struct csock__flight *free_flight(struct csock__dialing *dl)
{
    struct csock__flight *f = dl->flights;
    while (f->on)
        f++;
    return f;
}

/* Whether it waits in csock_connect(), as the only one: nothing to race with, or of a family that
 * cannot be waited for otherwise (unix(7): a full backlog is EAGAIN). Who is to be ended by the
 * closing of another socket waits for both, where that can be done. */
static bool goes_alone(const struct csock__dialing *dl, const struct csock_dial_attempt *a)
{
    if (!is_inet(a->family))
        return true;
    return dl->race.in_flight == 0 && dl->order.waiting == 0 && dl->race.unknown == 0 &&
           !dl->d->until_closed;
}

/* A struct that others may know is open from one moment to the next. */
static int open_at(const struct csock__dialing *dl, const struct csock_dial_attempt *a, bool alone)
{
    unsigned flags = dl->d->flags | (alone ? 0 : CSOCK_NONBLOCK);
    struct csock fresh = CSOCK_INIT;
    int r = csock_open(&fresh, a->family, a->type, a->proto, flags);
    if (r == 0)
        csock_renew(&fresh, a->s);
    return r;
}

static int set_options(const struct csock_dial_request *d, struct csock *s)
{
    int r = 0;
    for (size_t i = 0; i < d->n_options && r == 0; i++) {
        const struct csock_dial_option *o = &d->options[i];
        r = o->value ? csock_opt_set(s, o->level, o->name, o->value, o->len)
                     : csock_opt_set_absent(s, o->level, o->name, o->len);
    }
    return r;
}

/* Without a port of its own it takes none until it is connected: then a port may serve
 * connections to different places, and 28,000 attempts do not use all of them up. ip(7) Older
 * kernels lack it. */
static int bind_to(struct csock *s, const struct csock_dial_addr *source)
{
    if (csock_addr_port(source->addr, source->len) == 0)
        csock_opt_set_int(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return csock_bind(s, source->addr, source->len);
}

/* On this machine it is connected, or refused, by the time that connect(2) says EINPROGRESS. Asked
 * once more, it says so: that costs less than to wait for it. But who has to hear of the closing of
 * another socket waits. */
static int begin_connecting(const struct csock__dialing *dl, const struct csock_dial_attempt *a)
{
    int r = csock_connect_begin(a->s, &a->addr.any, a->len);
    if (r == -EINPROGRESS && !dl->d->until_closed)
        r = csock_connect_begin(a->s, &a->addr.any, a->len);
    return r == -EINPROGRESS || r == -EALREADY ? UNDER_WAY : r;
}

/* A signal came, which may be the closer's. While the caller's callback runs no call is inside any
 * socket; nor is there one after, if that is all. */
static int alone_is_over(void *arg)
{
    struct csock__dialing *dl = arg;
    csock_leave(&dl->inside);
    if (dl->w.interrupted && dl->w.interrupted(dl->w.arg))
        return 1;
    dl->closed = csock_enter(dl->d->until_closed, &dl->inside) < 0;
    return dl->closed;
}

/* It stands inside the socket whose closing is to end it: so the closer wakes it. */
static int connect_until_closed(struct csock__dialing *dl, const struct csock_dial_attempt *a)
{
    struct csock_wait w = csock__dial_wait(dl);
    w.interrupted = alone_is_over;
    int r = csock_enter(dl->d->until_closed, &dl->inside);
    dl->closed = r < 0 && r != -ENOMEM;
    if (r < 0)
        return dl->closed ? CSOCK_EINTERRUPTED : r;
    r = csock_connect(a->s, &a->addr.any, a->len, &w);
    if (r != CSOCK_EINTERRUPTED)
        csock_leave(&dl->inside);
    return r;
}

/* *ret_stop: what ends all. Returns what has become of the attempt: 0, its error, or UNDER_WAY. */
static int launch(struct csock__dialing *dl, struct csock_dial_attempt *a, int *ret_stop)
{
    bool alone = goes_alone(dl, a);
    int r = open_at(dl, a, alone);
    if (r == 0)
        r = set_options(dl->d, a->s);
    if (r == 0 && a->source) {
        *ret_stop = tell(dl, a, CSOCK_DIAL_BIND) ? CSOCK_EINTERRUPTED : 0;
        r = *ret_stop ? -ECANCELED : bind_to(a->s, a->source);
    }
    if (r < 0)
        return r;
    if (tell(dl, a, CSOCK_DIAL_CONNECT)) {
        *ret_stop = CSOCK_EINTERRUPTED;
        return -ECANCELED;
    }
    if (!alone)
        return begin_connecting(dl, a);
    r = dl->d->until_closed ? connect_until_closed(dl, a)
                            : csock_connect(a->s, &a->addr.any, a->len, &dl->w);
    if (r == CSOCK_ETIMEOUT || r == CSOCK_EINTERRUPTED)
        *ret_stop = dl->closed ? CSOCK_ECLOSED : r;
    return r == CSOCK_EINTERRUPTED ? -ECANCELED : r;
}

/* Of descriptors, or memory: others may give some back when they end. */
static bool is_lack(int err)
{
    return err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM;
}

static void launched(struct csock__dialing *dl, struct csock__flight *f, int r)
{
    struct csock_dial_attempt *a = attempt_of(dl, f);
    if (is_lack(r) && dl->race.in_flight > 0) {
        csock__order_put_back(&dl->order, &a->addr.any, a->len);
        csock__race_starved(&dl->race, csock_now());
        attempt_ended(dl, f, r);
        return;
    }
    csock__race_begun(&dl->race, csock_now());
    if (r == 0)
        flight_wins(dl, f);
    else if (r != UNDER_WAY)
        flight_fails(dl, f, r);
}

int csock__attempt_begin(struct csock__dialing *dl)
{
    struct csock_dial_attempt *list =
        csock__grown(dl->attempts, dl->n_attempts, 1, ROOM_AT_FIRST, sizeof *list, &dl->room);
    int stop = 0;
    if (!list)
        return -ENOMEM;
    dl->attempts = list;
    struct csock__flight *f = free_flight(dl);
    struct csock_dial_attempt *a = list_attempt(dl, csock__order_next(&dl->order));
    *f = (struct csock__flight){.on = true, .index = a->index};
    a->s = dl->d->place ? dl->d->place(dl->d->arg, a) : &f->own;
    if (!a->s)
        stop = CSOCK_EINTERRUPTED;
    int r = a->s ? launch(dl, a, &stop) : -ECANCELED;
    launched(dl, f, r);
    return dl->winner ? 0 : stop;
}

/* ---- which error says most */

/* What a peer has answered, before what a router has, before silence, before what this machine had
 * to say: "no route for IPv6" beside "connection refused" tells nobody anything. */
static int weight(int err)
{
    switch (err) {
    case 0:
    case -ECANCELED:
        return 0;
    case -ECONNREFUSED:
    case -ECONNRESET:
        return 5;
    case -EHOSTUNREACH:
    case -EACCES:
    case -EPERM:
        return 4;
    case -ETIMEDOUT:
        return 3;
    case -ENETUNREACH:
    case -EADDRNOTAVAIL:
    case -EAFNOSUPPORT:
        return 1;
    default:
        return 2;
    }
}

ssize_t csock__attempts_decisive(const struct csock__dialing *dl)
{
    ssize_t best = -1;
    for (size_t i = 0; i < dl->n_attempts; i++)
        if (weight(dl->attempts[i].err) > (best < 0 ? 0 : weight(dl->attempts[best].err)))
            best = (ssize_t)i;
    return best;
}

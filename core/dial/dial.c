/* Runs the race over the real kernel: see dialing.h. */
#include "dial/dialing.h"

#include <poll.h>
#include <string.h>

#include "call/wait.h"
#include "sys/sys.h"

#define LONGEST_DELAY INT64_C(3600000000000) /* an hour: sums of such do not overflow */

static int64_t delay(int64_t given, int64_t usual, int64_t least)
{
    int64_t ns = given ? given : usual;
    return ns < least ? least : ns > LONGEST_DELAY ? LONGEST_DELAY : ns;
}

static bool has_own_port(const struct csock_dial_request *d)
{
    for (size_t i = 0; i < d->n_sources; i++)
        if (csock_addr_port(d->sources[i].addr, d->sources[i].len) > 0)
            return true;
    return false;
}

static void dialing_begin(struct csock__dialing *dl, const struct csock_dial_request *d,
                          const struct csock_wait *w)
{
    memset(dl, 0, sizeof *dl);
    dl->d = d;
    dl->ask = (struct csock__ask){.event = -1, .beside = CSOCK__NO_TIMER};
    dl->start = csock_now();
    if (w)
        dl->w = *w;
    dl->w.deadline = csock__bound(&dl->w);
    dl->w.timeout = 0;
    dl->race.attempt_delay =
        delay(d->attempt_delay, CSOCK_DIAL_ATTEMPT_DELAY, CSOCK_DIAL_ATTEMPT_DELAY_MIN);
    dl->race.resolution_delay = delay(d->resolution_delay, CSOCK_DIAL_RESOLUTION_DELAY, 0);
    dl->race.one_at_a_time = has_own_port(d);
}

/* ---- waiting */

/* Whom to wait for: attempts, look-ups, and the socket that ends it all. `who` says which is
 * which. */
struct watched {
    struct csock_polled polled[CSOCK_DIAL_IN_FLIGHT + 2];
    struct csock__flight *who[CSOCK_DIAL_IN_FLIGHT + 2]; /* NULL: none of the attempts */
    size_t n;
};

static void watch_all(struct csock__dialing *dl, struct watched *all)
{
    all->n = 0;
    for (size_t i = 0; i < CSOCK_DIAL_IN_FLIGHT; i++)
        if (dl->flights[i].on) {
            all->who[all->n] = &dl->flights[i];
            all->polled[all->n++] =
                (struct csock_polled){.s = dl->attempts[dl->flights[i].index].s, .events = POLLOUT};
        }
    all->who[all->n] = NULL;
    all->polled[all->n++] = (struct csock_polled){.fd = dl->ask.event, .events = POLLIN};
    if (dl->d->until_closed) {
        all->who[all->n] = NULL;
        all->polled[all->n++] = (struct csock_polled){.s = dl->d->until_closed};
    }
}

/* All that has happened is heard, though one of them may have won already. */
static void hear(struct csock__dialing *dl, const struct watched *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->who[i] && all->polled[i].revents)
            csock__attempt_event(dl, all->who[i], all->polled[i].revents);
}

/* One was closed. If it is an attempt's socket, that attempt has failed. */
static int hear_of_closing(struct csock__dialing *dl, const struct watched *all)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->polled[i].revents == CSOCK__GONE && all->who[i]) {
            csock__attempt_event(dl, all->who[i], CSOCK__GONE);
            return 0;
        }
    return CSOCK_ECLOSED;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* While look-ups are under way a signal's handler that has forked must not go unheard. */
static int on_signal(void *arg)
{
    struct csock__dialing *dl = arg;
    if (dl->w.interrupted && dl->w.interrupted(dl->w.arg))
        return 1;
    dl->forked = csock__ask_is_parents(dl);
    return dl->forked;
}

static void on_pause(void *arg)
{
    const struct csock__dialing *dl = arg;
    if (dl->w.pause)
        dl->w.pause(dl->w.arg);
}

static void on_resume(void *arg)
{
    const struct csock__dialing *dl = arg;
    if (dl->w.resume)
        dl->w.resume(dl->w.arg);
}

struct csock_wait csock__dial_wait(struct csock__dialing *dl)
{
    return (struct csock_wait){.deadline = dl->w.deadline,
                               .interrupted = on_signal,
                               .pause = on_pause,
                               .resume = on_resume,
                               .arg = dl};
}

/* What others are shown: all of it, which many waits are parts of. */
static struct csock__shown shown_of(const struct csock__dialing *dl)
{
    return (struct csock__shown){.what = CSOCK__DIAL,
                                 .since = dl->start,
                                 .deadline = dl->w.deadline,
                                 .about = (uintptr_t)dl->d->host,
                                 .about_size = csock__shown_size(dl->d->host)};
}

static int wait_for_events(struct csock__dialing *dl)
{
    struct watched all;
    struct csock_wait w = csock__dial_wait(dl);
    if (csock__ask_is_parents(dl)) /* a callback has forked */
        return csock__ask_anew(dl);
    int64_t timer = sooner(dl->race.timer, dl->ask.beside);
    dl->forked = false;
    watch_all(dl, &all);
    if (timer != CSOCK__NO_TIMER)
        w.deadline = w.deadline == CSOCK_FOREVER ? timer : sooner(timer, w.deadline);
    struct csock__shown whole = shown_of(dl);
    int r = csock__poll_as_part(all.polled, all.n, &w, &whole);
    if (r > 0)
        hear(dl, &all);
    else if (r == CSOCK_ECLOSED || r == -EBADF)
        r = hear_of_closing(dl, &all);
    else if (r == CSOCK_EINTERRUPTED && dl->forked)
        r = 0;
    else if (r == CSOCK_ETIMEOUT && !csock__dial_over_time(dl, csock_now()))
        r = 0;
    if (r >= 0 && !dl->winner)
        r = csock__ask_go_on(dl);
    return r < 0 ? r : 0;
}

/* ---- the race */

static int lost(const struct csock__dialing *dl)
{
    ssize_t decisive = csock__attempts_decisive(dl);
    if (decisive >= 0)
        return dl->attempts[decisive].err;
    if (dl->order.n == 0 && dl->n_left_out > 0)
        return CSOCK_EEXCLUDED;
    return dl->ask.err ? dl->ask.err : CSOCK_ENOADDR;
}

/* 0 to go on, or once there is a winner. Addresses that all fail at once must not outlast the
 * deadline either. */
static int do_step(struct csock__dialing *dl)
{
    int64_t now = csock_now();
    switch (csock__race_ask(&dl->race, now)) {
    case CSOCK__RACE_BEGIN:
        return dl->n_attempts > 0 && csock__dial_over_time(dl, now) ? CSOCK_ETIMEOUT
                                                                    : csock__attempt_begin(dl);
    case CSOCK__RACE_GIVE_UP:
        csock__attempt_give_up(dl);
        return 0;
    case CSOCK__RACE_LOST:
        return lost(dl);
    case CSOCK__RACE_WAIT:
        break;
    }
    return wait_for_events(dl);
}

static int run_race(struct csock__dialing *dl)
{
    int r = csock__ask_begin(dl);
    while (r == 0 && !dl->winner)
        r = do_step(dl);
    return dl->winner ? 0 : r;
}

/* ---- the end */

/* Leaves the winner as it was asked for: connect has put it into non-blocking mode. */
static int finish_winner(struct csock__dialing *dl, struct csock *ret_s)
{
    struct csock__flight *f = dl->winner;
    struct csock_dial_attempt *a = &dl->attempts[f->index];
    int r = 0;
    if (!(dl->d->flags & CSOCK_NONBLOCK) && (csock_flags(a->s) & CSOCK_NONBLOCK))
        r = csock_set_blocking(a->s, true);
    if (r < 0) {
        dl->winner = NULL;
        return r == -EBADF ? CSOCK_ECLOSED : r;
    }
    if (!dl->d->place) {
        csock_move(a->s, ret_s);
        a->s = ret_s;
    }
    if (dl->d->step)
        dl->d->step(dl->d->arg, a, CSOCK_DIAL_END);
    return 0;
}

static void report(struct csock__dialing *dl, struct csock_dial_report *ret_report, int r)
{
    *ret_report = (struct csock_dial_report){
        .stage = dl->order.n > 0 ? CSOCK_DIAL_CONNECTING : CSOCK_DIAL_LOOKUP,
        .lookup_err = dl->ask.err,
        .looked_up = dl->looked_up,
        .elapsed = csock__dial_elapsed(dl),
        .n_found = csock__dial_found(dl),
        .n_left_out = dl->n_left_out,
        .n_untried = dl->order.waiting,
        .n_attempts = dl->n_attempts,
        .attempts = dl->attempts,
        .decisive = r == 0 ? (ssize_t)dl->winner->index : csock__attempts_decisive(dl),
    };
    if (r < 0 && ret_report->decisive >= 0 && dl->attempts[ret_report->decisive].err != r)
        ret_report->decisive = -1;
    dl->attempts = NULL;
}

static int check_dial(const struct csock *ret_s, const struct csock_dial_request *d)
{
    if (!ret_s && !d->place)
        return -EINVAL;
    return d->host && !d->service && (d->port < 0 || d->port > 65535) ? CSOCK_EPORT : 0;
}

int csock_dial(struct csock *ret_s, const struct csock_dial_request *d,
               struct csock_dial_report *ret_report, const struct csock_wait *w)
{
    struct csock__dialing dl;
    dialing_begin(&dl, d, w);
    int r = check_dial(ret_s, d);
    if (r == 0)
        r = run_race(&dl);
    csock__ask_end(&dl);
    if (r == 0)
        r = finish_winner(&dl, ret_s);
    csock__attempts_end(&dl, r == CSOCK_ETIMEOUT ? r : -ECANCELED);
    if (ret_report)
        report(&dl, ret_report, r);
    csock__order_free(&dl.order);
    csock__sys->release(dl.attempts);
    return r;
}

void csock_dial_report_free(struct csock_dial_report *r)
{
    csock__sys->release(r->attempts);
    *r = (struct csock_dial_report){.decisive = -1};
}

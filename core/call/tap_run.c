/* How calls on tapped sockets run. Sits on wait.h, and on taps.h for the packets. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

#include "call/taps.h"
#include "call/wait.h"

static bool takes_nothing(const struct csock__moved *m)
{
    return m->way == CSOCK__INWARD && (m->flags & (MSG_PEEK | MSG_ERRQUEUE));
}

/* With its lock. */
static void note_transfer(struct csock__tap *tap, struct csock *s, const struct csock__op *op,
                          ssize_t r)
{
    struct csock__moved m = {0};
    op->kind->tell(op, &m);
    if (r == -EAGAIN || r == -EINTR || takes_nothing(&m) || !csock__tap_goes_on(tap, s))
        return;
    if (!tap->peer_len && m.addr && m.len && r >= 0 && tap->everything && !tap->pcap) {
        tap->peer_len = csock__name_len(m.len);
        memcpy(&tap->peer, m.addr, tap->peer_len);
    }
    if (csock__tap_has_file(tap, s))
        csock__tap_transfer(tap, s, &m, r);
}

/* Gives the locks back. What fails is told once. */
static void unlock_and_tell(struct csock__waiting *wg, struct csock__tap *tap)
{
    bool failed = tap->pcap ? tap->pcap->err && !__atomic_load_n(&tap->pcap->told, __ATOMIC_RELAXED)
                            : !tap->everything;
    csock__tap_unlock(tap);
    if (failed && tap->hooks && wg->w->arg)
        tap->hooks->failed(wg->w->arg);
}

static void tell_begin(const struct csock__waiting *wg, const struct csock__tap *tap)
{
    if (tap->hooks && wg->w->arg)
        tap->hooks->begin(wg->w->arg);
}

static ssize_t try_once(struct csock__waiting *wg, struct csock__tap *tap,
                        const struct csock__op *op)
{
    struct csock *s = wg->call.s;
    csock__tap_lock(tap);
    ssize_t r = op->kind->run(csock__fd(s), op, MSG_DONTWAIT);
    note_transfer(tap, s, op, r);
    if (r <= 0)
        csock__tap_write_out(tap);
    unlock_and_tell(wg, tap);
    return r;
}

static ssize_t try_tapped(struct csock__waiting *wg, struct csock__tap *tap,
                          const struct csock__op *op)
{
    ssize_t r;
    while ((r = try_once(wg, tap, op)) == -EINTR) {
        int stop = csock__interrupted(wg);
        if (stop < 0)
            return stop;
    }
    return r <= 0 && csock__closing(wg->call.s) ? CSOCK_ECLOSED : r;
}

/* Whoever looks what a program hangs in is to see all that came before. */
static void write_before_sleep(struct csock__tap *tap)
{
    csock__tap_lock(tap);
    csock__tap_write_out(tap);
    csock__tap_unlock(tap);
}

void csock__wait_tapped(struct csock__waiting *wg)
{
    struct csock__tap *tap = csock__tap_of(wg->call.s);
    if (!tap)
        return;
    tell_begin(wg, tap);
    write_before_sleep(tap);
}

/* What only the blocking call itself does: MSG_WAITALL, MSG_FASTOPEN, SO_RCVLOWAT; and of datagrams
 * the end after shutdown(2), where a try says EAGAIN for ever, and room at any of the peers of
 * AF_UNIX. Nobody holds a lock while it sleeps. */
static ssize_t block_tapped(struct csock__waiting *wg, struct csock__tap *tap,
                            const struct csock__op *op)
{
    write_before_sleep(tap);
    ssize_t r = csock__run_blocking(wg, op);
    csock__tap_lock(tap);
    note_transfer(tap, wg->call.s, op, r);
    unlock_and_tell(wg, tap);
    return r;
}

/* SO_RCVTIMEO or SO_SNDTIMEO, which the kernel would heed in the blocking call. */
static bool bound_by_option(struct csock__waiting *wg, const struct csock__op *op)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    int name = op->events & POLLOUT ? SO_SNDTIMEO : SO_RCVTIMEO;
    if (csock__sys->getsockopt(csock__fd(wg->call.s), SOL_SOCKET, name, &tv, &len) < 0)
        return false;
    int64_t ns = (int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
    if (ns > 0)
        wg->deadline = csock_deadline(ns);
    return ns > 0;
}

static ssize_t poll_tapped(struct csock__waiting *wg, struct csock__tap *tap,
                           const struct csock__op *op)
{
    bool by_option = !csock__polls(wg) && bound_by_option(wg, op);
    csock__waits_in(wg, op);
    for (;;) {
        int ready = csock__poll(wg, op->events);
        if (ready < 0)
            return by_option && ready == CSOCK_ETIMEOUT ? -EAGAIN : ready;
        ssize_t r = try_tapped(wg, tap, op);
        if (r != -EAGAIN)
            return r;
        int stop = csock__back_off(wg);
        if (stop < 0)
            return stop;
    }
}

/* Somebody else has made the descriptor one that does not block: that is for the caller to hear. */
static bool is_told_so(const struct csock__waiting *wg)
{
    return !csock__polls(wg) && (csock_flags(wg->call.s) & CSOCK_EAGAIN) &&
           csock__sys->get_nonblock(csock__fd(wg->call.s)) == 1;
}

ssize_t csock__run_tapped(struct csock__waiting *wg, const struct csock__op *op)
{
    struct csock__tap *tap = op->kind->tell ? csock__tap_of(wg->call.s) : NULL;
    bool polls = csock__polls(wg), once = csock__nowait(wg);
    once |= (op->rare & CSOCK__NEVER_WAITS) && !csock__is_bounded(wg->w);
    if (!tap)
        return csock__run_plainly(wg, op);
    tell_begin(wg, tap);
    wg->tried = 0;
    if (!polls && op->no_try && !once)
        return block_tapped(wg, tap, op);
    if (once || !polls || !op->poll_first) {
        ssize_t r = try_tapped(wg, tap, op);
        if (r != -EAGAIN || once || is_told_so(wg))
            return r;
    } else {
        write_before_sleep(tap);
    }
    if (!polls && wg->call.s->type == SOCK_DGRAM)
        return block_tapped(wg, tap, op);
    return poll_tapped(wg, tap, op);
}

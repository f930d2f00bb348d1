/* Transfers. Each tries once without waiting, and only then waits: it is very likely that there is
 * data to take, or room to put some. Sits on users, wait and sys. */
#include <string.h>

#include "sock/io.h"
#include "sys/sys.h"
#include "call/try.h"

/* One receive or send. */
struct transfer {
    struct csock__op op;
    void *buf;        /* to receive into */
    const void *data; /* to send */
    size_t n;
    int flags;
    const struct sockaddr *to;
    union csock_addr *from;
    socklen_t len; /* of the address */
};

static struct transfer *transfer_of(const struct csock__op *op)
{
    return (struct transfer *)(uintptr_t)op;
}

static ssize_t run_recv(int fd, const struct csock__op *op, int flags)
{
    const struct transfer *t = transfer_of(op);
    return csock__ret(csock__sys->recv(fd, t->buf, t->n, t->flags | flags));
}

static ssize_t run_recv_from(int fd, const struct csock__op *op, int flags)
{
    struct transfer *t = transfer_of(op);
    socklen_t len = sizeof *t->from;
    ssize_t r =
        csock__ret(csock__sys->recvfrom(fd, t->buf, t->n, t->flags | flags, &t->from->any, &len));
    if (r >= 0)
        t->len = len;
    return r;
}

static bool receive_behind(const struct csock__op *op, size_t by)
{
    struct transfer *t = transfer_of(op);
    t->buf = (char *)t->buf + by;
    t->n -= by;
    return true;
}

static ssize_t run_send(int fd, const struct csock__op *op, int flags)
{
    const struct transfer *t = transfer_of(op);
    return csock__ret(csock__sys->send(fd, t->data, t->n, t->flags | flags));
}

static ssize_t run_send_to(int fd, const struct csock__op *op, int flags)
{
    const struct transfer *t = transfer_of(op);
    return csock__ret(csock__sys->sendto(fd, t->data, t->n, t->flags | flags, t->to, t->len));
}

static const struct sockaddr *send_to_address(const struct csock__op *op, socklen_t *ret_len)
{
    const struct transfer *t = transfer_of(op);
    *ret_len = t->len;
    return t->to;
}

static void set_moved(struct csock__moved *m, enum csock__way way, const struct transfer *t,
                      const void *data)
{
    m->way = way;
    m->flags = t->flags;
    m->part = (struct iovec){(void *)(uintptr_t)data, t->n};
    m->parts = &m->part;
    m->n_parts = 1;
    m->addr = t->from ? &t->from->any : t->to;
    m->len = t->len;
}

static void tell_received(const struct csock__op *op, struct csock__moved *ret)
{
    const struct transfer *t = transfer_of(op);
    set_moved(ret, CSOCK__INWARD, t, t->buf);
}

static void tell_sent(const struct csock__op *op, struct csock__moved *ret)
{
    const struct transfer *t = transfer_of(op);
    set_moved(ret, CSOCK__OUTWARD, t, t->data);
}

static const struct csock__kind recv_kind = {
    .run = run_recv, .tell = tell_received, .what = CSOCK__RECV};
static const struct csock__kind recv_from_kind = {
    .run = run_recv_from, .tell = tell_received, .what = CSOCK__RECVFROM};
static const struct csock__kind send_kind = {
    .run = run_send, .tell = tell_sent, .what = CSOCK__SEND};
static const struct csock__kind send_to_kind = {
    .run = run_send_to, .to = send_to_address, .tell = tell_sent, .what = CSOCK__SENDTO};

static struct transfer receiving(const struct csock *s, void *buf, size_t n, int flags,
                                 union csock_addr *from)
{
    struct csock__op op = csock__receiving(s, flags);
    op.kind = from ? &recv_from_kind : &recv_kind;
    return (struct transfer){.op = op, .buf = buf, .n = n, .flags = flags, .from = from};
}

static struct transfer sending(const struct csock *s, const void *data, size_t n, int flags)
{
    struct csock__op op = csock__sending(s, &flags);
    op.kind = &send_kind;
    return (struct transfer){.op = op, .data = data, .n = n, .flags = flags};
}

/* Whether a call that is inside makes a plain try before anything is set up for waiting. */
static bool tries_plainly(const struct csock *s, int flags)
{
    return !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE | CSOCK__NO_TRY)) &&
           !(csock_flags(s) & (CSOCK_NO_TRY | CSOCK__TAPPED));
}

/* Whether tried can be what a csock_try_… for n bytes has left to be gone on with; n is 0 for a
 * receive, whose count is final. */
static bool may_go_on(ssize_t tried, size_t n)
{
    return csock__inconclusive(tried) || (tried > 0 && (size_t)tried <= n);
}

/* Leaves with the result of a plain try. */
static ssize_t leave_with(struct csock__call *call, ssize_t r)
{
    if (r <= 0 && csock__closing(call->s))
        r = CSOCK_ECLOSED;
    csock__leave(call);
    return r;
}

/* The call in full, entered already. tried: here and below the result of a plain try, 0 if there
 * was none. */
static ssize_t go_on(struct csock__waiting *wg, struct transfer *t, const struct csock_wait *w,
                     ssize_t tried)
{
    csock__waiting_fill(wg, w);
    wg->tried = tried;
    ssize_t r = csock__brings_all(wg, t->flags)
                    ? csock__run_all(wg, &t->op, t->n, t->flags, receive_behind)
                    : csock__run(wg, &t->op);
    csock__waiting_end(wg);
    return r;
}

/* from: where the sender goes, with its length, on success only; NULL: nobody asks. */
static inline ssize_t receive(struct csock *s, void *buf, size_t n, int flags,
                              union csock_addr *from, socklen_t *ret_len, ssize_t tried,
                              const struct csock_wait *w)
{
    struct csock__waiting wg;
    ssize_t r = csock__enter(&wg.call, s);
    if (r < 0)
        return r;
    if (tried == 0 && tries_plainly(s, flags)) {
        tried = from ? csock_try_recv_from(s, buf, n, flags, from, ret_len)
                     : csock_try_recv(s, buf, n, flags);
        if (!csock__inconclusive(tried))
            return leave_with(&wg.call, tried);
    }
    struct transfer t = receiving(s, buf, n, flags, from);
    r = go_on(&wg, &t, w, tried);
    if (from && r >= 0)
        *ret_len = csock__name_len(t.len);
    return r;
}

ssize_t csock_recv(struct csock *s, void *buf, size_t n, int flags, const struct csock_wait *w)
{
    return receive(s, buf, n, flags, NULL, NULL, 0, w);
}

ssize_t csock_recv_tried(struct csock *s, void *buf, size_t n, int flags, ssize_t tried,
                         const struct csock_wait *w)
{
    return tried && !may_go_on(tried, 0) ? -EINVAL
                                         : receive(s, buf, n, flags, NULL, NULL, tried, w);
}

/* By way of an address of its own, as a datagram may have come, and the socket be closed. */
static inline ssize_t receive_address(struct csock *s, void *buf, size_t n, int flags,
                                      union csock_addr *ret_addr, socklen_t *ret_len, ssize_t tried,
                                      const struct csock_wait *w)
{
    union csock_addr from;
    socklen_t len;
    ssize_t r = receive(s, buf, n, flags, &from, &len, tried, w);
    if (r >= 0 && ret_addr) {
        *ret_len = len;
        memcpy(ret_addr, &from, len);
    }
    return r;
}

ssize_t csock_recv_from(struct csock *s, void *buf, size_t n, int flags, union csock_addr *ret_addr,
                        socklen_t *ret_len, const struct csock_wait *w)
{
    return receive_address(s, buf, n, flags, ret_addr, ret_len, 0, w);
}

ssize_t csock_recv_from_tried(struct csock *s, void *buf, size_t n, int flags,
                              union csock_addr *ret_addr, socklen_t *ret_len, ssize_t tried,
                              const struct csock_wait *w)
{
    return tried && !may_go_on(tried, 0)
               ? -EINVAL
               : receive_address(s, buf, n, flags, ret_addr, ret_len, tried, w);
}

/* The rest of a send whose try was short: on a blocking stream one send(2) takes all, so the
 * second half is one blocking call. What it cannot say, because something went out already, the
 * next call will: an error, a closing. A signal is the caller's to notice, as after any count. */
static ssize_t send_rest(struct csock__waiting *wg, const struct transfer *t, ssize_t sent)
{
    struct transfer rest = *t;
    do {
        rest.data = (const char *)t->data + sent;
        rest.n = t->n - (size_t)sent;
        ssize_t more = csock__send_more(wg, &rest.op);
        if (more <= 0)
            break;
        sent += more;
    } while (csock__goes_on(wg, t->n, sent, t->flags)); /* if it is tapped */
    return sent;
}

static int is_enough(void *arg)
{
    (void)arg;
    return 1;
}

/* A tapped socket goes on by tries; a signal ends them, as it ends the blocking call. */
static ssize_t send_more_tapped(struct csock__waiting *wg, const struct csock__op *op)
{
    const struct csock_wait *callers = wg->w;
    struct csock_wait w = *callers;
    w.interrupted = is_enough;
    wg->w = &w;
    ssize_t r = csock__run_tapped(wg, op);
    wg->w = callers;
    return r;
}

ssize_t csock__send_more(struct csock__waiting *wg, const struct csock__op *op)
{
    return csock__is_tapped(wg->call.s) ? send_more_tapped(wg, op) : csock__block(wg, op);
}

/* On a blocking stream; a short count of the blocking call itself stands: a signal, or SO_SNDTIMEO,
 * ended it. Datagrams and SOCK_SEQPACKET are never continued: their rest would be a message. */
bool csock__goes_on(const struct csock__waiting *wg, size_t n, ssize_t sent, int flags)
{
    return (size_t)sent < n && wg->call.s->type == SOCK_STREAM && !csock__polls(wg) &&
           !wg->blocked && !(flags & MSG_DONTWAIT);
}

static ssize_t send_one(struct csock__waiting *wg, const struct transfer *t)
{
    ssize_t r = wg->tried;
    if (r > 0)
        wg->tried = 0;
    else
        r = csock__run(wg, &t->op);
    if (r > 0 && csock__goes_on(wg, t->n, r, t->flags))
        r = send_rest(wg, t, r);
    return r;
}

static ssize_t run_send_one(struct csock__waiting *wg, const struct transfer *t,
                            const struct csock_wait *w, ssize_t tried)
{
    csock__waiting_fill(wg, w);
    wg->tried = tried;
    ssize_t r = send_one(wg, t);
    csock__waiting_end(wg);
    return r;
}

/* Whether a plain try of n bytes ended the call: all went out, or an error came. */
static bool send_is_over(ssize_t tried, size_t n)
{
    return (size_t)tried == n || (tried < 0 && !csock__inconclusive(tried));
}

static inline ssize_t transmit(struct csock *s, const void *buf, size_t n, int flags, ssize_t tried,
                               const struct csock_wait *w)
{
    struct csock__waiting wg;
    ssize_t r = csock__enter(&wg.call, s);
    if (r < 0)
        return r;
    if (tried == 0 && tries_plainly(s, flags)) {
        tried = csock_try_send(s, buf, n, flags);
        if (send_is_over(tried, n))
            return leave_with(&wg.call, tried);
    }
    struct transfer t = sending(s, buf, n, flags);
    return run_send_one(&wg, &t, w, tried);
}

ssize_t csock_send(struct csock *s, const void *buf, size_t n, int flags,
                   const struct csock_wait *w)
{
    return transmit(s, buf, n, flags, 0, w);
}

ssize_t csock_send_tried(struct csock *s, const void *buf, size_t n, int flags, ssize_t tried,
                         const struct csock_wait *w)
{
    return tried && !may_go_on(tried, n) ? -EINVAL : transmit(s, buf, n, flags, tried, w);
}

static inline ssize_t transmit_to(struct csock *s, const void *buf, size_t n, int flags,
                                  const struct sockaddr *addr, socklen_t len, ssize_t tried,
                                  const struct csock_wait *w)
{
    struct csock__waiting wg;
    ssize_t r = csock__enter(&wg.call, s);
    if (r < 0)
        return r;
    if (tried == 0 && tries_plainly(s, flags)) {
        tried = csock_try_send_to(s, buf, n, flags, addr, len);
        if (send_is_over(tried, n))
            return leave_with(&wg.call, tried);
    }
    struct transfer t = sending(s, buf, n, flags);
    t.op.kind = &send_to_kind;
    t.to = addr;
    t.len = len;
    return run_send_one(&wg, &t, w, tried);
}

ssize_t csock_send_to(struct csock *s, const void *buf, size_t n, int flags,
                      const struct sockaddr *addr, socklen_t len, const struct csock_wait *w)
{
    return transmit_to(s, buf, n, flags, addr, len, 0, w);
}

ssize_t csock_send_to_tried(struct csock *s, const void *buf, size_t n, int flags,
                            const struct sockaddr *addr, socklen_t len, ssize_t tried,
                            const struct csock_wait *w)
{
    return tried && !may_go_on(tried, n) ? -EINVAL
                                         : transmit_to(s, buf, n, flags, addr, len, tried, w);
}

int csock_send_all(struct csock *s, const void *buf, size_t n, int flags, size_t *ret_sent,
                   const struct csock_wait *w)
{
    return csock_send_all_tried(s, buf, n, flags, ret_sent, 0, w);
}

int csock_send_all_tried(struct csock *s, const void *buf, size_t n, int flags, size_t *ret_sent,
                         ssize_t tried, const struct csock_wait *w)
{
    struct csock__waiting wg;
    size_t sent = 0;
    ssize_t r = tried && !may_go_on(tried, n) ? -EINVAL : csock__waiting_begin(&wg, s, w);
    if (r < 0)
        goto out;
    struct transfer t = sending(s, buf, n, flags);
    wg.tried = tried;
    do {
        r = send_one(&wg, &t);
        if (r < 0)
            break;
        sent += (size_t)r;
        t.data = (const char *)t.data + r;
        t.n -= (size_t)r;
        /* A signal after the first byte makes a short count, not EINTR. */
        if (t.n > 0)
            r = csock__interrupted(&wg);
        if (t.n > 0 && r >= 0 && csock__is_late(&wg))
            r = CSOCK_ETIMEOUT;
        wg.blocked = 0;
    } while (t.n > 0 && r >= 0);
    csock__waiting_end(&wg);
out:
    if (ret_sent)
        *ret_sent = sent;
    return r < 0 ? (int)r : 0;
}

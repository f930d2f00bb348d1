/* Connections: accepting, connecting, and whether one stands. Sits on users, wait and sys. */
#include <string.h>
#include <sys/time.h>

#include "sys/sys.h"
#include "call/users.h"
#include "call/wait.h"

struct accept_op {
    struct csock__op op;
    int fd;
    bool nameless; /* the kernel refuses to name the peer */
    union csock_addr peer;
    socklen_t len;
};

static ssize_t run_accept(int fd, const struct csock__op *op, int flags)
{
    struct accept_op *a = (struct accept_op *)(uintptr_t)op;
    (void)flags;
    a->len = a->nameless ? 0 : sizeof a->peer;
    a->fd = csock__sys->accept4(fd, a->nameless ? NULL : &a->peer.any, a->nameless ? NULL : &a->len,
                                SOCK_CLOEXEC);
    return a->fd < 0 ? -errno : 1; /* 0, too, is a descriptor, but no count */
}

static const struct csock__kind accept_kind = {.run = run_accept, .what = CSOCK__ACCEPT};

int csock_accept(struct csock *s, struct csock *ret_conn, union csock_addr *ret_peer,
                 socklen_t *ret_len, const struct csock_wait *w)
{
    struct csock__waiting wg;
    int r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    const struct csock kind = {.family = s->family, .type = s->type, .proto = s->proto};
    /* Asked for a name, AF_ALG makes the connection and loses it again, with ECONNABORTED. */
    struct accept_op a = {.op = {.kind = &accept_kind, .events = POLLIN, .poll_first = true},
                          .nameless = kind.family == AF_ALG};
    r = (int)csock__run(&wg, &a.op);
    /* SO_RCVLOWAT is inherited by the kernel, so what follows from it is, too. */
    unsigned flags = csock_flags(s) & (CSOCK_SIGPIPE | CSOCK_NO_TRY | CSOCK_EAGAIN);
    csock__waiting_end(&wg);
    if (r < 0)
        return r;
    csock__init(ret_conn, a.fd, kind.family, kind.type, kind.proto, flags);
    if (ret_peer) {
        *ret_len = csock__name_len(a.len);
        memcpy(ret_peer, &a.peer, *ret_len);
    }
    return 0;
}

struct connect_op {
    struct csock__op op;
    const struct sockaddr *addr;
    socklen_t len;
};

static ssize_t run_connect(int fd, const struct csock__op *op, int flags)
{
    const struct connect_op *c = (const struct connect_op *)op;
    (void)flags;
    return csock__ret(csock__sys->connect(fd, c->addr, c->len));
}

static const struct sockaddr *connect_address(const struct csock__op *op, socklen_t *ret_len)
{
    const struct connect_op *c = (const struct connect_op *)op;
    *ret_len = c->len;
    return c->addr;
}

static const struct csock__kind connect_kind = {
    .run = run_connect, .to = connect_address, .what = CSOCK__CONNECT};
static const struct csock__kind finish_kind = {.what = CSOCK__CONNECT};
static const struct csock__op finishing = {.kind = &finish_kind};

/* The outcome of a connect that is under way. connect(2), EINPROGRESS */
static int await_outcome(struct csock__waiting *wg)
{
    int outcome = 0;
    socklen_t len = sizeof outcome;
    int r = csock__poll(wg, POLLOUT);
    if (r < 0)
        return r;
    r = (int)csock__ret(
        csock__sys->getsockopt(csock__fd(wg->call.s), SOL_SOCKET, SO_ERROR, &outcome, &len));
    return r < 0 ? r : -outcome;
}

/* A non-blocking connect to an AF_UNIX listener with a full backlog is EAGAIN, with nothing to
 * poll for: unix(7). Elsewhere EAGAIN is an error: no port is left. connect(2) */
static int connect_polling(struct csock__waiting *wg, const struct csock__op *op)
{
    ssize_t r;
    while ((r = csock__try(wg, op)) == -EAGAIN && wg->call.s->family == AF_UNIX &&
           !csock__nowait(wg)) {
        int stop = csock__back_off(wg);
        if (stop < 0)
            return stop;
    }
    if ((r == -EINPROGRESS || r == -EALREADY) && !csock__nowait(wg))
        return await_outcome(wg);
    return (int)r;
}

/* SO_SNDTIMEO in ns, which bounds a blocking connect, too: socket(7). 0: none. */
static int64_t send_timeout(const struct csock *s)
{
    struct timeval tv = {0};
    socklen_t len = sizeof tv;
    if (csock__sys->getsockopt(csock__fd(s), SOL_SOCKET, SO_SNDTIMEO, &tv, &len) < 0)
        return 0;
    return (int64_t)tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
}

/* The rest of a blocking connect that a signal has interrupted. SO_SNDTIMEO begins anew, as it does
 * for a call that the kernel begins anew, and ends it as it would have ended that. */
static int await_interrupted(struct csock__waiting *wg)
{
    int64_t ns = send_timeout(wg->call.s);
    if (ns > 0)
        wg->deadline = csock_deadline(ns);
    int r = await_outcome(wg);
    return r == CSOCK_ETIMEOUT ? -EINPROGRESS : r;
}

/* After a signal an Internet socket goes on connecting by itself; an AF_UNIX one that waited for
 * its listener's backlog has not begun, and poll would call it writable: ask again. What a call
 * without O_NONBLOCK gives when SO_SNDTIMEO has passed is what one with it gives at once: if
 * somebody has set that meanwhile, it waits by poll. */
static int connect_blocking(struct csock__waiting *wg, const struct csock__op *op)
{
    ssize_t r;
    while ((r = csock__block(wg, op)) == -EINTR) {
        int stop = csock__interrupted(wg);
        if (stop < 0)
            return stop;
        if (wg->call.s->family != AF_UNIX)
            return await_interrupted(wg);
    }
    if (r == -EINPROGRESS && csock__has_to_poll(wg))
        return await_outcome(wg);
    return r == -EAGAIN && csock__has_to_poll(wg) ? connect_polling(wg, op) : (int)r;
}

int csock_connect(struct csock *s, const struct sockaddr *addr, socklen_t len,
                  const struct csock_wait *w)
{
    struct csock__waiting wg;
    struct connect_op c = {.op = {.kind = &connect_kind}, .addr = addr, .len = len};
    int r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    r = csock__polls(&wg) ? connect_polling(&wg, &c.op) : connect_blocking(&wg, &c.op);
    csock__waiting_end(&wg);
    return r;
}

int csock_connect_begin(struct csock *s, const struct sockaddr *addr, socklen_t len)
{
    return csock_connect(s, addr, len, &(struct csock_wait){.deadline = CSOCK_NOWAIT});
}

int csock_connect_finish(struct csock *s, const struct csock_wait *w)
{
    struct csock__waiting wg;
    union csock_addr peer;
    socklen_t len = sizeof peer;
    int r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    wg.op = &finishing;
    wg.since = 0;
    r = await_outcome(&wg);
    if (r == 0) /* no error is not yet a connection: perhaps none was begun */
        r = (int)csock__ret(csock__sys->getpeername(csock__fd(s), &peer.any, &len));
    csock__waiting_end(&wg);
    return r;
}

/* Not by a receive with MSG_PEEK: it sees no end behind data, and takes the socket's error with it.
 * POLLERR alone means notes in the error queue. poll(2) */
int csock_alive(struct csock *s)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    struct pollfd p = {.fd = csock__fd(s), .events = POLLRDHUP};
    r = (int)csock__ret(csock__sys->poll(&p, 1, 0));
    csock__leave(&call);
    if (r < 0)
        return r;
    if (p.revents & POLLNVAL)
        return -EBADF;
    return !(p.revents & (POLLRDHUP | POLLHUP));
}

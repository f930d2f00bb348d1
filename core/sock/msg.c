/* Messages: sendmsg(2) and recvmsg(2), with the waiting of every other transfer. What is inside of
 * ancillary data is for cmsg.c to know. Sits on io, wait and sys. */
#include <string.h>
#include <sys/uio.h>

#include "sock/io.h"
#include "sys/sys.h"

/* One message. The kernel writes into the header that it is given, so each try gets a fresh one. */
struct message {
    struct csock__op op;
    const struct msghdr *given;
    struct msghdr got;
    struct msghdr rest; /* of a receive that has a part, and waits for the rest */
    int flags;
    bool came; /* got is that of a message that came */
};

static struct message *message_of(const struct csock__op *op)
{
    return (struct message *)(uintptr_t)op;
}

static ssize_t run_recvmsg(int fd, const struct csock__op *op, int flags)
{
    struct message *m = message_of(op);
    struct msghdr got = *m->given;
    ssize_t r = csock__ret(csock__sys->recvmsg(fd, &got, m->flags | flags));
    m->came = r >= 0;
    if (m->came)
        m->got = got;
    return r;
}

static ssize_t run_sendmsg(int fd, const struct csock__op *op, int flags)
{
    const struct message *m = message_of(op);
    return csock__ret(csock__sys->sendmsg(fd, m->given, m->flags | flags));
}

static const struct sockaddr *sendmsg_address(const struct csock__op *op, socklen_t *ret_len)
{
    const struct message *m = message_of(op);
    *ret_len = m->given->msg_namelen;
    return m->given->msg_name;
}

static void set_moved_parts(struct csock__moved *m, enum csock__way way, const struct msghdr *msg,
                            int flags)
{
    m->way = way;
    m->flags = flags;
    m->parts = msg->msg_iov;
    m->n_parts = (size_t)msg->msg_iovlen;
    m->addr = msg->msg_name;
    m->len = msg->msg_namelen;
}

static void tell_message_received(const struct csock__op *op, struct csock__moved *ret)
{
    const struct message *m = message_of(op);
    set_moved_parts(ret, CSOCK__INWARD, m->came ? &m->got : m->given, m->flags);
}

static void tell_message_sent(const struct csock__op *op, struct csock__moved *ret)
{
    const struct message *m = message_of(op);
    set_moved_parts(ret, CSOCK__OUTWARD, m->given, m->flags);
}

static const struct csock__kind recvmsg_kind = {
    .run = run_recvmsg, .tell = tell_message_received, .what = CSOCK__RECVMSG};
static const struct csock__kind sendmsg_kind = {
    .run = run_sendmsg, .to = sendmsg_address, .tell = tell_message_sent, .what = CSOCK__SENDMSG};

static size_t total(const struct msghdr *msg)
{
    size_t n = 0;
    for (size_t i = 0; i < (size_t)msg->msg_iovlen; i++)
        n += msg->msg_iov[i].iov_len;
    return n;
}

/* Over a copy of the parts that is the call's own. Where ancillary data came, or there was no room
 * for it, the kernel stops, too: the next bytes may have other. */
static bool receive_parts_behind(const struct csock__op *op, size_t by)
{
    struct message *m = message_of(op);
    struct iovec *part = m->rest.msg_iov;
    if (m->got.msg_controllen > 0 || (m->got.msg_flags & MSG_CTRUNC))
        return false;
    for (; by >= part->iov_len; part++, m->rest.msg_iovlen--) /* there is room for more */
        by -= part->iov_len;
    part->iov_base = (char *)part->iov_base + by;
    part->iov_len -= by;
    m->rest.msg_iov = part;
    return true;
}

/* All that there is room for. Without memory for the copy, what comes first. */
static ssize_t receive_all(struct csock__waiting *wg, struct message *m)
{
    const struct msghdr *msg = m->given;
    const size_t size = (size_t)msg->msg_iovlen * sizeof *msg->msg_iov, n = total(msg);
    struct iovec *parts = n > 0 ? csock__sys->alloc(size) : NULL;
    if (!parts)
        return csock__run(wg, &m->op);
    memcpy(parts, msg->msg_iov, size);
    m->rest = *msg;
    m->rest.msg_iov = parts;
    m->given = &m->rest;
    ssize_t r = csock__run_all(wg, &m->op, n, m->flags, receive_parts_behind);
    csock__sys->release(parts);
    return r;
}

ssize_t csock_recvmsg(struct csock *s, struct msghdr *msg, int flags, const struct csock_wait *w)
{
    struct csock__waiting wg;
    ssize_t r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    struct message m = {.op = csock__receiving(s, flags), .given = msg, .flags = flags};
    m.op.kind = &recvmsg_kind;
    r = csock__brings_all(&wg, flags) ? receive_all(&wg, &m) : csock__run(&wg, &m.op);
    csock__waiting_end(&wg);
    if (r >= 0) {
        msg->msg_namelen = m.got.msg_namelen;
        msg->msg_controllen = m.got.msg_controllen;
        msg->msg_flags = m.got.msg_flags;
    } else if (m.came) { /* without a byte, just when the socket was closed: nobody hears of it */
        csock_cmsg_close_fds(&m.got);
    }
    return r;
}

/* The parts behind the first `sent` bytes, for csock__sys->release; NULL without memory. */
static struct iovec *parts_behind(const struct msghdr *msg, size_t sent, size_t *ret_n)
{
    const struct iovec *part = msg->msg_iov;
    for (; sent >= part->iov_len; part++) /* there is more than was sent */
        sent -= part->iov_len;
    size_t n = (size_t)msg->msg_iovlen - (size_t)(part - msg->msg_iov);
    struct iovec *rest = csock__sys->alloc(n * sizeof *rest);
    if (!rest)
        return NULL;
    memcpy(rest, part, n * sizeof *rest);
    rest->iov_base = (char *)rest->iov_base + sent;
    rest->iov_len -= sent;
    *ret_n = n;
    return rest;
}

/* As send_rest of io.c. The ancillary data went with the first bytes: sent twice, the receiver
 * would get every descriptor twice. */
static ssize_t send_parts_rest(struct csock__waiting *wg, const struct message *m, ssize_t sent)
{
    struct message rest = *m;
    struct msghdr msg = *m->given;
    ssize_t more;
    size_t n;
    msg.msg_control = NULL;
    msg.msg_controllen = 0;
    rest.given = &msg;
    do {
        msg.msg_iov = parts_behind(m->given, (size_t)sent, &n);
        if (!msg.msg_iov)
            return sent;
        msg.msg_iovlen = (__typeof__(msg.msg_iovlen))n; /* int in POSIX, size_t in glibc */
        more = csock__send_more(wg, &rest.op);
        csock__sys->release(msg.msg_iov);
        sent += more > 0 ? more : 0;
    } while (more > 0 && csock__goes_on(wg, total(m->given), sent, m->flags)); /* if tapped */
    return sent;
}

ssize_t csock_sendmsg(struct csock *s, const struct msghdr *msg, int flags,
                      const struct csock_wait *w)
{
    struct csock__waiting wg;
    ssize_t r = csock__waiting_begin(&wg, s, w);
    if (r < 0)
        return r;
    struct message m = {.op = csock__sending(s, &flags), .given = msg};
    m.op.kind = &sendmsg_kind;
    m.flags = flags;
    r = csock__run(&wg, &m.op);
    if (r > 0 && csock__goes_on(&wg, total(msg), r, flags))
        r = send_parts_rest(&wg, &m, r);
    csock__waiting_end(&wg);
    return r;
}

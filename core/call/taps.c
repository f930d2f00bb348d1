/* Transfers as packets: whose addresses they have, and what is said of them. Sits on
 * capture/flow.h. */
#include "call/taps.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "call/users.h"

/* AF_UNIX has no addresses of IP: each socket gets 127.0.0.1 and a port of its own, its peer
 * 127.0.0.2 and this one. */
#define UNIX_PEER_PORT 61000
#define UNIX_FIRST_PORT 32768
#define UNIX_PORTS 28000

static bool is_mapped(const union csock_addr *a)
{
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr);
}

void csock__tap_ask_names(struct csock__tap *tap, const struct csock *s)
{
    socklen_t len = sizeof tap->own;
    if (csock__sys->getsockname(csock__fd(s), &tap->own.any, &len) == 0)
        tap->own_len = csock__name_len(len);
    len = sizeof tap->peer;
    if (csock__sys->getpeername(csock__fd(s), &tap->peer.any, &len) == 0)
        tap->peer_len = csock__name_len(len);
}

/* What is not known stays zeros. */
static void set_end(struct csock__end *end, bool v6, const union csock_addr *a, socklen_t len)
{
    memset(end->addr, 0, sizeof end->addr);
    end->port = 0;
    if (len >= sizeof a->in && a->any.sa_family == AF_INET) {
        memcpy(end->addr, &a->in.sin_addr, 4);
        end->port = ntohs(a->in.sin_port);
    } else if (len >= sizeof a->in6 && a->any.sa_family == AF_INET6) {
        memcpy(end->addr, (const uint8_t *)&a->in6.sin6_addr + (v6 ? 0 : 12), v6 ? 16 : 4);
        end->port = ntohs(a->in6.sin6_port);
    }
}

static void set_unix_ends(struct csock__tap *tap)
{
    static const uint8_t own[] = {127, 0, 0, 1}, peer[] = {127, 0, 0, 2};
    memcpy(tap->flow.end[0].addr, own, sizeof own);
    memcpy(tap->flow.end[1].addr, peer, sizeof peer);
    tap->flow.end[0].port = (uint16_t)(UNIX_FIRST_PORT + tap->number % UNIX_PORTS);
    tap->flow.end[1].port = UNIX_PEER_PORT;
}

/* Both of one kind: over a socket of AF_INET6 that speaks to an IPv4 host, IPv4 goes. */
static void set_ends(struct csock__tap *tap, const struct csock *s, const union csock_addr *peer,
                     socklen_t len)
{
    struct csock__flow *f = &tap->flow;
    if (s->family == AF_UNIX) {
        set_unix_ends(tap);
        return;
    }
    f->v6 = s->family == AF_INET6 && !is_mapped(len ? peer : &tap->own);
    set_end(&f->end[0], f->v6, &tap->own, tap->own_len);
    set_end(&f->end[1], f->v6, peer, len);
}

/* ---- what is said of packets */

static void add_name(struct csock__tap *tap, const char *word, const union csock_addr *a,
                     socklen_t len)
{
    char text[CSOCK_ADDR_TEXT_MAX];
    size_t n = strlen(tap->comment);
    if (len > 0 && a->any.sa_family == AF_UNIX &&
        csock_addr_format(&a->any, len, text, sizeof text) > 0)
        snprintf(tap->comment + n, sizeof tap->comment - n, ", %s %.80s", word, text);
}

/* This thread's number, which the kernel is asked for once. */
static pid_t own_number(void)
{
    static CSOCK__TLS pid_t number;
    static CSOCK__TLS uint32_t since; /* generation */
    if (since != csock__generation()) {
        since = csock__generation();
        number = csock__sys->gettid();
    }
    return number;
}

/* Of the first packet, and of the first by another thread than the one before. */
static void set_comment(struct csock__tap *tap, const struct csock *s, bool first)
{
    pid_t thread = own_number();
    if (!first && thread == tap->thread)
        return;
    tap->thread = thread;
    tap->flow.comment = tap->comment;
    if (!first) {
        snprintf(tap->comment, sizeof tap->comment, "thread %ld", (long)thread);
        return;
    }
    snprintf(tap->comment, sizeof tap->comment, "process %ld, thread %ld, descriptor %d%s",
             (long)csock__sys->getpid(), (long)thread, csock__fd(s),
             tap->plain ? ", plain text of TLS" : "");
    add_name(tap, "own", &tap->own, tap->own_len);
    add_name(tap, "peer", &tap->peer, tap->peer_len);
}

/* ---- connections */

static bool is_end(const struct csock__end *a, const struct csock__end *b)
{
    return a->port == b->port && memcmp(a->addr, b->addr, sizeof a->addr) == 0;
}

/* The other end of it in the same file, or a duplicate: two with the same addresses would be one
 * that makes no sense. */
static bool is_in_file(const struct csock__tap *tap)
{
    const struct csock__end *own = &tap->flow.end[0], *peer = &tap->flow.end[1];
    for (const struct csock__tap *o = tap->pcap->first; o; o = o->next) {
        const struct csock__end *a = &o->flow.end[0], *b = &o->flow.end[1];
        if (o != tap && o->flow.begun && o->flow.tcp && !o->silent &&
            ((is_end(own, b) && is_end(peer, a)) || (is_end(own, a) && is_end(peer, b))))
            return true;
    }
    return false;
}

/* Who has made a connection that was there before the capture: mostly the one with the higher port,
 * as the kernel takes it from above those of servers. */
static enum csock__way likely_way(const struct csock__tap *tap)
{
    const struct csock__end *end = tap->flow.end;
    bool named = tap->own.any.sa_family != AF_UNIX;
    bool by_peer = tap->known ? tap->by_peer : named && end[0].port < end[1].port;
    return by_peer ? CSOCK__INWARD : CSOCK__OUTWARD;
}

static void begin_connection(struct csock__tap *tap, const struct csock *s, int64_t now, int err)
{
    struct csock__pcap *pcap = tap->pcap;
    if (!tap->peer_len)
        csock__tap_ask_names(tap, s);
    tap->number = pcap->flows++;
    set_ends(tap, s, &tap->peer, tap->peer_len);
    tap->flow.end[0].seq = pcap->seq;
    tap->flow.end[1].seq = pcap->seq * 2;
    tap->silent = is_in_file(tap);
    set_comment(tap, s, true);
    tap->flow.begun = true;
    if (tap->silent)
        return;
    bool seen = tap->ended != 0;
    csock__flow_begin(&tap->flow, &pcap->batch, likely_way(tap), seen ? tap->began : now,
                      seen ? tap->ended : now, err);
}

void csock__tap_failed_connect(struct csock__tap *tap, const struct csock *s, int err)
{
    if (!tap->flow.begun)
        begin_connection(tap, s, tap->ended, err);
    csock__batch_end(&tap->pcap->batch);
}

void csock__tap_finish(struct csock__tap *tap, enum csock__way way)
{
    if (tap->flow.tcp && tap->flow.begun && !tap->silent)
        csock__flow_end(&tap->flow, &tap->pcap->batch, way, csock__pcap_now());
    csock__batch_end(&tap->pcap->batch);
}

/* ---- transfers */

/* In one piece. NULL: without memory for that, or known to nobody. */
static const void *whole_of(const struct csock__moved *m, size_t n, void **ret_copy)
{
    *ret_copy = NULL;
    if (n <= m->parts[0].iov_len)
        return m->parts[0].iov_base;
    char *copy = *ret_copy = csock__sys->alloc(n);
    for (size_t i = 0, at = 0; copy && at < n; i++) {
        size_t part = m->parts[i].iov_len < n - at ? m->parts[i].iov_len : n - at;
        memcpy(copy + at, m->parts[i].iov_base, part);
        at += part;
    }
    return copy;
}

static size_t room_of(const struct csock__moved *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_parts; i++)
        n += m->parts[i].iov_len;
    return n;
}

static void stream_moved(struct csock__tap *tap, const struct csock *s,
                         const struct csock__moved *m, int64_t now, size_t n)
{
    struct csock__batch *b = &tap->pcap->batch;
    /* Of SOCK_SEQPACKET nothing may be a message of no bytes. recv(2) */
    bool ends = n == 0 && m->way == CSOCK__INWARD && s->type != SOCK_SEQPACKET;
    /* tcp(7) */
    bool discarded = (m->flags & MSG_TRUNC) && m->way == CSOCK__INWARD && s->family != AF_UNIX;
    size_t room = room_of(m), known = discarded ? 0 : n < room ? n : room;
    void *copy = NULL;
    const void *data = known ? whole_of(m, known, &copy) : NULL;
    if (!tap->flow.begun)
        begin_connection(tap, s, now, 0);
    else
        set_comment(tap, s, false);
    if (ends && room > 0 && !tap->silent)
        csock__flow_end(&tap->flow, b, CSOCK__INWARD, now);
    else if (n > 0 && !tap->silent)
        csock__flow_bytes(&tap->flow, b, m->way, now, data, n, data ? known : 0);
    csock__batch_end(b); /* the copy goes, and the caller's data */
    csock__sys->release(copy);
}

/* Its own address may come with the first datagram that it sends. */
static bool is_bound(const struct csock__tap *tap)
{
    static const uint8_t any[16];
    const union csock_addr *a = &tap->own;
    if (!tap->own_len || a->any.sa_family == AF_UNIX)
        return tap->own_len != 0;
    return a->any.sa_family == AF_INET
               ? a->in.sin_port && a->in.sin_addr.s_addr
               : a->in6.sin6_port && memcmp(&a->in6.sin6_addr, any, sizeof any) != 0;
}

static void datagram_moved(struct csock__tap *tap, const struct csock *s,
                           const struct csock__moved *m, int64_t now, size_t n)
{
    struct csock__batch *b = &tap->pcap->batch;
    union csock_addr peer = {0};
    socklen_t len = m->addr ? csock__name_len(m->len) : 0;
    size_t room = room_of(m), known = n < room ? n : room;
    void *copy = NULL;
    const void *data = known ? whole_of(m, known, &copy) : NULL;
    if (len)
        memcpy(&peer, m->addr, len);
    if (!is_bound(tap) || (!len && !tap->peer_len))
        csock__tap_ask_names(tap, s);
    if (!tap->flow.begun)
        tap->number = tap->pcap->flows++;
    set_ends(tap, s, len ? &peer : &tap->peer, len ? len : tap->peer_len);
    set_comment(tap, s, !tap->flow.begun);
    if (len && s->family == AF_UNIX) {
        if (!tap->flow.comment)
            snprintf(tap->comment, sizeof tap->comment, "thread %ld", (long)tap->thread);
        tap->flow.comment = tap->comment;
        add_name(tap, m->way == CSOCK__INWARD ? "from" : "to", &peer, len);
    }
    tap->flow.begun = true;
    csock__flow_datagram(&tap->flow, b, m->way, now, data, n, data ? known : 0);
    csock__batch_end(b);
    csock__sys->release(copy);
}

void csock__tap_transfer(struct csock__tap *tap, const struct csock *s,
                         const struct csock__moved *m, ssize_t r)
{
    int64_t now = csock__pcap_now();
    if (r >= 0 && !tap->flow.tcp)
        datagram_moved(tap, s, m, now, (size_t)r);
    else if (r >= 0)
        stream_moved(tap, s, m, now, (size_t)r);
    else if (r == -ECONNRESET && tap->flow.tcp) {
        if (!tap->flow.begun)
            begin_connection(tap, s, now, 0);
        if (!tap->silent)
            csock__flow_reset(&tap->flow, &tap->pcap->batch, CSOCK__INWARD, now);
        csock__batch_end(&tap->pcap->batch);
    }
}

/* Tapped sockets: which are, since when, and to which file. Sits on taps.c for the packets. */
#include "call/tap.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "call/taps.h"
#include "call/users.h"

/* With the generation that it is being made for. Other threads wait; it takes no time. */
#define CHANGING (UINT32_C(1) << 31)

static struct csock__tap *tap_in(const struct csock *s)
{
    return (struct csock__tap *)(uintptr_t)__atomic_load_n(&s->room[0], __ATOMIC_ACQUIRE);
}

void csock__tap_unlock(struct csock__tap *tap)
{
    if (tap->pcap)
        csock__unlock(&tap->pcap->lock);
    csock__unlock(&tap->lock);
}

/* With its lock: out of its file, whose lock is not held, and which may go with it. */
static void leave_file(struct csock__tap *tap)
{
    struct csock__pcap *pcap = tap->pcap;
    struct csock__tap **at;
    if (!pcap)
        return;
    csock__lock(&pcap->lock);
    for (at = &pcap->first; *at && *at != tap; at = &(*at)->next) {
    }
    if (*at)
        *at = tap->next;
    tap->pcap = NULL;
    csock__pcap_flush(pcap);
    csock__unlock(&pcap->lock);
    csock__pcap_let_go(pcap);
}

/* With its lock; leaves the file's taken. */
static void join_file(struct csock__tap *tap, struct csock__pcap *pcap)
{
    csock__lock(&pcap->lock);
    tap->pcap = pcap;
    tap->flow.keep = pcap->keep;
    tap->next = pcap->first;
    pcap->first = tap;
}

static void begin_anew(struct csock__tap *tap)
{
    bool tcp = tap->flow.tcp;
    tap->flow = (struct csock__flow){.tcp = tcp};
    tap->silent = false;
}

/* In a child, whoever is the first to notice: what the parent's other threads had is had by nobody,
 * and one of them may have been in here, for the parent. The parent's file is closed here, and not
 * written to. */
static void settle_in_child(struct csock__tap *tap, uint32_t was, uint32_t now)
{
    if (was == (now | CHANGING) ||
        !__atomic_compare_exchange_n(&tap->generation, &was, now | CHANGING, false,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
        csock__sys->yield();
        return;
    }
    struct csock__pcap *parents = tap->pcap;
    tap->lock = (struct csock__lock){0};
    tap->pcap = NULL;
    tap->next = NULL;
    begin_anew(tap);
    if (parents)
        csock__pcap_let_go(parents);
    __atomic_store_n(&tap->generation, now, __ATOMIC_RELEASE);
}

static void settle(struct csock__tap *tap)
{
    uint32_t was, now = csock__generation();
    while ((was = __atomic_load_n(&tap->generation, __ATOMIC_ACQUIRE)) != now)
        settle_in_child(tap, was, now);
}

/* NULL: it has never been tapped. */
static struct csock__tap *settled(struct csock *s)
{
    struct csock__tap *tap = tap_in(s);
    if (tap)
        settle(tap);
    return tap;
}

/* A call that has waited meanwhile may be one in a child: a signal's handler has forked. */
void csock__tap_lock(struct csock__tap *tap)
{
    settle(tap);
    csock__lock(&tap->lock);
    if (tap->pcap)
        csock__lock(&tap->pcap->lock);
}

void csock__tap_write_out(struct csock__tap *tap)
{
    if (tap->pcap)
        csock__pcap_flush(tap->pcap);
}

struct csock__tap *csock__tap_of(struct csock *s)
{
    return csock__is_tapped(s) ? settled(s) : NULL;
}

/* With its lock. False: its file is done, or there was none to be had. */
bool csock__tap_goes_on(struct csock__tap *tap, struct csock *s)
{
    bool done = tap->pcap ? tap->pcap->fd < 0 : !tap->everything;
    if (done)
        csock__flag(s, CSOCK__TAPPED, false);
    return !done;
}

/* With its lock, and its file's if it has one: it has one then, or is done. */
bool csock__tap_has_file(struct csock__tap *tap, struct csock *s)
{
    if (tap->pcap || !tap->everything)
        return tap->pcap != NULL;
    if (!tap->peer_len)
        csock__tap_ask_names(tap, s);
    struct csock__pcap *pcap = csock__tap_open_file(tap);
    tap->everything = pcap != NULL;
    if (pcap)
        join_file(tap, pcap);
    return pcap != NULL;
}

/* ---- beginning and ending */

static bool may_be_tapped(const struct csock *s)
{
    bool ip = s->family == AF_INET || s->family == AF_INET6;
    if (s->type == SOCK_STREAM)
        return s->family == AF_UNIX ||
               (ip && (s->proto == 0 || s->proto == IPPROTO_TCP || s->proto == 262)); /* MPTCP */
    if (s->type == SOCK_SEQPACKET)
        return s->family == AF_UNIX;
    return s->type == SOCK_DGRAM &&
           (s->family == AF_UNIX ||
            (ip && (s->proto == 0 || s->proto == IPPROTO_UDP || s->proto == IPPROTO_UDPLITE)));
}

/* NULL without memory. Of two that begin at once, one makes it. */
static struct csock__tap *made(struct csock *s)
{
    struct csock__tap *tap = tap_in(s);
    uint64_t none = 0;
    if (tap || !(tap = csock__sys->alloc(sizeof *tap)))
        return tap;
    tap->generation = csock__generation();
    if (__atomic_compare_exchange_n(&s->room[0], &none, (uint64_t)(uintptr_t)tap, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return tap;
    csock__sys->release(tap);
    return tap_in(s);
}

int csock__tap_begin(struct csock *s, struct csock__pcap *pcap, bool tls,
                     const struct csock__tap_hooks *hooks)
{
    if (!may_be_tapped(s))
        return -EINVAL;
    if (pcap && pcap->generation != csock__generation())
        return -ECHILD;
    struct csock__tap *tap = made(s);
    if (!tap)
        return -ENOMEM;
    settle(tap);
    csock__lock(&tap->lock);
    leave_file(tap);
    tap->everything = !pcap;
    tap->plain = tls;
    tap->hooks = hooks;
    tap->flow.tcp = s->type != SOCK_DGRAM;
    tap->known = tap->by_peer = false;
    tap->began = tap->ended = 0;
    tap->own_len = tap->peer_len = 0;
    begin_anew(tap);
    if (pcap) {
        csock__pcap_hold(pcap);
        join_file(tap, pcap);
        csock__unlock(&pcap->lock);
        csock__tap_ask_names(tap, s);
    }
    csock__flag(s, CSOCK__TAPPED, true); /* with the lock: calls take it away for a file before */
    csock__unlock(&tap->lock);
    return 0;
}

bool csock__tap_is_plain(const struct csock *s)
{
    const struct csock__tap *tap = tap_in(s);
    return tap && tap->plain;
}

/* Another call's: with the locks, once there is a file. */
static struct csock__tap *hold_tap(struct csock *s)
{
    struct csock__tap *tap = csock__tap_of(s);
    if (!tap)
        return NULL;
    csock__tap_lock(tap);
    if (csock__tap_goes_on(tap, s) && csock__tap_has_file(tap, s))
        return tap;
    csock__tap_unlock(tap);
    return NULL;
}

void csock__tap_plain(struct csock *s, enum csock__way way, const void *data, size_t n)
{
    struct csock__tap *tap = hold_tap(s);
    struct csock__moved m = {.way = way, .n_parts = 1};
    if (!tap)
        return;
    m.parts = &m.part;
    /* What has come is the end if it is nothing, where there was room for something. */
    m.part = (struct iovec){(void *)(uintptr_t)data, n ? n : 1};
    csock__tap_transfer(tap, s, &m, (ssize_t)n);
    csock__tap_unlock(tap);
}

void csock__tap_connected(struct csock *s, bool by_peer, int64_t began, int64_t ended, int err,
                          const struct sockaddr *addr, socklen_t len)
{
    struct csock__tap *tap = csock__tap_of(s);
    if (!tap)
        return;
    csock__lock(&tap->lock);
    tap->known = true;
    tap->by_peer = by_peer;
    tap->began = began;
    tap->ended = ended;
    csock__tap_ask_names(tap, s);
    if (!tap->peer_len && addr) {
        tap->peer_len = csock__name_len(len);
        memcpy(&tap->peer, addr, tap->peer_len);
    }
    csock__unlock(&tap->lock);
    if (err == 0 || !tap->flow.tcp || !(tap = hold_tap(s)))
        return;
    csock__tap_failed_connect(tap, s, err);
    begin_anew(tap); /* the next may go well */
    tap->peer_len = 0;
    csock__tap_unlock(tap);
}

/* Whether anything was written of it. */
static bool has_begun(struct csock__tap *tap)
{
    return tap->pcap && tap->flow.begun;
}

void csock__tap_shut(struct csock *s, int how)
{
    struct csock__tap *tap = csock__tap_of(s);
    if (!tap)
        return;
    csock__tap_lock(tap);
    if (has_begun(tap) && how != SHUT_RD)
        csock__tap_finish(tap, CSOCK__OUTWARD);
    csock__tap_write_out(tap);
    csock__tap_unlock(tap);
}

void csock__tap_end(struct csock *s, bool closes)
{
    struct csock__tap *tap = settled(s);
    if (!tap)
        return;
    csock__flag(s, CSOCK__TAPPED, false);
    csock__tap_lock(tap);
    if (has_begun(tap) && closes)
        csock__tap_finish(tap, CSOCK__OUTWARD);
    if (tap->pcap)
        csock__unlock(&tap->pcap->lock);
    leave_file(tap);
    tap->everything = false;
    csock__unlock(&tap->lock);
}

void csock__tap_free(struct csock *s)
{
    struct csock__tap *tap = tap_in(s);
    if (!tap)
        return;
    csock__tap_end(s, false);
    s->room[0] = 0;
    csock__sys->release(tap);
}

int csock__tap_failure(struct csock *s, char *path, size_t size)
{
    struct csock__tap *tap = settled(s);
    if (!tap)
        return 0;
    csock__lock(&tap->lock);
    const char *whose = tap->pcap ? tap->pcap->path : "";
    int err = tap->pcap ? csock__pcap_failure(tap->pcap) : csock__folder_failure(&whose);
    snprintf(path, size, "%s", whose ? whose : "");
    csock__unlock(&tap->lock);
    return err;
}

void csock__pcap_close(struct csock__pcap *p)
{
    bool own = p->generation == csock__generation();
    if (own)
        csock__lock(&p->lock);
    csock__pcap_end(p);
    if (own)
        csock__unlock(&p->lock);
}

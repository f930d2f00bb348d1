/* Addresses: where they come from, and what came. See dialing.h. */
#include "dial/dialing.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "dial/memory.h"
#include "names/resolver.h"
#include "sys/sys.h"

enum { ANSWER_ROOM = 16 };

/* How long the whole look-up may be silent before those of one family begin beside it. */
#define BESIDE_NS 40000000

/* One answer on its way to the order. */
struct csock_dial_answer {
    struct csock__dialing *dl;
    struct csock__candidate *list;
    size_t n, room;
    unsigned found; /* families in it that are wanted */
};

static unsigned family_bit(int family)
{
    return family == AF_INET6 ? CSOCK__INET6 : CSOCK__INET;
}

int csock_dial_found(struct csock_dial_answer *answer, const struct sockaddr *addr, socklen_t len)
{
    if (len < sizeof(sa_family_t) || len > sizeof(union csock_addr))
        return CSOCK_EADDRLEN;
    struct csock__candidate *list =
        csock__grown(answer->list, answer->n, 1, ANSWER_ROOM, sizeof *list, &answer->room);
    if (!list)
        return -ENOMEM;
    answer->list = list;
    struct csock__candidate *c = &list[answer->n];
    *c = (struct csock__candidate){.len = len};
    memcpy(&c->addr, addr, len);
    if (!csock__dial_wants(answer->dl->d, c->addr.any.sa_family)) {
        answer->dl->n_left_out++;
        return 0;
    }
    answer->found |= family_bit(c->addr.any.sa_family);
    answer->n++;
    return 0;
}

/* Hands an answer about these families to the race, and frees it. */
static int deliver(struct csock_dial_answer *answer, unsigned families, bool first)
{
    struct csock__dialing *dl = answer->dl;
    struct csock__found to_order = {.list = answer->list, .n = answer->n, .first = first};
    ssize_t fresh = csock__order_add(&dl->order, &to_order);
    csock__sys->release(answer->list);
    if (fresh < 0)
        return (int)fresh;
    csock__race_answer(&dl->race, csock_now(), families, answer->found, (size_t)fresh);
    return 0;
}

static int given_addresses(struct csock__dialing *dl)
{
    struct csock_dial_answer answer = {.dl = dl};
    int r = 0;
    for (size_t i = 0; i < dl->d->n_addrs && r == 0; i++)
        r = csock_dial_found(&answer, dl->d->addrs[i].addr, dl->d->addrs[i].len);
    if (r == 0)
        return deliver(&answer, CSOCK__BOTH, true);
    csock__sys->release(answer.list);
    return r;
}

static int ask_callers_own(struct csock__dialing *dl)
{
    const struct csock_dial_request *d = dl->d;
    struct csock_dial_answer answer = {.dl = dl};
    int r = d->resolve(d->arg, &answer, d->host, dl->ask.service, d->family, &dl->w);
    dl->looked_up = csock__dial_elapsed(dl);
    if (r == 0)
        return deliver(&answer, CSOCK__BOTH, true);
    dl->ask.err = r;
    csock__sys->release(answer.list);
    return r;
}

static int take_list(struct csock__dialing *dl, const struct addrinfo *list, unsigned families,
                     bool first)
{
    struct csock_dial_answer answer = {.dl = dl};
    int r = 0;
    for (const struct addrinfo *a = list; a && r == 0; a = a->ai_next)
        r = csock_dial_found(&answer, a->ai_addr, a->ai_addrlen);
    if (r == 0)
        return deliver(&answer, families, first);
    csock__sys->release(answer.list);
    return r;
}

/* The whole answer, which it frees. */
static int take_all(struct csock__dialing *dl, struct addrinfo *list)
{
    int r = take_list(dl, list, CSOCK__BOTH, true);
    csock_resolve_free(list);
    return r;
}

static struct addrinfo hints_for(const struct csock_dial_request *d, int family)
{
    return (struct addrinfo){.ai_family = family,
                             .ai_socktype = d->type ? d->type : SOCK_STREAM,
                             .ai_protocol = d->proto,
                             .ai_flags = d->ai_flags};
}

/* ---- in threads, beside the attempts */

struct about {
    int family;
    unsigned families;
    bool first; /* goes before what is there: see order.h */
};

static const struct about about[CSOCK__LOOKUPS] = {
    [CSOCK__WHOLE_LOOKUP] = {AF_UNSPEC, CSOCK__BOTH, true},
    [CSOCK__INET6_LOOKUP] = {AF_INET6, CSOCK__INET6, true},
    [CSOCK__INET_LOOKUP] = {AF_INET, CSOCK__INET, false},
};

static int begin_lookup(struct csock__dialing *dl, int which)
{
    struct csock__ask *ask = &dl->ask;
    int family = which == CSOCK__WHOLE_LOOKUP ? dl->d->family : about[which].family;
    struct addrinfo hints = hints_for(dl->d, family);
    return csock__lookup_begin(ask->host, ask->service, &hints, ask->event, &ask->lookups[which]);
}

static void drop_lookup(struct csock__ask *ask, int which)
{
    csock__lookup_drop(ask->lookups[which]);
    ask->lookups[which] = NULL;
}

/* Those of one family are beside the whole one, and it goes without those that cannot be begun. */
static void begin_beside(struct csock__dialing *dl)
{
    dl->ask.beside = CSOCK__NO_TIMER;
    dl->ask.silent = true;
    for (int which = CSOCK__INET6_LOOKUP; which <= CSOCK__INET_LOOKUP; which++)
        if (csock__dial_wants(dl->d, about[which].family))
            (void)begin_lookup(dl, which);
}

/* An answer, or none, about some families. The error of the whole look-up says more than that of
 * one family. */
static int hear_answer(struct csock__dialing *dl, int which, int r, struct addrinfo *list)
{
    unsigned families = about[which].families;
    drop_lookup(&dl->ask, which);
    dl->looked_up = csock__dial_elapsed(dl);
    if (families & CSOCK__INET6) {
        dl->ask.silent = false;
        csock__silence_forget(dl->ask.host);
    }
    if (r < 0) {
        if (which == CSOCK__WHOLE_LOOKUP || dl->ask.err == 0)
            dl->ask.err = r;
        csock__race_answer(&dl->race, csock_now(), families, 0, 0);
        return 0;
    }
    r = take_list(dl, list, families, about[which].first);
    csock_resolve_free(list);
    return r;
}

static int take_lookup(struct csock__dialing *dl, int which)
{
    struct addrinfo *list = NULL;
    int r = csock__lookup_take(dl->ask.lookups[which], &list);
    return r == -EAGAIN ? 0 : hear_answer(dl, which, r, list);
}

static void stop_asking(struct csock__ask *ask)
{
    for (int which = 0; which < CSOCK__LOOKUPS; which++)
        drop_lookup(ask, which);
    if (ask->event >= 0)
        csock__sys->close(ask->event);
    ask->event = -1;
    ask->beside = CSOCK__NO_TIMER;
}

bool csock__ask_is_parents(const struct csock__dialing *dl)
{
    return dl->ask.event >= 0 && csock_forks() != dl->ask.forks;
}

int csock__ask_go_on(struct csock__dialing *dl)
{
    struct csock__ask *ask = &dl->ask;
    int r = 0;
    if (ask->event < 0)
        return 0;
    if (csock__ask_is_parents(dl))
        return csock__ask_anew(dl);
    csock__sys->event_clear(ask->event);
    for (int which = 0; which < CSOCK__LOOKUPS && r == 0; which++)
        if (ask->lookups[which])
            r = take_lookup(dl, which);
    if (dl->race.unknown == 0)
        stop_asking(ask);
    else if (csock_now() >= ask->beside)
        begin_beside(dl);
    return r;
}

int csock__ask_anew(struct csock__dialing *dl)
{
    struct csock__ask *ask = &dl->ask;
    bool beside = ask->lookups[CSOCK__INET6_LOOKUP] || ask->lookups[CSOCK__INET_LOOKUP];
    stop_asking(ask);
    ask->forks = csock_forks();
    ask->event = csock__sys->event_open();
    if (ask->event < 0)
        return -errno;
    int r = begin_lookup(dl, CSOCK__WHOLE_LOOKUP);
    if (r == 0 && beside)
        begin_beside(dl);
    else if (r == 0 && dl->d->family == 0)
        ask->beside = csock_now() + BESIDE_NS;
    return r;
}

/* Where there is no thread, or no descriptor to be told by: all at once, and before anything
 * else. */
static int ask_and_wait(struct csock__dialing *dl)
{
    const struct csock_dial_request *d = dl->d;
    struct addrinfo *list, hints = hints_for(d, d->family);
    int r = d->until_closed
                ? csock_resolve_for(d->until_closed, dl->ask.host, dl->ask.service, &hints, &list,
                                    &dl->w)
                : csock_resolve_within(dl->ask.host, dl->ask.service, &hints, &list, &dl->w);
    if (r < 0)
        dl->ask.err = r;
    else
        dl->looked_up = csock__dial_elapsed(dl);
    if (r < 0)
        return r;
    return take_all(dl, list);
}

/* A number of the other family: what libc says to that is "not supported", or "not known". */
static int ask_number(struct csock__dialing *dl)
{
    struct addrinfo *list, hints = hints_for(dl->d, dl->d->family);
    int r = csock_resolve(dl->ask.host, dl->ask.service, &hints, &list);
    if (r < 0 && dl->d->family) {
        hints.ai_family = AF_UNSPEC;
        int other = csock_resolve(dl->ask.host, dl->ask.service, &hints, &list);
        r = other == 0 ? 0 : r;
    }
    if (r < 0)
        return dl->ask.err = r;
    return take_all(dl, list);
}

/* In the caller's own thread; those that may run meanwhile do. */
static int ask_files(struct csock__dialing *dl)
{
    struct addrinfo *list, hints = hints_for(dl->d, dl->d->family);
    if (dl->w.pause)
        dl->w.pause(dl->w.arg);
    int r = csock_resolve(dl->ask.host, dl->ask.service, &hints, &list);
    if (dl->w.resume)
        dl->w.resume(dl->w.arg);
    dl->looked_up = csock__dial_elapsed(dl);
    if (r < 0)
        return dl->ask.err = r;
    return take_all(dl, list);
}

static unsigned wanted_families(const struct csock_dial_request *d)
{
    return (csock__dial_wants(d, AF_INET) ? CSOCK__INET : 0) |
           (csock__dial_wants(d, AF_INET6) ? CSOCK__INET6 : 0);
}

static int ask_in_threads(struct csock__dialing *dl)
{
    struct csock__ask *ask = &dl->ask;
    dl->race.unknown = wanted_families(dl->d);
    ask->event = csock__sys->event_open();
    ask->forks = csock_forks();
    if (ask->event < 0 || begin_lookup(dl, CSOCK__WHOLE_LOOKUP) < 0) {
        stop_asking(ask);
        return ask_and_wait(dl);
    }
    if (dl->d->family != 0)
        return 0;
    ask->beside = csock_now() + BESIDE_NS;
    if (csock__silence_known(ask->host, csock_now())) {
        dl->race.resolution_delay = 0;
        begin_beside(dl);
    }
    return 0;
}

/* A name that no server is asked for, in time. */
static bool is_in_files(const struct csock__dialing *dl)
{
    struct addrinfo hints = hints_for(dl->d, dl->d->family);
    return !csock__dial_over_time(dl, csock_now()) &&
           csock__lookup_is_local(dl->ask.host, dl->ask.service, &hints);
}

int csock__ask_begin(struct csock__dialing *dl)
{
    const struct csock_dial_request *d = dl->d;
    if (!d->host)
        return given_addresses(dl);
    snprintf(dl->ask.port, sizeof dl->ask.port, "%d", d->port);
    dl->ask.service = d->service ? d->service : dl->ask.port;
    if (d->resolve)
        return ask_callers_own(dl);
    dl->ask.host = d->host[0] ? d->host : NULL;
    if (csock__host_is_numeric(dl->ask.host) || (d->ai_flags & AI_NUMERICHOST))
        return ask_number(dl);
    if (wanted_families(d) == 0)
        return CSOCK_EEXCLUDED;
    return is_in_files(dl) ? ask_files(dl) : ask_in_threads(dl);
}

void csock__ask_end(struct csock__dialing *dl)
{
    if (dl->ask.silent && (dl->race.unknown & CSOCK__INET6) && (dl->race.found & CSOCK__INET))
        csock__silence_note(dl->ask.host, csock_now());
    stop_asking(&dl->ask);
}

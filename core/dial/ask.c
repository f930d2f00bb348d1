/* Addresses: where they come from, and what came. See dialing.h. */
#include "dial/dialing.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "sys/sys.h"

enum { ANSWER_ROOM = 16 };

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

static int make_answer_room(struct csock_dial_answer *answer)
{
    if (answer->n < answer->room)
        return 0;
    size_t room = answer->room ? 2 * answer->room : ANSWER_ROOM;
    struct csock__candidate *list = csock__sys->alloc(room * sizeof *list);
    if (!list)
        return -ENOMEM;
    if (answer->n)
        memcpy(list, answer->list, answer->n * sizeof *list);
    csock__sys->release(answer->list);
    answer->list = list;
    answer->room = room;
    return 0;
}

int csock_dial_found(struct csock_dial_answer *answer, const struct sockaddr *addr, socklen_t len)
{
    if (len < sizeof(sa_family_t) || len > sizeof(union csock_addr))
        return CSOCK_EADDRLEN;
    int r = make_answer_room(answer);
    if (r < 0)
        return r;
    struct csock__candidate *c = &answer->list[answer->n];
    *c = (struct csock__candidate){.len = len};
    memcpy(&c->addr, addr, len);
    answer->dl->n_found++;
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
    struct csock__answer to_order = {.list = answer->list, .n = answer->n, .first = first};
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
    const struct csock_dial *d = dl->d;
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

static struct addrinfo hints_for(const struct csock_dial *d, int family)
{
    return (struct addrinfo){.ai_family = family,
                             .ai_socktype = d->type ? d->type : SOCK_STREAM,
                             .ai_protocol = d->proto,
                             .ai_flags = d->ai_flags};
}

/* All at once, and not before it is over. */
static int ask_and_wait(struct csock__dialing *dl)
{
    struct addrinfo *list, hints = hints_for(dl->d, dl->d->family);
    int r = csock_resolve(dl->ask.host, dl->ask.service, &hints, &list);
    dl->looked_up = csock__dial_elapsed(dl);
    dl->ask.err = r;
    if (r < 0)
        return r;
    r = take_list(dl, list, CSOCK__BOTH, true);
    csock_resolve_free(list);
    return r;
}

int csock__ask_begin(struct csock__dialing *dl)
{
    const struct csock_dial *d = dl->d;
    if (!d->host)
        return given_addresses(dl);
    snprintf(dl->ask.port, sizeof dl->ask.port, "%d", d->port);
    dl->ask.service = d->service ? d->service : dl->ask.port;
    if (d->resolve)
        return ask_callers_own(dl);
    dl->ask.host = d->host[0] ? d->host : NULL;
    return ask_and_wait(dl);
}

int csock__ask_go_on(struct csock__dialing *dl)
{
    (void)dl;
    return 0;
}

void csock__ask_end(struct csock__dialing *dl)
{
    (void)dl;
}

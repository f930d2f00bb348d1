/* One csock_dial() under way: what its parts share.
 *
 *   dial.c      runs the race: asks it, waits, hands it what happened
 *   attempts.c  one attempt: opens, binds, connects, looks how it ended; the list of all
 *   ask.c       look-ups: which, when, and what came of them
 *
 * All of it belongs to the calling thread. Sits on order, race, sock and names. */
#ifndef CSOCK_CORE_DIAL_DIALING_H
#define CSOCK_CORE_DIAL_DIALING_H

#include "dial/order.h"
#include "dial/race.h"

struct csock__lookup;

/* The look-up of all that is wanted, in libc's order, and those of one family. */
enum { CSOCK__WHOLE_LOOKUP, CSOCK__INET6_LOOKUP, CSOCK__INET_LOOKUP, CSOCK__LOOKUPS };

/* Look-ups under way: the whole one, and those of one family beside it. */
struct csock__ask {
    int event;                  /* eventfd(2) that they write to, or -1: none is under way */
    const char *host, *service; /* as getaddrinfo(3) takes them */
    char port[12];              /* the service, if it is a number of the caller's */
    struct csock__lookup *lookups[CSOCK__LOOKUPS];
    int64_t beside; /* when those of one family begin; CSOCK__NO_TIMER: they have, or will not */
    bool silent;    /* they have begun, and nothing has come about IPv6 */
    uint32_t forks; /* csock_forks() when they began */
    int err;        /* what the look-up that said most has failed with */
};

/* An attempt that is in flight, or has just connected. */
struct csock__flight {
    bool on;
    size_t index;     /* of attempts */
    struct csock own; /* its socket, where the caller has given no place */
};

struct csock__dialing {
    const struct csock_dial_request *d;
    struct csock_wait w; /* the caller's, with an absolute deadline */
    int64_t start;
    struct csock__order order;
    struct csock__race race;
    struct csock__ask ask;
    struct csock_dial_attempt *attempts;
    size_t n_attempts, room;
    struct csock__flight flights[CSOCK_DIAL_IN_FLIGHT];
    struct csock__flight *winner; /* or NULL */
    size_t n_left_out;            /* addresses that are not wanted */
    int64_t looked_up;
    bool forked;                /* in a signal handler, while it waited */
    struct csock_inside inside; /* d->until_closed, while an attempt waits by itself */
    bool closed;                /* that is, by then */
};

/* Addresses known. */
static inline size_t csock__dial_found(const struct csock__dialing *dl)
{
    return dl->order.n + dl->n_left_out;
}

/* Whether the caller wants this family: by `family`, and by the sources. */
bool csock__dial_wants(const struct csock_dial_request *d, int family);

static inline bool csock__dial_over_time(const struct csock__dialing *dl, int64_t now)
{
    return dl->w.deadline != CSOCK_FOREVER && now >= dl->w.deadline;
}

/* ns since the beginning, and not 0. */
int64_t csock__dial_elapsed(const struct csock__dialing *dl);

/* For a wait of its own, until the caller's deadline: it has the caller's callbacks, and *dl is
 * their argument. */
struct csock_wait csock__dial_wait(struct csock__dialing *dl);

/* ---- attempts.c */

/* Begins the next attempt, which may fail at once, or connect: dl->winner. 0, or what ends all. */
int csock__attempt_begin(struct csock__dialing *dl);

/* What poll(2) said of a flight, or CSOCK__GONE: its socket was closed. */
#define CSOCK__GONE POLLNVAL
void csock__attempt_event(struct csock__dialing *dl, struct csock__flight *f, short revents);

/* The oldest one makes room. */
void csock__attempt_give_up(struct csock__dialing *dl);

/* Closes all that are in flight, as ended by err, but for the winner. */
void csock__attempts_end(struct csock__dialing *dl, int err);

/* The attempt whose error says most; -1: none has failed with one of its own. */
ssize_t csock__attempts_decisive(const struct csock__dialing *dl);

/* ---- ask.c */

/* Asks for addresses. They are there when it returns, or come later: then dl->ask.event is to be
 * waited for. 0, or what ends all. */
int csock__ask_begin(struct csock__dialing *dl);

/* Takes what has come, and begins what is due. 0, or what ends all. */
int csock__ask_go_on(struct csock__dialing *dl);

/* Whether this is a child that goes on with its parent's call, forked in a callback: the threads of
 * its look-ups are not here, and what they write to is the parent's, too. */
bool csock__ask_is_parents(const struct csock__dialing *dl);

/* Begins those under way anew, then. 0, or what ends all. */
int csock__ask_anew(struct csock__dialing *dl);

void csock__ask_end(struct csock__dialing *dl);

#endif

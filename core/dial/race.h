/* The race of connection attempts: RFC 8305, sections 3 and 5, as a state machine.
 *
 * It says when the next attempt is to begin, and that is all: it knows no address, no descriptor
 * and no clock. Whoever runs it tells it what has happened, and when, and asks what is to be done
 * until the answer is to wait. Between two questions any number of things may have happened, in any
 * order. */
#ifndef CSOCK_CORE_DIAL_RACE_H
#define CSOCK_CORE_DIAL_RACE_H

#include "csock.h"

#define CSOCK__INET 1u /* families of a look-up */
#define CSOCK__INET6 2u
#define CSOCK__BOTH 3u
#define CSOCK__NO_TIMER INT64_MAX

struct csock__race {
    /* What it is told at its beginning. */
    int64_t attempt_delay;
    int64_t resolution_delay;
    bool one_at_a_time; /* no attempt beside another */
    unsigned unknown;   /* families whose answer has not come */

    unsigned found; /* families that have addresses */
    size_t waiting; /* addresses that no attempt has been made at */
    unsigned in_flight;
    unsigned failures; /* each of which the next attempt may follow at once */
    unsigned starved;  /* times in a row that there was nothing to make an attempt of */
    bool over;
    int64_t hold;  /* when the first attempt waits no more for the other family's answer */
    int64_t next;  /* when the next attempt may begin, failures apart */
    int64_t timer; /* with CSOCK__RACE_WAIT: when to ask again, whatever happens until then */
};

enum csock__race_step {
    CSOCK__RACE_WAIT,    /* for something to happen, or for the timer */
    CSOCK__RACE_BEGIN,   /* the next attempt; then csock__race_begun or _starved */
    CSOCK__RACE_GIVE_UP, /* the oldest attempt; then csock__race_given_up */
    CSOCK__RACE_LOST     /* nothing is left that could connect */
};

enum csock__race_step csock__race_ask(struct csock__race *r, int64_t now);

/* An answer came about these families: how many new addresses, and which families now have some.
 * One that has none now gets none from this look-up. */
void csock__race_answer(struct csock__race *r, int64_t now, unsigned families, unsigned found,
                        size_t fresh);

/* One attempt more is under way, which has taken one of those waiting. */
void csock__race_begun(struct csock__race *r, int64_t now);

/* There was nothing to make one of (descriptors, memory), and others are under way: go on with
 * those, and ask for this one again later, each time after twice the time, or when one fails. */
void csock__race_starved(struct csock__race *r, int64_t now);

/* One has failed: of those under way, or right when it was to begin, where `begun` had been
 * said. */
void csock__race_failed(struct csock__race *r);

void csock__race_given_up(struct csock__race *r);

/* One has connected, or something ended all: nothing begins any more. */
void csock__race_end(struct csock__race *r);

#endif

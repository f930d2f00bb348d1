/* The order in which addresses are tried: RFC 8305, section 4.
 *
 * libc has sorted what it gave (RFC 6724, gai.conf(5)); its first address decides which family
 * begins. From there on families take turns, and within each libc's order holds. Answers may come
 * one after the other: each address is listed once, whichever answer has it.
 *
 * Pure but for memory: no descriptor, no clock. */
#ifndef CSOCK_CORE_DIAL_ORDER_H
#define CSOCK_CORE_DIAL_ORDER_H

#include "csock.h"

struct csock__candidate {
    union csock_addr addr;
    socklen_t len;
    bool begun; /* an attempt at it has been begun */
};

struct csock__order {
    struct csock__candidate *list; /* those to be tried first stand first */
    size_t n, room;
    size_t waiting;    /* of them, not begun */
    int last_family;   /* of the one that was begun last; 0: none was */
    int family_before; /* the same, before that one */
};

/* One answer. Of a whole one (both families, as libc has sorted them) the order holds for all that
 * are not begun yet. Of that of one family, IPv6 goes before what is there: RFC 8305, 3. */
struct csock__found {
    const struct csock__candidate *list; /* begun: false */
    size_t n;
    bool first; /* before those that are there and not begun */
};

/* How many of them are new, or -ENOMEM, with nothing changed. */
ssize_t csock__order_add(struct csock__order *o, const struct csock__found *a);

/* The next one, which counts as begun from now on. NULL: none is waiting. */
struct csock__candidate *csock__order_next(struct csock__order *o);

/* The one that came last is waiting again, as if it had not come: it is the next. */
void csock__order_put_back(struct csock__order *o, const struct sockaddr *addr, socklen_t len);

void csock__order_free(struct csock__order *o);

#endif

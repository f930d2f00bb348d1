/* What sockets carry: csock.stats(). A call on ready data pays two additions for it, and nothing
 * else: what all sockets of an interpreter have carried is added up when somebody asks, over those
 * that live, and what those that ended have left.
 *
 * Bytes are those that the program got or gave, over TLS, too. A call counts once it has moved
 * data, or has ended well. A receive that takes nothing away (MSG_PEEK, MSG_ERRQUEUE) counts not at
 * all. A wait is a call that may have slept; its time ends with the call, when it has the GIL.
 *
 * Objects begin anew with each socket that they get. A child of fork(2) goes on from the numbers of
 * its parent. With -Dstats=false there is none of this: CSOCK_NO_STATS. */
#ifndef CSOCK_EXT_OBJECT_COUNTS_H
#define CSOCK_EXT_OBJECT_COUNTS_H

#include "object/socket.h"
#include "shared/ticks.h"

/* With the GIL, whoever has it is alone. */
#ifdef Py_GIL_DISABLED
#define SOCK_ADD(member, n) ((void)__atomic_fetch_add(&(member), (n), __ATOMIC_RELAXED))
#else
#define SOCK_ADD(member, n) ((void)((member) += (n)))
#endif

#ifdef CSOCK_NO_STATS

static inline void sock_add_received(struct sock_object *s, size_t n)
{
    (void)s, (void)n;
}
static inline void sock_add_sent(struct sock_object *s, size_t n)
{
    (void)s, (void)n;
}
static inline void sock_add_wait(struct sock_object *s, uint64_t ticks)
{
    (void)s, (void)ticks;
}
static inline void sock_counts_begin(struct sock_object *s)
{
    (void)s;
}
static inline void sock_counts_end(struct sock_object *s)
{
    (void)s;
}

#else

/* A call that brought n bytes, or that sent them. */
static inline void sock_add_received(struct sock_object *s, size_t n)
{
    SOCK_ADD(s->counts.received, n);
    SOCK_ADD(s->counts.receives, 1);
}
static inline void sock_add_sent(struct sock_object *s, size_t n)
{
    SOCK_ADD(s->counts.sent, n);
    SOCK_ADD(s->counts.sends, 1);
}
/* A call that took so long from its first sleep on. */
static inline void sock_add_wait(struct sock_object *s, uint64_t ticks)
{
    SOCK_ADD(s->counts.waits, 1);
    SOCK_ADD(s->counts.waited, ticks);
}

/* The object has got a socket. The object ends. */
void sock_counts_begin(struct sock_object *s);
void sock_counts_end(struct sock_object *s);

#endif

/* A receive with these flags, which may have taken nothing away. */
static inline void sock_add_taken(struct sock_object *s, size_t n, int flags)
{
    if (!(flags & (MSG_PEEK | MSG_ERRQUEUE)))
        sock_add_received(s, n);
}

/* The census of an interpreter. 0 or -1. free: before the state goes; sockets that are still there
 * are nobody's then. */
int sock_census_setup(struct ext_state *st);
void sock_census_free(struct ext_state *st);

/* Of one socket, and of all. False: csock was built without. */
bool sock_counts_get(struct sock_object *s, struct sock_counts *ret);
bool sock_census_get(struct ext_state *st, struct sock_counts *ret);

#endif

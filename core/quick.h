/* The owner's way into a socket and out of it, in place: transfers take it each time. The protocol
 * is in users.c. Sits on thread.h and users.h. */
#ifndef CSOCK_CORE_QUICK_H
#define CSOCK_CORE_QUICK_H

#include <errno.h>

#include "thread.h"
#include "users.h"

/* Parts of the `state` of a socket that this needs to know: users.c. */
#define CSOCK__USERS ((uint64_t)0xffffffff)
#define CSOCK__GENERATION_SHIFT 40
#define CSOCK__GENERATION_MASK 0xffffffu

/* Open, and nobody counted. */
static inline uint64_t csock__fresh_state(void)
{
    return (uint64_t)(csock__generation() & CSOCK__GENERATION_MASK) << CSOCK__GENERATION_SHIFT;
}

/* Whether a closer had counted it: then it leaves as a user like others. users.c */
bool csock__leave_as_counted(struct csock__thread *me);

static inline bool csock__leave_quickly(struct csock__thread *me)
{
    atomic_store_explicit(&me->inside, NULL, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    return atomic_load_explicit(&me->handed, memory_order_relaxed) && csock__leave_as_counted(me);
}

/* 0; -EBADF; or CSOCK__NOT_QUICKLY: has to be counted. So is a call under a signal handler within a
 * quick one, as the record has room for one; and the first after a fork, which renews the word. */
enum { CSOCK__NOT_QUICKLY = 1 };
static inline int csock__enter_quickly(struct csock *s)
{
    struct csock__thread *me = csock__me;
    if (!me || csock__owner(s) != me || csock__fd(s) < 0 ||
        atomic_load_explicit(&me->inside, memory_order_relaxed))
        return CSOCK__NOT_QUICKLY;
    atomic_store_explicit(&me->inside, s, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst); /* the closer's barrier does the rest */
    if ((__atomic_load_n(&s->state, __ATOMIC_ACQUIRE) & ~CSOCK__USERS) == csock__fresh_state())
        return 0;
    return csock__leave_quickly(me) ? -EBADF : CSOCK__NOT_QUICKLY;
}

#endif

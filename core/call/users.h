/* Who is inside a socket: its calls in flight, and a count of references to its descriptor.
 *
 * Every call on a socket is bracketed by csock__enter and csock__leave, so that its descriptor
 * number cannot be given back to the kernel, and reused, while the call still uses it. */
#ifndef CSOCK_CORE_USERS_H
#define CSOCK_CORE_USERS_H

#include "call/thread.h"

/* One call that is inside a socket; lives on the caller's stack. Nothing points to it: a program
 * may leave a call for good by siglongjmp(3) or by an exception, or put its stack away and come
 * back later, from any callback and any signal handler. */
struct csock__call {
    struct csock *s;
    uintptr_t *place;    /* in the list of the thread's own: users.c */
    uint32_t generation; /* fork generation in which it was counted */
};

/* Fills *s around an open descriptor. */
void csock__init(struct csock *s, int fd, int family, int type, int proto, unsigned flags);

/* csock_move() and csock_renew(), as far as the two structs go. */
void csock__move(struct csock *from, struct csock *ret_to);
void csock__renew(struct csock *from, struct csock *to);

/* 0, or -EBADF if the socket is closed or closing: then no leave. */
int csock__enter(struct csock__call *call, struct csock *s);

/* The last call to leave a socket whose closer gave up waiting closes the descriptor. After this
 * the caller must not look at the socket: whoever closed it may have freed it. */
void csock__leave(struct csock__call *call);

/* The same for a call that was asleep in, or left in its sleep by, a thread that has ended. */
void csock__leave_by_end_of_thread(struct csock *s);

bool csock__closing(const struct csock *s);

/* In a child of fork() that goes on with its parent's call: closers there are to know of it. Else
 * nothing. */
void csock__recount(struct csock__call *call);

/* The same for a call that is asleep and so does not ask: its thread does, as the first in the
 * child to notice. False if *s is closed. */
bool csock__count_in_child(struct csock *s, uint32_t generation);
/* Whether this is a child since the call was counted, or was noticed to be one just now. */
static inline bool csock__is_in_child(const struct csock__call *call)
{
    return __builtin_expect(call->generation != csock__known_generation(), 0);
}
/* csock__recount for such a call that slept: its place of `on` in the thread's record says whether
 * csock__count_in_child has counted it meanwhile. */
void csock__settle_in_child(struct csock__call *call, uintptr_t on);

/* What is added to an address in the list of the thread's own calls: the call is among the socket's
 * users for sure; it is asleep, so that it is in the thread's record, too. */
#define CSOCK__COUNTED ((uintptr_t)1)
#define CSOCK__ASLEEP ((uintptr_t)2)
static inline void csock__note_asleep(struct csock__call *call, bool asleep)
{
    uintptr_t what = (uintptr_t)call->s | CSOCK__COUNTED | (asleep ? CSOCK__ASLEEP : 0);
    __atomic_store_n(call->place, what, __ATOMIC_RELAXED);
}

/* Around a callback: meanwhile the call uses nothing of the socket, and no closer waits for it. It
 * has to look at csock__closing() after. */
void csock__step_aside(struct csock__call *call);
void csock__step_back(struct csock__call *call);

/* For closers. */

/* Marks s as closing: from now on nobody enters. How many calls are inside; -EBADF if it was so
 * before, or is closed. */
int csock__begin_close(struct csock *s);

/* All calls inside; and those of them that have not stepped aside. */
uint32_t csock__users(const struct csock *s);
uint32_t csock__present(const struct csock *s);

/* Calls on s that this very thread is inside of and has not stepped aside from: those under its
 * signal handler. A call that the handler caught on its way in or out is listed, and may be counted
 * or not. Both are hints, too high where such a call was left for good. */
void csock__own_calls(const struct csock *s, uint32_t *ret_counted, uint32_t *ret_listed);

/* Takes them off the list, once nobody will ask for them any more. */
void csock__forget_own_calls(const struct csock *s);

/* Leaves the closing of the descriptor to the last user. False if there is none. */
bool csock__abandon(struct csock *s);

/* Takes the descriptor out; whoever gets it, closes it. -1: another has got it. */
int csock__take_fd(struct csock *s);

/* Takes it out and closes it. As csock_close(); 0 if another has got it. */
int csock__let_go(struct csock *s);

/* csock_fd_close() */
int csock__close_fd(int fd);

/* How much of a name was written: the length that the kernel gives may exceed the buffer. */
static inline socklen_t csock__name_len(socklen_t len)
{
    return len < sizeof(union csock_addr) ? len : (socklen_t)sizeof(union csock_addr);
}

/* Members that calls in several threads read and write. Of a closed socket the descriptor is -1. */
static inline int csock__fd(const struct csock *s)
{
    return __atomic_load_n(&s->fd_plus_1, __ATOMIC_RELAXED) - 1;
}

static inline void csock__flag(struct csock *s, unsigned flag, bool on)
{
    if (on)
        __atomic_fetch_or(&s->flags, flag, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&s->flags, ~flag, __ATOMIC_RELAXED);
}

#endif

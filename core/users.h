/* Who is inside a socket.
 *
 * Every call on a socket is bracketed by csock__enter and csock__leave, so that its descriptor
 * number cannot be given back to the kernel, and reused, while the call still uses it. */
#ifndef CSOCK_CORE_USERS_H
#define CSOCK_CORE_USERS_H

#include "csock.h"

/* One call that is inside a socket; lives on the caller's stack. */
struct csock__call {
    struct csock *s;
    struct csock__call *outer; /* the call of this thread that this one runs within, or NULL */
    uint32_t generation;       /* fork generation in which it was counted */
    bool counted;              /* among the socket's users */
};

/* Fills *s around an open descriptor. */
void csock__birth(struct csock *s, int fd, int family, int type, int proto, unsigned flags);

/* 0, or -EBADF if the socket is closed or closing: then no leave. */
int csock__enter(struct csock__call *call, struct csock *s);

/* The last call to leave a socket whose closer gave up waiting closes the descriptor. After this
 * the caller must not look at the socket: whoever closed it may have freed it. */
void csock__leave(struct csock__call *call);

bool csock__closing(const struct csock *s);

/* For closers. */

/* Marks s as closing: from now on nobody enters. False if it was marked, or is closed. */
bool csock__begin_close(struct csock *s);

uint32_t csock__users(const struct csock *s);

/* Calls on s that this very thread is inside of: those under its signal handler or callback. A
 * call that the handler caught on its way in or out is listed, and may be counted or not. */
void csock__own_calls(const struct csock *s, uint32_t *ret_counted, uint32_t *ret_listed);

/* Leaves the closing of the descriptor to the last user. False if there is none. */
bool csock__abandon(struct csock *s);

/* Takes the descriptor out; whoever gets it, closes it. -1: another has got it. */
int csock__take_fd(struct csock *s);

/* Takes it out and closes it. As csock_close(); 0 if another has got it. */
int csock__let_go(struct csock *s);

/* csock_fd_close() */
int csock__close_fd(int fd);

/* For a call that is inside already. sock.c */
int csock__set_blocking(struct csock *s, bool blocking);

/* Members that calls in several threads read and write. Of a closed socket the descriptor is -1. */
static inline int csock__fd(const struct csock *s)
{
    return __atomic_load_n(&s->fd_plus_1, __ATOMIC_RELAXED) - 1;
}

static inline unsigned csock__flags(const struct csock *s)
{
    return __atomic_load_n(&s->flags, __ATOMIC_RELAXED);
}

static inline void csock__flag(struct csock *s, unsigned flag, bool on)
{
    if (on)
        __atomic_fetch_or(&s->flags, flag, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&s->flags, ~flag, __ATOMIC_RELAXED);
}

#endif

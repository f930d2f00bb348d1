/* The two waits, and the loop that every call which may block goes through.
 *
 * There is one first try to a call, and three places that may make it, each for a caller who has
 * paid for less: a binding that keeps closers out by a lock of its own, through try.c, before it
 * has entered anything; csock_recv and csock_send (sock/io.c), inside the socket, before there is
 * anything to wait with; csock__run here. Who has tried hands the result on as `tried`, so that
 * nobody after him does it again. */
#ifndef CSOCK_CORE_WAIT_H
#define CSOCK_CORE_WAIT_H

#include "call/tap.h"
#include "call/users.h"

/* Whether it has a bound; and that in absolute time, if it begins now. */
static inline bool csock__is_bounded(const struct csock_wait *w)
{
    return w->deadline != CSOCK_FOREVER || w->timeout != 0;
}
static inline int64_t csock__bound(const struct csock_wait *w)
{
    return w->deadline == CSOCK_FOREVER && w->timeout != 0 ? csock_deadline(w->timeout)
                                                           : w->deadline;
}

/* One call that may wait, over all its retries. */
struct csock__waiting {
    struct csock__call call;
    const struct csock_wait *w; /* never NULL */
    int64_t deadline;           /* of w, made absolute when first needed; CSOCK_FOREVER */
    ssize_t tried;              /* -EAGAIN, -EINTR or a short count of a try made before; 0: none */
    const struct csock__op *op; /* that it waits in; NULL: not yet */
    int64_t since;              /* of op: when it first had to wait; 0: not yet */
    unsigned spurious;          /* times that poll said "ready" and the call then had to wait */
    unsigned blocked;           /* the blocking call was made: its short count is final */
};

/* Enters the socket and leaves it again, as csock__enter and csock__leave do. w may be NULL. */
int csock__waiting_begin(struct csock__waiting *wg, struct csock *s, const struct csock_wait *w);
/* What is left of csock__waiting_begin for a call that has entered already: wg->call. */
void csock__waiting_fill(struct csock__waiting *wg, const struct csock_wait *w);
void csock__waiting_end(struct csock__waiting *wg);

/* What is the same for all calls of a kind. */
struct csock__kind {
    /* Makes the call, once. flags: MSG_DONTWAIT or 0, to be added to its own. Count or -errno. */
    ssize_t (*run)(int fd, const struct csock__op *op, int flags);
    /* Whom it sends or connects to, and how long that is; NULL if no such call has an address. */
    const struct sockaddr *(*to)(const struct csock__op *op, socklen_t *ret_len);
    /* What it has moved, and with which flags: tap.h. NULL: it moves nothing. */
    void (*tell)(const struct csock__op *op, struct csock__moved *ret);
    enum csock__what what; /* for those who look from outside: shown.h */
};

/* In one byte, so that a call looks at both at once. */
#define CSOCK__NEVER_WAITS ((unsigned)MSG_DONTWAIT)
_Static_assert((CSOCK__NEVER_WAITS & CSOCK__TAPPED) == 0 && CSOCK__NEVER_WAITS < 256, "bits");

/* One system call that may have to wait. */
struct csock__op {
    const struct csock__kind *kind;
    short events;    /* what poll waits for */
    bool dontwait;   /* the call takes MSG_DONTWAIT, so it can be tried on a blocking descriptor */
    bool no_try;     /* without a deadline go straight to the blocking call */
    bool poll_first; /* with a deadline go straight to poll */
    /* CSOCK__NEVER_WAITS: without a deadline the kernel answers at once, whatever the mode.
     * CSOCK__TAPPED: of the socket. */
    uint8_t rare;
};

/* csock_set_blocking() for a call that is inside already. */
int csock__set_blocking(struct csock *s, bool blocking);

/* What follows is a wait in op. */
static inline void csock__waits_in(struct csock__waiting *wg, const struct csock__op *op)
{
    wg->op = op;
    wg->since = 0;
}

/* Whether the call waits by poll rather than by the blocking system call itself. */
bool csock__polls(const struct csock__waiting *wg);

/* The same, once the blocking call has said that it would have to wait: then SO_RCVTIMEO or
 * SO_SNDTIMEO has passed, which is for the caller to hear, or somebody else has made the descriptor
 * non-blocking. */
bool csock__has_to_poll(const struct csock__waiting *wg);

/* Whether one try is all that the caller asked for. */
bool csock__nowait(const struct csock__waiting *wg);

/* Try, wait, retry. */
ssize_t csock__run(struct csock__waiting *wg, const struct csock__op *op);
/* The same, tapped or not; and with the blocking call at once. */
ssize_t csock__run_plainly(struct csock__waiting *wg, const struct csock__op *op);
ssize_t csock__run_blocking(struct csock__waiting *wg, const struct csock__op *op);

/* One try, repeated only if a signal interrupted it. accept4(2), connect(2) and sendfile(2) know no
 * MSG_DONTWAIT: where there is a deadline the descriptor is made one that does not block. */
ssize_t csock__try(struct csock__waiting *wg, const struct csock__op *op);

/* The blocking system call itself, once. -EINTR: a signal came, and nobody was told yet. */
ssize_t csock__block(struct csock__waiting *wg, const struct csock__op *op);

/* Poll until events or the deadline: revents, or an error. A signal does not end it. */
int csock__poll(struct csock__waiting *wg, short events);

/* csock_poll() as a part of a longer wait, which is what others are shown, with the first of the
 * sockets in it. NULL: it is all there is. */
int csock__poll_as_part(struct csock_polled *polled, size_t n, const struct csock_wait *w,
                        const struct csock__shown *whole);

/* Time left, in ns; < 0 for ever. And as poll(2) counts it. */
int64_t csock__time_left(struct csock__waiting *wg);
int csock__poll_ms(int64_t left);

/* After a "ready" that was not: sleep a little, longer each time. 0 or an error. */
int csock__back_off(struct csock__waiting *wg);

/* Between the parts of a call, of which each may find that it need not wait: whether the time for
 * all of them is over. It begins at the first such look, if it has not begun. */
bool csock__is_late(struct csock__waiting *wg);

/* A signal came: 0 to go on, or an error. */
int csock__interrupted(struct csock__waiting *wg);

#endif

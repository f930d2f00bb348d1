/* Time: deadlines, and how long a call may wait.
 *
 * A deadline is a moment and no span, so that one holds for all parts of a call, and for several
 * calls, however often signals interrupt them. */
#ifndef CSOCK_TIME_H
#define CSOCK_TIME_H

#include "csock/base.h"

CSOCK__BEGIN

/* CLOCK_MONOTONIC in ns. clock_gettime(2). */
CSOCK_API int64_t csock_now(void);

#define CSOCK_FOREVER 0 /* so that a zeroed struct csock_wait waits for ever, as NULL does */
#define CSOCK_NOWAIT INT64_MIN

/* The absolute deadline that lies ns from now; never overflows: far off means CSOCK_FOREVER. */
CSOCK_API int64_t csock_deadline(int64_t ns);

/* How long a call may wait, and what to do meanwhile. NULL stands for {.deadline = CSOCK_FOREVER}.
 * The library copies nothing: the struct must live until the call returns, and may be shared. */
struct csock_wait {
    /* Give up at this moment (CSOCK_ETIMEOUT). CSOCK_FOREVER: the blocking system call itself is
     * used, so SO_RCVLOWAT and MSG_WAITALL work as they always did; SO_RCVTIMEO and SO_SNDTIMEO,
     * too, which give -EAGAIN, but a signal begins them anew, as the call goes on after it: signals
     * that come more often than they last make it endless. CSOCK_NOWAIT: one try, which gives
     * -EAGAIN if it would have to wait. */
    int64_t deadline;
    /* If not 0, and the deadline is CSOCK_FOREVER: the deadline lies this many ns after the moment
     * at which the call first has to wait. Saves reading the clock when data is ready. Negative, as
     * what is left of a time that is over: the call waits no more. */
    int64_t timeout;
    /* Called when a signal arrived (EINTR), and between the parts of csock_send_all, before the
     * call goes on; signals that come and go do not extend the deadline. Non-zero ends the call
     * with CSOCK_EINTERRUPTED. Not called where a count is returned instead, as after a send that
     * a signal cut short. No lock is held, and nobody who closes the socket meanwhile waits for it.
     * May be NULL: the call just goes on. */
    int (*interrupted)(void *arg);
    /* Called right before the call may sleep, and right after: a binding may drop and take its
     * interpreter's lock here. interrupted runs after resume. Either may be NULL. */
    void (*pause)(void *arg);
    void (*resume)(void *arg);
    void *arg;
    void *room[4]; /* for later versions: NULL, as an initialiser with names leaves them */
};

CSOCK__END
#endif

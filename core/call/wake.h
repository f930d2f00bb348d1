/* Waking a thread that sleeps in a system call, by a signal reserved for it.
 *
 * The record of each thread says on which socket it sleeps right now. A closer signals the threads
 * whose record names its socket. */
#ifndef CSOCK_CORE_WAKE_H
#define CSOCK_CORE_WAKE_H

#include <signal.h>

#include "csock.h"

struct csock__call;
struct csock__shown;
struct csock__thread;

/* What one sleep has to undo. */
struct csock__sleep {
    struct csock__thread *me;
    unsigned place; /* in its record */
    bool lent;      /* by another sleep of the thread, as there was no free one */
    uintptr_t before, many_before;
    int sig_before;
    unsigned given_up; /* closers, by then */
    int64_t now;       /* when it began, by the coarse clock */
    struct csock__shown *shown;
    sigset_t mask; /* the thread's mask before the sleep */
    int sig;       /* signal to be blocked again, 0: none */
};

/* Announces that this thread is about to sleep in that call, with the wake-up signal unblocked. The
 * caller looks at csock__closing(call->s) after this and before it sleeps. hardly: it will not, but
 * for once in a while. 0 or -ENOMEM. */
int csock__sleep_begin(struct csock__sleep *sleep, struct csock__call *call, bool hardly);

/* Shows other processes what this thread is about to sleep in, until that ends. For calls that are
 * no csock__op; those have it from wait.c. */
void csock__show(const struct csock__sleep *sleep, const struct csock__shown *wait);

/* After this no signal for the call reaches the thread any more. */
void csock__sleep_end(struct csock__sleep *sleep, struct csock__call *call);

/* The same for a sleep on several sockets: `many` is csock__many_bit() of each, `generation` that
 * in which the first call was counted. What is to be noted of each call is for the caller. */
int csock__sleep_begin_many(struct csock__sleep *sleep, uintptr_t many);
void csock__sleep_end_many(struct csock__sleep *sleep, uint32_t generation);

/* Signals other threads that sleep on *s, at most so many, and all that may sleep on it among
 * others. False if one could not be sent its
 * signal: there is none, or RLIMIT_SIGPENDING is reached. */
bool csock__wake(const struct csock *s, unsigned most);

/* For the closer of *s that goes without having seen all of them leave: nobody will wake them any
 * more, and what else is there at that address later has no part in it (ABA). */
void csock__forget_sleepers(const struct csock *s);

#endif

/* Waking a thread that sleeps in a system call, by a signal reserved for it.
 *
 * Each thread that ever waited has one sleeper: a record that says on which socket it sleeps right
 * now. A closer signals the threads whose record names its socket. */
#ifndef CSOCK_CORE_WAKE_H
#define CSOCK_CORE_WAKE_H

#include <signal.h>

#include "csock.h"

struct csock__sleeper;

/* What one sleep has to undo. */
struct csock__sleep {
    struct csock__sleeper *me;
    const struct csock *outer; /* what a wait under a signal handler's wait sleeps on, or NULL */
    sigset_t mask;             /* the thread's mask before the sleep */
    int sig;                   /* signal that it unblocked, 0: none */
};

/* Announces that this thread is about to sleep on *s, with the wake-up signal unblocked. The caller
 * looks at csock__closing(s) after this and before it sleeps. 0 or -ENOMEM. */
int csock__sleep_begin(struct csock__sleep *sleep, const struct csock *s);

/* After this no signal for *s reaches the thread any more. */
void csock__sleep_end(struct csock__sleep *sleep, const struct csock *s);

/* Signals other threads that sleep on *s, at most so many. False if one of them could not be
 * signalled: no signal is free, or RLIMIT_SIGPENDING is reached. */
bool csock__wake(const struct csock *s, unsigned most);

/* How often this process is a fork of the one that started. Every call asks, so it is no function
 * of wake.c, which alone writes it. */
extern uint32_t csock__forks;
static inline uint32_t csock__generation(void)
{
    return __atomic_load_n(&csock__forks, __ATOMIC_RELAXED);
}

#endif

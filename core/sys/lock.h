/* Locks between threads for what is short and calls nobody back. Zeroed memory is a free one, and
 * nothing is to be given back at its end. */
#ifndef CSOCK_CORE_LOCK_H
#define CSOCK_CORE_LOCK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* A word and futex(2): of a child by fork(2) which finds it taken in the parent, it can be made
 * free by writing 0. */
struct csock__lock {
    uint32_t word; /* 0: free, 1: taken, 2: and perhaps somebody waits */
};

void csock__lock(struct csock__lock *lock);
/* False: it was not to be had within so many ns; 0 or less: it is tried once. */
bool csock__lock_within(struct csock__lock *lock, int64_t ns);
void csock__unlock(struct csock__lock *lock);

/* A word that says which generation of the process holds it, or 0. A child finds it held, if at
 * all, by a thread that it does not have, in another generation: so for the child it is free. Held
 * for moments, and with all signals blocked: a handler that ran meanwhile could leave for good, or
 * want the same. */
void csock__block_signals(sigset_t *ret_before);
void csock__take(uint32_t *holder, uint32_t generation);
static inline void csock__give_back(uint32_t *holder)
{
    __atomic_store_n(holder, 0, __ATOMIC_RELEASE);
}

/* Lets a thread run that is about to finish something; times counts how often in a row. */
void csock__give_way(unsigned times);

#endif

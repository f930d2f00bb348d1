/* A lock between threads for what is short and calls nobody back. Zeroed memory is a free one, and
 * nothing is to be given back at its end. A word and futex(2): of a child by fork(2) which finds it
 * taken in the parent, it can be made free by writing 0. */
#ifndef CSOCK_CORE_LOCK_H
#define CSOCK_CORE_LOCK_H

#include <stdint.h>

struct csock__lock {
    uint32_t word; /* 0: free, 1: taken, 2: and perhaps somebody waits */
};

void csock__lock(struct csock__lock *lock);
void csock__unlock(struct csock__lock *lock);

#endif

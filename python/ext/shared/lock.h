/* A lock that the thread which has it may take again: a signal handler, or a callback of a library,
 * runs in the middle of what its own thread holds it for. Who finds it taken waits without the GIL,
 * a while at a time, and looks in between at what else may have happened. Zeroed memory is a free
 * one.
 *
 * In a child of fork(2) a lock that was taken in the parent is free, whoever had it; so is any that
 * another thread has when the interpreter ends. */
#ifndef CSOCK_EXT_SHARED_LOCK_H
#define CSOCK_EXT_SHARED_LOCK_H

#include "shared/python.h"

struct ext_lock {
    uint64_t owner;   /* a thread of a process, 0: nobody; atomic, as the next but one are */
    unsigned depth;   /* how often the owner has it; the owner's */
    unsigned waiting; /* threads */
    bool posted;      /* the gate is open for one of them */
    unsigned hungry;  /* > 0: one of them was let in, and found it taken again */
    uint64_t last;    /* the thread that gave it back last */
    PyThread_type_lock gate, aside; /* where they wait, made when they first do; lock.c */
};

/* True if this thread has it now. */
bool ext_lock_try(struct ext_lock *lock);
/* Gives it back, once. */
void ext_lock_release(struct ext_lock *lock);
/* Whether this thread has it; whether another has. */
bool ext_lock_is_mine(const struct ext_lock *lock);
bool ext_lock_is_others(const struct ext_lock *lock);

/* Waits until somebody gives it back or wakes those who wait, for ns at most; a signal ends it,
 * too. Without the GIL. False: no memory, with the exception. */
bool ext_lock_wait(struct ext_lock *lock, int64_t ns);
/* Has one of those who wait look again, without giving it back. */
void ext_lock_wake(struct ext_lock *lock);

void ext_lock_free(struct ext_lock *lock);

#endif

/* Which signal wakes.
 *
 * It is SIGURG where the program has left that alone: its default is to be ignored, so that it does
 * no harm where the handler has just been taken away. Else it is a real-time one, or only the one
 * that csock_wake_signal() named. A program may take it for itself at any time, by a handler or,
 * for sigwait(3) and signalfd(2), by blocking it; so waits look now and then, and move off. Each
 * record says by which signal its thread can be woken. */
#ifndef CSOCK_CORE_SIGNAL_H
#define CSOCK_CORE_SIGNAL_H

#include <signal.h>
#include <stdbool.h>

/* Whether its handler is the one that does nothing. */
bool csock__signal_is_ours(int sig);

/* The one in use; chosen now, if none has been. 0 if there is none: then closing cannot wake. */
int csock__signal_current(void);

/* Chooses anew, for all waits from now on: one that this thread does not block, if there is such a
 * one; 0 as above. */
int csock__signal_choose(void);

/* The same, but only one that such a mask lets through. 0: the one in use stays. */
int csock__signal_choose_unblocked(const sigset_t *mask);

#endif

/* Which process this is: one more than how often it is a fork of the one that started. Who needs it
 * to be right asks csock__generation(): call/thread.h. */
#ifndef CSOCK_CORE_MARK_H
#define CSOCK_CORE_MARK_H

#include <stdint.h>

/* Every call asks: so a word is read in place, which the kernel itself makes 0 in each child,
 * whatever made it, fork(3), _Fork(3) or a bare clone(2). Whoever finds 0 is the first to notice.
 */
extern uint32_t *csock__mark;

static inline uint32_t csock__known_generation(void) /* or 0 */
{
    return __atomic_load_n(csock__mark, __ATOMIC_RELAXED);
}

#endif

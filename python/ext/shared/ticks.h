/* How long something took, for callers whom reading the clock would cost more than it is worth to
 * them: 70 instructions each time. A counter in the processor takes one. It runs at one rate on all
 * of them, or the kernel's own clock could not be made of it; what it is not fit for is moments, as
 * it may stand still, or begin anew, while the machine is suspended. */
#ifndef CSOCK_EXT_SHARED_TICKS_H
#define CSOCK_EXT_SHARED_TICKS_H

#include "shared/python.h"

/* Elsewhere a tick is a nanosecond, by the clock. */
#if defined __x86_64__ || defined __i386__
#define EXT_HAS_TICKS true
static inline uint64_t ext_ticks(void)
{
    return __builtin_ia32_rdtsc();
}
#elif defined __aarch64__
#define EXT_HAS_TICKS true
static inline uint64_t ext_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}
#else
#define EXT_HAS_TICKS false
uint64_t ext_ticks(void);
#endif

/* Sums of differences in seconds, to some parts in ten thousand; 0 if that is negative, as the
 * counter has begun anew. The first call takes a millisecond, to compare the counter with the
 * clock. Any thread; does not fail. */
double ext_ticks_seconds(uint64_t ticks);

#endif

/* The rate of the counter, and what stands in for it: see ticks.h. Sits on csock_now. */
#include "shared/ticks.h"

#include "csock.h"

#if EXT_HAS_TICKS

#define WINDOW_NS 1000000
#define LOOKS 8

struct moment {
    int64_t ns;
    uint64_t ticks, doubt;
};

/* Both at once, as nearly as can be had: whoever is interrupted between them looks again. */
static struct moment read_both(void)
{
    struct moment best = {.doubt = UINT64_MAX};
    for (int i = 0; i < LOOKS; i++) {
        uint64_t before = ext_ticks();
        int64_t ns = csock_now();
        uint64_t doubt = ext_ticks() - before;
        if (doubt < best.doubt)
            best = (struct moment){ns, before + doubt / 2, doubt};
    }
    return best;
}

static uint64_t measure_ticks_per_ms(void)
{
    struct moment first = read_both(), last;
    do
        last = read_both();
    while (last.ns - first.ns < WINDOW_NS);
    double rate = (double)(last.ticks - first.ticks) * 1e6 / (double)(last.ns - first.ns);
    return rate >= 1 ? (uint64_t)rate : 1;
}

double ext_ticks_seconds(uint64_t ticks)
{
    static uint64_t per_ms; /* two threads may measure it at once, and both are right */
    uint64_t rate = __atomic_load_n(&per_ms, __ATOMIC_RELAXED);
    if (!rate)
        __atomic_store_n(&per_ms, rate = measure_ticks_per_ms(), __ATOMIC_RELAXED);
    return ticks < (uint64_t)INT64_MAX ? (double)ticks / ((double)rate * 1000) : 0;
}

#else

uint64_t ext_ticks(void)
{
    return (uint64_t)csock_now();
}

double ext_ticks_seconds(uint64_t ticks)
{
    return (double)ticks / 1e9;
}

#endif

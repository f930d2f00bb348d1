/* The clock of the C twins; and marks for counts.py: where a stretch to be counted begins and ends.
 * Under callgrind they turn the counting on and off and write the sum; under strace they show as a
 * call of their own. */
#include "bench.h"

#include <unistd.h>
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

clockid_t bench_clock = CLOCK_MONOTONIC;

/* The bench's clock from now on: processor time or, with 0, the wall's. */
BENCH bench_use_cpu_clock(long yes)
{
    bench_clock = yes ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    return 0;
}

BENCH mark_begin(const char *name)
{
    access(name, F_OK); /* what strace sees */
    CALLGRIND_START_INSTRUMENTATION;
    CALLGRIND_ZERO_STATS;
    return 0;
}

BENCH mark_end(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
    CALLGRIND_STOP_INSTRUMENTATION;
    access(name, F_OK);
    return 0;
}

/* Within such a stretch, with --collect-atstart=no: only what is between two of these counts. */
BENCH mark_toggle(const char *name)
{
    access(name, F_OK);
    CALLGRIND_TOGGLE_COLLECT;
    return 0;
}

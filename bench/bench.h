/* Benches in C: each function opens what it needs, times n runs and returns the ns they took, or
 * a negative errno. raw.c calls the kernel, core.c the csock library; ops.py names the twins. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, or the thread's processor time where the machine is busy with other things. */
extern clockid_t bench_clock;

static inline int64_t bench_now(void)
{
    struct timespec t;
    clock_gettime(bench_clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

#define BENCH __attribute__((visibility("default"))) int64_t

#endif

/* What the library keeps of each thread that ever waited: one record, in a list that only grows and
 * has no lock, so that whoever looks through it may be a signal handler, or a child after fork()
 * whose parent's other threads were anywhere. */
#ifndef CSOCK_CORE_THREAD_H
#define CSOCK_CORE_THREAD_H

#include <stdatomic.h>
#include <sys/types.h>

#include "csock.h"

struct csock__thread {
    struct csock__thread *next;
    atomic_int taken; /* by a thread that lives */
    _Atomic(pid_t) tid;
    _Atomic(uintptr_t) on; /* the socket it sleeps on: wake.c */
    int64_t looked;        /* when its signal mask let the wake-up signal through: wake.c */
    int looked_sig;
};

/* initial-exec saves a call per access; musl cannot load such objects by dlopen(3). */
#ifdef __GLIBC__
#define CSOCK__TLS __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define CSOCK__TLS _Thread_local
#endif

/* This thread's record, or NULL if it has none yet. */
extern CSOCK__TLS struct csock__thread *csock__me;

/* The same, made if need be; given back when the thread ends. NULL: no memory. */
struct csock__thread *csock__thread(void);

/* The first of all records, or NULL. */
struct csock__thread *csock__threads(void);

/* Lets a thread run that is about to finish something; times counts how often in a row. */
void csock__give_way(unsigned times);

/* How often this process is a fork of the one that started. Every call asks, so it is no function
 * of thread.c, which alone writes it. */
extern uint32_t csock__forks;
static inline uint32_t csock__generation(void)
{
    return __atomic_load_n(&csock__forks, __ATOMIC_RELAXED);
}

#endif

/* What the library keeps of each thread that ever waited: one record, in a list that only grows and
 * has no lock, so that whoever looks through it may be a signal handler, or a child after fork()
 * whose parent's other threads were anywhere. */
#ifndef CSOCK_CORE_THREAD_H
#define CSOCK_CORE_THREAD_H

#include <stdatomic.h>
#include <sys/types.h>

#include "call/shown.h"
#include "sys/mark.h"

/* Readers of other processes know it up to and with `shown`: shown.h. */
struct csock__thread {
    struct csock__thread *next;
    _Atomic(uint32_t) taken; /* generation of the living thread whose it is: thread.c */
    _Atomic(pid_t) tid;
    _Atomic(uintptr_t) on[CSOCK__SLEEPS];     /* the sockets it sleeps on, with marks: wake.c */
    struct csock__shown shown[CSOCK__SLEEPS]; /* what it waits in there */
    _Atomic(uintptr_t) many[CSOCK__SLEEPS];   /* with CSOCK__MANY there: a filter of which */
    atomic_int sig[CSOCK__SLEEPS];            /* what wakes it from there */
    unsigned lent;                            /* places, so far */
    _Atomic(uintptr_t) closing; /* the socket whose other users it waits for as a closer, or 0 */
    int64_t looked;             /* when its signal mask let the wake-up signal through: wake.c */
    int looked_sig;
    int64_t searched; /* when it was last asked whether the program left us that signal */
};

/* initial-exec saves a call per access; musl cannot load such objects by dlopen(3). */
#ifdef __GLIBC__
#define CSOCK__TLS __attribute__((tls_model("initial-exec"))) _Thread_local
#else
#define CSOCK__TLS _Thread_local
#endif

/* This thread's record, or NULL if it has none yet. */
struct csock__thread *csock__me(void);

/* The same, made if need be; given back when the thread ends. NULL: no memory. */
struct csock__thread *csock__thread(void);

/* Whether it is that of a thread that lives, and in this process. */
bool csock__lives(const struct csock__thread *t);

/* The first of all records, or NULL. */
struct csock__thread *csock__threads(void);

/* Marks on an address in `on`: a closer is just sending the thread its signal; the call, which
 * its thread goes on with in a child, has been counted there. (Alone, the second is left of a
 * call whose closer gave up.) */
#define CSOCK__BEING_SIGNALLED ((uintptr_t)1)
#define CSOCK__RECOUNTED ((uintptr_t)2)
#define CSOCK__MARKS ((uintptr_t)3)

/* In `on` instead of an address: a sleep on several sockets at a time. Which, only its own thread
 * knows, on its stack; `many` has a bit for each, which others may have, too (a Bloom filter): so
 * one that is signalled looks at all of its own. */
#define CSOCK__MANY ((uintptr_t)4)
static inline uintptr_t csock__many_bit(const struct csock *s)
{
    uint32_t hash = (uint32_t)((uintptr_t)s >> 3) * UINT32_C(2654435769);
    return (uintptr_t)1 << (hash >> 16) % (8 * sizeof(uintptr_t));
}

/* Whether what stands at this place means s, or may. */
static inline bool csock__means(const struct csock__thread *t, unsigned place, uintptr_t on,
                                const struct csock *s)
{
    on &= ~CSOCK__MARKS;
    return on == (uintptr_t)s ||
           (on == CSOCK__MANY && (atomic_load(&t->many[place]) & csock__many_bit(s)));
}

/* Whether one of its sleeps is on s, or may be. */
static inline bool csock__sleeps_on(const struct csock__thread *t, const struct csock *s)
{
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++)
        if (csock__means(t, i, atomic_load(&t->on[i]), s))
            return true;
    return false;
}

/* The same, of a thread that lives and is not this one. */
static inline bool csock__other_sleeps_on(const struct csock__thread *t, const struct csock *s)
{
    return csock__sleeps_on(t, s) && csock__lives(t) && t != csock__me();
}

/* Whether another thread sleeps on *s still. */
bool csock__someone_sleeps(const struct csock *s);

/* The same, but for calls that their thread goes on with in a child, or has left before the
 * fork. */
bool csock__someone_fell_asleep(const struct csock *s);

/* Sets a place of `on` once no closer is sending; returns what it was, or 0 if it names another
 * socket than `only`, and so is left alone. NULL: whatever it names. */
uintptr_t csock__move_on(struct csock__thread *t, unsigned place, const struct csock *only,
                         uintptr_t to);

/* One more than how often this process is a fork of the one that started. */
__attribute__((cold, noinline)) uint32_t csock__after_fork(void);
static inline uint32_t csock__generation(void)
{
    uint32_t mark = csock__known_generation();
    return __builtin_expect(mark != 0, 1) ? mark : csock__after_fork();
}

#endif

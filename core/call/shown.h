/* What each thread shows of its waits to other processes: to `csock ps`, which reads it out of the
 * memory of this one, while it hangs or is stopped, and without its help.
 *
 * All begins at csock__records, which a reader finds by its `magic` among the initialised data of
 * whatever file this library is linked into: a symbol may be stripped, or local to a static
 * program. From there on there is a list of the records of threads (thread.h), whose first members,
 * up to and with `shown`, are as `layout` says. A wait is written when a call is about to sleep,
 * and nothing when data is ready; the sequence count lets a reader see that it was not changed
 * while he read. Nobody in this process reads any of it.
 *
 * A member that changes its place or meaning is a new CSOCK__LAYOUT, and one that comes takes room.
 * The reader is python/csock/_ps_memory.py. */
#ifndef CSOCK_CORE_SHOWN_H
#define CSOCK_CORE_SHOWN_H

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "csock.h"

#define CSOCK__LAYOUT 1
#define CSOCK__MAGIC "csock's threads" /* 16 bytes */

/* Sleeps of one thread at a time: in its signal handlers it may wait, too, and one that was left
 * for good keeps its place until its socket is closed, or the thread ends. More lend each other
 * theirs. */
#define CSOCK__SLEEPS 4

/* What a thread waits in. Numbers stay: readers know them. */
enum csock__what {
    CSOCK__NOTHING = 0, /* or nothing that it says */
    CSOCK__RECV = 1,
    CSOCK__RECVFROM = 2,
    CSOCK__RECVMSG = 3,
    CSOCK__SEND = 4,
    CSOCK__SENDTO = 5,
    CSOCK__SENDMSG = 6,
    CSOCK__SENDFILE = 7,
    CSOCK__ACCEPT = 8,
    CSOCK__CONNECT = 9,
    CSOCK__POLL_IN = 10, /* csock_ready() */
    CSOCK__POLL_OUT = 11,
    CSOCK__POLL = 12,   /* for both, or for errors alone */
    CSOCK__LOOKUP = 13, /* `about` is a name; fd: of the socket that it is for, or -1 */
    CSOCK__DIAL = 14,   /* look-ups and connects; `about` is a name; fd: of one of them, or -1 */
    CSOCK__POLL_MANY = 15,
};

/* One wait. The same on every machine, 32 bits or 64. */
struct csock__shown {
    _Atomic(uint32_t) count; /* odd while the rest is written, and two more each time */
    int32_t fd;
    uint32_t what;       /* enum csock__what */
    uint32_t about_size; /* bytes at `about`; 0: none, and `about` means nothing */
    int64_t since;       /* CLOCK_MONOTONIC_COARSE in ns, when this call first had to wait */
    int64_t deadline;    /* CLOCK_MONOTONIC in ns; CSOCK_FOREVER */
    /* Where the address stands that is sent or connected to (a struct sockaddr), or the name that
     * is looked up (text). It is the caller's memory, which lives as long as the call; a reader
     * looks at `count` again after it. */
    uint64_t about;
    /* Where the call stands on its thread's stack. A thread whose stack pointer is above that has
     * left it for good: siglongjmp(3). */
    uint64_t frame;
};

struct csock__thread;

/* Where it begins. */
struct csock__records {
    char magic[16];
    uint16_t layout;
    uint8_t word;   /* sizeof (void *) */
    uint8_t sleeps; /* places in each record */
    uint16_t shown; /* offset of its first csock__shown in a record */
    uint16_t size;  /* of one of them */
    char version[24];
    uint32_t off; /* by CSOCK_PS=0: nothing is written */
    uint32_t room;
    uint32_t **generation; /* csock__mark: of this process. A record of another is nobody's */
    _Atomic(struct csock__thread *) first;
};

extern struct csock__records csock__records;

/* Between a count made odd and what is written then. ThreadSanitizer knows no fences, and has no
 * need of this one, as the readers are other processes. */
#ifdef __has_feature /* clang */
#define CSOCK__TSAN __has_feature(thread_sanitizer)
#elif defined __SANITIZE_THREAD__
#define CSOCK__TSAN 1
#else
#define CSOCK__TSAN 0
#endif
static inline void csock__show_fence(void)
{
#if CSOCK__TSAN
    atomic_signal_fence(memory_order_release);
#else
    atomic_thread_fence(memory_order_release);
#endif
}

/* Bytes of a name at `about`: as many as a reader wants of it, with its end. */
static inline uint32_t csock__shown_size(const char *name)
{
    return name ? (uint32_t)strnlen(name, 255) + 1 : 0;
}

/* Around what is written of a wait; end gets what begin has returned. */
static inline uint32_t csock__show_begin(struct csock__shown *shown)
{
    uint32_t count = atomic_load_explicit(&shown->count, memory_order_relaxed);
    atomic_store_explicit(&shown->count, count + 1, memory_order_relaxed);
    csock__show_fence();
    return count;
}
static inline void csock__show_end(struct csock__shown *shown, uint32_t count)
{
    atomic_store_explicit(&shown->count, count + 2, memory_order_release);
}

/* After a sleep. What is left beside this is not looked at. */
static inline void csock__show_nothing(struct csock__shown *shown)
{
    *(volatile uint32_t *)&shown->what = CSOCK__NOTHING;
}

#endif

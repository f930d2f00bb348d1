/* What the tests of the core share: sockets ready for use, threads that make one call and say what
 * came of it and when, signals, children. Includes all that a cmocka test file needs. */
#ifndef CSOCK_TESTS_UTIL_H
#define CSOCK_TESTS_UTIL_H

#include "csock.h"
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
/* cmocka 2 gave the check of a range another name, and keeps the old one to warn; of its macro
 * `stop` nothing here has need, but for the name. */
#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range assert_int_in_range
#endif
#undef stop

#define MS INT64_C(1000000) /* ns */
/* Bounds for what takes no time but that of a busy machine. What would fail waits for much longer
 * than SOON, or for ever; what is PROMPT is bounded by the patience of close(), a second. */
#define SOON (10000 * MS)
#define PROMPT (900 * MS)
#define COUNT(array) (sizeof(array) / sizeof *(array))
#define WITHIN(ns) (&(struct csock_wait){.deadline = csock_deadline(ns)})
#define NOWAIT (&(struct csock_wait){.deadline = CSOCK_NOWAIT})

/* Fixture of every test: the scripted table, with an empty script. The teardown asserts that no
 * descriptor was left open. A hang ends the program after two minutes. */
int util_setup(void **state);
int util_teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, util_setup, util_teardown)

/* Sockets; all of them assert that they succeed. Families AF_INET and AF_INET6 are on loopback,
 * AF_UNIX has abstract names that the kernel chose. */
void util_pair(struct csock s[2], int family, int type);
void util_listener(struct csock *s, int family, int backlog, union csock_addr *ret_addr,
                   socklen_t *ret_len);
void util_bound(struct csock *s, int family, int type, union csock_addr *ret_addr,
                socklen_t *ret_len);

/* A UDP socket that hears of errors (ip(7), IP_RECVERR), and an address where nobody is. */
void util_hears_errors(struct csock *s, union csock_addr *ret_nobody, socklen_t *ret_len);

/* Sends until nothing goes any more, not even a little later. Returns the number of bytes. The
 * receiver's buffer should be small: util_pair makes it so. */
size_t util_fill(struct csock *s);

/* Connects to a listener until one more connection would have to wait. At most `max`; returns how
 * many of them stand in s[], to be closed. */
int util_fill_backlog(struct csock *s, int max, const union csock_addr *addr, socklen_t len);

/* Closes and asserts success. */
void util_close(struct csock *s);

bool util_fd_is_open(int fd);
bool util_is_nonblocking(const struct csock *s);

/* A thread that makes one call. */
struct util_call {
    ssize_t (*run)(struct util_call *call);
    struct csock *s;
    void *arg;
    ssize_t result; /* of run */
    int64_t ended;  /* when */
    int64_t cpu;    /* ns of processor time that it took */
    pthread_t thread;
    atomic_int tid; /* 0 until it runs, -1 after */
    /* Last: behind a literal in a literal, gcc 10 and early 11 take fields for forgotten ones. */
    const struct csock_wait *w;
};

void util_start(struct util_call *call);
/* Waits until the thread sleeps in the kernel. */
void util_await_sleep(struct util_call *call);
void util_start_asleep(struct util_call *call);
/* The result, when it has ended; a thread that does not end within 10 s fails the test. */
ssize_t util_join(struct util_call *call);
void util_signal_call(struct util_call *call, int sig);
/* Both, with a signal every 10 ms: for a call that may sleep for other reasons before it waits. */
ssize_t util_signal_until_joined(struct util_call *call, int sig);

/* Some calls, for util_call.run. */
ssize_t util_recv(struct util_call *call);   /* 1 byte */
ssize_t util_send(struct util_call *call);   /* 1 byte */
ssize_t util_accept(struct util_call *call); /* and closes the connection */
ssize_t util_pollin(struct util_call *call);

/* util_recv with every signal masked, as some programs have it in all threads but one. -sig if the
 * mask came back changed, or sig is left pending. */
ssize_t util_recv_masked(struct util_call *call);

/* Installs a handler, with sa_flags. */
void util_handle(int sig, void (*handler)(int sig), int flags);
/* A handler that does nothing but count. */
void util_count_signal(int sig);
extern atomic_int util_signals;

/* An `interrupted` that counts its calls into the atomic_int *arg, and goes on. */
int util_count_interrupted(void *arg);

/* Runs f in a fork and asserts that it returns 0. In f, use no assert: return a line number. */
void util_in_child(int (*f)(void *arg), void *arg);
/* The end of a child. */
void util_exit(int code);

/* Skips the rest of the test where the kernel does not wipe memory on fork, so that nobody notices
 * a child by _Fork(3) or clone(2). */
void util_needs_wiped_memory(void);

/* The same under tests/lab/other-machine.sh, whose emulator does not do what the test needs. */
void util_not_emulated(const char *why);

/* From now on naps are only noted, on a clock that moves with them alone; and that they were those,
 * in microseconds. */
void util_note_naps(void);
void util_assert_naps(const int *us, size_t n);

void util_sleep(int64_t ns);
int64_t util_thread_cpu(void);

#endif

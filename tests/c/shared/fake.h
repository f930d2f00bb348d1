/* A scripted struct csock_sys for tests.
 *
 * It starts as the real table and stays real but for what the test scripts: "the second recv
 * fails with EINTR", "the first send takes 3 bytes", "before the fourth poll, close the socket".
 * It counts every call and every block of memory, and can stop the clock. Scripting is for one
 * thread, best before others start; the calls themselves may come from any thread and from signal
 * handlers. */
#ifndef CSOCK_TESTS_FAKE_H
#define CSOCK_TESTS_FAKE_H

#include "sys/sys.h"

#include <stddef.h>
#include <stdint.h>

/* libc need not have it: h_errno of what errno explains. */
#ifndef NETDB_INTERNAL
#define NETDB_INTERNAL (-1)
#endif

/* One per entry of struct csock_sys, in capitals. */
enum fake_entry {
    FAKE_SOCKET,
    FAKE_SOCKETPAIR,
    FAKE_BIND,
    FAKE_LISTEN,
    FAKE_ACCEPT4,
    FAKE_CONNECT,
    FAKE_SHUTDOWN,
    FAKE_CLOSE,
    FAKE_PUT_PLACEHOLDER,
    FAKE_DUP_CLOEXEC,
    FAKE_GETSOCKNAME,
    FAKE_GETPEERNAME,
    FAKE_GETSOCKOPT,
    FAKE_SETSOCKOPT,
    FAKE_GET_NONBLOCK,
    FAKE_SET_NONBLOCK,
    FAKE_RECV,
    FAKE_RECVFROM,
    FAKE_RECVMSG,
    FAKE_SEND,
    FAKE_SENDTO,
    FAKE_SENDMSG,
    FAKE_SENDFILE,
    FAKE_POLL,
    FAKE_CLOCK,
    FAKE_COARSE_CLOCK,
    FAKE_WALL_CLOCK,
    FAKE_NANOSLEEP,
    FAKE_SIGACTION,
    FAKE_THREAD_MASK,
    FAKE_SIGNAL_PENDING,
    FAKE_SIGNAL_TAKE,
    FAKE_TGKILL,
    FAKE_GETPID,
    FAKE_GETTID,
    FAKE_YIELD,
    FAKE_THREAD_START,
    FAKE_THREAD_JOIN,
    FAKE_THREAD_DETACH,
    FAKE_FUTEX_WAIT,
    FAKE_FUTEX_WAKE,
    FAKE_EVENT_OPEN,
    FAKE_EVENT_SET,
    FAKE_EVENT_CLEAR,
    FAKE_SURROUNDINGS,
    FAKE_READ_FILE,
    FAKE_FILE_STAMP,
    FAKE_FILE_CREATE,
    FAKE_FD_STAMP,
    FAKE_FILE_WRITE,
    FAKE_FILE_CUT,
    FAKE_ALLOC,
    FAKE_WIPED_ON_FORK,
    FAKE_RELEASE,
    FAKE_GETADDRINFO,
    FAKE_FREEADDRINFO,
    FAKE_RESOLVER_FORGET,
    FAKE_GETNAMEINFO,
    FAKE_GETHOSTBYNAME2_R,
    FAKE_GETHOSTBYADDR_R,
    FAKE_GETSERVBYNAME_R,
    FAKE_GETSERVBYPORT_R,
    FAKE_GETPROTOBYNAME_R,
    FAKE_GETHOSTNAME,
    FAKE_SETHOSTNAME,
    FAKE_IFACE_INDEX,
    FAKE_IFACE_NAME,
    FAKE_IF_NAMETOINDEX,
    FAKE_IF_INDEXTONAME,
    FAKE_IF_NAMEINDEX,
    FAKE_IF_FREENAMEINDEX,
    FAKE_N
};

/* Puts the table in force, with an empty script, counters at 0 and the real clock. Calling it again
 * starts afresh. remove puts the real table back. */
void fake_install(void);
void fake_remove(void);

/* Steps of the script. nth counts calls from now on: 1 is the next one; FAKE_EVERY is all of them.
 * Where steps meet on one call, hooks run first, in the order of scripting, then the first failure
 * holds. At most 64 steps; more abort the test. */
#define FAKE_EVERY 0u

/* The call is not made and fails with err, in the manner of its kind:
 *   most entries      -1 and errno = err
 *   alloc, wiped_on_fork, if_indextoname, if_nameindex
 *                     NULL and errno = err
 *   if_nametoindex    0 and errno = err
 *   thread_mask, thread_start, thread_join, thread_detach
 *                     returns err
 *   getaddrinfo, getnameinfo
 *                     err < 0: returns it (EAI_…); err > 0: EAI_SYSTEM and errno = err
 *   gethostby…_r      err > 0: returns it, no entry (ERANGE: buffer too small);
 *                     err < 0: returns 0, no entry, *ret_herr = -err (-HOST_NOT_FOUND)
 *   getserv…, getproto…_r
 *                     err > 0: returns it, no entry; err = 0: returns 0, no entry ("not found")
 * release, freeaddrinfo and if_freenameindex cannot fail. */
void fake_fail(enum fake_entry entry, unsigned nth, int err);

/* recv, recvfrom, send, sendto, sendfile: the call is made with at most max bytes. */
void fake_short(enum fake_entry entry, unsigned nth, size_t max);

/* hook(arg) runs right before the call, in the calling thread. */
void fake_hook(enum fake_entry entry, unsigned nth, void (*hook)(void *arg), void *arg);

/* Calls of one entry since fake_install(), failed ones included. */
unsigned fake_calls(enum fake_entry entry);

/* Blocks of alloc, and lists of getaddrinfo and if_nameindex, that were not given back: 0 when
 * nothing leaks. What the caller frees with free(3) counts as not given back. */
int fake_live(void);

/* From now on each block of alloc stands between two guards, which release looks at: a program that
 * wrote outside of a block is aborted. Not for what the caller frees with free(3). */
void fake_guard(void);

/* Stops the clock at ns. From then on only nanosleep, poll and futex_wait (to their timeout,
 * without waiting, if nothing is ready) and fake_clock_add move it. A poll without a timeout stays
 * real. */
void fake_clock_set(int64_t ns);
void fake_clock_add(int64_t ns);

/* The table that calls go to after counting and scripting, starting as the real one: a test that
 * needs a function of its own puts it here. */
struct csock_sys *fake_under(void);

/* Open descriptors of this process, by /proc/self/fd. */
int fake_open_fds(void);

#endif

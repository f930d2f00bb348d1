/* Sockets: making and closing, naming and listening, accepting and connecting, options.
 *
 * A struct csock stands around one descriptor and counts the calls that are inside. That is what
 * lets any thread close it at any time: closing ends those calls, and keeps the descriptor's number
 * from being used again until the last of them has left. */
#ifndef CSOCK_SOCKET_H
#define CSOCK_SOCKET_H

#include "csock/addr.h"
#include "csock/time.h"

CSOCK__BEGIN

/* A socket. The caller provides the storage; the members are the library's, to be read through
 * the functions below. It must not be moved or copied while it is open, and not be freed while a
 * call is inside. */
struct csock {
    int fd_plus_1; /* 0: closed, so that zeroed memory is a closed socket */
    int family, type, proto;
    unsigned flags;
    /* Fork generation, whether it is closing, users inside: see core/call/users.c. */
    CSOCK__WHOLE uint64_t state;
    uint64_t room[8]; /* for later versions, whose struct is no larger than this one */
};

/* A closed socket, as zeroed memory is one, too. */
#ifdef __cplusplus
#define CSOCK_INIT \
    { \
    }
#else
#define CSOCK_INIT \
    { \
        .fd_plus_1 = 0 \
    }
#endif

/* Flags of csock_open, _pair and _adopt; accepted sockets inherit all but the first. */

/* O_NONBLOCK from birth. csock_adopt ignores it: the descriptor's own mode counts. */
#define CSOCK_NONBLOCK 1u

/* Leave SIGPIPE to the program. Without this, a broken pipe is just -EPIPE on stream sockets of
 * AF_INET, AF_INET6 and AF_UNIX: sends carry MSG_NOSIGNAL, and csock_sendfile blocks the signal in
 * its thread meanwhile. */
#define CSOCK_SIGPIPE 2u

/* Receive and send by the blocking call at once, or receive with a deadline after poll, without a
 * try before it. Set for SO_RCVLOWAT and TCP_FASTOPEN_CONNECT, which a try would not honour: by
 * csock_opt_set…, the first by _adopt, _accept and csock_opt_get_int, too. Duplicates share the
 * option, but not this: after SO_RCVLOWAT was set through one of them, ask for it on the others. */
#define CSOCK_NO_TRY 4u

/* Where somebody else has made the descriptor non-blocking (a duplicate, another process), a call
 * without a deadline does not wait by poll(2), but gives -EAGAIN, or -EINPROGRESS, as the
 * kernel. csock_adopt takes a descriptor that is non-blocking already for such a one. */
#define CSOCK_EAGAIN 8u

/* socket(2), close-on-exec. SOCK_NONBLOCK in type counts as CSOCK_NONBLOCK. */
CSOCK_API int csock_open(struct csock *s, int family, int type, int proto, unsigned flags);

/* socketpair(2). */
CSOCK_API int csock_pair(struct csock s[2], int family, int type, int proto, unsigned flags);

/* Takes over an open descriptor, which belongs to *s from then on. family, type, proto: -1 asks
 * the kernel (SO_DOMAIN, SO_TYPE, SO_PROTOCOL). The descriptor's own blocking mode is kept and
 * noticed. Errors: -EBADF, -ENOTSOCK; the descriptor then stays the caller's. */
CSOCK_API int csock_adopt(struct csock *s, int fd, int family, int type, int proto, unsigned flags);

/* A second, independent socket on the same open description. fcntl(2), F_DUPFD_CLOEXEC. */
CSOCK_API int csock_dup(struct csock *s, struct csock *ret_copy);

/* Moves an open socket to other storage, as long as no other thread knows it; *from is closed, and
 * its storage free for anything. Calls that were left for good do not come along. */
CSOCK_API void csock_move(struct csock *from, struct csock *ret_to);

/* The same, to storage that other threads know: *to is CSOCK_INIT, or closed or detached and idle.
 * Their calls on *to find it closed or open, and nothing in between. */
CSOCK_API void csock_renew(struct csock *from, struct csock *to);

/* What it was opened, or adopted, as: AF_…, SOCK_… without SOCK_NONBLOCK and SOCK_CLOEXEC, and the
 * protocol. Of a closed socket, what it was. */
CSOCK_API int csock_family(const struct csock *s);
CSOCK_API int csock_type(const struct csock *s);
CSOCK_API int csock_proto(const struct csock *s);

/* The flags above, as they are now: in line, for what asks at each call. */
static inline unsigned csock_flags(const struct csock *s)
{
    return __atomic_load_n(&s->flags, __ATOMIC_RELAXED);
}

/* The descriptor, still owned by the socket, or -1 when closed. Does not block. */
CSOCK_API int csock_fd(const struct csock *s);

/* Closes. Calls that other threads have inside return CSOCK_ECLOSED within milliseconds; the
 * descriptor goes back to the kernel only when the last of them has left, so that its number is
 * not reused under a running call. Waits for them, about a second at most; a call that is stuck
 * longer (say, in a signal handler) gives the number back itself when it ends, while the connection
 * is let go of at once. So it is, without any waiting, with a call whose `interrupted` runs just
 * then, for that may itself be waiting for the closer; and where the closer is a signal handler or
 * callback of a thread that is itself inside: the call underneath gives the number back. Queued
 * data still goes out, as close(2) has it. After fork(2) the child closes its own copy at once; a
 * call of its parent's that it goes on with, having been forked in a signal handler, is woken there
 * like any other. But not after _Fork(3) or clone(2), where the kernel restarts it by SA_RESTART
 * and another thread than that one is the first to use csock in the child: nobody knows of it then;
 * and no such call is ended by shutdown(2), as below, which would end the parent's connection, too.
 * Returns 0; 1 if a call is still inside, so that *s must stay where it is until that returns;
 * -EBADF if it is closed already; what close(2) reports (the descriptor is gone anyway). Threads
 * that no signal reaches are woken by shutdown(2) after that second: at RLIMIT_SIGPENDING, or where
 * a thread that waited in a call of csock masks all signals, itself or by a handler's sa_mask, and
 * waits again, all within 10 ms. (Masked before, ours is let through for as long as a call waits.)
 * The signal: see csock_wake_signal. */
CSOCK_API int csock_close(struct csock *s);

/* Names the signal by which closing wakes threads, and no other is taken: best before any call
 * waits. It must have its default action; csock puts an empty handler there (SA_ONSTACK, without
 * SA_RESTART). From then on it is csock's, and must not be used for anything else. 0: csock
 * chooses, as it does if this is never called: SIGURG if it has its default action, which is to be
 * ignored; else a real-time one from near SIGRTMAX down, that the program neither handles nor
 * blocks. If the program takes that one for itself, by a handler, or by blocking it for sigwait(3)
 * or signalfd(2), csock notices at its next look, 10 ms later at most, and moves off; until then
 * some of the program's signals may be lost, and if it is a real-time one that is put back to its
 * default action just while a socket is being closed, it may end the program. 0, -EBUSY if it is
 * handled or ignored, -EINVAL. */
CSOCK_API int csock_wake_signal(int sig);

/* Whether a socket is closed or detached, with no call inside any more, nor the closing of it under
 * way in another thread: then its storage may be used for another, or freed. Does not block. */
CSOCK_API bool csock_idle(const struct csock *s);

/* How often this process is a fork of the one that started: for callers who count threads, as those
 * of the parent do not exist in the child. fork(2), and from Linux 4.14 on also _Fork(3) and a bare
 * clone(2), as far as they copy the memory (not under qemu-user). */
CSOCK_API uint32_t csock_forks(void);

/* As csock_close, but waits for other threads at most ns nanoseconds. Below 0.1 s nobody is taken
 * to have masked the signal. Neither bounds close(2) itself: on a blocking descriptor with
 * SO_LINGER it waits until queued data is out, or for the time of that option. socket(7) */
CSOCK_API int csock_close_within(struct csock *s, int64_t ns);

/* Gives up the socket without closing: wakes as csock_close does, and returns the descriptor,
 * which is the caller's from then on, or -EBADF. As csock_close it may return while a call is
 * inside still: csock_idle() tells when *s may go. Not from a signal handler of a thread that is
 * itself inside: the call underneath may go on to sleep. So may one whose thread no signal reaches,
 * and take what comes. */
CSOCK_API int csock_detach(struct csock *s);

/* For a bare descriptor, of a socket or not, that no struct csock owns: a close-on-exec duplicate
 * (F_DUPFD_CLOEXEC), or close(2). The new descriptor, 0, or -errno. */
CSOCK_API int csock_fd_dup(int fd);
CSOCK_API int csock_fd_close(int fd);

/* bind(2), listen(2), shutdown(2), getsockname(2), getpeername(2): 0 or -errno. Do not block.
 * A backlog below 0 counts as 0. */
CSOCK_API int csock_bind(struct csock *s, const struct sockaddr *addr, socklen_t len);
CSOCK_API int csock_listen(struct csock *s, int backlog);
CSOCK_API int csock_shutdown(struct csock *s, int how);
CSOCK_API int csock_sockname(struct csock *s, union csock_addr *ret_addr, socklen_t *ret_len);
CSOCK_API int csock_peername(struct csock *s, union csock_addr *ret_addr, socklen_t *ret_len);

/* Blocking mode of the descriptor (O_NONBLOCK off or on), as other programs see it. Waiting calls
 * work in both; a CSOCK_FOREVER call on a non-blocking descriptor waits by poll(2), whoever set the
 * mode: but see CSOCK_EAGAIN. fcntl(2). */
CSOCK_API int csock_set_blocking(struct csock *s, bool blocking);
CSOCK_API int csock_get_blocking(struct csock *s);

/* Accepts a connection into *ret_conn, which inherits family, type, proto and SIGPIPE behaviour,
 * and is in blocking mode. ret_peer and ret_len may both be NULL. Blocks. Any deadline,
 * CSOCK_NOWAIT too, puts the listener into non-blocking mode before each try, and leaves it there,
 * because another process may take the connection between poll and accept; who switches it back in
 * the middle of a try (csock_set_blocking, a duplicate, a fork child) takes the deadline away, and
 * closing ends the call all the same. Errors: -ECONNABORTED, -EMFILE and whatever accept4(2) has;
 * on all of them the listener stays usable. None is waited out here: -EMFILE, -ENFILE, -ENOBUFS and
 * -ENOMEM come at once, however far off the deadline, and again at the next call, as the connection
 * stays in the backlog. A loop that goes on after them has to pause, or to close something, or it
 * spins. */
CSOCK_API int csock_accept(struct csock *s, struct csock *ret_conn, union csock_addr *ret_peer,
                           socklen_t *ret_len, const struct csock_wait *w);

/* Connects, and waits until the connection stands. Any deadline, CSOCK_NOWAIT too, puts the socket
 * into non-blocking mode, as in csock_accept. An interrupted connect goes on. A full AF_UNIX
 * backlog is waited for. -EINPROGRESS (AF_UNIX: -EAGAIN): without a deadline, SO_SNDTIMEO passed;
 * csock_connect_finish goes on. After CSOCK_ETIMEOUT the attempt may still be under way: close the
 * socket. connect(2). */
CSOCK_API int csock_connect(struct csock *s, const struct sockaddr *addr, socklen_t len,
                            const struct csock_wait *w);

/* The same in two halves. begin: 0 if connected, -EINPROGRESS if on its way (poll for POLLOUT or
 * call finish). finish: waits for the outcome: 0, or the error of the attempt; -ENOTCONN if
 * there was none; CSOCK_ETIMEOUT with CSOCK_NOWAIT as long as it is open. After -EAGAIN from begin
 * (a full AF_UNIX backlog) nothing is under way: begin again. */
CSOCK_API int csock_connect_begin(struct csock *s, const struct sockaddr *addr, socklen_t len);
CSOCK_API int csock_connect_finish(struct csock *s, const struct csock_wait *w);

/* Waits until one of events (POLLIN, POLLOUT, … of poll(2)) holds. Returns revents (> 0);
 * CSOCK_ETIMEOUT also with CSOCK_NOWAIT, when none does. */
CSOCK_API int csock_ready(struct csock *s, short events, const struct csock_wait *w);

/* The same as one of several waits in a call of the caller's own, which `csock ps` then shows as
 * one. *since is that call's: 0 at its beginning, and after that the library's. */
CSOCK_API int csock_ready_since(struct csock *s, short events, const struct csock_wait *w,
                                int64_t *since);

/* A call of the caller's own: what another library does to the descriptor of *s (TLS, say) between
 * these two stands inside the socket as any call here does. Its descriptor is not given back
 * meanwhile; csock_close and csock_detach in another thread end with EINTR what sleeps in the
 * kernel then, and wait for the csock_leave; in the same thread, from a callback of that library,
 * they do not wait. It should not wait: that is for csock_ready, outside. enter: 0; -EBADF or
 * CSOCK_ECLOSED on a closed socket, -ENOMEM: no leave then. Both in one thread, which may enter
 * other sockets, or the same again, in between. The storage of *in is the caller's. */
struct csock_inside {
    uint64_t room[32];
};
CSOCK_API int csock_enter(struct csock *s, struct csock_inside *ret_in);
CSOCK_API void csock_leave(struct csock_inside *in);

/* Whether a connection stands, as far as this machine has heard: 1; 0 once its end or a reset has
 * come, with data before that or not, or it was shut down for reading, or never made. One system
 * call, which waits for nothing and takes nothing: no byte, no error. A peer that has vanished, or
 * has closed a moment ago, is not told from one that is silent. Datagram sockets have no end to
 * hear of: 1. -EBADF, CSOCK_ECLOSED: s is closed. */
CSOCK_API int csock_alive(struct csock *s);

/* ---- options of a socket */

/* An int option. getsockopt(2), setsockopt(2). 0 or -errno. */
CSOCK_API int csock_opt_get_int(struct csock *s, int level, int name, int *ret_value);
CSOCK_API int csock_opt_set_int(struct csock *s, int level, int name, int value);

/* A 64-bit option, as AF_VSOCK has them. Get takes what comes as an int, too. */
CSOCK_API int csock_opt_get_u64(struct csock *s, int level, int name, uint64_t *ret_value);
CSOCK_API int csock_opt_set_u64(struct csock *s, int level, int name, uint64_t value);

/* A buffer of at most *len bytes; *len becomes what the kernel wrote. On failure unchanged. Bytes
 * also for SO_GET_FILTER, which the kernel counts in instructions. */
CSOCK_API int csock_opt_get(struct csock *s, int level, int name, void *buf, socklen_t *len);
CSOCK_API int csock_opt_set(struct csock *s, int level, int name, const void *buf, socklen_t len);

/* No value, but a length: setsockopt(fd, level, name, NULL, len), as AF_ALG wants it. */
CSOCK_API int csock_opt_set_absent(struct csock *s, int level, int name, socklen_t len);

CSOCK__END
#endif

/* csock: BSD sockets as objects, in plain C.
 *
 * Calls that can block take an absolute deadline, survive signals, and end at once when another
 * thread closes the socket. Errors are return values. Nothing here logs or exits; errno
 * means nothing after a call (csock_close() keeps it, for signal handlers).
 *
 * Conventions
 *   Return values  a count or 0 on success; on failure a negative number: -errno, or one of
 *                  enum csock_error. csock_strerror() has a text for each.
 *                  On a closed socket it is -EBADF; CSOCK_ECLOSED if it was closed meanwhile.
 *   Outputs        ret_… parameters are written on success only.
 *   Ownership      the caller owns every struct and buffer it passes. What the library allocates
 *                  says so and names the function that frees it.
 *   Threads        any call may run in any number of threads on the same socket, csock_close()
 *                  and csock_detach() included. csock_open, _pair, _adopt, _dup and _accept fill
 *                  a struct that no other thread may use until they have returned.
 *   Leaving        a call that blocks may be left for good: by siglongjmp(3) from a signal handler,
 *                  by that or a C++ exception from its callbacks, by a thread that is cancelled.
 *                  Other sockets notice nothing. This one counts it as inside for ever: closing it
 *                  lets the connection go and returns 1, at once if the call was left from
 *                  `interrupted` or, a few times, by the thread that closes, else after a second,
 *                  in which it may interrupt system calls of the thread that left; its storage is
 *                  the caller's again, but csock_idle() stays false, and the descriptor's number is
 *                  never given back: nothing tells such a call from one that is about to use it. A
 *                  call that does not block must not be left, nor csock_close() and csock_detach(),
 *                  whose socket then stays half closed, and its descriptor open. A callback may
 *                  switch to another stack, and back, in any order, as long as the call ends in the
 *                  thread in which it began.
 *   Descriptors    are close-on-exec from birth, but for adopted ones, which stay as they are.
 *   Unloading      does not happen: threads, fork(2) and a signal handler refer to the library once
 *                  it has waited. A shared object that libcsock.a is linked into has to be linked
 *                  with -Wl,-z,nodelete, as pkg-config --static says. dlclose(3)
 *   Time           nanoseconds of CLOCK_MONOTONIC, as csock_now() tells it.
 */
#ifndef CSOCK_H
#define CSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CSOCK_API __attribute__((visibility("default")))
#define CSOCK__WHOLE __attribute__((aligned(8))) /* for one access, on 32 bits, too */

/* ------------------------------------------------------------------ errors */

/* What errno has no number for. Look-up failures keep the resolver's own code: see CSOCK_EAI. */
enum csock_error {
    CSOCK_ETIMEOUT = -5000, /* the deadline passed */
    CSOCK_ECLOSED,          /* another thread closed the socket while the call was inside */
    CSOCK_EINTERRUPTED,     /* csock_wait.interrupted asked to stop */
    CSOCK_EFAMILY,          /* no such address family here */
    CSOCK_EHOST,            /* not a numeric host: a name, which only csock_resolve understands */
    CSOCK_EPORT,            /* port outside 0 to 65535 */
    CSOCK_EFLOWINFO,        /* flow info outside 0 to 0xfffff */
    CSOCK_EPATH,            /* AF_UNIX path longer than the kernel takes */
    CSOCK_ENUL,             /* NUL byte inside a path */
    CSOCK_EADDRLEN,         /* address shorter or longer than its family allows */
    CSOCK_ESERVICE,         /* no such service */
    CSOCK_EPROTOCOL,        /* no such protocol */
    CSOCK_ESYNTAX,          /* text is not an address of this family */
};

/* Codes of the resolver. EAI_* of getaddrinfo(3), h_errno of gethostbyname(3). */
#define CSOCK_EAI(code) (-6000 + (code)) /* EAI_… are negative: about -1 to -105 */
#define CSOCK_EHERR(code) (-7000 - (code))

/* The EAI_… or h_errno inside err, or 0 if err is not of that kind. */
CSOCK_API int csock_err_gai(int err);
CSOCK_API int csock_err_herr(int err);

/* Text for any negative result of this library: static, never NULL, not to be freed. Does not
 * block. Thread-safe (unlike strerror(3)): system errors come from strerrordesc_np where libc has
 * it, else from a per-thread buffer valid until the thread's next call. */
CSOCK_API const char *csock_strerror(int err);

/* The errno that stands for err, for callers who have to report one: ETIMEDOUT for
 * CSOCK_ETIMEOUT, EBADF for CSOCK_ECLOSED, EINTR, EAFNOSUPPORT, …, 0 for look-up failures. */
CSOCK_API int csock_err_errno(int err);

/* -------------------------------------------------------------------- time */

/* CLOCK_MONOTONIC in ns. clock_gettime(2). */
CSOCK_API int64_t csock_now(void);

#define CSOCK_FOREVER 0 /* so that a zeroed struct csock_wait waits for ever, as NULL does */
#define CSOCK_NOWAIT INT64_MIN

/* The absolute deadline that lies ns from now; never overflows: far off means CSOCK_FOREVER. */
CSOCK_API int64_t csock_deadline(int64_t ns);

/* How long a call may wait, and what to do meanwhile. NULL stands for {.deadline = CSOCK_FOREVER}.
 * The library copies nothing: the struct must live until the call returns, and may be shared. */
struct csock_wait {
    /* Give up at this moment (CSOCK_ETIMEOUT). CSOCK_FOREVER: the blocking system call itself is
     * used, so SO_RCVLOWAT and MSG_WAITALL work as they always did; SO_RCVTIMEO and SO_SNDTIMEO,
     * too, which give -EAGAIN, but a signal begins them anew, as the call goes on after it: signals
     * that come more often than they last make it endless. CSOCK_NOWAIT: one try, which gives
     * -EAGAIN if it would have to wait. */
    int64_t deadline;
    /* If not 0, and the deadline is CSOCK_FOREVER: the deadline lies this many ns after the moment
     * at which the call first has to wait. Saves reading the clock when data is ready. Negative, as
     * what is left of a time that is over: the call waits no more. */
    int64_t timeout;
    /* Called when a signal arrived (EINTR), and between the parts of csock_send_all, before the
     * call goes on; signals that come and go do not extend the deadline. Non-zero ends the call
     * with CSOCK_EINTERRUPTED. Not called where a count is returned instead, as after a send that
     * a signal cut short. No lock is held, and nobody who closes the socket meanwhile waits for it.
     * May be NULL: the call just goes on. */
    int (*interrupted)(void *arg);
    /* Called right before the call may sleep, and right after. A Python binding drops and takes
     * its lock here; interrupted runs after resume. Both or neither may be NULL. */
    void (*pause)(void *arg);
    void (*resume)(void *arg);
    void *arg;
};

/* --------------------------------------------------------------- addresses */

/* Addresses of Linux whose headers a machine may lack: bit for bit those of the kernel. The first
 * member is the family, AF_…; the manual pages say what the others mean. Padding has a name, `pad`,
 * and a union its largest member first: so an initialiser leaves no byte as it happened to be. */
struct csock_addr_nl { /* netlink(7) */
    sa_family_t family;
    uint16_t pad;
    uint32_t pid, groups;
};
struct csock_addr_ll { /* packet(7) */
    sa_family_t family;
    uint16_t protocol; /* network order */
    int32_t ifindex;
    uint16_t hatype;
    uint8_t pkttype, halen, addr[8]; /* an address of the kernel's may go on beyond addr */
};
struct csock_addr_can { /* linux/can.h: CAN_RAW and CAN_BCM look at the interface alone */
    sa_family_t family;
    uint16_t pad;
    int32_t ifindex;
    union {
        struct {
            uint64_t name;
            uint32_t pgn;
            uint8_t addr, pad[3];
        } j1939; /* CAN_J1939 */
        struct {
            uint32_t rx_id, tx_id;
        } tp; /* CAN_ISOTP */
    } u;
};
struct csock_addr_tipc { /* linux/tipc.h */
    sa_family_t family;
    uint8_t addrtype; /* 1: seq, 2: name, 3: id */
    int8_t scope;
    union {
        struct {
            uint32_t type, lower, upper;
        } seq;
        struct {
            uint32_t ref, node;
        } id;
        struct {
            uint32_t type, instance, domain;
        } name;
    } u;
};
struct csock_addr_alg { /* linux/if_alg.h */
    sa_family_t family;
    char type[14];
    uint32_t feat, mask;
    char name[64];
};
struct csock_addr_vm { /* vsock(7) */
    sa_family_t family;
    uint16_t reserved;
    uint32_t port, cid;
    uint8_t flags, zero[3];
};
struct csock_addr_qrtr { /* linux/qrtr.h */
    sa_family_t family;
    uint16_t pad;
    uint32_t node, port;
};
/* AF_BLUETOOTH, by protocol. A device's address stands backwards: its last byte is bdaddr[0]. */
struct csock_addr_l2 { /* psm and cid: little-endian */
    sa_family_t family;
    uint16_t psm;
    uint8_t bdaddr[6];
    uint16_t cid;
    uint8_t bdaddr_type, pad;
};
struct csock_addr_rc {
    sa_family_t family;
    uint8_t bdaddr[6];
    uint8_t channel, pad;
};
struct csock_addr_hci {
    sa_family_t family;
    uint16_t dev, channel;
};
struct csock_addr_sco {
    sa_family_t family;
    uint8_t bdaddr[6];
};

/* Room for any address; each goes with its length, as in bind(2). Whoever takes an address takes it
 * as bind(2) does, aligned as its family has it: a struct sockaddr_in of the caller's needs no
 * copy. `= {0}` makes all of it zeros. */
union csock_addr {
    struct sockaddr_storage storage;
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct csock_addr_nl nl;
    struct csock_addr_ll ll;
    struct csock_addr_can can;
    struct csock_addr_tipc tipc;
    struct csock_addr_alg alg;
    struct csock_addr_vm vm;
    struct csock_addr_qrtr qrtr;
    struct csock_addr_l2 l2;
    struct csock_addr_rc rc;
    struct csock_addr_hci hci;
    struct csock_addr_sco sco;
};

#define CSOCK_ADDR_TEXT_MAX 448 /* enough for any text of csock_addr_format, with its NUL */

/* Text to address, without resolving and without a system call.
 *   AF_INET   "192.0.2.1:80", ":80" (any address), "<broadcast>:80"
 *   AF_INET6  "[2001:db8::1]:80", "[fe80::1%2]:80" (numeric scope), ":80"
 *   AF_UNIX   "/run/x.sock"; "@name" is the abstract name; "" is unnamed
 *   AF_NETLINK    "pid:groups"
 *   AF_PACKET     "interface:protocol[:pkttype:hatype[:0011223344aa]]", the interface's number
 *   AF_CAN        "interface" (CAN_RAW, CAN_BCM), "interface:rx:tx" (CAN_ISOTP),
 *                 "interface:name:pgn:addr" (CAN_J1939)
 *   AF_TIPC       "seq:type:lower:upper[:scope]", "name:type:instance[:scope]",
 *                 "id:node:ref[:scope]"
 *   AF_ALG        "type:name", such as "hash:sha256"
 *   AF_VSOCK      "cid:port"
 *   AF_QIPCRTR    "node:port"
 *   AF_RDS        as AF_INET, which is also the family of the address that comes out
 *   AF_BLUETOOTH  "l2cap:00:11:22:33:44:55:psm[:cid[:type]]", "rfcomm:00:11:22:33:44:55:channel",
 *                 "hci:device[:channel]", "sco:00:11:22:33:44:55"
 * The port is required, in decimal. Other numbers are decimal or 0x…. Flow info, and the feat and
 * mask of AF_ALG, have no text form. An AF_UNIX text is taken as it is: there are no escapes. The
 * length tells the forms of AF_CAN apart (24 bytes: J1939), and those of AF_BLUETOOTH.
 * Errors: CSOCK_EFAMILY, CSOCK_EHOST, CSOCK_EPORT, CSOCK_EPATH, CSOCK_ESYNTAX. inet_pton(3),
 * unix(7). */
CSOCK_API int csock_addr_parse(int family, const char *text, union csock_addr *ret_addr,
                               socklen_t *ret_len);

/* The same form back: NUL-terminated into text[size]; bytes of an AF_UNIX name other than printable
 * ASCII come as \xNN, and a path that starts with "@" as "./@…". Never reads beyond len. Returns
 * the length without the NUL, or -ENOSPC, CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API int csock_addr_format(const struct sockaddr *addr, socklen_t len, char *text,
                                size_t size);

/* AF_INET or AF_INET6 from a numeric host: "" is the any address, "<broadcast>" (AF_INET only)
 * the broadcast address. An AF_INET host is a dotted quad of four decimal numbers; other spellings
 * ("127.1") are for a resolver. An AF_INET6 host may end in "%N" with N the interface's number.
 * port in host order. Errors: CSOCK_EHOST if it takes a resolver, CSOCK_EPORT, CSOCK_EFAMILY. */
CSOCK_API int csock_addr_from_host(int family, const char *host, long port,
                                   union csock_addr *ret_addr, socklen_t *ret_len);

/* The numeric host alone, without port and scope: "192.0.2.1", "2001:db8::1". Returns as
 * csock_addr_format. */
CSOCK_API int csock_addr_host(const struct sockaddr *addr, socklen_t len, char *text, size_t size);

/* Port in host order, or CSOCK_EFAMILY for a family that has none, or CSOCK_EADDRLEN. */
CSOCK_API int csock_addr_port(const struct sockaddr *addr, socklen_t len);

/* AF_UNIX from a name of n bytes: empty is unnamed; a leading NUL makes it abstract (108 bytes at
 * most, NULs allowed); else a path (107 bytes at most, no NUL). Errors: CSOCK_EPATH, CSOCK_ENUL. */
CSOCK_API int csock_addr_from_path(const void *path, size_t n, union csock_addr *ret_addr,
                                   socklen_t *ret_len);

/* The name of an AF_UNIX address, as a view into *addr: *ret_path is not NUL-terminated and stays
 * valid as long as *addr. Abstract names keep their leading NUL; unnamed has length 0. A path ends
 * before its first NUL. Returns the length, or CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API ssize_t csock_addr_path(const struct sockaddr *addr, socklen_t len,
                                  const char **ret_path);

/* A Bluetooth device's address: six hexadecimal numbers, "00:11:22:33:44:55", to the bytes of a
 * bdaddr and back. 0 or CSOCK_ESYNTAX; the length as csock_addr_format. */
CSOCK_API int csock_bdaddr_parse(const char *text, uint8_t ret_bdaddr[6]);
CSOCK_API int csock_bdaddr_format(const uint8_t bdaddr[6], char *text, size_t size);

/* ----------------------------------------------------------------- sockets */

/* A socket. The caller provides the storage; the members are the library's, to be read through
 * the functions below. It must not be moved or copied while it is open, and not be freed while a
 * call is inside. */
struct csock {
    int fd_plus_1; /* 0: closed, so that zeroed memory is a closed socket */
    int family, type, proto;
    unsigned flags;
    CSOCK__WHOLE uint64_t
        state; /* fork generation, whether it is closing, users inside: see core/call/users.c */
};

/* A closed socket, as zeroed memory is one, too. */
#define CSOCK_INIT \
    { \
        .fd_plus_1 = 0 \
    }

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
 * kernel. */
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

/* Moves an open socket to other storage, as long as no other thread knows it; *from is closed. */
CSOCK_API void csock_move(struct csock *from, struct csock *ret_to);

/* The same, to storage that other threads know: *to is CSOCK_INIT, or closed or detached and idle.
 * Their calls on *to find it closed or open, and nothing in between. */
CSOCK_API void csock_renew(struct csock *from, struct csock *to);

/* The descriptor, still owned by the socket, or -1 when closed. Does not block. */
CSOCK_API int csock_fd(const struct csock *s);

/* Closes. Calls that other threads have inside return CSOCK_ECLOSED within milliseconds; the
 * descriptor goes back to the kernel only when the last of them has left, so that its number is
 * not reused under a running call. Waits for them, about a second at most; a call that is stuck
 * longer (say, in a signal handler) gives the number back itself when it ends, while the connection
 * is let go of at once. So it is, without any waiting, with a call whose `interrupted` runs just
 * then, for that may itself be waiting for the closer; and where the closer is a signal handler or
 * callback of a thread that is itself inside: the call underneath gives the number back. Queued
 * data still goes out, as close(2) has it. After fork(2) the child closes its own copy at once.
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
 * clone(2), as far as they copy the memory. */
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

/* --------------------------------------------------------------- transfers
 *
 * All of them try once without waiting; only if that gives EAGAIN do they wait. flags are those of
 * recv(2) and send(2). With MSG_DONTWAIT or MSG_ERRQUEUE, and no deadline, there is one try. For
 * MSG_NOSIGNAL see CSOCK_SIGPIPE. */

/* Receives at most n bytes into buf. Returns the count; 0 at the end of a stream. With MSG_WAITALL
 * a stream gives all n, or what has come so far when the deadline passes, the stream or the socket
 * ends, or `interrupted` asks to stop: the error only if that is nothing. CSOCK_NOWAIT gives what
 * is there. With MSG_TRUNC the count is the kernel's: on datagrams it may exceed n, and on TCP
 * nothing is written to buf at all: csock_recv_written() says how many bytes of buf are real.
 * Blocks. */
CSOCK_API ssize_t csock_recv(struct csock *s, void *buf, size_t n, int flags,
                             const struct csock_wait *w);

/* The same with the sender's address; *ret_len is 0 where the protocol gives none (a connected
 * stream). The address may be NULL, together with ret_len. recvfrom(2). */
CSOCK_API ssize_t csock_recv_from(struct csock *s, void *buf, size_t n, int flags,
                                  union csock_addr *ret_addr, socklen_t *ret_len,
                                  const struct csock_wait *w);

/* Receives at most max bytes into fresh memory of just the size that came (at least 1 byte), to be
 * freed with free(3). Costs a copy; MSG_TRUNC gives what is real, as csock_recv_written(). */
CSOCK_API ssize_t csock_recv_new(struct csock *s, size_t max, int flags, void **ret_buf,
                                 const struct csock_wait *w);

/* How many bytes of the buffer a receive that returned `count` with these n and flags filled. With
 * MSG_TRUNC it asks the kernel what the socket is. */
CSOCK_API size_t csock_recv_written(struct csock *s, ssize_t count, size_t n, int flags);

/* Sends. On a blocking stream with CSOCK_FOREVER the whole of buf is sent, as one send(2) would;
 * after a signal the count is what went out. Elsewhere, too, the count may be short. A datagram
 * goes whole or not at all. Blocks. */
CSOCK_API ssize_t csock_send(struct csock *s, const void *buf, size_t n, int flags,
                             const struct csock_wait *w);

/* The same to an address. sendto(2). */
CSOCK_API ssize_t csock_send_to(struct csock *s, const void *buf, size_t n, int flags,
                                const struct sockaddr *addr, socklen_t len,
                                const struct csock_wait *w);

/* Sends all of buf under one deadline. 0 on success. *ret_sent (may be NULL) is how much went out,
 * set on failure too: the one exception to the rule on outputs, for what was sent is sent. With
 * CSOCK_NOWAIT it stops with -EAGAIN at the first send that would wait. */
CSOCK_API int csock_send_all(struct csock *s, const void *buf, size_t n, int flags,
                             size_t *ret_sent, const struct csock_wait *w);

/* One try each: the system call with MSG_DONTWAIT, and nothing else. For callers who have a lock
 * that everyone who closes, detaches or moves *s takes before: while one of these runs, none of
 * them may begin. The receives write the address only if they succeed. To go on after a -EAGAIN,
 * -EINTR or a short send: csock_recv_tried and its like. Not with MSG_WAITALL, MSG_ERRQUEUE,
 * MSG_FASTOPEN or MSG_ZEROCOPY, nor on a socket with CSOCK_NO_TRY. */
CSOCK_API ssize_t csock_try_recv(const struct csock *s, void *buf, size_t n, int flags);
CSOCK_API ssize_t csock_try_recv_from(const struct csock *s, void *buf, size_t n, int flags,
                                      union csock_addr *ret_addr, socklen_t *ret_len);
CSOCK_API ssize_t csock_try_send(const struct csock *s, const void *buf, size_t n, int flags);
CSOCK_API ssize_t csock_try_send_to(const struct csock *s, const void *buf, size_t n, int flags,
                                    const struct sockaddr *addr, socklen_t len);

/* csock_recv, _recv_from, _send, _send_to and _send_all after such a try of the same call, and with
 * what it gave: `tried` is -EAGAIN, -EINTR, or the count of a send that was short, which the result
 * then includes. No second try is made. 0: there was no try. Anything else: -EINVAL. */
CSOCK_API ssize_t csock_recv_tried(struct csock *s, void *buf, size_t n, int flags, ssize_t tried,
                                   const struct csock_wait *w);
CSOCK_API ssize_t csock_recv_from_tried(struct csock *s, void *buf, size_t n, int flags,
                                        union csock_addr *ret_addr, socklen_t *ret_len,
                                        ssize_t tried, const struct csock_wait *w);
CSOCK_API ssize_t csock_send_tried(struct csock *s, const void *buf, size_t n, int flags,
                                   ssize_t tried, const struct csock_wait *w);
CSOCK_API ssize_t csock_send_to_tried(struct csock *s, const void *buf, size_t n, int flags,
                                      const struct sockaddr *addr, socklen_t len, ssize_t tried,
                                      const struct csock_wait *w);
CSOCK_API int csock_send_all_tried(struct csock *s, const void *buf, size_t n, int flags,
                                   size_t *ret_sent, ssize_t tried, const struct csock_wait *w);

/* Sends at most n bytes of an open file from offset on (64 bits, whatever the program's off_t has);
 * the file's own position stays. Returns the count, which may be short; 0 at the end of the file.
 * Blocks; any deadline, CSOCK_NOWAIT too, puts the socket into non-blocking mode, as in
 * csock_accept. For SIGPIPE see CSOCK_SIGPIPE. Errors: -EINVAL where the file is not of a kind for
 * it. sendfile(2). */
CSOCK_API ssize_t csock_sendfile(struct csock *s, int file, int64_t offset, size_t n,
                                 const struct csock_wait *w);

/* ---------------------------------------------------------------- messages */

/* sendmsg(2). As csock_send, also where a blocking stream takes only a part at first: the rest
 * follows without the ancillary data, which is sent once. (Without memory for a copy of msg_iov it
 * does not follow, and the count is short.) A message of datagrams or SOCK_SEQPACKET goes whole or
 * not at all. Blocks. */
CSOCK_API ssize_t csock_sendmsg(struct csock *s, const struct msghdr *msg, int flags,
                                const struct csock_wait *w);

/* recvmsg(2). msg_namelen, msg_controllen and msg_flags are written on success only. MSG_TRUNC and
 * MSG_WAITALL in flags: as csock_recv, but the count is short where ancillary data came, or without
 * memory for a copy of msg_iov. Descriptors that come are close-on-exec only with MSG_CMSG_CLOEXEC;
 * they are the caller's, who finds them by csock_cmsg_next. Blocks. */
CSOCK_API ssize_t csock_recvmsg(struct csock *s, struct msghdr *msg, int flags,
                                const struct csock_wait *w);

/* CMSG_LEN and CMSG_SPACE of n bytes, or -EMSGSIZE beyond INT_MAX. cmsg(3). */
CSOCK_API ssize_t csock_cmsg_len(size_t n);
CSOCK_API ssize_t csock_cmsg_space(size_t n);

/* Adds an item to the ancillary data of a message, behind the msg_controllen bytes there are (0 at
 * first) in the `capacity` bytes at msg_control, aligned as a size_t. Each takes
 * csock_cmsg_space(n). 0, or -ENOBUFS, -EMSGSIZE. */
CSOCK_API int csock_cmsg_add(struct msghdr *msg, size_t capacity, int level, int type,
                             const void *data, size_t n);

/* One item of ancillary data: a view into the message. */
struct csock_cmsg {
    int level, type;
    const void *data; /* aligned as a size_t, if msg_control is */
    size_t n;
    bool cut; /* its header says that there was more */
};

/* The item at *at, which is 0 at first, and moves *at on: 1; 0 after the last, -EBADMSG at bytes
 * that are none. The kernel shortens an item that does not fit; msg_flags then has MSG_CTRUNC. */
CSOCK_API int csock_cmsg_next(const struct msghdr *msg, size_t *at, struct csock_cmsg *ret_item);

/* Closes every descriptor that came with a message (SCM_RIGHTS, SCM_PIDFD), for when it cannot be
 * handed on. Returns how many. */
CSOCK_API size_t csock_cmsg_close_fds(const struct msghdr *msg);

/* ----------------------------------------------------------------- options */

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

/* ------------------------------------------------------------------- names
 *
 * All of these may read files and ask servers: they block, for as long as libc does, and cannot
 * be woken. They use the reentrant calls of libc only. */

/* Host and service to addresses, by getaddrinfo(3). hints may be NULL. *ret_list is libc's list:
 * free it with csock_resolve_free. Errors: CSOCK_EAI(…), or -errno where libc says EAI_SYSTEM. */
struct addrinfo;
CSOCK_API int csock_resolve(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list);
CSOCK_API void csock_resolve_free(struct addrinfo *list);

/* Address to names, by getnameinfo(3). Either buffer may be NULL with size 0. NI_… flags. */
CSOCK_API int csock_resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host,
                                    size_t host_size, char *service, size_t service_size,
                                    int flags);

/* A host's official name, its other names and its addresses. gethostbyname(3), hosts(5). */
struct csock_host {
    int family;
    char *name;
    char **aliases; /* NULL-terminated */
    size_t n_addrs;
    union csock_addr *addrs; /* port 0 */
};

/* By name (AF_INET or AF_INET6), or by address. *ret_host is the caller's: csock_host_free.
 * Errors: CSOCK_EHERR(…), -ENOMEM and other -errno, CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API int csock_host_by_name(const char *name, int family, struct csock_host **ret_host);
CSOCK_API int csock_host_by_addr(const struct sockaddr *addr, socklen_t len,
                                 struct csock_host **ret_host);
CSOCK_API void csock_host_free(struct csock_host *host);

/* services(5), protocols(5). proto NULL: any. Ports in host order, 0 to 65535. The returned value
 * is the port or protocol number; by_port fills name[size] and returns its length, -ENOSPC if it
 * does not fit. Errors: CSOCK_ESERVICE, CSOCK_EPROTOCOL, CSOCK_EPORT, -ENOMEM and other -errno. */
CSOCK_API int csock_service_by_name(const char *name, const char *proto);
CSOCK_API int csock_service_by_port(long port, const char *proto, char *name, size_t size);
CSOCK_API int csock_protocol_by_name(const char *name);

/* The machine's own name, NUL-terminated, into name[size]. gethostname(2). -ENAMETOOLONG if it
 * does not fit. */
CSOCK_API int csock_hostname(char *name, size_t size);

/* Gives the machine (its UTS namespace) another name, of n bytes. sethostname(2). 0 or -errno. */
CSOCK_API int csock_hostname_set(const char *name, size_t n);

/* -------------------------------------------------------------- interfaces
 *
 * Network interfaces by name and number, netdevice(7). s is a socket, whose network namespace is
 * then asked, or NULL for that of the calling thread. Do not block. */

#define CSOCK_IFACE_NAME_MAX 16 /* any name, with its NUL */

/* 0, or -ENODEV if there is none of that name, or other -errno. */
CSOCK_API int csock_iface_index(struct csock *s, const char *name, unsigned *ret_index);

/* The length of the name, which is NUL-terminated, or -ENXIO, -ENODEV if there is no such number,
 * or other -errno. */
CSOCK_API int csock_iface_name(struct csock *s, unsigned index, char name[CSOCK_IFACE_NAME_MAX]);

struct csock_iface {
    unsigned index;
    char name[CSOCK_IFACE_NAME_MAX];
};

/* All of the calling thread's namespace. Returns how many; *ret_list is the caller's:
 * csock_iface_list_free. Errors: -ENOMEM and other -errno. if_nameindex(3). */
CSOCK_API int csock_iface_list(struct csock_iface **ret_list);
CSOCK_API void csock_iface_list_free(struct csock_iface *list);

#ifdef __cplusplus
}
#endif
#endif

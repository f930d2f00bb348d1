/* Captures: sockets whose transfers are written to a file as packets (capture/file.h), for
 * csock.capture() and CSOCK_PCAP. Not of the public interface yet.
 *
 * A tapped socket has CSOCK__TAPPED among its flags. Whoever looks whether a plain try is allowed
 * looks at that in the same word; csock__run sends it to csock__run_tapped. So a socket that is not
 * tapped pays nothing, and one that is goes its own, slower way: each try and its packets under one
 * lock, so that an answer never comes before its question; packets of a burst may be written later,
 * in the same order (capture/burst.h), but before it waits. It waits by poll, and for datagrams in
 * the blocking call; what it is told of waiting (timeouts, SO_RCVTIMEO, MSG_WAITALL) holds as ever.
 * Nothing that fails in a capture changes a result.
 *
 * A child of fork(2) does not write to its parent's files: captures end there, those of a
 * folder begin new files. */
#ifndef CSOCK_CORE_TAP_H
#define CSOCK_CORE_TAP_H

#include "csock/socket.h"

#include "capture/file.h"

/* Beside the public ones. No flag of a transfer that there is has this bit, but for MSG_PROXY,
 * which Linux knows nothing of: a call looks at both at once (wait.h), and tapped ones look again.
 */
#define CSOCK__TAPPED 0x10u

struct csock__waiting;
struct csock__op;

/* What a system call has moved, as its kind tells. */
struct csock__moved {
    enum csock__way way;
    int flags;                 /* MSG_… that it was called with */
    const struct iovec *parts; /* its data */
    size_t n_parts;
    struct iovec part; /* room for one */
    const struct sockaddr *addr;
    socklen_t len;
};

/* For a binding; arg is that of the call's struct csock_wait. */
struct csock__tap_hooks {
    void (*begin)(void *arg); /* the call is about to write, and to take locks */
    void (*failed)(void *arg);
};

/* s is open, and its struct was zeroed once; several threads may use it, and begin captures. pcap
 * NULL: a file of its own in the folder, once there is something to write. Replaces a capture that
 * is there. 0 or -errno: -EINVAL if it is no stream and no datagram of AF_INET, AF_INET6, AF_UNIX;
 * -ECHILD: the file is a parent's. */
int csock__tap_begin(struct csock *s, struct csock__pcap *pcap, bool tls,
                     const struct csock__tap_hooks *hooks);
/* With that: what goes into a socket and out of it by another library that encrypts it. */
bool csock__tap_is_plain(const struct csock *s);
void csock__tap_plain(struct csock *s, enum csock__way way, const void *data, size_t n);
/* A connection was made, by this end or (accept) by the peer; or failed, with an errno. Times as
 * csock__pcap_now(); ended 0: it is on its way. */
void csock__tap_connected(struct csock *s, bool by_peer, int64_t began, int64_t ended, int err,
                          const struct sockaddr *addr, socklen_t len);
void csock__tap_shut(struct csock *s, int how);
/* Before it is closed, or given away. free: before the struct goes. */
void csock__tap_end(struct csock *s, bool closes);
void csock__tap_free(struct csock *s);

/* As csock__pcap_failure(), of this socket's file, and which. */
int csock__tap_failure(struct csock *s, char *path, size_t size);
/* Capture.close(). */
void csock__pcap_close(struct csock__pcap *p);

/* The folder of CSOCK_PCAP, once; the texts are copied. 0 or -ENOMEM */
int csock__tap_folder(const char *folder, const struct csock__about *about);

/* One call on a tapped socket, in the place of csock__run. */
ssize_t csock__run_tapped(struct csock__waiting *wg, const struct csock__op *op);
/* A call on one is about to wait for what another library transfers, or another call. */
void csock__wait_tapped(struct csock__waiting *wg);

static inline bool csock__is_tapped(const struct csock *s)
{
    return __builtin_expect((csock_flags(s) & CSOCK__TAPPED) != 0, 0);
}

#endif

/* Messages and ancillary data. sendmsg(2), recvmsg(2), cmsg(3).
 *
 * A message is the caller's struct msghdr, as for the system calls; they wait as all transfers do.
 * Ancillary data is built and read by calls that do not trust its lengths. */
#ifndef CSOCK_MESSAGE_H
#define CSOCK_MESSAGE_H

#include "csock/socket.h"

CSOCK__BEGIN

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

CSOCK__END
#endif

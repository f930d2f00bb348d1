/* Transfers: receiving and sending.
 *
 * All of them try once without waiting; only if that gives EAGAIN do they wait. flags are those of
 * recv(2) and send(2). With MSG_DONTWAIT or MSG_ERRQUEUE, and no deadline, there is one try. For
 * MSG_NOSIGNAL see CSOCK_SIGPIPE. */
#ifndef CSOCK_TRANSFER_H
#define CSOCK_TRANSFER_H

#include "csock/socket.h"

CSOCK__BEGIN

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

/* Sends all of buf under one deadline, at which it looks between two sends, too. 0 on success.
 * *ret_sent (may be NULL) is how much went out, set on failure too: the one exception to the rule
 * on outputs, for what was sent is sent. With CSOCK_NOWAIT it stops with -EAGAIN at the first send
 * that would wait. */
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

CSOCK__END
#endif

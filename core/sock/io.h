/* What the files of transfers share: how a receive or a send waits, and when a send goes on.
 *
 * Each kind of transfer (io.c: bytes; msg.c: messages) is a struct that begins with a struct
 * csock__op. Flags and socket alone decide how that waits, so it is decided here for all of them;
 * a file adds its system call as `run`. What goes beyond one system call is here, too: a receive
 * that has to bring all (waitall.c), and the second half of a send that a stream took in part. */
#ifndef CSOCK_CORE_IO_H
#define CSOCK_CORE_IO_H

#include "call/wait.h"

/* MSG_WAITALL is a promise of the blocking call, and a try would break it; fast open says
 * EINPROGRESS to a try; each call with zero copy makes a notification of its own. */
#define CSOCK__NO_TRY (MSG_WAITALL | MSG_FASTOPEN | MSG_ZEROCOPY)

/* How a receive, or a send, with these flags waits; its `run` is the caller's to fill in. sending
 * adds MSG_NOSIGNAL to *flags where the socket's own flags ask for it. For a call that is inside:
 * before, *s may be about to become another socket (csock_renew). */
struct csock__op csock__receiving(const struct csock *s, int flags);
struct csock__op csock__sending(const struct csock *s, int *flags);

/* Whether a receive with these flags takes from the error queue, and not from the data. */
bool csock__asks_error_queue(const struct csock *s, int flags);

/* Whether a receive with these flags has to bring all bytes that it asks for, and to wait for them
 * here and not in the kernel. waitall.c */
bool csock__brings_all(const struct csock__waiting *wg, int flags);

/* Such a receive, of n bytes. At the deadline, and at any other end, what has come so far; the
 * error only if nothing has. advance: moves op on behind `by` bytes (0: those are only peeked at);
 * false to stop there. */
ssize_t csock__run_all(struct csock__waiting *wg, const struct csock__op *op, size_t n, int flags,
                       bool (*advance)(const struct csock__op *op, size_t by));

/* The rest of a send that is to go on. */
ssize_t csock__send_more(struct csock__waiting *wg, const struct csock__op *op);

/* Whether a send of n bytes, of which sent (> 0) went out, is to go on by one blocking call. */
bool csock__goes_on(const struct csock__waiting *wg, size_t n, ssize_t sent, int flags);

#endif

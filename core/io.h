/* What the files of transfers share: how a receive or a send waits, and when a send goes on. */
#ifndef CSOCK_CORE_IO_H
#define CSOCK_CORE_IO_H

#include "wait.h"

/* How a receive, or a send, with these flags waits; its `run` is the caller's to fill in. sending
 * adds MSG_NOSIGNAL to *flags where the socket's own flags ask for it. For a call that is inside:
 * before, *s may be about to become another socket (csock_renew). */
struct csock__op csock__receiving(const struct csock *s, int flags);
struct csock__op csock__sending(const struct csock *s, int *flags);

/* Whether a send of n bytes, of which sent (> 0) went out, is to go on by one blocking call. */
bool csock__goes_on(const struct csock__waiting *wg, size_t n, ssize_t sent, int flags);

#endif

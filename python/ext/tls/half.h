/* A write that ended early (a timeout, a handler that raises) leaves a record half sent in OpenSSL,
 * which the next write finishes, whatever that is about: OpenSSL sends the old bytes and counts
 * them as the new. So what the record holds is kept, and the next write has to begin as the one did
 * that was not finished: with the same bytes before the record, of which their sum is kept, and
 * those of the record. All of this is for who has `writer`. */
#ifndef CSOCK_EXT_TLS_HALF_H
#define CSOCK_EXT_TLS_HALF_H

#include "tls/call.h"

#define TLS_RECORD 16384 /* bytes that go into one record at most, and into one try */

/* The try of a record begins. It has found out that the record is half sent: what that holds is
 * kept from now on, as the program may change its buffer while the write waits. It has ended, with
 * everything sent; or early, after `done` bytes of the same write's data, which stand before it.
 *
 * A write that ends early between two records, without telling how far it came, is kept with a
 * record of nothing, so that the same holds for the next one. */
void tls_half_begins(struct sock_half *half);
void tls_half_copies(struct sock_half *half, const char *record, size_t n);
void tls_half_ended(struct sock_half *half);
void tls_half_keeps(struct sock_half *half, const char *data, size_t done);

/* What the write of n bytes begins with: *ret_done of them have been sent before, and ret_next more
 * are in the half record, to be tried as one; 0 and 0 where nothing is left of an earlier write.
 * False with an exception. */
bool tls_half_resumes(struct tls_call *c, const char *data, size_t n, size_t *ret_done,
                      size_t *ret_next);

#endif

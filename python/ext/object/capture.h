/* Captures: csock.capture() and CSOCK_PCAP, by the core's call/tap.h, which says what they cost;
 * capture.c alone calls it. Each of these does nothing for a socket that is not captured. They
 * write, and so let the GIL go.
 *
 * What fails in a capture, a full disk say, ends it with a line on stderr, and nothing else: no
 * exception, and no other errno. */
#ifndef CSOCK_EXT_OBJECT_CAPTURE_H
#define CSOCK_EXT_OBJECT_CAPTURE_H

#include "object/socket.h"

#include "call/tap.h"

/* ext_state.captures: of CSOCK_PCAP. */
enum { CAPTURES_NONE, CAPTURES_ALL, CAPTURES_TLS_TOO };

static inline bool sock_is_captured(const struct sock_object *s)
{
    return csock__is_tapped(&s->core);
}

/* 0 or negative, as csock__tap_begin. plain: TLS, as the program sees it. */
int sock_capture(struct sock_object *s, struct csock__pcap *pcap, bool plain);
/* The object has got a socket: is everything captured? */
EXT_RARE void sock_capture_new(struct sock_object *s);

/* ns since 1970. */
int64_t sock_capture_now(void);
/* Connecting took from began on, and came to r; by_peer: it was accepted. */
EXT_RARE void sock_capture_connected(struct sock_object *s, bool by_peer, int64_t began, int r,
                                     const struct sockaddr *addr, socklen_t len);
EXT_RARE void sock_capture_shut(struct sock_object *s, int how);
/* What a TLS object has read or written: n bytes, into or from a buffer. */
EXT_RARE void sock_capture_read(struct sock_object *s, PyObject *result, PyObject *buffer);
EXT_RARE void sock_capture_written(struct sock_object *s, const void *data, size_t n);

/* Before the socket is closed, or given away. And before the object goes. */
void sock_capture_end(struct sock_object *s, bool closes);
void sock_capture_free(struct sock_object *s);

/* Files: a new one, which has one user; that is done with it; it ends. */
int sock_capture_open(const char *path, const struct csock__about *about, size_t keep, uint32_t seq,
                      struct csock__pcap **ret);
void sock_capture_let_go(struct csock__pcap *pcap);
void sock_capture_close(struct csock__pcap *pcap);
/* Everything is captured from now on. 0 or -ENOMEM */
int sock_capture_all(struct ext_state *st, const char *folder, const struct csock__about *about,
                     bool plain);

/* A call has found that the capture has failed. */
EXT_RARE void sock_capture_tell(struct sock_object *s);

#endif

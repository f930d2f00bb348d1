/* What a socket has beside the rest once it carries TLS for ssl.SSLSocket: made at its first such
 * call, and kept until the object ends.
 *
 * _ssl waits by itself, by the timeout that it reads from memory, unless that is 0. So it is shown
 * 0 while csock waits in its place, and the descriptor is O_NONBLOCK, because it is that, and not
 * the timeout, which keeps OpenSSL from waiting. The program's own timeout is in the object, as
 * ever. All three belong together as long as the TLS object lives: `engaged`. Between our calls
 * into _ssl it is shown the program's timeout, for a program that calls it by itself. */
#ifndef CSOCK_EXT_OBJECT_SECURED_H
#define CSOCK_EXT_OBJECT_SECURED_H

#include "object/socket.h"
#include "shared/lock.h"

#include <limits.h>

/* A write that has begun a record, and not ended it: tls/half.c. Whoever has `writer` looks here.
 * */
struct sock_half {
    enum { HALF_NONE, HALF_IN_FLIGHT, HALF_KEPT } state;
    char *data; /* what the record holds, n bytes; NULL: not known to be half sent, or no memory */
    size_t n;
    size_t before; /* what the same write had sent before it, and what that adds up to */
    uint64_t sum;
};

struct sock_secured {
    bool engaged;
    /* state: round one call into _ssl. writer: round all of a write, of a handshake, of an unwrap.
     * reader: whose wait for input it is. tls/tls.h has their order. */
    struct ext_lock state, writer, reader;
    struct sock_half half;
    bool waits; /* the newest read that got something had to wait for it: a guess at the next */
    PyObject *length; /* (n,), of the newest read; NULL: none. Whoever has `state` looks here */
};

/* What is there when it is true is there as a whole. */
static inline bool sock_is_engaged(const struct sock_object *s)
{
    const struct sock_secured *t = __atomic_load_n(&s->secured, __ATOMIC_ACQUIRE);
    return t && __atomic_load_n(&t->engaged, __ATOMIC_ACQUIRE);
}

/* What _ssl is shown of the program's timeout while none of our calls is in it. For ever would be a
 * blocking call, which it makes again and again as the descriptor does not block: so the longest
 * that poll(2) takes. */
static inline int64_t sock_shown_timeout(const struct sock_object *s, bool engaged)
{
    int64_t timeout = EXT_GET(s->timeout), longest = (int64_t)INT_MAX * 1000000;
    return engaged && (timeout < 0 || timeout > longest) ? longest : timeout;
}

/* csock waits for this object from now on. NULL with an exception. */
struct sock_secured *sock_engage(struct sock_object *s);
/* After the program has set its timeout: _ssl sees it. What is in _ssl now goes on being a try, and
 * shows it at its end. */
void sock_show_timeout(struct sock_object *s);
/* _ssl is done with: descriptor and timeouts are as without it. 0 or -errno. */
int sock_disengage(struct sock_object *s);
/* The same for a descriptor that has been detached from the object. */
void sock_disengage_detached(struct sock_object *s, int fd);

void sock_half_forget(struct sock_half *half);
/* Its descriptor is gone, and with it what was to be written. */
void sock_secured_close(struct sock_object *s);
/* At the object's end. */
void sock_secured_free(struct sock_object *s);

#endif

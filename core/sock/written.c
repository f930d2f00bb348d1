/* What a receive wrote, where its count does not say so; and receives into memory of just the size
 * that came. Sits on csock_recv, on the options and on sys. */
#include <netinet/tcp.h>
#include <string.h>

#include "sock/io.h"
#include "sys/sys.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* TCP takes MSG_TRUNC as "throw away", and writes nothing: tcp(7). So do MPTCP and AF_SMC; SCTP
 * writes, and so does the kernel's TLS, and who asks for the error queue. The kernel is asked what
 * the socket is, for an adopted one may have been declared as anything. */
static bool discards(struct csock *s, int flags)
{
    int family, proto;
    char layer[16] = "";
    socklen_t len = sizeof layer - 1;
    if (!(flags & MSG_TRUNC) || csock__asks_error_queue(s, flags))
        return false;
    if (csock_opt_get_int(s, SOL_SOCKET, SO_DOMAIN, &family) < 0 ||
        csock_opt_get_int(s, SOL_SOCKET, SO_PROTOCOL, &proto) < 0)
        return true; /* closed meanwhile: nothing is known for sure */
    if (family == AF_SMC)
        return true;
    if ((family != AF_INET && family != AF_INET6) ||
        (proto != IPPROTO_TCP && proto != IPPROTO_MPTCP))
        return false;
    return csock_opt_get(s, IPPROTO_TCP, TCP_ULP, layer, &len) < 0 || strcmp(layer, "tls") != 0;
}

/* On datagrams the count is that of the whole, of which n bytes at most were written: recv(2). */
static size_t real_bytes(bool discarded, ssize_t count, size_t n)
{
    if (count <= 0 || discarded)
        return 0;
    return (size_t)count < n ? (size_t)count : n;
}

size_t csock_recv_written(struct csock *s, ssize_t count, size_t n, int flags)
{
    return real_bytes(discards(s, flags), count, n);
}

/* All memory that receiving depends on is there before it: what came cannot be lost for lack of
 * some. Without any for the copy, the caller gets the large block. */
ssize_t csock_recv_new(struct csock *s, size_t max, int flags, void **ret_buf,
                       const struct csock_wait *w)
{
    void *large = csock__sys->alloc(max ? max : 1), *result = NULL;
    if (!large)
        return -ENOMEM;
    bool discarded = discards(s, flags); /* asked before, as *s may be gone after */
    ssize_t r = csock_recv(s, large, max, flags, w);
    if (r < 0)
        goto out;
    size_t real = real_bytes(discarded, r, max);
    if (real < max)
        result = csock__sys->alloc(real ? real : 1);
    if (result) {
        memcpy(result, large, real);
    } else {
        result = large;
        large = NULL;
    }
    *ret_buf = result;
    r = (ssize_t)real;
out:
    csock__sys->release(large);
    return r;
}

/* Tries by a caller who keeps closers out by a lock of his own: one system call and nothing else.
 * Not counted among the calls inside, so that none of the work is done that lets another thread
 * close the socket meanwhile. Sits on users.h and sys. Must not wait. */
#include "sys/sys.h"
#include "call/try.h"

ssize_t csock_try_recv(const struct csock *s, void *buf, size_t n, int flags)
{
    return csock__ret(csock__sys->recv(csock__fd(s), buf, n, flags | MSG_DONTWAIT));
}

ssize_t csock_try_recv_from(const struct csock *s, void *buf, size_t n, int flags,
                            union csock_addr *ret_addr, socklen_t *ret_len)
{
    socklen_t len = sizeof *ret_addr;
    ssize_t r = csock__ret(
        csock__sys->recvfrom(csock__fd(s), buf, n, flags | MSG_DONTWAIT, &ret_addr->any, &len));
    if (r >= 0)
        *ret_len = csock__name_len(len);
    return r;
}

ssize_t csock_try_send(const struct csock *s, const void *buf, size_t n, int flags)
{
    flags = csock__send_flags(s, flags);
    return csock__ret(csock__sys->send(csock__fd(s), buf, n, flags | MSG_DONTWAIT));
}

ssize_t csock_try_send_to(const struct csock *s, const void *buf, size_t n, int flags,
                          const struct sockaddr *addr, socklen_t len)
{
    flags = csock__send_flags(s, flags);
    return csock__ret(csock__sys->sendto(csock__fd(s), buf, n, flags | MSG_DONTWAIT, addr, len));
}

/* MSG_WAITALL where a call waits by poll. The kernel keeps that promise to a call that it lets
 * sleep; to one that must not wait it gives what is there. Sits on wait. */
#include "sock/io.h"
#include "sys/sys.h"

/* Only streams have parts to wait for. An entry of the error queue, or a byte out of band, comes
 * alone; MSG_DONTWAIT takes the promise back. */
bool csock__brings_all(const struct csock__waiting *wg, int flags)
{
    return (flags & MSG_WAITALL) && wg->call.s->type == SOCK_STREAM && csock__polls(wg) &&
           !csock__nowait(wg) && !(flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB));
}

/* For a sender who never lets a try go empty. The deadline begins with the first wait. */
static bool is_over(const struct csock__waiting *wg)
{
    return wg->deadline != CSOCK_FOREVER && csock_now() >= wg->deadline;
}

/* What was peeked at is still there, and poll has nothing to wait for: look again, a little later
 * each time. Not if no more can come. */
static bool await_more(struct csock__waiting *wg)
{
    int ready = csock__poll(wg, POLLIN | POLLRDHUP);
    return ready > 0 && !(ready & (POLLRDHUP | POLLHUP | POLLERR)) && csock__back_off(wg) == 0;
}

/* With SO_PEEK_OFF each peek moves on behind what it gave, as a receive does. socket(7) */
static bool sees_the_same_again(const struct csock__waiting *wg, int flags)
{
    int offset = -1;
    socklen_t len = sizeof offset;
    if (!(flags & MSG_PEEK))
        return false;
    return csock__sys->getsockopt(csock__fd(wg->call.s), SOL_SOCKET, SO_PEEK_OFF, &offset, &len) <
               0 ||
           offset < 0;
}

ssize_t csock__run_all(struct csock__waiting *wg, const struct csock__op *op, size_t n, int flags,
                       bool (*advance)(const struct csock__op *op, size_t by))
{
    const bool again = sees_the_same_again(wg, flags);
    size_t got = 0;
    for (;;) {
        ssize_t r = csock__run(wg, op);
        if (r <= 0)
            return got > 0 ? (ssize_t)got : r;
        got = again ? (size_t)r : got + (size_t)r;
        if (got >= n || is_over(wg))
            return (ssize_t)got;
        if (!advance(op, again ? 0 : (size_t)r) || (again && !await_more(wg)))
            return (ssize_t)got;
    }
}

/* Sockets: making, naming, listening, shutting down, and the blocking mode. Sits on call and sys;
 * connections are in conn.c. */
#include "sys/sys.h"
#include "call/wait.h"

#define OWN_FLAGS (CSOCK_NONBLOCK | CSOCK_SIGPIPE | CSOCK_NO_TRY | CSOCK_EAGAIN)

static int checked_flags(unsigned flags)
{
    return flags & ~OWN_FLAGS ? -EINVAL : 0;
}

/* The type with what csock wants from the start, and the flags that follow from it. */
static int kernel_type(int type, unsigned *flags)
{
    if (type & SOCK_NONBLOCK)
        *flags |= CSOCK_NONBLOCK;
    return type | SOCK_CLOEXEC | (*flags & CSOCK_NONBLOCK ? SOCK_NONBLOCK : 0);
}

static int plain_type(int type)
{
    return type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int csock_open(struct csock *s, int family, int type, int proto, unsigned flags)
{
    int r = checked_flags(flags);
    if (r < 0)
        return r;
    int fd = csock__sys->socket(family, kernel_type(type, &flags), proto);
    if (fd < 0)
        return -errno;
    csock__init(s, fd, family, plain_type(type), proto, flags);
    return 0;
}

int csock_pair(struct csock s[2], int family, int type, int proto, unsigned flags)
{
    int fds[2], r = checked_flags(flags);
    if (r < 0)
        return r;
    if (csock__sys->socketpair(family, kernel_type(type, &flags), proto, fds) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        csock__init(&s[i], fds[i], family, plain_type(type), proto, flags);
    return 0;
}

/* A descriptor's own answer, unless the caller has given one. socket(7) */
static int ask(int fd, int name, int *value)
{
    socklen_t len = sizeof *value;
    if (*value != -1)
        return 0;
    return (int)csock__ret(csock__sys->getsockopt(fd, SOL_SOCKET, name, value, &len));
}

int csock_adopt(struct csock *s, int fd, int family, int type, int proto, unsigned flags)
{
    int low = -1, r = checked_flags(flags);
    if (r < 0)
        return r;
    /* The first also keeps a file from passing for a socket, when there is nothing else to ask. */
    if ((r = ask(fd, SO_RCVLOWAT, &low)) < 0 || (r = ask(fd, SO_DOMAIN, &family)) < 0 ||
        (r = ask(fd, SO_TYPE, &type)) < 0 || (r = ask(fd, SO_PROTOCOL, &proto)) < 0)
        return r;
    int nonblock = csock__sys->get_nonblock(fd);
    if (nonblock < 0)
        return -errno;
    bool own = nonblock && !(flags & CSOCK_EAGAIN); /* else somebody else's mode */
    flags = (flags & (CSOCK_SIGPIPE | CSOCK_EAGAIN)) | (own ? CSOCK_NONBLOCK : 0) |
            (low > 1 ? CSOCK_NO_TRY : 0);
    csock__init(s, fd, family, plain_type(type), proto, flags);
    return 0;
}

int csock_dup(struct csock *s, struct csock *ret_copy)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->dup_cloexec(csock__fd(s)));
    if (r >= 0)
        csock__init(ret_copy, r, s->family, s->type, s->proto, csock_flags(s) & ~CSOCK__TAPPED);
    csock__leave(&call);
    return r < 0 ? r : 0;
}

int csock_fd_dup(int fd)
{
    return (int)csock__ret(csock__sys->dup_cloexec(fd));
}

int csock_fd_close(int fd)
{
    return csock__close_fd(fd);
}

int csock_bind(struct csock *s, const struct sockaddr *addr, socklen_t len)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->bind(csock__fd(s), addr, len));
    csock__leave(&call);
    return r;
}

int csock_family(const struct csock *s)
{
    return s->family;
}

int csock_type(const struct csock *s)
{
    return s->type;
}

int csock_proto(const struct csock *s)
{
    return s->proto;
}

int csock_listen(struct csock *s, int backlog)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->listen(csock__fd(s), backlog < 0 ? 0 : backlog));
    csock__leave(&call);
    return r;
}

int csock_shutdown(struct csock *s, int how)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->shutdown(csock__fd(s), how));
    csock__leave(&call);
    return r;
}

/* getsockname(2) and getpeername(2). */
static int name_of(struct csock *s, int (*get)(int, struct sockaddr *, socklen_t *),
                   union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock__call call;
    union csock_addr addr = {0};
    socklen_t len = sizeof addr;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(get(csock__fd(s), &addr.any, &len));
    csock__leave(&call);
    if (r < 0)
        return r;
    *ret_addr = addr;
    *ret_len = csock__name_len(len);
    return 0;
}

int csock_sockname(struct csock *s, union csock_addr *ret_addr, socklen_t *ret_len)
{
    return name_of(s, csock__sys->getsockname, ret_addr, ret_len);
}

int csock_peername(struct csock *s, union csock_addr *ret_addr, socklen_t *ret_len)
{
    return name_of(s, csock__sys->getpeername, ret_addr, ret_len);
}

int csock_set_blocking(struct csock *s, bool blocking)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = csock__set_blocking(s, blocking);
    csock__leave(&call);
    return r;
}

int csock_get_blocking(struct csock *s)
{
    struct csock__call call;
    int r = csock__enter(&call, s);
    if (r < 0)
        return r;
    r = (int)csock__ret(csock__sys->get_nonblock(csock__fd(s)));
    csock__leave(&call);
    return r < 0 ? r : !r;
}

/* Preloaded into the child of test_families.py: a kernel that takes every address, and gives one
 * back.
 *
 * Both modules enter through libc, so both can be shown addresses of families that this kernel
 * lacks, and be asked what they made of a Python form. Off until shim_on is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

int shim_on;
int shim_speaks;              /* another language */
unsigned char shim_addr[256]; /* the last one given, or the next one to hand out */
socklen_t shim_len;

static int take(const struct sockaddr *addr, socklen_t len)
{
    shim_len = len < sizeof shim_addr ? len : (socklen_t)sizeof shim_addr;
    memcpy(shim_addr, addr, shim_len);
    return 0;
}

static int give(struct sockaddr *addr, socklen_t *len)
{
    memcpy(addr, shim_addr, shim_len < *len ? shim_len : *len);
    *len = shim_len < *len ? shim_len : *len;
    return 0;
}

int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    return shim_on ? take(addr, len) : real(fd, addr, len);
}

int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
    int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "connect");
    return shim_on ? take(addr, len) : real(fd, addr, len);
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr,
               socklen_t len)
{
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        dlsym(RTLD_NEXT, "sendto");
    if (!shim_on)
        return real(fd, buf, n, flags, addr, len);
    take(addr, len);
    return (ssize_t)n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
    ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, "sendmsg");
    return shim_on ? take(msg->msg_name, msg->msg_namelen) : real(fd, msg, flags);
}

ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
    ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    if (!shim_on)
        return real(fd, msg, flags);
    msg->msg_controllen = 0;
    return give(msg->msg_name, &msg->msg_namelen);
}

int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
    int (*real)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "getsockname");
    return shim_on ? give(addr, len) : real(fd, addr, len);
}

int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
    int (*real)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, "getpeername");
    return shim_on ? give(addr, len) : real(fd, addr, len);
}

ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len)
{
    ssize_t (*real)(int, void *, size_t, int, struct sockaddr *, socklen_t *) =
        dlsym(RTLD_NEXT, "recvfrom");
    return shim_on && addr ? give(addr, len) : real(fd, buf, n, flags, addr, len);
}

/* What the C library says in a locale of another encoding. */
const char *gai_strerror(int code)
{
    const char *(*real)(int) = dlsym(RTLD_NEXT, "gai_strerror");
    return shim_speaks ? "\351chec" : real(code);
}

/* Ancillary data, built and parsed: cmsg(3). By arithmetic of its own, because CMSG_NXTHDR of older
 * libcs passes over a last item without padding, and descriptors in it would stay open unseen.
 * Enters the kernel only to close descriptors that came. */
#include <limits.h>
#include <string.h>

#include "csock.h"
#include "sys/sys.h"

#define HEADER CMSG_LEN(0)
#define TOTAL_MAX ((size_t)INT_MAX) /* a socklen_t that nobody takes for a negative number */

static size_t aligned(size_t n)
{
    return CMSG_ALIGN(n);
}

ssize_t csock_cmsg_len(size_t n)
{
    return n > TOTAL_MAX - HEADER ? -EMSGSIZE : (ssize_t)(HEADER + n);
}

ssize_t csock_cmsg_space(size_t n)
{
    return n > TOTAL_MAX - CMSG_SPACE(1) ? -EMSGSIZE : (ssize_t)(HEADER + aligned(n));
}

int csock_cmsg_add(struct msghdr *msg, size_t capacity, int level, int type, const void *data,
                   size_t n)
{
    size_t used = aligned(msg->msg_controllen);
    ssize_t space = csock_cmsg_space(n);
    if (space < 0)
        return (int)space;
    if (used > capacity || (size_t)space > capacity - used)
        return -ENOBUFS;
    char *at = (char *)msg->msg_control + used;
    /* The lengths are size_t here and socklen_t there: POSIX and glibc do not agree. */
    struct cmsghdr header = {.cmsg_level = level, .cmsg_type = type};
    header.cmsg_len = (__typeof__(header.cmsg_len))(HEADER + n);
    memset(at, 0, (size_t)space); /* no byte of the padding is anybody's secret */
    memcpy(at, &header, sizeof header);
    if (n > 0)
        memcpy(at + HEADER, data, n);
    msg->msg_controllen = (__typeof__(msg->msg_controllen))(used + (size_t)space);
    return 0;
}

int csock_cmsg_next(const struct msghdr *msg, size_t *at, struct csock_cmsg *ret_item)
{
    size_t all = msg->msg_controllen;
    struct cmsghdr header;
    if (*at > all || all - *at < HEADER)
        return 0;
    const char *from = (const char *)msg->msg_control + *at;
    memcpy(&header, from, sizeof header);
    if (header.cmsg_len < HEADER)
        return -EBADMSG;
    size_t there = all - *at;
    bool cut = header.cmsg_len > there;
    size_t len = cut ? there : header.cmsg_len;
    *ret_item = (struct csock_cmsg){.level = header.cmsg_level,
                                    .type = header.cmsg_type,
                                    .data = from + HEADER,
                                    .n = len - HEADER,
                                    .cut = cut};
    *at = cut ? all : *at + aligned(len);
    return 1;
}

static size_t close_all(const struct csock_cmsg *item)
{
    size_t closed = 0;
    for (size_t i = 0; i + sizeof(int) <= item->n; i += sizeof(int)) {
        int fd;
        memcpy(&fd, (const char *)item->data + i, sizeof fd);
        closed += fd >= 0 && csock__sys->close(fd) == 0;
    }
    return closed;
}

#ifndef SCM_PIDFD
#define SCM_PIDFD 4 /* since Linux 6.5 */
#endif

size_t csock_cmsg_close_fds(const struct msghdr *msg)
{
    struct csock_cmsg item;
    size_t closed = 0, at = 0;
    while (csock_cmsg_next(msg, &at, &item) > 0)
        if (item.level == SOL_SOCKET && (item.type == SCM_RIGHTS || item.type == SCM_PIDFD))
            closed += close_all(&item);
    return closed;
}

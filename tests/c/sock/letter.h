/* What the tests of messages share: a pair of sockets, and messages to send and to receive into. */
#ifndef CSOCK_TESTS_LETTER_H
#define CSOCK_TESTS_LETTER_H

#include "util.h"

#include <sys/uio.h>

static struct csock s[2];
static char buf[64];

static inline void open_pair(int family, int type)
{
    util_pair(s, family, type);
}

static inline void close_pair(void)
{
    util_close(&s[0]);
    util_close(&s[1]);
}

/* A message of two parts, "ab" and "cdefg", with room for ancillary data. */
struct letter {
    struct msghdr msg;
    struct iovec parts[3];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
};

static inline struct letter *letter(void)
{
    static struct letter l;
    l = (struct letter){
        .parts = {{(void *)(uintptr_t) "ab", 2}, {NULL, 0}, {(void *)(uintptr_t) "cdefg", 5}}};
    l.msg = (struct msghdr){.msg_iov = l.parts, .msg_iovlen = 3, .msg_control = l.control};
    return &l;
}

/* n descriptors, of standard input. */
static inline struct letter *letter_with_fds(size_t n)
{
    static const int fds[8];
    struct letter *l = letter();
    assert_int_equal(
        csock_cmsg_add(&l->msg, sizeof l->control, SOL_SOCKET, SCM_RIGHTS, fds, n * sizeof *fds),
        0);
    return l;
}

/* Receives into parts of 3 and 61 bytes of buf, and `room` bytes of ancillary data. */
static inline struct letter *envelope(size_t room)
{
    static struct letter l;
    memset(buf, 0, sizeof buf);
    l = (struct letter){.parts = {{buf, 3}, {buf + 3, sizeof buf - 3}}};
    l.msg = (struct msghdr){.msg_iov = l.parts,
                            .msg_iovlen = 2,
                            .msg_control = l.control,
                            .msg_controllen = room,
                            .msg_flags = 99};
    return &l;
}

static inline ssize_t receive(struct letter *l, const struct csock_wait *w)
{
    return csock_recvmsg(&s[1], &l->msg, MSG_CMSG_CLOEXEC, w);
}

static inline void expect_fds(const struct letter *l, size_t n)
{
    assert_int_equal(csock_cmsg_close_fds(&l->msg), n);
}

#endif

/* csock_recvmsg on a scripted kernel, with parts, an address and descriptors. What fails leaves the
 * message alone, and keeps no descriptor that came. */
#include "kernel.h"

/* A message whose parts lie in one block, one behind the other, so that what was written is a
 * beginning of it. */
struct letter {
    struct msghdr msg;
    struct iovec parts[8];
    char *buf, *name, *control;
    size_t n;
};

static void letter_begin(struct letter *l)
{
    *l = (struct letter){.n = 0};
    size_t parts = fuzz_below(&kernel.in, COUNT(l->parts) + 1);
    for (size_t i = 0; i < parts; i++) {
        l->parts[i].iov_len = fuzz_below(&kernel.in, 48);
        l->n += l->parts[i].iov_len;
    }
    l->buf = fuzz_room(l->n);
    for (size_t i = 0, at = 0; i < parts; at += l->parts[i++].iov_len)
        l->parts[i].iov_base = l->buf + at;
    l->msg.msg_iov = l->parts;
    l->msg.msg_iovlen = parts;
    l->msg.msg_namelen = fuzz_below(&kernel.in, 2) ? sizeof(union csock_addr) : 0;
    l->msg.msg_controllen = fuzz_below(&kernel.in, 64);
    l->name = fuzz_room(l->msg.msg_namelen);
    l->control = fuzz_room(l->msg.msg_controllen);
    l->msg.msg_name = l->msg.msg_namelen ? l->name : NULL;
    l->msg.msg_control = l->msg.msg_controllen ? l->control : NULL;
    l->msg.msg_flags = 0x55;
}

static void letter_end(struct letter *l)
{
    free(l->buf);
    free(l->name);
    free(l->control);
}

/* All of the header but for what success writes. */
static void check_header(const struct msghdr *msg, const struct msghdr *before, bool failed)
{
    struct msghdr same = *msg;
    if (!failed) {
        same.msg_namelen = before->msg_namelen;
        same.msg_controllen = before->msg_controllen;
        same.msg_flags = before->msg_flags;
    }
    CHECK(!memcmp(&same, before, sizeof same));
}

static void receive(void)
{
    struct csock_wait w;
    struct letter l;
    letter_begin(&l);
    const struct msghdr before = l.msg;
    const struct iovec first = l.parts[0];
    int flags = kernel_flags();
    const struct csock_wait *wait = kernel_wait(&w);
    int live = kernel.live;
    kernel_call(l.buf);
    ssize_t r = csock_recvmsg(kernel.s, &l.msg, flags, wait);
    CHECK(kernel.live == live);
    check_header(&l.msg, &before, r < 0);
    CHECK(!memcmp(&first, l.parts, sizeof first));
    kernel_check_buffer(l.buf, l.n);
    CHECK((flags & MSG_TRUNC) || r <= (ssize_t)l.n);
    if (r >= 0) {
        CHECK(l.msg.msg_controllen <= before.msg_controllen);
        size_t open = kernel_open_rights();
        CHECK(csock_cmsg_close_fds(&l.msg) == open);
    }
    CHECK(kernel_open_rights() == 0);
    letter_end(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct csock s;
    kernel_begin(&s, data, n);
    for (int i = 0; i < 8 && kernel.in.left > 0; i++)
        receive();
    kernel_end();
    return 0;
}

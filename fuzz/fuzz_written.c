/* Receives into a buffer, and into memory of just the size that came, on a scripted kernel. What
 * counts as received is what the kernel wrote, and no more; what fails leaves its outputs alone. */
#include "kernel.h"

/* 0 to 999, mostly little. */
static size_t room(void)
{
    size_t n = fuzz_byte(&kernel.in);
    return n < 250 ? n % 64 : (n - 249) * 160;
}

/* What csock_recv_written makes of a count: as much as the last system call wrote, if one alone was
 * made; never more than any wrote. */
static void check_written(ssize_t r, const char *buf, size_t n, int flags)
{
    size_t all = kernel.end ? (size_t)(kernel.end - buf) : 0, last = kernel.last_written;
    CHECK((flags & MSG_TRUNC) || r <= (ssize_t)n);
    kernel.n_options_failed = 0;
    size_t said = csock_recv_written(kernel.s, r, n, flags);
    CHECK(said <= all);
    if (!(flags & MSG_WAITALL) && kernel.n_options_failed == 0 && csock_fd(kernel.s) >= 0)
        CHECK(said == (r > 0 ? last : 0));
    if (!(flags & MSG_TRUNC))
        CHECK(said == (r > 0 ? (size_t)r : 0));
}

static void receive(void)
{
    struct csock_wait w;
    size_t n = room();
    int flags = kernel_flags();
    char *buf = fuzz_room(n);
    const struct csock_wait *wait = kernel_wait(&w);
    kernel_call(buf);
    ssize_t r = csock_recv(kernel.s, buf, n, flags, wait);
    kernel_check_buffer(buf, n);
    check_written(r, buf, n, flags);
    free(buf);
}

/* A try by itself, and going on after it. */
static void receive_tried(void)
{
    struct csock_wait w;
    size_t n = room();
    int flags = kernel_flags() & (MSG_TRUNC | MSG_PEEK);
    char *buf = fuzz_room(n);
    if (csock_fd(kernel.s) < 0 || (csock_flags(kernel.s) & CSOCK_NO_TRY))
        goto out;
    kernel_call(buf);
    ssize_t r = csock_try_recv(kernel.s, buf, n, flags);
    if (r == -EAGAIN || r == -EINTR)
        r = csock_recv_tried(kernel.s, buf, n, flags, r, kernel_wait(&w));
    kernel_check_buffer(buf, n);
    check_written(r, buf, n, flags);
out:
    free(buf);
}

static void receive_from(void)
{
    struct csock_wait w;
    union csock_addr *addr = fuzz_room(sizeof *addr);
    socklen_t len;
    size_t n = room();
    int flags = kernel_flags();
    char *buf = fuzz_room(n);
    bool asks = fuzz_below(&kernel.in, 8) > 0;
    memset(&len, PATTERN, sizeof len);
    const struct csock_wait *wait = kernel_wait(&w);
    kernel_call(buf);
    ssize_t r =
        csock_recv_from(kernel.s, buf, n, flags, asks ? addr : NULL, asks ? &len : NULL, wait);
    kernel_check_buffer(buf, n);
    check_written(r, buf, n, flags);
    size_t written = 0;
    if (r >= 0 && asks) {
        written = len;
        CHECK(len <= sizeof *addr);
        for (size_t i = 0; i < len; i++)
            CHECK(((char *)addr)[i] == 0x11);
    } else {
        CHECK(fuzz_untouched(&len, sizeof len));
    }
    CHECK(fuzz_untouched((char *)addr + written, sizeof *addr - written));
    free(buf);
    free(addr);
}

static void receive_new(void)
{
    struct csock_wait w;
    void *buf = NULL;
    size_t max = room();
    int flags = kernel_flags();
    const struct csock_wait *wait = kernel_wait(&w);
    int live = kernel.live;
    kernel_call(NULL);
    ssize_t r = csock_recv_new(kernel.s, max, flags, &buf, wait);
    if (r < 0) {
        CHECK(!buf && kernel.live == live);
        return;
    }
    CHECK(buf && (size_t)r <= max && kernel.live == live + 1);
    if (!(flags & MSG_WAITALL))
        CHECK((size_t)r <= kernel.last_written);
    for (ssize_t i = 0; i < r; i++)
        CHECK(((char *)buf)[i] == kernel_data(kernel.begin + (size_t)i));
    csock__sys->release(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static void (*const calls[])(void) = {receive, receive_from, receive_new, receive_tried};
    struct csock s;
    kernel_begin(&s, data, n);
    for (int i = 0; i < 8 && kernel.in.left > 0; i++)
        calls[fuzz_below(&kernel.in, COUNT(calls))]();
    kernel_end();
    return 0;
}

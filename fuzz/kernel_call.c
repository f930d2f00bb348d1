/* The calls that are made on the scripted kernel's socket: how they wait, with which flags, and
 * what they may have left behind. */
#include "kernel.h"

#define MS INT64_C(1000000)

void kernel_call(const void *buf)
{
    kernel.begin = kernel.position;
    kernel.end = buf;
    kernel.last_written = 0;
    kernel.n_options_failed = 0;
}

/* A signal's handler, or a callback that closes the socket. */
static int interrupted(void *arg)
{
    unsigned how = fuzz_byte(&kernel.in);
    (void)arg;
    if (how >= 250)
        csock_close(kernel.s);
    return how >= 200;
}

const struct csock_wait *kernel_wait(struct csock_wait *w)
{
    static const struct csock_wait ways[] = {
        {.deadline = CSOCK_NOWAIT},  {.timeout = 5 * MS},     {.timeout = -1},
        {.timeout = INT64_MAX},      {.deadline = 1001 * MS}, {.deadline = 1},
        {.deadline = CSOCK_FOREVER}, {.deadline = INT64_MAX},
    };
    unsigned way = fuzz_byte(&kernel.in);
    if (way == 0)
        return NULL;
    *w = ways[way % COUNT(ways)];
    w->interrupted = way & 64 ? interrupted : NULL;
    return w;
}

int kernel_flags(void)
{
    static const int flags[] = {MSG_TRUNC, MSG_WAITALL,  MSG_PEEK,         MSG_DONTWAIT,
                                MSG_OOB,   MSG_ERRQUEUE, MSG_CMSG_CLOEXEC, 0};
    int result = 0;
    unsigned bits = fuzz_byte(&kernel.in);
    for (unsigned i = 0; i < COUNT(flags); i++)
        result |= bits & 1u << i ? flags[i] : 0;
    return result;
}

void kernel_check_buffer(const char *buf, size_t n)
{
    size_t written = kernel.end ? (size_t)(kernel.end - buf) : 0;
    CHECK(written <= n);
    for (size_t i = 0; i < written; i++)
        CHECK(buf[i] == kernel_data(kernel.begin + i));
    CHECK(fuzz_untouched(buf + written, n - written));
}

size_t kernel_open_rights(void)
{
    size_t open = 0;
    for (size_t i = 0; i < kernel.n_rights; i++)
        open += !kernel.right_closed[i];
    return open;
}

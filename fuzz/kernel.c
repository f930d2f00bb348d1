/* The scripted kernel: see kernel.h. When the input is at its end it lets every call end: receives
 * see the end of the stream, polls are ready, memory is there. */
#include "kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

struct kernel kernel;

#define MS INT64_C(1000000)

static int fail(int err)
{
    errno = err;
    return -1;
}

/* ---- data */

/* TCP without TLS, and AF_SMC, throw away what MSG_TRUNC asks for. */
static bool throws_away(int flags)
{
    bool queue = (flags & MSG_ERRQUEUE) && (kernel.family == AF_INET || kernel.family == AF_INET6);
    bool throws = kernel.family == AF_SMC || (kernel.proto == IPPROTO_TCP && !kernel.tls);
    return (flags & MSG_TRUNC) && throws && !queue;
}

static bool is_stream(void)
{
    return kernel.type == SOCK_STREAM;
}

/* What comes before any data: true if the call is over, with its result. */
static bool ends_early(ssize_t *ret)
{
    static const int errors[] = {EAGAIN, EINTR, EAGAIN, EINTR, ECONNRESET, ENOTCONN, ENOMEM};
    unsigned how = fuzz_byte(&kernel.in);
    *ret = 0;
    if (kernel.in.left == 0)
        return true;
    if (how >= 250) /* a signal handler of this thread closes it */
        csock_close_within(kernel.s, 0);
    if (how >= 100)
        return false;
    *ret = fail(errors[how % COUNT(errors)]);
    return true;
}

/* How much comes: in *ret_count what the call returns, of which the result was written. */
static size_t amount(size_t room, int flags, ssize_t *ret_count)
{
    size_t n = fuzz_byte(&kernel.in), written = 0;
    if (n >= 240)
        n = (n - 240) * 70;
    if (n > room && (is_stream() || !(flags & MSG_TRUNC)))
        n = room;
    if (!throws_away(flags))
        written = n < room ? n : room;
    *ret_count = (ssize_t)n;
    return written;
}

static void put(char *to, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        to[i] = kernel_data(kernel.position + at + i);
    if (n > 0 && (!kernel.end || to + n > kernel.end))
        kernel.end = to + n;
}

static void moves_on(size_t n, size_t written, int flags)
{
    kernel.last_written = written;
    if (!(flags & MSG_PEEK))
        kernel.position += n;
}

static ssize_t fake_recv(int fd, void *buf, size_t n, int flags)
{
    ssize_t r;
    (void)fd;
    kernel.last_written = 0;
    if (ends_early(&r))
        return r;
    size_t written = amount(n, flags, &r);
    put(buf, written, 0);
    moves_on(written, written, flags);
    return r;
}

/* The kernel says how long the address is, and writes what there is room for. */
static socklen_t put_address(void *addr, socklen_t room)
{
    socklen_t len = fuzz_byte(&kernel.in);
    if (room > 0)
        memset(addr, 0x11, len < room ? len : room);
    return len;
}

static ssize_t fake_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *addr,
                             socklen_t *len)
{
    ssize_t r = fake_recv(fd, buf, n, flags);
    if (r >= 0)
        *len = put_address(addr, *len);
    return r;
}

/* ---- messages */

static size_t scatter(const struct msghdr *msg, size_t written)
{
    size_t at = 0;
    for (size_t i = 0; i < msg->msg_iovlen && at < written; i++) {
        size_t part = msg->msg_iov[i].iov_len;
        if (part > written - at)
            part = written - at;
        put(msg->msg_iov[i].iov_base, part, at);
        at += part;
    }
    return at;
}

/* Descriptors, as many as are sent and as there is room for; the kernel closes the others. */
static void put_rights(struct msghdr *msg)
{
    size_t n = fuzz_below(&kernel.in, 6), room = msg->msg_controllen;
    msg->msg_controllen = 0;
    if (n == 0)
        return;
    msg->msg_flags |= room < CMSG_LEN(n * sizeof(int)) ? MSG_CTRUNC : 0;
    if (room < CMSG_LEN(sizeof(int)))
        return;
    if (n > (room - CMSG_LEN(0)) / sizeof(int))
        n = (room - CMSG_LEN(0)) / sizeof(int);
    if (n > KERNEL_RIGHTS - kernel.n_rights)
        n = KERNEL_RIGHTS - kernel.n_rights;
    struct cmsghdr header = {
        .cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(msg->msg_control, &header, sizeof header);
    for (size_t i = 0; i < n; i++) {
        int fd = KERNEL_FIRST_RIGHT + (int)kernel.n_rights++;
        memcpy((char *)msg->msg_control + CMSG_LEN(0) + i * sizeof fd, &fd, sizeof fd);
    }
    size_t space = CMSG_SPACE(n * sizeof(int));
    msg->msg_controllen = space < room ? space : room;
}

static ssize_t fake_recvmsg(int fd, struct msghdr *msg, int flags)
{
    ssize_t r;
    size_t room = 0;
    (void)fd;
    kernel.last_written = 0;
    if (ends_early(&r)) {
        if (r == 0) {
            msg->msg_namelen = 0;
            msg->msg_controllen = 0;
            msg->msg_flags = 0;
        }
        return r;
    }
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        room += msg->msg_iov[i].iov_len;
    size_t written = scatter(msg, amount(room, flags, &r));
    moves_on(written, written, flags);
    msg->msg_flags = (size_t)r > room ? MSG_TRUNC : 0;
    msg->msg_namelen = put_address(msg->msg_name, msg->msg_name ? msg->msg_namelen : 0);
    put_rights(msg);
    return r;
}

/* ---- what the socket is */

static int answer(int level, int name)
{
    if (level == SOL_SOCKET && name == SO_DOMAIN)
        return kernel.family;
    if (level == SOL_SOCKET && name == SO_TYPE)
        return kernel.type;
    if (level == SOL_SOCKET && name == SO_PROTOCOL)
        return kernel.proto;
    if (level == SOL_SOCKET && name == SO_PEEK_OFF)
        return -1;
    return 1;
}

static int fake_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    (void)fd;
    if (kernel.options_fail && fuzz_below(&kernel.in, 2)) {
        kernel.n_options_failed++;
        return fail(ENOTCONN);
    }
    if (level == IPPROTO_TCP && name == TCP_ULP) {
        *len = kernel.tls ? 4 : 0;
        memcpy(value, "tls", *len);
        return 0;
    }
    int result = answer(level, name);
    CHECK(*len >= sizeof result);
    memcpy(value, &result, sizeof result);
    *len = sizeof result;
    return 0;
}

static int fake_get_nonblock(int fd)
{
    (void)fd;
    return (int)fuzz_below(&kernel.in, 2);
}

static int fake_set_nonblock(int fd, int nonblock)
{
    (void)fd;
    (void)nonblock;
    return 0;
}

/* ---- waiting, memory */

static int fake_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    CHECK(n == 1 && fds->fd == KERNEL_FD);
    unsigned how = kernel.in.left ? fuzz_byte(&kernel.in) : 255;
    if (how < 40)
        return fail(EINTR);
    if (how < 80 && timeout_ms >= 0) {
        kernel.now += timeout_ms * MS;
        return 0;
    }
    fds->revents = (short)(how < 120 ? POLLIN | POLLRDHUP : how < 140 ? POLLERR : POLLIN);
    return 1;
}

static int fake_clock(struct timespec *ret_now)
{
    kernel.now += 1000;
    *ret_now =
        (struct timespec){.tv_sec = kernel.now / (1000 * MS), .tv_nsec = kernel.now % (1000 * MS)};
    return 0;
}

static int fake_nanosleep(const struct timespec *span)
{
    kernel.now += span->tv_sec * 1000 * MS + span->tv_nsec;
    return kernel.in.left && fuzz_byte(&kernel.in) < 20 ? fail(EINTR) : 0;
}

static void *fake_alloc(size_t size)
{
    if (kernel.alloc_fails && fuzz_byte(&kernel.in) % 4 == 1) {
        errno = ENOMEM;
        return NULL;
    }
    kernel.live++;
    return calloc(1, size);
}

static void fake_release(void *memory)
{
    kernel.live -= memory != NULL;
    free(memory);
}

static int fake_close(int fd)
{
    if (fd == KERNEL_FD) {
        kernel.fd_closed++;
        return 0;
    }
    size_t right = (size_t)(fd - KERNEL_FIRST_RIGHT);
    CHECK(fd >= KERNEL_FIRST_RIGHT && right < kernel.n_rights);
    CHECK(kernel.right_closed[right]++ == 0);
    return 0;
}

static int fake_placeholder(int fd)
{
    (void)fd;
    return 0;
}

static int fake_shutdown(int fd, int how)
{
    (void)fd;
    (void)how;
    return 0;
}

/* ---- for the targets */

static struct csock_sys table;

/* A thread's record is made when it first waits, and stays: no block of a call's. */
static void make_record(void)
{
    static bool made;
    struct csock pair[2];
    if (made)
        return;
    CHECK(csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, 0) == 0);
    CHECK(csock_ready(&pair[0], POLLIN, &(struct csock_wait){.timeout = 1}) == CSOCK_ETIMEOUT);
    csock_close(&pair[0]);
    csock_close(&pair[1]);
    made = true;
}

void kernel_begin(struct csock *s, const uint8_t *data, size_t n)
{
    static const struct {
        int family, type, proto;
    } kinds[] = {{AF_INET, SOCK_STREAM, IPPROTO_TCP},
                 {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                 {AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                 {AF_INET, SOCK_STREAM, IPPROTO_SCTP},
                 {AF_UNIX, SOCK_STREAM, 0},
                 {AF_UNIX, SOCK_SEQPACKET, 0},
                 {AF_UNIX, SOCK_DGRAM, 0},
                 {AF_SMC, SOCK_STREAM, 0}};
    make_record();
    kernel = (struct kernel){.in = {.at = data, .left = n}, .s = s, .now = 1000 * MS};
    table = csock__sys_linux;
    table.recv = fake_recv;
    table.recvfrom = fake_recvfrom;
    table.recvmsg = fake_recvmsg;
    table.getsockopt = fake_getsockopt;
    table.get_nonblock = fake_get_nonblock;
    table.set_nonblock = fake_set_nonblock;
    table.poll = fake_poll;
    table.clock = table.coarse_clock = fake_clock;
    table.nanosleep = fake_nanosleep;
    table.alloc = fake_alloc;
    table.release = fake_release;
    table.close = fake_close;
    table.put_placeholder = fake_placeholder;
    table.shutdown = fake_shutdown;
    csock__sys = &table;
    unsigned how = fuzz_byte(&kernel.in), kind = how % COUNT(kinds);
    kernel.family = kinds[kind].family;
    kernel.type = kinds[kind].type;
    kernel.proto = kinds[kind].proto;
    kernel.tls = (how & 64) && kernel.proto == IPPROTO_TCP;
    unsigned flags = fuzz_byte(&kernel.in);
    int declared = flags & 16 ? SOCK_STREAM : -1;
    CHECK(csock_adopt(s, KERNEL_FD, -1, declared, -1, flags & (CSOCK_SIGPIPE | CSOCK_EAGAIN)) == 0);
    kernel.options_fail = (flags & 32) != 0;
    kernel.alloc_fails = (flags & 64) != 0;
}

void kernel_end(void)
{
    csock_close_within(kernel.s, 0);
    CHECK(csock_idle(kernel.s));
    CHECK(kernel.fd_closed == 1);
    CHECK(kernel.live == 0);
    CHECK(kernel_open_rights() == 0);
    csock__sys = &csock__sys_linux;
}

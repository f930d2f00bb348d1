/* The operations of ops.py through the csock library: what its C users pay. */
#include "bench.h"

#include <csock.h>

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[1 << 20];

/* A timeout that counts from the first wait, as the Python side sets it. */
static const struct csock_wait five_seconds = {.deadline = CSOCK_FOREVER, .timeout = 5000000000};

static int64_t close_pair(struct csock s[2], int64_t result)
{
    csock_close(&s[0]);
    csock_close(&s[1]);
    return result;
}

static int64_t transfer(long n, size_t size, size_t want, const struct csock_wait *w)
{
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    ssize_t result = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, w != NULL ? CSOCK_NONBLOCK : 0);
    if (result < 0)
        return result;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        result = csock_send(&s[0], buffer, size, 0, w);
        if (result < 0)
            goto out;
        result = csock_recv(&s[1], buffer, want, 0, w);
        if (result < 0)
            goto out;
    }
    result = bench_now() - start;
out:
    return close_pair(s, result);
}

BENCH core_byte(long n)
{
    return transfer(n, 1, 1, NULL);
}

BENCH core_byte_timeout(long n)
{
    return transfer(n, 1, 1, &five_seconds);
}

BENCH core_huge(long n)
{
    return transfer(n, 1, sizeof(buffer), NULL);
}

BENCH core_bulk(long n)
{
    return transfer(n, 1 << 16, 1 << 16, NULL);
}

static int loopback(struct csock *s, int type, union csock_addr *ret_addr, socklen_t *ret_len)
{
    int err = csock_open(s, AF_INET, type, 0, 0);
    if (err < 0)
        return err;
    err = csock_addr_from_host(AF_INET, "127.0.0.1", 0, ret_addr, ret_len);
    if (err < 0)
        return err;
    err = csock_bind(s, &ret_addr->any, *ret_len);
    return err < 0 ? err : csock_sockname(s, ret_addr, ret_len);
}

BENCH core_udp(long n)
{
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    union csock_addr to, from;
    socklen_t len, from_len;
    int64_t result = loopback(&s[0], SOCK_DGRAM, &from, &from_len);
    if (result < 0)
        goto out;
    result = loopback(&s[1], SOCK_DGRAM, &to, &len);
    int64_t start = bench_now();
    for (long i = 0; i < n && result >= 0; i++) {
        result = csock_send_to(&s[0], buffer, 1200, 0, &to.any, len, NULL);
        if (result >= 0)
            result = csock_recv_from(&s[1], buffer, 2000, 0, &from, &from_len, NULL);
    }
    if (result >= 0)
        result = bench_now() - start;
out:
    return close_pair(s, result);
}

/* The caller keeps another thread busy meanwhile. */
BENCH core_ready(long n)
{
    static const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    int64_t result = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0);
    if (result < 0)
        return result;
    csock_opt_set_int(&s[0], SOL_SOCKET, SO_SNDBUF, 1 << 20);
    while (csock_send(&s[0], buffer, 4096, 0, &now) > 0)
        ;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        if (csock_recv(&s[1], buffer, 1, 0, NULL) != 1)
            return close_pair(s, -EIO);
    }
    return close_pair(s, bench_now() - start);
}

BENCH core_again(long n)
{
    static const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    int64_t result = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, CSOCK_NONBLOCK);
    if (result < 0)
        return result;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        if (csock_recv(&s[1], buffer, 1, 0, &now) != -EAGAIN)
            return close_pair(s, -EIO);
    }
    return close_pair(s, bench_now() - start);
}

static void echo(struct csock *s, const struct csock_wait *w)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (csock_recv(s, &byte, 1, 0, w) == 1 && csock_send(s, &byte, 1, 0, w) == 1)
        ;
    _exit(0);
}

/* The caller has put this process on one processor, where the child stays too. */
static int64_t ping_pong(long n, const struct csock_wait *w)
{
    struct csock s[2] = {CSOCK_INIT, CSOCK_INIT};
    int64_t result = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, w != NULL ? CSOCK_NONBLOCK : 0);
    if (result < 0)
        return result;
    pid_t child = fork();
    if (child == 0)
        echo(&s[1], w);
    int64_t start = 0;
    for (long i = -100; i < n && result >= 0; i++) {
        if (i == 0) /* the child is up, and what fork(2) shared is copied */
            start = bench_now();
        result = csock_send(&s[0], buffer, 1, 0, w);
        if (result >= 0)
            result = csock_recv(&s[0], buffer, 1, 0, w);
    }
    result = result < 0 ? result : bench_now() - start;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return close_pair(s, result);
}

BENCH core_ping_pong(long n)
{
    return ping_pong(n, NULL);
}

BENCH core_ping_pong_timeout(long n)
{
    return ping_pong(n, &five_seconds);
}

BENCH core_open(long n)
{
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        struct csock s = CSOCK_INIT;
        int err = csock_open(&s, AF_INET, SOCK_STREAM, 0, 0);
        if (err < 0)
            return err;
        csock_close(&s);
    }
    return bench_now() - start;
}

static int64_t connect_once(struct csock *listener, const union csock_addr *to, socklen_t len)
{
    struct csock c = CSOCK_INIT, s = CSOCK_INIT;
    union csock_addr from;
    socklen_t from_len;
    int err = csock_open(&c, AF_INET, SOCK_STREAM, 0, 0);
    if (err < 0)
        return err;
    err = csock_connect(&c, &to->any, len, NULL);
    if (err >= 0)
        err = csock_accept(listener, &s, &from, &from_len, NULL);
    csock_close(&c);
    if (err >= 0)
        csock_close(&s);
    return err;
}

BENCH core_connect(long n)
{
    struct csock listener = CSOCK_INIT;
    union csock_addr to;
    socklen_t len;
    int64_t result = loopback(&listener, SOCK_STREAM, &to, &len);
    if (result >= 0)
        result = csock_listen(&listener, 128);
    int64_t start = bench_now();
    for (long i = 0; i < n && result >= 0; i++)
        result = connect_once(&listener, &to, len);
    if (result >= 0)
        result = bench_now() - start;
    csock_close(&listener);
    return result;
}

BENCH core_sockname(long n)
{
    struct csock s = CSOCK_INIT;
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];
    int64_t result = loopback(&s, SOCK_STREAM, &addr, &len);
    int64_t start = bench_now();
    for (long i = 0; i < n && result >= 0; i++) {
        result = csock_sockname(&s, &addr, &len);
        if (result >= 0)
            result = csock_addr_host(&addr.any, len, text, sizeof(text));
    }
    if (result >= 0)
        result = bench_now() - start;
    csock_close(&s);
    return result;
}

BENCH core_option(long n)
{
    struct csock s = CSOCK_INIT;
    int value, err = csock_open(&s, AF_INET, SOCK_STREAM, 0, 0);
    int64_t start = bench_now();
    for (long i = 0; i < n && err >= 0; i++) {
        err = csock_opt_set_int(&s, SOL_SOCKET, SO_KEEPALIVE, 1);
        if (err >= 0)
            err = csock_opt_get_int(&s, SOL_SOCKET, SO_KEEPALIVE, &value);
    }
    int64_t result = err < 0 ? err : bench_now() - start;
    csock_close(&s);
    return result;
}

static int64_t resolve(const char *host, long n)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        struct addrinfo *list;
        int err = csock_resolve(host, "80", &hints, &list);
        if (err < 0)
            return err;
        csock_resolve_free(list);
    }
    return bench_now() - start;
}

BENCH core_resolve_literal(long n)
{
    return resolve("127.0.0.1", n);
}

BENCH core_resolve_localhost(long n)
{
    return resolve("localhost", n);
}

/* Not a time: the bytes that a C program sets aside for a socket. */
BENCH core_sizeof_socket(long n)
{
    (void)n;
    return sizeof(struct csock);
}

/* The operations of ops.py as plain system calls: the floor that a module can come near to. */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char buffer[1 << 20];

static int64_t close_pair(const int fd[2], int64_t result)
{
    close(fd[0]);
    close(fd[1]);
    return result;
}

/* n times: size bytes through an AF_UNIX stream, taken with one recv of `want`. */
static int64_t transfer(long n, size_t size, size_t want, int type)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | type, 0, fd) < 0)
        return -errno;
    int64_t result, start = bench_now();
    for (long i = 0; i < n; i++) {
        if (send(fd[0], buffer, size, 0) < 0 || recv(fd[1], buffer, want, 0) < 0) {
            result = -errno;
            goto out;
        }
    }
    result = bench_now() - start;
out:
    return close_pair(fd, result);
}

BENCH raw_byte(long n)
{
    return transfer(n, 1, 1, 0);
}

BENCH raw_byte_nonblocking(long n)
{
    return transfer(n, 1, 1, SOCK_NONBLOCK);
}

BENCH raw_huge(long n)
{
    return transfer(n, 1, sizeof(buffer), 0);
}

BENCH raw_bulk(long n)
{
    return transfer(n, 1 << 16, 1 << 16, 0);
}

static int loopback(int type, struct sockaddr_in *ret_addr)
{
    socklen_t len = sizeof(*ret_addr);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    *ret_addr =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)ret_addr, len) < 0 ||
        getsockname(fd, (struct sockaddr *)ret_addr, &len) < 0)
        return -errno;
    return fd;
}

BENCH raw_udp(long n)
{
    struct sockaddr_in to, from;
    int fd[2] = {loopback(SOCK_DGRAM, &from), loopback(SOCK_DGRAM, &to)};
    if (fd[0] < 0 || fd[1] < 0)
        return close_pair(fd, -EIO);
    int64_t result, start = bench_now();
    for (long i = 0; i < n; i++) {
        socklen_t len = sizeof(from);
        if (sendto(fd[0], buffer, 1200, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ||
            recvfrom(fd[1], buffer, 2000, 0, (struct sockaddr *)&from, &len) < 0) {
            result = -errno;
            goto out;
        }
    }
    result = bench_now() - start;
out:
    return close_pair(fd, result);
}

/* The caller keeps another thread busy meanwhile. */
BENCH raw_ready(long n)
{
    int fd[2], size = 1 << 20;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -errno;
    setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    while (send(fd[0], buffer, 4096, MSG_DONTWAIT) > 0)
        ;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        if (recv(fd[1], buffer, 1, 0) != 1)
            return close_pair(fd, -EIO);
    }
    return close_pair(fd, bench_now() - start);
}

BENCH raw_again(long n)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fd) < 0)
        return -errno;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        if (recv(fd[1], buffer, 1, 0) >= 0 || errno != EAGAIN)
            return close_pair(fd, -EIO);
    }
    return close_pair(fd, bench_now() - start);
}

/* The caller has put this process on one processor, where the child stays too. */
BENCH raw_ping_pong(long n)
{
    int fd[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -errno;
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        char byte;
        while (recv(fd[1], &byte, 1, 0) == 1 && send(fd[1], &byte, 1, 0) == 1)
            ;
        _exit(0);
    }
    int64_t start = 0, result = 0;
    for (long i = -100; i < n && result == 0; i++) {
        if (i == 0) /* the child is up, and what fork(2) shared is copied */
            start = bench_now();
        if (send(fd[0], buffer, 1, 0) < 0 || recv(fd[0], buffer, 1, 0) < 0)
            result = -errno;
    }
    result = result ? result : bench_now() - start;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return close_pair(fd, result);
}

BENCH raw_open(long n)
{
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        close(fd);
    }
    return bench_now() - start;
}

BENCH raw_connect(long n)
{
    struct sockaddr_in to, from;
    socklen_t len = sizeof(from);
    int listener = loopback(SOCK_STREAM, &to);
    if (listener < 0 || listen(listener, 128) < 0)
        return -errno;
    int64_t result, start = bench_now();
    for (long i = 0; i < n; i++) {
        int c = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(c, (struct sockaddr *)&to, sizeof(to)) < 0) {
            result = -errno;
            goto out;
        }
        int s = accept4(listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);
        close(c);
        close(s);
    }
    result = bench_now() - start;
out:
    close(listener);
    return result;
}

/* With the text of the address, which the modules give too. */
BENCH raw_sockname(long n)
{
    struct sockaddr_in addr;
    char text[INET_ADDRSTRLEN];
    int fd = loopback(SOCK_STREAM, &addr);
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        socklen_t len = sizeof(addr);
        if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
            return -errno;
        inet_ntop(AF_INET, &addr.sin_addr, text, sizeof(text));
    }
    int64_t result = bench_now() - start;
    close(fd);
    return result;
}

BENCH raw_option(long n)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), value = 1;
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        socklen_t len = sizeof(value);
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, len);
        getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &len);
    }
    int64_t result = bench_now() - start;
    close(fd);
    return result;
}

/* 100 lines of 60 bytes through stdio. */
BENCH raw_lines(long n)
{
    char lines[6000], line[100];
    int fd[2];
    memset(lines, 'x', sizeof(lines));
    for (size_t i = 59; i < sizeof(lines); i += 60)
        lines[i] = '\n';
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        return -errno;
    FILE *f = fdopen(fd[1], "r");
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        if (send(fd[0], lines, sizeof(lines), 0) < 0)
            return -errno;
        for (int k = 0; k < 100; k++) {
            if (fgets(line, sizeof(line), f) == NULL)
                return -EIO;
        }
    }
    int64_t result = bench_now() - start;
    fclose(f);
    close(fd[0]);
    return result;
}

static int64_t resolve(const char *host, long n)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int64_t start = bench_now();
    for (long i = 0; i < n; i++) {
        struct addrinfo *list;
        if (getaddrinfo(host, "80", &hints, &list) != 0)
            return -EIO;
        freeaddrinfo(list);
    }
    return bench_now() - start;
}

BENCH raw_resolve_literal(long n)
{
    return resolve("127.0.0.1", n);
}

BENCH raw_resolve_localhost(long n)
{
    return resolve("localhost", n);
}

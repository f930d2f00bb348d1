/* The other side of a connection, for workloads.py and programs.py: what sends, drains or asks as
 * fast as it can, so that what is measured is the side under test. Those that are processes of
 * their own give their id, or -errno. */
#include "bench.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char data[1 << 18];

/* In the child: true. */
static int is_child(pid_t *ret)
{
    *ret = fork();
    if (*ret != 0)
        return 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 1;
}

BENCH peer_fill(int fd)
{
    pid_t pid;
    if (is_child(&pid)) {
        while (send(fd, data, sizeof(data), MSG_NOSIGNAL) > 0)
            ;
        _exit(0);
    }
    return pid < 0 ? -errno : pid;
}

BENCH peer_drain(int fd)
{
    pid_t pid;
    if (is_child(&pid)) {
        while (recv(fd, data, sizeof(data), 0) > 0)
            ;
        _exit(0);
    }
    return pid < 0 ? -errno : pid;
}

/* Sends a byte and waits for its echo, n times. */
BENCH peer_ask(int fd, int n)
{
    pid_t pid;
    if (is_child(&pid)) {
        for (int i = 0; i < n; i++)
            if (send(fd, data, 1, MSG_NOSIGNAL) != 1 || recv(fd, data, 1, 0) != 1)
                break;
        _exit(0);
    }
    return pid < 0 ? -errno : pid;
}

/* By the wall's clock, as workloads.py has it: what is waited for counts. */
static int64_t wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The ns that receiving so many bytes takes, `size` at most at a time. */
BENCH raw_receive(int fd, long bytes, long size)
{
    static char buffer[1 << 20];
    int64_t start = wall();
    while (bytes > 0) {
        ssize_t r = recv(fd, buffer, (size_t)size, 0);
        if (r <= 0)
            return -EIO;
        bytes -= r;
    }
    return wall() - start;
}

/* ------------------------------------------------------------- load on a server */

#define LANES 64
#define LONGEST 1024
#define SILENCE 10000 /* ms without any answer: something is lost */

struct lane {
    unsigned char question[LONGEST], answer[LONGEST], got[LONGEST];
    int have; /* bytes of the answer so far */
};

/* Questions differ in their first two bytes, which come back in the answer. */
static int ask(struct lane *lane, int fd, int size, unsigned number)
{
    lane->question[0] = lane->answer[0] = (unsigned char)(number >> 8);
    lane->question[1] = lane->answer[1] = (unsigned char)number;
    lane->have = 0;
    return send(fd, lane->question, (size_t)size, MSG_NOSIGNAL) == size ? 0 : -errno;
}

/* 1 if the answer is there and right, 0 if some of it is still to come. */
static int hear(struct lane *lane, int fd, int size)
{
    ssize_t r = recv(fd, lane->got + lane->have, sizeof(lane->got) - (size_t)lane->have, 0);
    if (r <= 0)
        return r == 0 ? -EPIPE : -errno;
    lane->have += (int)r;
    if (lane->have < size)
        return 0;
    return lane->have == size && memcmp(lane->got, lane->answer, (size_t)size) == 0 ? 1 : -EBADMSG;
}

static int64_t hear_all(struct lane *lanes, struct pollfd *at, int n, const int *sizes, int64_t end)
{
    int64_t heard = 0;
    int r, waiting = n;
    while (waiting > 0) {
        if (poll(at, (nfds_t)n, SILENCE) <= 0)
            return -ETIMEDOUT;
        for (int i = 0; i < n; i++) {
            if (at[i].fd < 0 || !at[i].revents)
                continue;
            if ((r = hear(&lanes[i], at[i].fd, sizes[1])) < 0)
                return r;
            if (r == 0)
                continue;
            heard++;
            if (wall() < end) {
                if ((r = ask(&lanes[i], at[i].fd, sizes[0], (unsigned)(heard * n + i))) < 0)
                    return r;
            } else {
                at[i].fd = -1;
                waiting--;
            }
        }
    }
    return heard;
}

/* Asks over n connected sockets for `ms`, one question at a time on each, and compares every
 * answer. sizes: of the question and of the answer. Gives the number of answers; *ret_ns is how
 * long they took. A wrong one is -EBADMSG. */
BENCH peer_load(const int *fds, int n, const void *question, const void *answer, const int *sizes,
                int ms, int64_t *ret_ns)
{
    static struct lane lanes[LANES];
    struct pollfd at[LANES];
    int64_t start = wall(), heard;
    int r;
    if (n > LANES || sizes[0] > LONGEST || sizes[1] > LONGEST)
        return -E2BIG;
    for (int i = 0; i < n; i++) {
        memcpy(lanes[i].question, question, (size_t)sizes[0]);
        memcpy(lanes[i].answer, answer, (size_t)sizes[1]);
        at[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
        if ((r = ask(&lanes[i], fds[i], sizes[0], (unsigned)i)) < 0)
            return r;
    }
    heard = hear_all(lanes, at, n, sizes, start + (int64_t)ms * 1000000);
    *ret_ns = wall() - start;
    return heard;
}

/* The other side of a connection, for scenes.py: processes that send, drain or ask as fast as they
 * can, so that what is measured is the side under test. Each gives its process id, or -errno. */
#include "bench.h"

#include <errno.h>
#include <signal.h>
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

/* By the wall's clock, as scenes.py has it: what is waited for counts. */
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

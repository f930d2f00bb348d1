/* Many threads that receive, send and close on shared sockets, for the thread sanitizer: no report,
 * no hang, no byte in a wrong connection, no signal in foreign code, no descriptor left.
 *
 *     stress [seconds]
 *
 * Each connection has an identity, which is all that its two ends ever send: a byte on streams,
 * eight bytes in each datagram. Connections live in a few slots. Closers put a new one into a slot
 * and close the old one under its users, so descriptor numbers are used again at once, and a call
 * that ran on with an old number would meet another's bytes. */
#include "csock.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define USERS 24
#define CLOSERS 8
#define SLOTS 12

struct conn {
    struct csock end[2];
    uint64_t id;
    struct conn *next; /* of all that ever were: a user may still look at an old one */
};

static struct conn *_Atomic slots[SLOTS];
static struct conn *_Atomic all;
static atomic_uint_fast64_t ids = 1;
static atomic_bool done;
static atomic_long n_closed, n_received, n_woken, n_wrong, n_eintr, n_strange, n_renewed;

static struct csock listener;
static union csock_addr listener_addr;
static socklen_t listener_len;
static pthread_mutex_t connecting = PTHREAD_MUTEX_INITIALIZER;

static void give_up(const char *what, int err)
{
    fprintf(stderr, "stress: %s: %s\n", what, csock_strerror(err));
    abort();
}

/* Reset at the end, or ports run out in TIME_WAIT: tcp(7), SO_LINGER. */
static int tcp_pair(struct csock end[2])
{
    struct linger reset = {.l_onoff = 1};
    pthread_mutex_lock(&connecting);
    int r = csock_open(&end[0], AF_INET, SOCK_STREAM, 0, 0);
    if (r == 0)
        r = csock_connect(&end[0], &listener_addr.any, listener_len, NULL);
    if (r == 0)
        r = csock_accept(&listener, &end[1], NULL, NULL, NULL);
    pthread_mutex_unlock(&connecting);
    for (int i = 0; i < 2 && r == 0; i++)
        r = csock_opt_set(&end[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return r;
}

static struct conn *new_conn(void)
{
    struct conn *c = calloc(1, sizeof *c);
    int r = c ? 0 : -ENOMEM;
    if (r == 0) {
        c->id = atomic_fetch_add(&ids, 1);
        switch (c->id % 4) {
        case 0:
            r = tcp_pair(c->end);
            break;
        case 1:
            r = csock_pair(c->end, AF_UNIX, SOCK_SEQPACKET, 0, 0);
            break;
        case 2:
            r = csock_pair(c->end, AF_UNIX, SOCK_DGRAM, 0, 0);
            break;
        default:
            r = csock_pair(c->end, AF_UNIX, SOCK_STREAM, 0, 0);
        }
    }
    if (r < 0)
        give_up("new connection", r);
    c->next = atomic_load(&all);
    while (!atomic_compare_exchange_weak(&all, &c->next, c))
        ;
    return c;
}

static unsigned char byte_of(const struct conn *c)
{
    return (unsigned char)(c->id * 0x9e3779b97f4a7c15 >> 56);
}

static void check(const struct conn *c, int side, const unsigned char *buf, ssize_t n)
{
    bool good = true;
    if (c->end[side].type == SOCK_STREAM)
        for (ssize_t i = 0; i < n; i++)
            good = good && buf[i] == byte_of(c);
    else
        good = n == 0 || (n == sizeof c->id && memcmp(buf, &c->id, sizeof c->id) == 0);
    atomic_fetch_add(good ? &n_received : &n_wrong, 1);
}

static void receive(struct conn *c, int side, const struct csock_wait *w)
{
    unsigned char buf[512];
    ssize_t r = csock_recv(&c->end[side], buf, sizeof buf, 0, w);
    if (r >= 0)
        check(c, side, buf, r);
    else if (r == CSOCK_ECLOSED)
        atomic_fetch_add(&n_woken, 1);
    else if (r != -EBADF && r != -ECONNRESET && r != CSOCK_ETIMEOUT)
        atomic_fetch_add(&n_strange, 1);
}

static void send_some(struct conn *c, int side, const struct csock_wait *w)
{
    unsigned char buf[2048];
    size_t n = sizeof c->id;
    memcpy(buf, &c->id, n);
    if (c->end[side].type == SOCK_STREAM)
        memset(buf, byte_of(c), n = sizeof buf);
    ssize_t r = c->id % 8 < 4 ? csock_send(&c->end[side], buf, n, 0, w)
                              : csock_send_all(&c->end[side], buf, n, 0, NULL, w);
    if (r == CSOCK_ECLOSED)
        atomic_fetch_add(&n_woken, 1);
    else if (r < 0 && r != -EBADF && r != -ECONNRESET && r != -EPIPE && r != -ECONNREFUSED &&
             r != -ENOTCONN && r != CSOCK_ETIMEOUT)
        atomic_fetch_add(&n_strange, 1);
}

static unsigned next_random(unsigned *seed)
{
    return (*seed = *seed * 1103515245 + 12345) >> 16;
}

/* A late signal would show here, right after a call that was woken. */
static void foreign_nap(void)
{
    if (nanosleep(&(struct timespec){.tv_nsec = 10000}, NULL) < 0)
        atomic_fetch_add(&n_eintr, 1);
}

static void *use(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!atomic_load(&done)) {
        struct conn *c = atomic_load(&slots[next_random(&seed) % SLOTS]);
        int side = (int)(next_random(&seed) % 2);
        unsigned kind = next_random(&seed) % 4;
        struct csock_wait w = {.deadline = kind % 2 ? csock_deadline(5 * MS) : CSOCK_FOREVER};
        if (kind < 2)
            receive(c, side, &w);
        else
            send_some(c, side, &w);
        if (next_random(&seed) % 4 == 0)
            foreign_nap();
    }
    return NULL;
}

/* A socket that its users know for good, and that is another one time and again: of a kind that
 * raises SIGPIPE, without a peer, and of one that does not. */
static struct csock renewed = CSOCK_INIT;

static void *renew(void *arg)
{
    for (unsigned i = 0; !atomic_load(&done); i++) {
        struct csock fresh, pair[2];
        int r = i % 2 ? csock_open(&fresh, AF_INET, SOCK_DGRAM, 0, 0)
                      : csock_pair(pair, AF_UNIX, SOCK_STREAM, 0, 0);
        if (r < 0)
            give_up("renewal", r);
        if (i % 2 == 0) {
            csock_close(&pair[1]);
            csock_move(&pair[0], &fresh);
        }
        csock_renew(&fresh, &renewed);
        foreign_nap();
        csock_close(&renewed);
        while (!csock_idle(&renewed))
            sched_yield();
    }
    return arg;
}

/* Kinds of calls in turn; none may raise SIGPIPE, which would end the program. (Not connect, which
 * ThreadSanitizer takes for the birth of a descriptor.) */
static void *use_renewed(void *arg)
{
    char byte = 'x';
    struct iovec part = {&byte, 1};
    const struct csock_wait now = {.deadline = CSOCK_NOWAIT};
    while (!atomic_load(&done)) {
        struct msghdr out = {.msg_iov = &part, .msg_iovlen = 1}, in = out;
        struct csock copy;
        union csock_addr addr;
        socklen_t len;
        csock_send(&renewed, "x", 1, 0, &now);
        csock_send_all(&renewed, "x", 1, 0, NULL, &now);
        csock_sendmsg(&renewed, &out, 0, &now);
        csock_recv(&renewed, &byte, 1, 0, &now);
        csock_recvmsg(&renewed, &in, MSG_ERRQUEUE, &now);
        csock_accept(&renewed, &copy, NULL, NULL, &now);
        csock_sockname(&renewed, &addr, &len);
        if (csock_dup(&renewed, &copy) == 0)
            csock_close(&copy);
        atomic_fetch_add(&n_renewed, 1);
    }
    return arg;
}

static void close_conn(struct conn *c)
{
    for (int side = 0; side < 2; side++) {
        int r = csock_close(&c->end[side]);
        if (r < 0)
            give_up("close", r);
        atomic_fetch_add(&n_closed, 1);
    }
}

static void *replace(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    while (!atomic_load(&done)) {
        close_conn(atomic_exchange(&slots[next_random(&seed) % SLOTS], new_conn()));
        if (next_random(&seed) % 2)
            foreign_nap();
    }
    return NULL;
}

/* Threads that have nothing to do with csock. */
static int quiet_pipe[2];

static void *strange_poll(void *arg)
{
    while (!atomic_load(&done))
        if (poll(&(struct pollfd){.fd = quiet_pipe[0], .events = POLLIN}, 1, 10) < 0)
            atomic_fetch_add(&n_eintr, 1);
    return arg;
}

static void *strange_read(void *arg)
{
    char byte;
    while (read(quiet_pipe[0], &byte, 1) < 0)
        atomic_fetch_add(&n_eintr, 1);
    return arg;
}

static int open_descriptors(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir && readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void open_listener(void)
{
    int r = csock_addr_parse(AF_INET, "127.0.0.1:0", &listener_addr, &listener_len);
    if (r == 0)
        r = csock_open(&listener, AF_INET, SOCK_STREAM, 0, 0);
    if (r == 0)
        r = csock_bind(&listener, &listener_addr.any, listener_len);
    if (r == 0)
        r = csock_listen(&listener, 64);
    if (r == 0)
        r = csock_sockname(&listener, &listener_addr, &listener_len);
    if (r < 0)
        give_up("listener", r);
}

static void start(pthread_t *thread, void *(*run)(void *), int seed)
{
    if (pthread_create(thread, NULL, run, (void *)(uintptr_t)(seed + 1)) != 0)
        give_up("thread", -EAGAIN);
}

static void run_for(int seconds)
{
    pthread_t users[USERS], closers[CLOSERS], strangers[2], renewers[3];
    for (int i = 0; i < SLOTS; i++)
        atomic_store(&slots[i], new_conn());
    start(&strangers[0], strange_poll, 0);
    start(&strangers[1], strange_read, 0);
    for (int i = 0; i < USERS; i++)
        start(&users[i], use, i);
    for (int i = 0; i < CLOSERS; i++)
        start(&closers[i], replace, i);
    start(&renewers[0], renew, 0);
    start(&renewers[1], use_renewed, 0);
    start(&renewers[2], use_renewed, 1);
    sleep((unsigned)seconds);
    atomic_store(&done, true);
    for (int i = 0; i < 3; i++)
        pthread_join(renewers[i], NULL);
    for (int i = 0; i < CLOSERS; i++)
        pthread_join(closers[i], NULL);
    for (int i = 0; i < SLOTS; i++)
        close_conn(atomic_load(&slots[i]));
    for (int i = 0; i < USERS; i++)
        pthread_join(users[i], NULL);
    if (write(quiet_pipe[1], "x", 1) != 1)
        give_up("pipe", -errno);
    for (int i = 0; i < 2; i++)
        pthread_join(strangers[i], NULL);
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 2;
    alarm((unsigned)seconds + 60); /* ends a hang, by a signal */
    if (pipe(quiet_pipe) < 0)
        give_up("pipe", -errno);
    open_listener();
    int before = open_descriptors();
    run_for(seconds);
    int left = open_descriptors() - before;
    csock_close(&listener);
    for (struct conn *c = atomic_load(&all), *next; c; c = next) {
        next = c->next;
        free(c);
    }
    printf("stress: %d s, %ld closed, %ld received, %ld woken, %ld on a renewed one; wrong %ld, "
           "EINTR elsewhere %ld, "
           "strange errors %ld, descriptors left %d\n",
           seconds, n_closed, n_received, n_woken, n_renewed, n_wrong, n_eintr, n_strange, left);
    bool worked = n_closed > 0 && n_received > 0 && n_woken > 0 && n_renewed > 0;
    return !worked || n_wrong || n_eintr || n_strange || left;
}

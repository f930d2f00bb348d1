/* What the tests of the core share: see util.h. */
#include "util.h"

#include <sys/syscall.h>
#include <sys/wait.h>

static int fds_before;

int util_setup(void **state)
{
    (void)state;
    alarm(120); /* whose default action ends a program that hangs */
    fake_install();
    fds_before = fake_open_fds();
    return 0;
}

int util_teardown(void **state)
{
    (void)state;
    fake_remove();
    int now = fake_open_fds();
    if (now != fds_before)
        print_error("%d descriptors open, %d before\n", now, fds_before);
    return now != fds_before;
}

static void bind_anywhere(struct csock *s, int family, union csock_addr *ret_addr,
                          socklen_t *ret_len)
{
    socklen_t len = sizeof ret_addr->un.sun_family; /* AF_UNIX: the kernel chooses. unix(7) */
    *ret_addr = (union csock_addr){.any.sa_family = (sa_family_t)family};
    if (family != AF_UNIX) {
        const char *host = family == AF_INET ? "127.0.0.1" : "::1";
        assert_int_equal(csock_addr_from_host(family, host, 0, ret_addr, &len), 0);
    }
    assert_int_equal(csock_bind(s, &ret_addr->any, len), 0);
    assert_int_equal(csock_sockname(s, ret_addr, ret_len), 0);
}

void util_bound(struct csock *s, int family, int type, union csock_addr *ret_addr,
                socklen_t *ret_len)
{
    assert_int_equal(csock_open(s, family, type, 0, 0), 0);
    bind_anywhere(s, family, ret_addr, ret_len);
}

void util_listener(struct csock *s, int family, int backlog, union csock_addr *ret_addr,
                   socklen_t *ret_len)
{
    util_bound(s, family, SOCK_STREAM, ret_addr, ret_len);
    assert_int_equal(csock_opt_set_int(s, SOL_SOCKET, SO_RCVBUF, 4096), 0); /* inherited */
    assert_int_equal(csock_listen(s, backlog), 0);
}

static void inet_streams(struct csock s[2], int family)
{
    struct csock listener;
    union csock_addr addr;
    socklen_t len;
    util_listener(&listener, family, 1, &addr, &len);
    assert_int_equal(csock_open(&s[0], family, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_opt_set_int(&s[0], SOL_SOCKET, SO_RCVBUF, 4096), 0);
    assert_int_equal(csock_connect(&s[0], &addr.any, len, NULL), 0);
    assert_int_equal(csock_accept(&listener, &s[1], NULL, NULL, NULL), 0);
    util_close(&listener);
}

static void inet_datagrams(struct csock s[2], int family)
{
    union csock_addr addr[2];
    socklen_t len[2];
    for (int i = 0; i < 2; i++)
        util_bound(&s[i], family, SOCK_DGRAM, &addr[i], &len[i]);
    for (int i = 0; i < 2; i++)
        assert_int_equal(csock_connect(&s[i], &addr[!i].any, len[!i], NULL), 0);
}

void util_pair(struct csock s[2], int family, int type)
{
    if (family == AF_UNIX)
        assert_int_equal(csock_pair(s, family, type, 0, 0), 0);
    else if (type == SOCK_STREAM)
        inet_streams(s, family);
    else
        inet_datagrams(s, family);
    for (int i = 0; i < 2; i++)
        assert_int_equal(csock_opt_set_int(&s[i], SOL_SOCKET, SO_SNDBUF, 4096), 0);
}

void util_hears_errors(struct csock *s, union csock_addr *ret_nobody, socklen_t *ret_len)
{
    util_bound(s, AF_INET, SOCK_DGRAM, ret_nobody, ret_len);
    util_close(s);
    assert_int_equal(csock_open(s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_opt_set_int(s, IPPROTO_IP, IP_RECVERR, 1), 0);
}

static size_t fill_once(struct csock *s)
{
    static const char block[2048];
    size_t sent = 0;
    for (int refused = 0; refused < 4;) {
        ssize_t r = csock_send(s, block, refused ? 1 : sizeof block, MSG_DONTWAIT, NOWAIT);
        if (r > 0) {
            sent += (size_t)r;
            refused = 0;
        } else {
            assert_int_equal(r, -EAGAIN);
            refused++;
            util_sleep(2 * MS);
        }
    }
    return sent;
}

/* TCP finds some more room when its timer asks, after 200 ms: tcp(7). */
size_t util_fill(struct csock *s)
{
    size_t sent = fill_once(s), more = s->family != AF_UNIX;
    while (more > 0) {
        util_sleep(250 * MS);
        more = fill_once(s);
        sent += more;
    }
    return sent;
}

int util_fill_backlog(struct csock *s, int max, const union csock_addr *addr, socklen_t len)
{
    for (int n = 0; n < max; n++) {
        assert_int_equal(csock_open(&s[n], addr->any.sa_family, SOCK_STREAM, 0, 0), 0);
        int r = csock_connect(&s[n], &addr->any, len, WITHIN(100 * MS));
        if (r == CSOCK_ETIMEOUT)
            return n + 1;
        assert_int_equal(r, 0);
    }
    fail_msg("the backlog is never full");
    return 0;
}

void util_close(struct csock *s)
{
    assert_int_equal(csock_close(s), 0);
}

bool util_fd_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

bool util_is_nonblocking(const struct csock *s)
{
    return (fcntl(csock_fd(s), F_GETFL) & O_NONBLOCK) != 0;
}

void util_sleep(int64_t ns)
{
    struct timespec left = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    while (nanosleep(&left, &left) < 0)
        ;
}

static int64_t naps[256];
static size_t n_naps;

static int note_nap(const struct timespec *span)
{
    assert_in_range(n_naps, 0, COUNT(naps) - 1);
    naps[n_naps++] = span->tv_sec * INT64_C(1000000000) + span->tv_nsec;
    fake_clock_add(naps[n_naps - 1]);
    return 0;
}

void util_note_naps(void)
{
    n_naps = 0;
    fake_clock_set(1000 * MS);
    fake_under()->nanosleep = note_nap;
}

void util_assert_naps(const int *us, size_t n)
{
    assert_int_equal(n_naps, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(naps[i], us[i] * 1000);
}

int64_t util_thread_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void *call_thread(void *arg)
{
    struct util_call *call = arg;
    int64_t cpu = util_thread_cpu();
    atomic_store(&call->tid, (int)syscall(SYS_gettid));
    call->result = call->run(call);
    call->ended = csock_now();
    call->cpu = util_thread_cpu() - cpu;
    atomic_store(&call->tid, -1);
    return NULL;
}

void util_start(struct util_call *call)
{
    pthread_attr_t attr;
    atomic_store(&call->tid, 0);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 256 * 1024); /* there may be a thousand */
    assert_int_equal(pthread_create(&call->thread, &attr, call_thread, call), 0);
    pthread_attr_destroy(&attr);
}

/* The letter after the name in /proc/self/task/<tid>/stat. proc(5) */
static bool sleeps(int tid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, line, sizeof line - 1);
    close(fd);
    const char *end = n > 0 ? strrchr(line, ')') : NULL;
    return end && strncmp(end, ") S", 3) == 0;
}

void util_await_sleep(struct util_call *call)
{
    /* Twice in a row: it may have slept on a lock of malloc(3) before. */
    for (int tries = 0, seen = 0; tries < 5000; tries++) {
        int tid = atomic_load(&call->tid);
        if (tid < 0)
            fail_msg("the call returned %zd instead of sleeping", call->result);
        seen = tid > 0 && sleeps(tid) ? seen + 1 : 0;
        if (seen == 2)
            return;
        util_sleep(MS / 2);
    }
    fail_msg("the call does not sleep");
}

void util_start_asleep(struct util_call *call)
{
    util_start(call);
    util_await_sleep(call);
}

ssize_t util_join(struct util_call *call)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    if (pthread_timedjoin_np(call->thread, NULL, &until) != 0)
        fail_msg("the call hangs");
    return call->result;
}

void util_signal_call(struct util_call *call, int sig)
{
    assert_int_equal(pthread_kill(call->thread, sig), 0);
}

ssize_t util_signal_until_joined(struct util_call *call, int sig)
{
    for (int tries = 0; tries < 1000 && atomic_load(&call->tid) >= 0; tries++) {
        util_signal_call(call, sig);
        util_sleep(10 * MS);
    }
    return util_join(call);
}

ssize_t util_recv(struct util_call *call)
{
    char byte;
    return csock_recv(call->s, &byte, 1, 0, call->w);
}

ssize_t util_recv_masked(struct util_call *call)
{
    sigset_t all, before, after, pending;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    ssize_t r = util_recv(call);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    sigpending(&pending);
    for (int sig = 1; sig <= SIGRTMAX; sig++)
        if (sigismember(&before, sig) != sigismember(&after, sig) || sigismember(&pending, sig) > 0)
            return -sig;
    return r;
}

ssize_t util_send(struct util_call *call)
{
    return csock_send(call->s, "x", 1, 0, call->w);
}

ssize_t util_accept(struct util_call *call)
{
    struct csock conn;
    int r = csock_accept(call->s, &conn, NULL, NULL, call->w);
    if (r == 0)
        csock_close(&conn);
    return r;
}

ssize_t util_pollin(struct util_call *call)
{
    return csock_ready(call->s, POLLIN, call->w);
}

atomic_int util_signals;

static void count_signal(int sig)
{
    (void)sig;
    atomic_fetch_add(&util_signals, 1);
}

void util_handle(int sig, void (*handler)(int sig), int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&act.sa_mask);
    assert_int_equal(sigaction(sig, &act, NULL), 0);
}

void util_count_signal(int sig)
{
    atomic_store(&util_signals, 0);
    util_handle(sig, count_signal, 0);
}

int util_count_interrupted(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    return 0;
}

/* By exit(3), for --coverage; but that would look for leaks in what the parent's threads own. */
void util_exit(int code)
{
#ifdef __SANITIZE_ADDRESS__
    fflush(NULL);
    _exit(code);
#else
    exit(code);
#endif
}

void util_in_child(int (*f)(void *arg), void *arg)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(30);
        int line = f(arg);
        if (line)
            fprintf(stderr, "child: line %d\n", line);
        util_exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static bool wipes_on_fork(void)
{
    int status = -1;
    int *page = csock__sys_linux.wiped_on_fork();
    if (!page)
        return false;
    *page = 1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(*page);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

void util_needs_wiped_memory(void)
{
    if (wipes_on_fork())
        return;
    print_message("skipped from here on: memory is not wiped on fork (MADV_WIPEONFORK)\n");
    skip();
}

void util_not_emulated(const char *why)
{
    const char *machine = getenv("CSOCK_EMULATED");
    if (!machine || !*machine)
        return;
    print_message("skipped from here on: emulated: %s\n", why);
    skip();
}

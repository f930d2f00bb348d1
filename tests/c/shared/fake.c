/* The scripted struct csock_sys: see fake.h. One line per entry in the lists below makes its
 * wrapper: count, look at the script, then fail or call the table underneath. No locks, so that
 * wrappers work in signal handlers. */
#include "fake.h"

#include <assert.h>
#include <dirent.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_STEPS = 64 };

struct step {
    enum fake_entry entry;
    unsigned first, last;
    enum { FAIL, SHORT, HOOK } kind;
    int err;
    size_t max;
    void (*hook)(void *arg);
    void *arg;
};

static struct step script[MAX_STEPS];
static atomic_uint n_steps;
static atomic_uint calls[FAKE_N];
static atomic_int live;
static atomic_bool stopped;
static atomic_llong stopped_at;
static struct csock_sys under;

/* Counts a call and runs its hooks. Returns the failing step, or NULL; *n is cut by short steps. */
static const struct step *enter(enum fake_entry entry, size_t *n)
{
    unsigned count = atomic_fetch_add(&calls[entry], 1) + 1;
    unsigned end = atomic_load(&n_steps);
    const struct step *failure = NULL;
    for (unsigned i = 0; i < end; i++) {
        const struct step *step = &script[i];
        if (step->entry != entry || count < step->first || count > step->last)
            continue;
        if (step->kind == HOOK)
            step->hook(step->arg);
        else if (step->kind == SHORT && n && *n > step->max)
            *n = step->max;
        else if (step->kind == FAIL && !failure)
            failure = step;
    }
    return failure;
}

static void add(enum fake_entry entry, unsigned nth, struct step step)
{
    unsigned at = atomic_load(&n_steps);
    if (at == MAX_STEPS) {
        fputs("fake: script too long\n", stderr);
        abort();
    }
    unsigned seen = atomic_load(&calls[entry]);
    step.entry = entry;
    step.first = nth == FAKE_EVERY ? 0 : seen + nth;
    step.last = nth == FAKE_EVERY ? (unsigned)-1 : seen + nth;
    script[at] = step;
    atomic_store(&n_steps, at + 1);
}

/* How each kind of entry reports failure; e is the code given to fake_fail. */
#define MINUS(e) return (errno = (e), -1)
#define NOTHING(e) return (errno = (e), NULL)
#define ZERO(e) return (errno = (e), 0)
#define CODE(e) return (e)
#define GAI(e) return (e) < 0 ? (e) : (errno = (e), EAI_SYSTEM)
#define HOST(e) \
    return (*ret_ent = NULL, *ret_herr = (e) < 0 ? -(e) : NETDB_INTERNAL, (e) < 0 ? 0 : (e))
#define ENTRY(e) return (*ret_ent = NULL, (e))

#define ENTRIES(X) \
    X(SOCKET, int, socket, (int family, int type, int proto), (family, type, proto), NULL, MINUS) \
    X(SOCKETPAIR, int, socketpair, (int family, int type, int proto, int fds[2]), \
      (family, type, proto, fds), NULL, MINUS) \
    X(BIND, int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len), \
      NULL, MINUS) \
    X(LISTEN, int, listen, (int fd, int backlog), (fd, backlog), NULL, MINUS) \
    X(ACCEPT4, int, accept4, (int fd, struct sockaddr *addr, socklen_t *len, int flags), \
      (fd, addr, len, flags), NULL, MINUS) \
    X(CONNECT, int, connect, (int fd, const struct sockaddr *addr, socklen_t len), \
      (fd, addr, len), NULL, MINUS) \
    X(SHUTDOWN, int, shutdown, (int fd, int how), (fd, how), NULL, MINUS) \
    X(CLOSE, int, close, (int fd), (fd), NULL, MINUS) \
    X(PUT_PLACEHOLDER, int, put_placeholder, (int fd), (fd), NULL, MINUS) \
    X(DUP_CLOEXEC, int, dup_cloexec, (int fd), (fd), NULL, MINUS) \
    X(GETSOCKNAME, int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), \
      (fd, addr, len), NULL, MINUS) \
    X(GETPEERNAME, int, getpeername, (int fd, struct sockaddr *addr, socklen_t *len), \
      (fd, addr, len), NULL, MINUS) \
    X(GETSOCKOPT, int, getsockopt, (int fd, int level, int name, void *value, socklen_t *len), \
      (fd, level, name, value, len), NULL, MINUS) \
    X(SETSOCKOPT, int, setsockopt, \
      (int fd, int level, int name, const void *value, socklen_t len), \
      (fd, level, name, value, len), NULL, MINUS) \
    X(GET_NONBLOCK, int, get_nonblock, (int fd), (fd), NULL, MINUS) \
    X(SET_NONBLOCK, int, set_nonblock, (int fd, int nonblock), (fd, nonblock), NULL, MINUS) \
    X(RECV, ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), &n, \
      MINUS) \
    X(RECVFROM, ssize_t, recvfrom, \
      (int fd, void *buf, size_t n, int flags, struct sockaddr *addr, socklen_t *len), \
      (fd, buf, n, flags, addr, len), &n, MINUS) \
    X(RECVMSG, ssize_t, recvmsg, (int fd, struct msghdr *msg, int flags), (fd, msg, flags), NULL, \
      MINUS) \
    X(SEND, ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags), \
      &n, MINUS) \
    X(SENDTO, ssize_t, sendto, \
      (int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t len), \
      (fd, buf, n, flags, addr, len), &n, MINUS) \
    X(SENDMSG, ssize_t, sendmsg, (int fd, const struct msghdr *msg, int flags), (fd, msg, flags), \
      NULL, MINUS) \
    X(SENDFILE, ssize_t, sendfile, (int fd, int file, off_t *offset, size_t n), \
      (fd, file, offset, n), &n, MINUS) \
    X(POLL, int, poll, (struct pollfd * fds, nfds_t n, int timeout_ms), (fds, n, timeout_ms), \
      NULL, MINUS) \
    X(CLOCK, int, clock, (struct timespec * ret_now), (ret_now), NULL, MINUS) \
    X(COARSE_CLOCK, int, coarse_clock, (struct timespec * ret_now), (ret_now), NULL, MINUS) \
    X(NANOSLEEP, int, nanosleep, (const struct timespec *span), (span), NULL, MINUS) \
    X(SIGACTION, int, sigaction, \
      (int sig, const struct sigaction *act, struct sigaction *ret_old), (sig, act, ret_old), \
      NULL, MINUS) \
    X(THREAD_MASK, int, thread_mask, (int how, const sigset_t *set, sigset_t *ret_old), \
      (how, set, ret_old), NULL, CODE) \
    X(SIGNAL_PENDING, int, signal_pending, (int sig), (sig), NULL, MINUS) \
    X(SIGNAL_TAKE, int, signal_take, (int sig), (sig), NULL, MINUS) \
    X(TGKILL, int, tgkill, (pid_t tid, int sig), (tid, sig), NULL, MINUS) \
    X(GETTID, pid_t, gettid, (void), (), NULL, MINUS) \
    X(YIELD, int, yield, (void), (), NULL, MINUS) \
    X(THREAD_START, int, thread_start, \
      (pthread_t * ret_thread, void *(*run)(void *arg), void *arg), (ret_thread, run, arg), NULL, \
      CODE) \
    X(THREAD_JOIN, int, thread_join, (pthread_t thread), (thread), NULL, CODE) \
    X(THREAD_DETACH, int, thread_detach, (pthread_t thread), (thread), NULL, CODE) \
    X(FUTEX_WAIT, int, futex_wait, \
      (const uint32_t *word, uint32_t value, const struct timespec *until), (word, value, until), \
      NULL, MINUS) \
    X(FUTEX_WAKE, int, futex_wake, (const uint32_t *word, int most), (word, most), NULL, MINUS) \
    X(EVENT_OPEN, int, event_open, (void), (), NULL, MINUS) \
    X(EVENT_SET, int, event_set, (int fd), (fd), NULL, MINUS) \
    X(EVENT_CLEAR, int, event_clear, (int fd), (fd), NULL, MINUS) \
    X(SURROUNDINGS, int, surroundings, (uint64_t ret_ids[CSOCK__SURROUNDINGS]), (ret_ids), NULL, \
      MINUS) \
    X(ALLOC, void *, alloc, (size_t size), (size), NULL, NOTHING) \
    X(WIPED_ON_FORK, void *, wiped_on_fork, (void), (), NULL, NOTHING) \
    X(GETADDRINFO, int, getaddrinfo, \
      (const char *host, const char *service, const struct addrinfo *hints, \
       struct addrinfo **ret_list), \
      (host, service, hints, ret_list), NULL, GAI) \
    X(GETNAMEINFO, int, getnameinfo, \
      (const struct sockaddr *addr, socklen_t len, char *host, socklen_t host_size, char *service, \
       socklen_t service_size, int flags), \
      (addr, len, host, host_size, service, service_size, flags), NULL, GAI) \
    X(GETHOSTBYNAME2_R, int, gethostbyname2_r, \
      (const char *name, int family, struct hostent *ent, char *buf, size_t size, \
       struct hostent **ret_ent, int *ret_herr), \
      (name, family, ent, buf, size, ret_ent, ret_herr), NULL, HOST) \
    X(GETHOSTBYADDR_R, int, gethostbyaddr_r, \
      (const void *addr, socklen_t len, int family, struct hostent *ent, char *buf, size_t size, \
       struct hostent **ret_ent, int *ret_herr), \
      (addr, len, family, ent, buf, size, ret_ent, ret_herr), NULL, HOST) \
    X(GETSERVBYNAME_R, int, getservbyname_r, \
      (const char *name, const char *proto, struct servent *ent, char *buf, size_t size, \
       struct servent **ret_ent), \
      (name, proto, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETSERVBYPORT_R, int, getservbyport_r, \
      (int port, const char *proto, struct servent *ent, char *buf, size_t size, \
       struct servent **ret_ent), \
      (port, proto, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETPROTOBYNAME_R, int, getprotobyname_r, \
      (const char *name, struct protoent *ent, char *buf, size_t size, struct protoent **ret_ent), \
      (name, ent, buf, size, ret_ent), NULL, ENTRY) \
    X(GETHOSTNAME, int, gethostname, (char *name, size_t size), (name, size), NULL, MINUS) \
    X(SETHOSTNAME, int, sethostname, (const char *name, size_t n), (name, n), NULL, MINUS) \
    X(IFACE_INDEX, int, iface_index, (int fd, const char *name), (fd, name), NULL, MINUS) \
    X(IFACE_NAME, int, iface_name, (int fd, int index, char name[IF_NAMESIZE]), (fd, index, name), \
      NULL, MINUS) \
    X(IF_NAMETOINDEX, unsigned, if_nametoindex, (const char *name), (name), NULL, ZERO) \
    X(IF_INDEXTONAME, char *, if_indextoname, (unsigned index, char *name), (index, name), NULL, \
      NOTHING) \
    X(IF_NAMEINDEX, struct if_nameindex *, if_nameindex, (void), (), NULL, NOTHING)

/* Those that return nothing. */
#define VOID_ENTRIES(X) \
    X(RELEASE, release, (void *memory), (memory)) \
    X(FREEADDRINFO, freeaddrinfo, (struct addrinfo * list), (list)) \
    X(IF_FREENAMEINDEX, if_freenameindex, (struct if_nameindex * rows), (rows))

#define WRAPPER(ID, type, name, params, args, n_ptr, FAILURE) \
    static type call_##name params \
    { \
        const struct step *step = enter(FAKE_##ID, n_ptr); \
        if (step) \
            FAILURE(step->err); \
        return under.name args; \
    }
#define VOID_WRAPPER(ID, name, params, args) \
    static void call_##name params \
    { \
        enter(FAKE_##ID, NULL); \
        under.name args; \
    }
ENTRIES(WRAPPER)
VOID_ENTRIES(VOID_WRAPPER)

#define INIT(ID, type, name, ...) .name = call_##name,
#define VOID_INIT(ID, name, ...) .name = call_##name,
static const struct csock_sys scripted = {ENTRIES(INIT) VOID_ENTRIES(VOID_INIT)};

/* A new entry of struct csock_sys needs a line here. */
static_assert(sizeof(struct csock_sys) == FAKE_N * sizeof(void (*)(void)), "entry not covered");

/* Underneath: the real thing, with blocks counted and the clock stoppable. */

static void *counted_alloc(size_t size)
{
    void *memory = csock__sys_linux.alloc(size);
    atomic_fetch_add(&live, memory != NULL);
    return memory;
}

static void counted_release(void *memory)
{
    atomic_fetch_sub(&live, memory != NULL);
    csock__sys_linux.release(memory);
}

static int counted_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                               struct addrinfo **ret_list)
{
    int r = csock__sys_linux.getaddrinfo(host, service, hints, ret_list);
    atomic_fetch_add(&live, r == 0);
    return r;
}

static void counted_freeaddrinfo(struct addrinfo *list)
{
    atomic_fetch_sub(&live, 1);
    csock__sys_linux.freeaddrinfo(list);
}

static struct if_nameindex *counted_if_nameindex(void)
{
    struct if_nameindex *rows = csock__sys_linux.if_nameindex();
    atomic_fetch_add(&live, rows != NULL);
    return rows;
}

static void counted_if_freenameindex(struct if_nameindex *rows)
{
    atomic_fetch_sub(&live, 1);
    csock__sys_linux.if_freenameindex(rows);
}

static int stoppable_clock(struct timespec *ret_now)
{
    if (!atomic_load(&stopped))
        return csock__sys_linux.clock(ret_now);
    long long now = atomic_load(&stopped_at);
    *ret_now = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
    return 0;
}

static int stoppable_nanosleep(const struct timespec *span)
{
    if (!atomic_load(&stopped))
        return csock__sys_linux.nanosleep(span);
    fake_clock_add(span->tv_sec * INT64_C(1000000000) + span->tv_nsec);
    return 0;
}

static int stoppable_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    if (!atomic_load(&stopped) || timeout_ms <= 0)
        return csock__sys_linux.poll(fds, n, timeout_ms);
    int r = csock__sys_linux.poll(fds, n, 0);
    if (r == 0)
        fake_clock_add(timeout_ms * INT64_C(1000000));
    return r;
}

static int stoppable_futex_wait(const uint32_t *word, uint32_t value, const struct timespec *until)
{
    if (!atomic_load(&stopped))
        return csock__sys_linux.futex_wait(word, value, until);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value)
        return (errno = EAGAIN, -1);
    long long moment = csock__ns(until);
    if (moment > atomic_load(&stopped_at))
        atomic_store(&stopped_at, moment);
    return (errno = ETIMEDOUT, -1);
}

void fake_install(void)
{
    under = csock__sys_linux;
    under.alloc = counted_alloc;
    under.release = counted_release;
    under.getaddrinfo = counted_getaddrinfo;
    under.freeaddrinfo = counted_freeaddrinfo;
    under.if_nameindex = counted_if_nameindex;
    under.if_freenameindex = counted_if_freenameindex;
    under.clock = stoppable_clock;
    under.coarse_clock = stoppable_clock;
    under.nanosleep = stoppable_nanosleep;
    under.poll = stoppable_poll;
    under.futex_wait = stoppable_futex_wait;
    for (int i = 0; i < FAKE_N; i++)
        atomic_store(&calls[i], 0);
    atomic_store(&n_steps, 0);
    atomic_store(&live, 0);
    atomic_store(&stopped, false);
    csock__sys = &scripted;
}

void fake_remove(void)
{
    csock__sys = &csock__sys_linux;
}

void fake_fail(enum fake_entry entry, unsigned nth, int err)
{
    add(entry, nth, (struct step){.kind = FAIL, .err = err});
}

void fake_short(enum fake_entry entry, unsigned nth, size_t max)
{
    add(entry, nth, (struct step){.kind = SHORT, .max = max});
}

void fake_hook(enum fake_entry entry, unsigned nth, void (*hook)(void *arg), void *arg)
{
    add(entry, nth, (struct step){.kind = HOOK, .hook = hook, .arg = arg});
}

unsigned fake_calls(enum fake_entry entry)
{
    return atomic_load(&calls[entry]);
}

/* A sanitizer has guards of its own, which see what is read, too. */
#ifdef __SANITIZE_ADDRESS__
#define GUARDED false
#else
#define GUARDED true
#endif
#define GUARD 256
#define GUARD_BYTE 0xa5

static void *guarded_alloc(size_t size)
{
    char *all = counted_alloc(size + 2 * GUARD);
    if (!all)
        return NULL;
    memset(all, GUARD_BYTE, GUARD);
    memset(all + GUARD + size, GUARD_BYTE, GUARD);
    memcpy(all, &size, sizeof size);
    return all + GUARD;
}

static void expect_guard(const char *at, const char *end)
{
    for (; at < end; at++)
        if ((unsigned char)*at != GUARD_BYTE) {
            fputs("fake: written outside of a block\n", stderr);
            abort();
        }
}

static void guarded_release(void *memory)
{
    size_t size;
    if (!memory)
        return;
    char *all = (char *)memory - GUARD;
    memcpy(&size, all, sizeof size);
    expect_guard(all + sizeof size, all + GUARD);
    expect_guard(all + GUARD + size, all + GUARD + size + GUARD);
    counted_release(all);
}

void fake_guard(void)
{
    if (GUARDED) {
        under.alloc = guarded_alloc;
        under.release = guarded_release;
    }
}

int fake_live(void)
{
    return atomic_load(&live);
}

void fake_clock_set(int64_t ns)
{
    atomic_store(&stopped_at, ns);
    atomic_store(&stopped, true);
}

void fake_clock_add(int64_t ns)
{
    atomic_fetch_add(&stopped_at, ns);
}

struct csock_sys *fake_under(void)
{
    return &under;
}

int fake_open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return -1;
    int n = -1; /* the directory itself */
    for (struct dirent *ent; (ent = readdir(dir));)
        n += ent->d_name[0] != '.';
    closedir(dir);
    return n;
}

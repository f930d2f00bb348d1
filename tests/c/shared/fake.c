/* The scripted struct csock_sys: see fake.h. One line per entry in entries.h makes its
 * wrapper: count, look at the script, then fail or call the table underneath. No locks, so that
 * wrappers work in signal handlers. */
#include "fake.h"
#include "entries.h"

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

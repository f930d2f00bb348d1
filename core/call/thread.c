/* Records of threads, and forks. Sits on sys, and in a child on users.
 *
 * A record says in which generation of the process it was taken. The child of a fork has copies of
 * its parent's records, whose threads it does not have: as their generation is an older one, they
 * are free, and nobody has to go through them after the fork; but for the one of the thread that
 * forked. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sys/lock.h"
#include "sys/sys.h"
#include "call/thread.h"
#include "call/users.h"

#define BEING_TAKEN ((uint32_t)1 << 31) /* by its new owner, who fills it in */

static uint32_t newest = 1; /* generation of this process, or an older one in a new child */
static uint32_t mark_at_fork;

static CSOCK__TLS struct csock__thread *mine;
static CSOCK__TLS uint32_t mine_since; /* generation */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static bool watches_threads;

/* Not a linker's to leave out, nor a compiler's to take apart, though most of it is for others. */
__attribute__((used)) struct csock__records csock__records = {
    .magic = CSOCK__MAGIC,
    .layout = CSOCK__LAYOUT,
    .word = sizeof(void *),
    .sleeps = CSOCK__SLEEPS,
    .shown = offsetof(struct csock__thread, shown),
    .size = sizeof(struct csock__shown),
    .version = CSOCK_VERSION,
    .generation = &csock__mark,
};

_Static_assert(sizeof CSOCK__MAGIC == 16, "the reader looks for as many bytes");
_Static_assert(sizeof CSOCK_VERSION <= 24, "the version has its room");
_Static_assert(sizeof(struct csock__shown) == 48 && offsetof(struct csock__shown, since) == 16,
               "a wait is shown alike on all machines");
_Static_assert(offsetof(struct csock__thread, taken) == sizeof(void *) &&
                   offsetof(struct csock__thread, on) == sizeof(void *) + 8,
               "CSOCK__LAYOUT");

struct csock__thread *csock__me(void)
{
    uint32_t generation = csock__generation(); /* before the others, as it may change them */
    return mine && mine_since == generation ? mine : NULL;
}

bool csock__lives(const struct csock__thread *t)
{
    return atomic_load(&t->taken) == csock__generation();
}

uintptr_t csock__move_on(struct csock__thread *t, unsigned place, const struct csock *only,
                         uintptr_t to)
{
    uintptr_t was = atomic_load(&t->on[place]);
    for (unsigned times = 0;;) {
        uintptr_t names = was & ~CSOCK__MARKS;
        if (only && names && names != (uintptr_t)only)
            return 0;
        /* In a child by _Fork(3) the closer who had begun to signal does not exist. */
        if ((was & CSOCK__BEING_SIGNALLED) && csock__lives(t)) {
            csock__give_way(times++);
            was = atomic_load(&t->on[place]);
        } else if (atomic_compare_exchange_weak(&t->on[place], &was, to)) {
            return was;
        }
    }
}

static void release_record(void *record)
{
    struct csock__thread *gone = csock__me();
    (void)record;
    mine = NULL;
    if (!gone)
        return;
    /* It may have been cancelled in its sleep, or have left it long ago: that call is over now. */
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++) {
        uintptr_t s = csock__move_on(gone, i, NULL, 0) & ~CSOCK__MARKS;
        if (s && s != CSOCK__MANY)
            csock__leave_by_end_of_thread((struct csock *)s);
    }
    atomic_store(&gone->taken, 0);
}

/* Nobody looks at what is in a record that is being taken. */
static bool take_record(struct csock__thread *t, uint32_t generation)
{
    uint32_t was = atomic_load(&t->taken);
    return (was & ~BEING_TAKEN) != generation &&
           atomic_compare_exchange_strong(&t->taken, &was, generation | BEING_TAKEN);
}

static void own_record(struct csock__thread *t, uint32_t generation)
{
    t->looked_sig = 0;
    t->searched = 0;
    atomic_store(&t->tid, csock__sys->gettid());
    atomic_store(&t->taken, generation);
    mine = t;
    mine_since = generation;
}

/* This thread has forked, perhaps in a signal handler, and will go on with what is asleep under
 * that. The kernel may restart the system call, so that closing is all that ever ends it: it keeps
 * its record, and its calls are counted here, too. What a record names has not been freed: neither
 * by the parent, whose closers take their socket out of all records before they give up, nor in
 * this process, where nobody has called us before. (A sleep on several is in poll(2), which no
 * kernel restarts: it counts itself when it comes back.) */
static void go_on_in_child(uint32_t generation)
{
    if (!mine || mine_since != generation - 1 || !take_record(mine, generation))
        return;
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++) {
        uintptr_t s = atomic_load(&mine->on[i]) & ~CSOCK__MARKS;
        if (s == CSOCK__MANY)
            continue;
        bool counted = s && csock__count_in_child((struct csock *)s, generation);
        atomic_store(&mine->on[i], counted ? s | CSOCK__RECOUNTED : 0);
    }
    own_record(mine, generation);
}

/* `newest` goes first: it is what a fork that comes in between counts on from. Of threads that come
 * here at once each may count, one is heard. */
uint32_t csock__after_fork(void)
{
    uint32_t none = 0, next = __atomic_add_fetch(&newest, 1, __ATOMIC_SEQ_CST);
    if (!__atomic_compare_exchange_n(csock__mark, &none, next, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        return none;
    go_on_in_child(next);
    return next;
}

static void before_fork(void)
{
    __atomic_store_n(&mark_at_fork, csock__known_generation(), __ATOMIC_RELAXED);
}

/* The thread that called fork() goes on in the child, under another number. A mark that is what it
 * was has not been wiped, whatever the kernel has promised: qemu-user takes any advice for a page,
 * and follows none. */
static void after_fork_in_child(void)
{
    if (csock__known_generation() == __atomic_load_n(&mark_at_fork, __ATOMIC_RELAXED))
        __atomic_store_n(csock__mark, 0, __ATOMIC_SEQ_CST);
    csock__generation();
    if (mine)
        csock__thread();
}

/* At load time, not at the first sleep: a program may fork before any thread of it slept. Where
 * nothing is wiped (before Linux 4.14, or under qemu-user) children by _Fork(3) or clone(2) go
 * unnoticed. */
__attribute__((constructor)) static void watch_forks(void)
{
    uint32_t *page = csock__sys->wiped_on_fork();
    if (page) {
        *page = *csock__mark;
        csock__mark = page;
    }
    pthread_atfork(before_fork, NULL, after_fork_in_child);
    const char *ps = getenv("CSOCK_PS");
    csock__records.off = ps && strcmp(ps, "0") == 0;
}

uint32_t csock_forks(void)
{
    return csock__generation() - 1;
}

static void set_up(void)
{
    watches_threads = pthread_key_create(&thread_end, release_record) == 0;
}

static struct csock__thread *reuse_record(uint32_t generation)
{
    for (struct csock__thread *t = atomic_load(&csock__records.first); t; t = t->next)
        if (take_record(t, generation))
            return t;
    return NULL;
}

static struct csock__thread *new_record(uint32_t generation)
{
    struct csock__thread *t = csock__sys->alloc(sizeof *t);
    if (!t)
        return NULL;
    atomic_init(&t->taken, generation | BEING_TAKEN);
    t->next = atomic_load(&csock__records.first);
    while (!atomic_compare_exchange_weak(&csock__records.first, &t->next, t))
        ;
    return t;
}

static struct csock__thread *take_any_record(uint32_t generation)
{
    struct csock__thread *t = watches_threads ? reuse_record(generation) : NULL;
    if (!t && watches_threads)
        t = new_record(generation);
    if (!t)
        return NULL;
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++)
        atomic_store(&t->on[i], 0);
    atomic_store(&t->closing, 0);
    own_record(t, generation);
    pthread_setspecific(thread_end, t);
    return t;
}

/* Once more if a signal handler has forked in between. */
struct csock__thread *csock__thread(void)
{
    struct csock__thread *t = csock__me();
    if (t)
        return t;
    pthread_once(&once, set_up);
    do
        t = take_any_record(csock__generation());
    while (t && !csock__me());
    return t;
}

struct csock__thread *csock__threads(void)
{
    return atomic_load(&csock__records.first);
}

bool csock__someone_sleeps(const struct csock *s)
{
    for (struct csock__thread *t = csock__threads(); t; t = t->next)
        if (csock__other_sleeps_on(t, s))
            return true;
    return false;
}

bool csock__someone_fell_asleep(const struct csock *s)
{
    for (struct csock__thread *t = csock__threads(); t; t = t->next)
        for (unsigned i = 0; i < CSOCK__SLEEPS && csock__other_sleeps_on(t, s); i++) {
            uintptr_t on = atomic_load(&t->on[i]);
            if (!(on & CSOCK__RECOUNTED) && csock__means(t, i, on, s))
                return true;
        }
    return false;
}

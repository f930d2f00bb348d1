/* Records of threads, and forks. Sits on sys. wake.c, which writes into records, is told when a
 * thread ends. */
#include <pthread.h>

#include "sys.h"
#include "thread.h"
#include "wake.h"

CSOCK__TLS struct csock__thread *csock__me;
uint32_t csock__forks;
static _Atomic(struct csock__thread *) threads;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static bool watches_threads;

static void release_record(void *record)
{
    struct csock__thread *gone = record;
    csock__me = NULL;
    csock__sleep_cancel(gone);
    atomic_store(&gone->taken, 0);
}

/* Of all threads only the one that called fork() goes on in the child, under another number. */
static void after_fork_in_child(void)
{
    __atomic_fetch_add(&csock__forks, 1, __ATOMIC_SEQ_CST);
    for (struct csock__thread *t = atomic_load(&threads); t; t = t->next) {
        atomic_store(&t->on, 0);
        if (t != csock__me)
            atomic_store(&t->taken, 0);
    }
    if (csock__me)
        atomic_store(&csock__me->tid, csock__sys->gettid());
}

/* At load time, not at the first sleep: a program may fork before any thread of it slept. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

uint32_t csock_forks(void)
{
    return csock__generation();
}

static void set_up(void)
{
    watches_threads = pthread_key_create(&thread_end, release_record) == 0;
}

static struct csock__thread *reuse_record(void)
{
    for (struct csock__thread *t = atomic_load(&threads); t; t = t->next) {
        int free_one = 0;
        if (atomic_load(&t->taken) == 0 && atomic_compare_exchange_strong(&t->taken, &free_one, 1))
            return t;
    }
    return NULL;
}

static struct csock__thread *new_record(void)
{
    struct csock__thread *t = csock__sys->alloc(sizeof *t);
    if (!t)
        return NULL;
    atomic_init(&t->taken, 1);
    t->next = atomic_load(&threads);
    while (!atomic_compare_exchange_weak(&threads, &t->next, t))
        ;
    return t;
}

struct csock__thread *csock__thread(void)
{
    if (csock__me)
        return csock__me;
    pthread_once(&once, set_up);
    struct csock__thread *t = watches_threads ? reuse_record() : NULL;
    if (!t && watches_threads)
        t = new_record();
    if (!t)
        return NULL;
    csock__me = t;
    atomic_store(&t->taken, 1); /* again: a signal handler may have forked just before */
    t->looked_sig = 0;
    atomic_store(&t->tid, csock__sys->gettid());
    pthread_setspecific(thread_end, t);
    return t;
}

struct csock__thread *csock__threads(void)
{
    return atomic_load(&threads);
}

/* That thread may have been taken off this very processor, and a caller of higher priority that
 * only yields would never let it go on. sched(7) */
void csock__give_way(unsigned times)
{
    if (times < 10)
        csock__sys->yield();
    else
        csock__sys->nanosleep(&(struct timespec){.tv_nsec = 50000});
}

/* The wake-up signal and the records of sleeping threads. Sits on sys.
 *
 * The records form a list that only grows and is never locked, so that csock_close() may be called
 * from a signal handler, and in a child after fork(), whatever the other threads were doing. A
 * record's `on` is the whole protocol:
 *
 *     NULL      not asleep
 *     s         asleep on s, or about to sleep
 *     s | 1     asleep on s, and a closer is sending it the signal just now
 *
 * The thread leaves its sleep by s -> NULL only, so it waits out a signal that is being sent; the
 * signal is then pending, and swallowed before the thread's own mask comes back. Thus no late
 * signal reaches code that is not ours.
 *
 * The signal has an empty handler without SA_RESTART: all it does is to end the system call with
 * EINTR. It can arrive before that call has begun; so the closer repeats it until the thread has
 * left. */
#include <pthread.h>
#include <stdatomic.h>

#include "close.h"
#include "sys.h"
#include "wake.h"

#define BEING_SIGNALLED ((uintptr_t)1)

struct csock__sleeper {
    struct csock__sleeper *next;
    _Atomic(uintptr_t) on;
    atomic_int taken; /* by a thread that lives */
    _Atomic(pid_t) tid;
};

/* The process-wide state of this file: the records, the signal and the fork generation. */
uint32_t csock__forks;
static _Atomic(struct csock__sleeper *) sleepers;
static atomic_int wake_signal; /* 0 until the first sleep */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static bool watches_threads;
static _Thread_local struct csock__sleeper *mine;

/* A closer may have been taken off this processor between its two steps, and a thread of higher
 * priority that only yields would never let it go on. sched(7) */
static void let_closer_run(unsigned times)
{
    if (times < 10)
        csock__sys->yield();
    else
        csock__sys->nanosleep(&(struct timespec){.tv_nsec = 50000});
}

/* Sets `on` once no closer is sending; returns what it was. */
static uintptr_t move_on(struct csock__sleeper *r, uintptr_t to)
{
    uintptr_t was = atomic_load(&r->on);
    for (unsigned times = 0;;) {
        if (was & BEING_SIGNALLED) {
            let_closer_run(times++);
            was = atomic_load(&r->on);
        } else if (atomic_compare_exchange_weak(&r->on, &was, to)) {
            return was;
        }
    }
}

static void release_sleeper(void *sleeper)
{
    struct csock__sleeper *gone = sleeper;
    mine = NULL;
    move_on(gone, 0); /* it may have been cancelled in its sleep */
    atomic_store(&gone->taken, 0);
}

/* Of all threads only the one that called fork() goes on in the child, under another number. */
static void after_fork_in_child(void)
{
    __atomic_fetch_add(&csock__forks, 1, __ATOMIC_SEQ_CST);
    for (struct csock__sleeper *r = atomic_load(&sleepers); r; r = r->next) {
        atomic_store(&r->on, 0);
        if (r != mine)
            atomic_store(&r->taken, 0);
    }
    if (mine)
        atomic_store(&mine->tid, csock__sys->gettid());
}

static void set_up(void)
{
    watches_threads = pthread_key_create(&thread_end, release_sleeper) == 0;
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

static struct csock__sleeper *reuse_sleeper(void)
{
    for (struct csock__sleeper *r = atomic_load(&sleepers); r; r = r->next) {
        int free_one = 0;
        if (atomic_compare_exchange_strong(&r->taken, &free_one, 1))
            return r;
    }
    return NULL;
}

static struct csock__sleeper *new_sleeper(void)
{
    struct csock__sleeper *r = csock__sys->alloc(sizeof *r);
    if (!r)
        return NULL;
    atomic_init(&r->taken, 1);
    r->next = atomic_load(&sleepers);
    while (!atomic_compare_exchange_weak(&sleepers, &r->next, r))
        ;
    return r;
}

/* This thread's record, given back when the thread ends. */
static struct csock__sleeper *my_sleeper(void)
{
    if (mine)
        return mine;
    pthread_once(&once, set_up);
    struct csock__sleeper *r = watches_threads ? reuse_sleeper() : NULL;
    if (!r && watches_threads)
        r = new_sleeper();
    if (!r)
        return NULL;
    atomic_store(&r->tid, csock__sys->gettid());
    mine = r;
    pthread_setspecific(thread_end, r);
    return r;
}

static void do_nothing(int sig)
{
    (void)sig;
}

static bool is_ours(int sig)
{
    struct sigaction now;
    return csock__sys->sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
           now.sa_handler == do_nothing;
}

/* Takes sig if the program has left it alone. Two threads may do so at once, with one result. */
static bool take_signal(int sig)
{
    struct sigaction now, ours = {.sa_handler = do_nothing};
    if (csock__sys->sigaction(sig, NULL, &now) != 0 || (now.sa_flags & SA_SIGINFO) ||
        now.sa_handler != SIG_DFL)
        return false;
    sigemptyset(&ours.sa_mask);
    return csock__sys->sigaction(sig, &ours, NULL) == 0;
}

static bool is_blocked(int sig)
{
    sigset_t now;
    return csock__sys->thread_mask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, sig);
}

/* From near the top of the range down, as programs and service managers count up from SIGRTMIN.
 * One that this thread blocks is taken only if there is no other: it may be meant for signalfd(2)
 * or sigwait(3), which leave no handler to be seen. 0 if the program handles all of them: then
 * closing cannot wake. signal(7) */
static int choose_signal(void)
{
    for (int blocked = 0; blocked < 2; blocked++)
        for (int sig = SIGRTMAX - 4; sig >= SIGRTMIN; sig--)
            if (is_ours(sig) || (is_blocked(sig) == blocked && take_signal(sig))) {
                atomic_store(&wake_signal, sig);
                return sig;
            }
    return 0;
}

static int current_signal(void)
{
    int sig = atomic_load_explicit(&wake_signal, memory_order_relaxed);
    return sig ? sig : choose_signal();
}

int csock__sleep_begin(struct csock__sleep *sleep, const struct csock *s)
{
    sleep->me = my_sleeper();
    if (!sleep->me)
        return -ENOMEM;
    sleep->sig = current_signal();
    if (sleep->sig) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, sleep->sig);
        if (csock__sys->thread_mask(SIG_UNBLOCK, &set, &sleep->mask) != 0)
            sleep->sig = 0; /* nothing to undo */
    }
    /* The store must be seen before the caller looks at csock__closing: a closer marks the socket
     * first and reads the records then, so one of the two sees the other. */
    sleep->outer = (const struct csock *)move_on(sleep->me, (uintptr_t)s);
    return 0;
}

void csock__sleep_end(struct csock__sleep *sleep, const struct csock *s)
{
    move_on(sleep->me, (uintptr_t)sleep->outer);
    if (csock__closing(s))
        csock__sys->yield(); /* any system call: a signal that was sent is handled on its way out */
    if (sleep->sig && sigismember(&sleep->mask, sleep->sig))
        csock__sys->thread_mask(SIG_SETMASK, &sleep->mask, NULL);
}

bool csock__wake(const struct csock *s, unsigned most)
{
    int sig = current_signal();
    bool all = true;
    if (sig && !is_ours(sig)) /* taken by the program meanwhile: its handler must not run */
        sig = choose_signal();
    for (struct csock__sleeper *r = atomic_load(&sleepers); r && most > 0; r = r->next) {
        uintptr_t asleep = (uintptr_t)s;
        if (r == mine || !atomic_compare_exchange_strong(&r->on, &asleep, asleep | BEING_SIGNALLED))
            continue;
        if (!sig || csock__sys->tgkill(atomic_load(&r->tid), sig) < 0)
            all = false;
        atomic_store(&r->on, (uintptr_t)s);
        most--;
    }
    return all;
}

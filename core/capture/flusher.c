/* See flusher.h. Sits on burst.h, and on sys for the thread. */
#include "capture/flusher.h"

#include "capture/file.h"
#include "csock/time.h"
#include "sys/mark.h"

#define PATIENCE INT64_C(10000000)           /* with whoever has a file's lock */
#define PATIENCE_AT_EXIT INT64_C(1000000000) /* with all of them together */

/* All of this under one lock, taken after that of a file. sys/lock.h */
static uint32_t list_holder;
static uint32_t generation; /* of the process that the list is for */
static struct csock__pcap *first;
static unsigned n_wanted; /* of them */
static bool runs, exits;

/* ---- the list */

/* False: in a child that nobody has noticed yet, and which has no captures. */
static bool enter_list(void)
{
    uint32_t now = csock__known_generation();
    if (now == 0)
        return false;
    csock__take(&list_holder, now);
    if (generation != now) {
        generation = now;
        first = NULL;
        n_wanted = 0;
        exits = false;
        __atomic_store_n(&runs, false, __ATOMIC_RELAXED);
    }
    return true;
}

static bool lock_list(sigset_t *ret_before)
{
    csock__block_signals(ret_before);
    bool ok = enter_list();
    if (!ok)
        csock__sys->thread_mask(SIG_SETMASK, ret_before, NULL);
    return ok;
}

static void unlock_list(const sigset_t *before)
{
    csock__give_back(&list_holder);
    csock__sys->thread_mask(SIG_SETMASK, before, NULL);
}

static void want(struct csock__pcap *p, bool wanted)
{
    n_wanted = n_wanted - p->watched.wanted + wanted;
    p->watched.wanted = wanted;
}

static void list_file(struct csock__pcap *p)
{
    want(p, true);
    if (p->watched.listed)
        return;
    p->watched.listed = true;
    p->watched.next = first;
    first = p;
}

static void unlist_file(struct csock__pcap *p)
{
    struct csock__pcap **at = &first;
    while (*at != p)
        at = &(*at)->watched.next;
    *at = p->watched.next;
    p->watched.listed = false;
}

/* The one after p, or the first, which nobody frees until it is stepped on from. */
static struct csock__pcap *step_on(struct csock__pcap *p)
{
    sigset_t before;
    struct csock__pcap *next = NULL;
    if (!lock_list(&before))
        return NULL;
    next = p ? p->watched.next : first;
    if (next)
        next->watched.held++;
    if (p && --p->watched.held == 0 && !p->watched.wanted)
        unlist_file(p);
    unlock_list(&before);
    return next;
}

void csock__unwatch(struct csock__pcap *p)
{
    sigset_t before;
    for (unsigned times = 0; lock_list(&before); csock__give_way(times++)) {
        want(p, false);
        if (p->watched.listed && p->watched.held == 0)
            unlist_file(p);
        bool out = !p->watched.listed;
        unlock_list(&before);
        if (out)
            return;
    }
}

/* ---- the thread. It has no signal unblocked. */

static void unwant(struct csock__pcap *p)
{
    sigset_t before;
    if (!lock_list(&before))
        return;
    want(p, false);
    unlock_list(&before);
}

/* In the middle of a burst it keeps away from the lock, which others want again and again. */
static void look_after(struct csock__pcap *p)
{
    uint32_t since = __atomic_load_n(&p->burst.since, __ATOMIC_ACQUIRE);
    int64_t now = csock_now(); /* not before that */
    if ((since && csock__burst_ms(now) - since < CSOCK__LATE) ||
        !csock__lock_within(&p->lock, since ? PATIENCE : 0))
        return;
    csock__pcap_flush(p);
    if (now - p->burst.newest >= CSOCK__IDLE) {
        csock__pcap_stop_collecting(p);
        unwant(p);
    }
    csock__unlock(&p->lock);
}

/* The last that it does is to give the lock back. */
static bool goes_on(void)
{
    if (!enter_list())
        return false;
    bool on = first != NULL;
    __atomic_store_n(&runs, on, __ATOMIC_RELEASE);
    csock__give_back(&list_holder);
    return on;
}

static void *look_after_all(void *unused)
{
    (void)unused;
    do {
        csock__sys->nanosleep(&(struct timespec){.tv_nsec = CSOCK__LATE * 1000000l});
        for (struct csock__pcap *p = step_on(NULL); p; p = step_on(p))
            look_after(p);
    } while (goes_on());
    return NULL;
}

static bool has_room(const struct csock__pcap *p)
{
    return p->watched.wanted || n_wanted < CSOCK__BUFFERS;
}

/* With the lock, and so with all signals blocked, as the thread then has them. */
static bool has_thread(void)
{
    pthread_t thread;
    if (runs || csock__sys->thread_start(&thread, look_after_all, NULL) != 0)
        return runs;
    csock__sys->thread_detach(thread);
    __atomic_store_n(&runs, true, __ATOMIC_RELAXED);
    return true;
}

bool csock__watch(struct csock__pcap *p)
{
    sigset_t before;
    if (!lock_list(&before))
        return false;
    bool ok = generation == p->generation && !exits && has_room(p) && has_thread();
    if (ok)
        list_file(p);
    unlock_list(&before);
    return ok;
}

bool csock__flusher_runs(void)
{
    return __atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

/* ---- exit(3), and so the end of a Python program. Other threads may go on, for ever with a lock;
 * from here on nothing is collected. */

__attribute__((destructor)) static void write_at_exit(void)
{
    sigset_t before;
    int64_t until = csock_now() + PATIENCE_AT_EXIT;
    if (!lock_list(&before))
        return;
    exits = true;
    unlock_list(&before);
    for (struct csock__pcap *p = step_on(NULL); p; p = step_on(p))
        if (csock__lock_within(&p->lock, until - csock_now())) {
            csock__pcap_stop_collecting(p);
            csock__unlock(&p->lock);
        }
}

/* The wake-up signal, and who sleeps where. Sits on thread and sys.
 *
 * The `on` of a thread's record is the whole protocol. It has a place for each sleep: a signal
 * handler may wait, too, while its thread is asleep, and leave that wait by siglongjmp(3). Of one
 * place:
 *
 *     0         not asleep
 *     s         asleep on s, or about to sleep
 *     s | 1     asleep on s, and a closer is sending it the signal just now
 *     s | 2     asleep on s since before the fork that made this process, and counted here, too
 *
 *     MANY      the same as s, of a sleep on several sockets: thread.h
 *
 * (Alone, the 2 is left of such a sleep once its closer has given up.) The thread leaves its sleep
 * only from a value without the 1, so it waits out a signal that is being sent; the signal is then
 * pending, and swallowed before the thread's own mask comes back. Thus no late signal reaches code
 * that is not ours.
 *
 * The signal has an empty handler without SA_RESTART: all it does is to end the system call with
 * EINTR. It can arrive before that call has begun; so the closer repeats it until the thread has
 * left. Which signal it is says signal.h. */
#include "sys/sys.h"
#include "call/thread.h"
#include "call/signal.h"
#include "call/users.h"
#include "call/wake.h"

/* How long a look at the thread's signal mask is believed. */
#define LOOK_NS 10000000

static atomic_uint given_up; /* closers that took their socket out of all records */

/* Unblocks sig. If the thread blocks it, and another signal is to be had that it does not, then
 * that one: this may be meant for signalfd(2) or sigwait(3). Returns which. */
static int unblock(struct csock__sleep *sleep, int sig, bool search)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    if (csock__sys->thread_mask(SIG_UNBLOCK, &set, &sleep->mask) != 0)
        return sig;
    sleep->me->looked_sig = sig;
    if (!sigismember(&sleep->mask, sig))
        return sig;
    int other = search ? csock__signal_choose_unblocked(&sleep->mask) : 0;
    sleep->me->looked_sig = other;
    if (other)
        csock__sys->thread_mask(SIG_SETMASK, &sleep->mask, NULL);
    else
        sleep->sig = sig;
    return other ? other : sig;
}

static inline bool sleeps_already(struct csock__thread *me)
{
    uintptr_t on[CSOCK__SLEEPS];
    _Static_assert(CSOCK__SLEEPS == 4, "one by one, as a loop costs as much again");
    on[0] = atomic_load_explicit(&me->on[0], memory_order_relaxed);
    on[1] = atomic_load_explicit(&me->on[1], memory_order_relaxed);
    on[2] = atomic_load_explicit(&me->on[2], memory_order_relaxed);
    on[3] = atomic_load_explicit(&me->on[3], memory_order_relaxed);
    return (on[0] | on[1] | on[2] | on[3]) != 0;
}

/* For one more sleep. Where none is free it is lent. */
static unsigned another_place(struct csock__sleep *sleep)
{
    struct csock__thread *me = sleep->me;
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++)
        if (!atomic_load_explicit(&me->on[i], memory_order_relaxed))
            return i;
    unsigned place = me->lent++ % CSOCK__SLEEPS;
    sleep->lent = true;
    sleep->sig_before = atomic_load_explicit(&me->sig[place], memory_order_relaxed);
    sleep->many_before = atomic_load_explicit(&me->many[place], memory_order_relaxed);
    sleep->given_up = atomic_load(&given_up);
    return place;
}

__attribute__((cold, noinline)) static int look_at_mask(struct csock__sleep *sleep, int sig)
{
    struct csock__thread *me = sleep->me;
    bool search = me->searched == 0 || sleep->now - me->searched >= LOOK_NS;
    if (search) {
        me->searched = sleep->now;
        sig = sig && csock__signal_is_ours(sig) ? sig : csock__signal_choose();
    }
    me->looked = sleep->now;
    return sig ? unblock(sleep, sig, search) : 0;
}

/* Sees to it that a signal reaches this sleep; returns which, or 0. A look at the thread's signal
 * mask takes a system call, for each wait of a thread that waits ten thousand times a second; so
 * one that let the signal through is believed for a while; not in a handler that interrupted a
 * wait, as handlers may mask what they like. Who masks all signals between two waits of less than
 * LOOK_NS is not woken from the second: it ends when close() loses patience. For who hardly ever
 * sleeps an old look holds without a bound, and costs nothing. */
static inline int let_through(struct csock__sleep *sleep, bool nested, bool hardly)
{
    const struct csock__thread *me = sleep->me;
    struct timespec now = {0};
    int sig = csock__signal_current();
    bool looked = sig && sig == me->looked_sig && !nested;
    if (looked && hardly)
        return sig;
    csock__sys->coarse_clock(&now);
    sleep->now = csock__ns(&now);
    return looked && sleep->now - me->looked < LOOK_NS ? sig : look_at_mask(sleep, sig);
}

static inline void set_many(struct csock__thread *me, unsigned place, const uintptr_t *many)
{
    if (many)
        atomic_store(&me->many[place], *many);
}

/* A handler that waited just before may have left something there. */
__attribute__((cold, noinline)) static uintptr_t move_on_to(struct csock__thread *me,
                                                            unsigned place, uintptr_t what)
{
    return csock__move_on(me, place, NULL, what);
}

/* In this place of the record; nested: it is not the thread's only sleep. */
static inline void announce_at(struct csock__sleep *sleep, unsigned place, bool nested,
                               uintptr_t what, const uintptr_t *many, bool hardly)
{
    struct csock__thread *me = sleep->me;
    uintptr_t was = 0;
    sleep->place = place;
    sleep->shown = &me->shown[place];
    int sig = let_through(sleep, nested, hardly);
    /* Before `on`: whoever has read that one reads this one after. */
    atomic_store_explicit(&me->sig[place], sig, memory_order_relaxed);
    set_many(me, place, many);
    /* The store must be seen before the caller looks at csock__closing: a closer marks the socket
     * first and reads the records then, so one of the two sees the other. */
    if (!atomic_compare_exchange_strong(&me->on[place], &was, what))
        was = move_on_to(me, place, what);
    sleep->before = nested && sleep->lent ? was : 0;
    /* A handler that waited before that may have used the same place. */
    atomic_store_explicit(&me->sig[place], sig, memory_order_relaxed);
    set_many(me, place, many);
}

__attribute__((cold, noinline)) static void announce_another(struct csock__sleep *sleep,
                                                             uintptr_t what, const uintptr_t *many,
                                                             bool hardly)
{
    announce_at(sleep, another_place(sleep), true, what, many, hardly);
}

/* Announces a sleep on `what`: an address, or CSOCK__MANY, with csock__many_bit() of each. */
static inline int announce(struct csock__sleep *sleep, uintptr_t what, const uintptr_t *many,
                           bool hardly)
{
    sleep->me = csock__thread();
    if (!sleep->me)
        return -ENOMEM;
    sleep->sig = 0;
    sleep->lent = false;
    if (sleeps_already(sleep->me))
        announce_another(sleep, what, many, hardly);
    else
        announce_at(sleep, 0, false, what, many, hardly);
    return 0;
}

/* inline: into the waits of wait.c, where calling it would cost a fifth of it. */
inline int csock__sleep_begin(struct csock__sleep *sleep, struct csock__call *call, bool hardly)
{
    int r = announce(sleep, (uintptr_t)call->s, NULL, hardly);
    if (r < 0)
        return r;
    csock__note_asleep(call, true);
    if (csock__is_in_child(call))
        csock__settle_in_child(call, atomic_load(&sleep->me->on[sleep->place]));
    return 0;
}

int csock__sleep_begin_many(struct csock__sleep *sleep, uintptr_t many)
{
    return announce(sleep, CSOCK__MANY, &many, false);
}

/* Not in a child, where it was not counted; nor once a closer has given up, as the socket may have
 * been his. */
static void put_back(const struct csock__sleep *sleep, uint32_t generation)
{
    uintptr_t none = 0, before = sleep->before;
    _Atomic(uintptr_t) *on = &sleep->me->on[sleep->place];
    if (generation != csock__generation() || sleep->given_up != atomic_load(&given_up) ||
        !atomic_compare_exchange_strong(on, &none, before))
        return;
    atomic_store_explicit(&sleep->me->sig[sleep->place], sleep->sig_before, memory_order_relaxed);
    atomic_store(&sleep->me->many[sleep->place], sleep->many_before);
    if (sleep->given_up != atomic_load(&given_up)) /* he may have looked here before */
        csock__move_on(sleep->me, sleep->place, (const struct csock *)before, 0);
}

/* While a signal is being sent, or where a closer has been here, or in a child, or at a lent place.
 * The record is another thread's where this one was forked by _Fork(3) meanwhile, and is not the
 * first to notice. Returns what the place said. */
__attribute__((cold, noinline)) static uintptr_t end_sleep(const struct csock__sleep *sleep,
                                                           uintptr_t what, uint32_t generation)
{
    bool mine = csock__me() == sleep->me;
    uintptr_t on =
        mine ? csock__move_on(sleep->me, sleep->place, (const struct csock *)what, 0) : 0;
    if (mine)
        csock__show_nothing(sleep->shown);
    if (mine && sleep->before)
        put_back(sleep, generation);
    return on;
}

__attribute__((cold, noinline)) static void end_call_sleep(struct csock__sleep *sleep,
                                                           struct csock__call *call)
{
    uintptr_t on = end_sleep(sleep, (uintptr_t)call->s, call->generation);
    if (csock__is_in_child(call))
        csock__settle_in_child(call, on);
}

/* What comes after: a signal that was sent is handled on the way out of any system call. */
static inline void let_signal_in(const struct csock__sleep *sleep, bool sent)
{
    if (sent)
        csock__sys->yield();
    if (sleep->sig)
        csock__sys->thread_mask(SIG_SETMASK, &sleep->mask, NULL);
}

void csock__sleep_end(struct csock__sleep *sleep, struct csock__call *call)
{
    uintptr_t on = (uintptr_t)call->s;
    csock__note_asleep(call, false);
    if (csock__is_in_child(call) || sleep->before ||
        !atomic_compare_exchange_strong(&sleep->me->on[sleep->place], &on, 0))
        end_call_sleep(sleep, call);
    else
        csock__show_nothing(sleep->shown);
    let_signal_in(sleep, csock__closing(call->s));
}

/* Closers of other sockets may have signalled, too, whom the filter did not tell apart. */
void csock__sleep_end_many(struct csock__sleep *sleep, uint32_t generation)
{
    uintptr_t on = CSOCK__MANY;
    if (sleep->before || generation != csock__known_generation() ||
        !atomic_compare_exchange_strong(&sleep->me->on[sleep->place], &on, 0))
        end_sleep(sleep, CSOCK__MANY, generation);
    else
        csock__show_nothing(sleep->shown);
    let_signal_in(sleep, true);
}

/* Signals one thread if it sleeps on *s: by the signal that it waits for, or if the program has
 * taken that meanwhile, whose handler must not run, by the newest. False if it could not be
 * sent. */
static bool wake_at(struct csock__thread *t, unsigned place, const struct csock *s, int newest)
{
    uintptr_t asleep = atomic_load(&t->on[place]);
    if ((asleep & CSOCK__BEING_SIGNALLED) || !csock__means(t, place, asleep, s) ||
        !atomic_compare_exchange_strong(&t->on[place], &asleep, asleep | CSOCK__BEING_SIGNALLED))
        return true;
    int sig = atomic_load_explicit(&t->sig[place], memory_order_relaxed);
    if (sig != newest && (sig == 0 || !csock__signal_is_ours(sig)))
        sig = newest;
    bool sent = sig && csock__sys->tgkill(atomic_load(&t->tid), sig) == 0;
    atomic_store(&t->on[place], asleep);
    return sent;
}

/* One that does not sleep on *s after all goes on sleeping: it must not take the place of those
 * that are to be woken. */
static bool wake_one(struct csock__thread *t, const struct csock *s, int newest, unsigned *most)
{
    bool sent = true, on_it = false;
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++) {
        on_it = on_it || (atomic_load(&t->on[i]) & ~CSOCK__MARKS) == (uintptr_t)s;
        sent = wake_at(t, i, s, newest) && sent;
    }
    *most -= on_it;
    return sent;
}

/* No handler of this thread runs meanwhile: one that took long, or left for good, would keep the
 * thread that is being signalled where it is. */
bool csock__wake(const struct csock *s, unsigned most)
{
    bool sent = true;
    sigset_t all, before;
    if (!csock__someone_sleeps(s))
        return true;
    int sig = csock__signal_current();
    if (sig && !csock__signal_is_ours(sig))
        sig = csock__signal_choose();
    sigfillset(&all);
    bool blocked = csock__sys->thread_mask(SIG_SETMASK, &all, &before) == 0;
    for (struct csock__thread *t = csock__threads(); t && most > 0; t = t->next)
        if (csock__other_sleeps_on(t, s))
            sent = wake_one(t, s, sig, &most) && sent;
    if (blocked)
        csock__sys->thread_mask(SIG_SETMASK, &before, NULL);
    return sent;
}

/* A call that was counted in this process by its record has to find that there still. */
static void forget_sleeper(struct csock__thread *t, const struct csock *s)
{
    for (unsigned i = 0; i < CSOCK__SLEEPS; i++) {
        uintptr_t asleep = atomic_load(&t->on[i]);
        if ((asleep & ~CSOCK__MARKS) == (uintptr_t)s)
            atomic_compare_exchange_strong(&t->on[i], &asleep, asleep & CSOCK__RECOUNTED);
    }
}

void csock__forget_sleepers(const struct csock *s)
{
    atomic_fetch_add(&given_up, 1);
    for (struct csock__thread *t = csock__threads(); t; t = t->next)
        forget_sleeper(t, s);
}

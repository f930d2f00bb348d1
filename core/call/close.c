/* Closing a socket under those who are inside. Sits on users, wake and sys. */
#include <limits.h>

#include "sys/sys.h"
#include "call/thread.h"
#include "call/users.h"
#include "call/wake.h"

#define PATIENCE_NS 1000000000 /* grace period: how long close() waits for others */
#define BRIEF_NS 5000000       /* the same, where all of them may be this very thread's calls */
#define YIELDS 20              /* looks at who has left, before it naps */
/* Threads woken at a time: a thousand at once would fight for their caller's lock. */
#define BATCH 16
/* Who was signalled for so long and sleeps on is taken to have masked the signal; for less, it may
 * just not have had a processor. */
#define SURE_NS 100000000
#define FIRST_NAP_NS 20000
#define LONGEST_NAP_NS 1000000

/* Lets the woken leave. Mostly they need no more than a processor, so it naps only if that did
 * not do. */
static void let_them_leave(const struct csock *s, uint32_t until, int64_t nap)
{
    for (int i = 0; i < YIELDS; i++) {
        csock__sys->yield();
        if (csock__present(s) <= until)
            return;
    }
    csock__sys->nanosleep(&(struct timespec){.tv_nsec = (long)nap});
}

/* Whether all who sleep on s are closers themselves (in signal handlers), of sockets that this
 * thread is inside of: each would wait for the other. */
static bool they_wait_for_us(const struct csock *s)
{
    uint32_t counted, listed = 0;
    for (const struct csock__thread *t = csock__threads(); t; t = t->next) {
        if (!csock__other_sleeps_on(t, s))
            continue;
        uintptr_t closing = atomic_load(&t->closing);
        listed = 0;
        if (closing)
            csock__own_calls((const struct csock *)closing, &counted, &listed);
        if (listed == 0)
            return false;
    }
    return listed > 0;
}

/* Wakes the other threads inside s again and again until they have left, or until patience ends.
 * Calls whose callback runs are not waited for: that may take any time, and may itself be waiting
 * for this very closer. Where the users may all be calls of this thread, patience is short. The
 * clock is only read if there is somebody to wait for. False if somebody sleeps whom no signal
 * reaches, and who fell asleep in this process. */
static bool drain_patiently(struct csock *s, int64_t patience)
{
    uint32_t counted, listed, present;
    int64_t nap = FIRST_NAP_NS, start = 0;
    bool others = false; /* for sure: the list has calls that were left */
    csock__own_calls(s, &counted, &listed);
    while ((present = csock__present(s)) > counted ||
           (present > 0 && (others = others || csock__someone_sleeps(s)))) {
        bool brief = (present <= listed && !others) || they_wait_for_us(s);
        int64_t limit = brief && patience > BRIEF_NS ? BRIEF_NS : patience;
        bool enough = start && csock_now() - start >= limit;
        bool sent = csock__wake(s, enough ? UINT_MAX : BATCH);
        let_them_leave(s, counted, nap);
        if (enough)
            return (sent && limit < SURE_NS) || !csock__someone_fell_asleep(s);
        if (!start)
            start = csock_now();
        nap = nap < LONGEST_NAP_NS / 2 ? nap * 2 : LONGEST_NAP_NS;
    }
    return true;
}

static bool drain(struct csock *s, int64_t patience)
{
    struct csock__thread *me = csock__me();
    if (!me) /* then it is not asleep itself, and nobody waits for it */
        return drain_patiently(s, patience);
    uintptr_t outer = atomic_exchange(&me->closing, (uintptr_t)s);
    bool reached = drain_patiently(s, patience);
    atomic_store(&me->closing, outer);
    return reached;
}

/* What is left to do for calls that did not leave. One of them may be under this signal handler,
 * just about to enter the kernel (or to be restarted there, by SA_RESTART), where nobody would
 * wake it: so the number is made to stand for nothing. (Whoever got into the kernel before that
 * is signalled once more.) One that sleeps on, because no signal reaches its thread, ends when
 * the connection does; this is felt by duplicates of the descriptor, too, and so is the last
 * resort (and none in a child for calls that began in its parent, who may be using it); as it is
 * for this thread's own, where there is no descriptor to spare for the placeholder. */
static void cut_off(struct csock *s, bool reached)
{
    uint32_t counted, listed;
    if (!reached)
        csock__sys->shutdown(csock__fd(s), SHUT_RDWR);
    csock__own_calls(s, &counted, &listed);
    if (csock__sys->put_placeholder(csock__fd(s)) < 0 && reached && listed > 0)
        csock__sys->shutdown(csock__fd(s), SHUT_RDWR);
    csock__wake(s, UINT_MAX);
}

/* What knows of s as one to be woken or counted, and may belong to a call that was left for
 * good. */
static void forget(const struct csock *s)
{
    csock__forget_own_calls(s);
    csock__forget_sleepers(s);
}

/* Calls that were left for good stay behind, and the old place may become anything. */
static void leave_place(const struct csock *from)
{
    if (__builtin_expect(csock__users(from) > 0, 0))
        forget(from);
}

void csock_move(struct csock *from, struct csock *ret_to)
{
    csock__move(from, ret_to);
    leave_place(from);
}

void csock_renew(struct csock *from, struct csock *to)
{
    csock__renew(from, to);
    leave_place(from);
}

/* Cut off before the descriptor is left to the last user, as the number may be another's after. */
static int close_in_use(struct csock *s, int64_t patience)
{
    bool reached = drain(s, patience);
    if (csock__users(s) > 0) {
        cut_off(s, reached);
        forget(s);
    }
    return csock__abandon(s) ? 1 : csock__let_go(s);
}

/* errno is kept: a signal handler that closes must not change it under the code it interrupted. */
int csock_close_within(struct csock *s, int64_t ns)
{
    int before = errno, users = csock__begin_close(s);
    if (users < 0)
        return users;
    int r = users > 0 ? close_in_use(s, ns) : csock__let_go(s);
    errno = before;
    return r;
}

int csock_close(struct csock *s)
{
    return csock_close_within(s, PATIENCE_NS);
}

int csock_detach(struct csock *s)
{
    int users = csock__begin_close(s);
    if (users < 0)
        return users;
    if (users > 0) {
        drain(s, PATIENCE_NS);
        if (csock__users(s) > 0)
            forget(s);
    }
    return csock__take_fd(s);
}

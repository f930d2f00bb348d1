/* The locks: see lock.h. Sit on futex(2) by the table. */
#include "sys/lock.h"
#include "csock/time.h"
#include "sys/sys.h"

#define LONG_NS INT64_C(3600000000000) /* then it looks again */

static bool try_lock(struct csock__lock *lock)
{
    uint32_t was = 0;
    return __atomic_compare_exchange_n(&lock->word, &was, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool get_after_a_wait(struct csock__lock *lock, int64_t until)
{
    struct timespec moment = {.tv_sec = (time_t)(until / 1000000000),
                              .tv_nsec = (long)(until % 1000000000)};
    if (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) == 0)
        return true;
    csock__sys->futex_wait(&lock->word, 2, &moment);
    return false;
}

void csock__lock(struct csock__lock *lock)
{
    if (try_lock(lock))
        return;
    while (!get_after_a_wait(lock, csock_now() + LONG_NS)) {
    }
}

bool csock__lock_within(struct csock__lock *lock, int64_t ns)
{
    if (try_lock(lock))
        return true;
    int64_t now = csock_now(), until = now + ns;
    for (; now < until; now = csock_now())
        if (get_after_a_wait(lock, until))
            return true;
    return false;
}

void csock__unlock(struct csock__lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        csock__sys->futex_wake(&lock->word, 1);
}

void csock__block_signals(sigset_t *ret_before)
{
    sigset_t all;
    sigfillset(&all);
    sigemptyset(ret_before);
    csock__sys->thread_mask(SIG_SETMASK, &all, ret_before);
}

void csock__take(uint32_t *holder, uint32_t generation)
{
    for (unsigned times = 0;; csock__give_way(times++)) {
        uint32_t was = __atomic_load_n(holder, __ATOMIC_RELAXED);
        if (was != generation && __atomic_compare_exchange_n(holder, &was, generation, false,
                                                             __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return;
    }
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

/* The lock: see lock.h. Sits on futex(2) by the table. */
#include "sys/lock.h"
#include "sys/sys.h"

#include <stdbool.h>

#define LONG_NS INT64_C(3600000000000) /* then it looks again */

static void await_lock(struct csock__lock *lock)
{
    struct timespec until = {0};
    csock__sys->clock(&until);
    until.tv_sec += LONG_NS / 1000000000;
    csock__sys->futex_wait(&lock->word, 2, &until);
}

void csock__lock(struct csock__lock *lock)
{
    uint32_t was = 0;
    if (__atomic_compare_exchange_n(&lock->word, &was, 1, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
        await_lock(lock);
}

void csock__unlock(struct csock__lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        csock__sys->futex_wake(&lock->word, 1);
}

/* The lock: a word that is taken by compare-and-swap, and a gate for those who wait. Sits on the
 * interpreter's locks and on csock_forks. Must not know what it is for.
 *
 * Whoever gives it back may take it again before the one whom he has let in is awake and has the
 * GIL: that saves two switches of threads each time. But a thread that does nothing else would keep
 * the others out for good. So who was let in and finds the lock taken leaves word that he is
 * hungry, and then the thread that had it last gives way until another has had it. */
#include "shared/lock.h"
#include "shared/atomic.h"
#include "shared/deadline.h"
#include "shared/interp.h"

#include "csock.h"

/* A thread is known by the address of a variable of its own, which takes fewer instructions than to
 * ask for its number. In user space that has 47 bits, or 52: above it stands which process's thread
 * it is. */
#define FORKS_SHIFT 52
/* How long who gives way stands aside, and how often at most: whoever is hungry has to be given a
 * core, and the GIL; or may have given up. */
#define ASIDE_NS 100000
#define PATIENCE 100

static uint64_t me(void)
{
    return ((uint64_t)csock_forks() << FORKS_SHIFT) ^ (uintptr_t)&ext_innermost;
}

static uint64_t owner_of(const struct ext_lock *lock)
{
    return __atomic_load_n(&lock->owner, __ATOMIC_SEQ_CST);
}

static void set_owner(struct ext_lock *lock, uint64_t owner)
{
    __atomic_store_n(&lock->owner, owner, __ATOMIC_SEQ_CST);
}

/* The forking thread may go on with what it holds; it takes the lock anew then, and what it gives
 * back of before is nothing. Who waited in the parent is counted still, and does not exist: that
 * opens the gate once too often, which does no harm. */
static bool is_of_parent(uint64_t owner)
{
    return (owner ^ me()) >> FORKS_SHIFT != 0;
}

/* Of another thread, which will never give it back: at the interpreter's end none comes back from
 * where it waits. */
static bool is_left_behind(uint64_t owner)
{
    return is_of_parent(owner) || interp_is_finalizing();
}

static bool change_owner(struct ext_lock *lock, uint64_t *was, uint64_t owner)
{
    return __atomic_compare_exchange_n(&lock->owner, was, owner, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* It is free, but somebody hungry is to have it before this thread. Should he have given up, and
 * let nobody else in, the next one is let in. */
static bool has_to_give_way(struct ext_lock *lock)
{
    if (!EXT_GET(lock->hungry) || owner_of(lock) != 0 || EXT_GET(lock->last) != me() ||
        __atomic_load_n(&lock->waiting, __ATOMIC_SEQ_CST) == 0)
        return false;
    ext_lock_wake(lock);
    return true;
}

bool ext_lock_is_mine(const struct ext_lock *lock)
{
    return owner_of(lock) == me();
}

bool ext_lock_is_others(const struct ext_lock *lock)
{
    uint64_t owner = owner_of(lock);
    return owner != 0 && owner != me() && !is_left_behind(owner);
}

bool ext_lock_try(struct ext_lock *lock)
{
    uint64_t was = 0, self = me();
    if (EXT_GET(lock->hungry) && has_to_give_way(lock))
        return false;
    while (!change_owner(lock, &was, self)) {
        if (was == self) {
            lock->depth++;
            return true;
        }
        if (was && !is_left_behind(was))
            return false;
    }
    lock->depth = 1;
    if (EXT_GET(lock->hungry))
        EXT_SET(lock->hungry, 0);
    return true;
}

void ext_lock_wake(struct ext_lock *lock)
{
    if (__atomic_load_n(&lock->waiting, __ATOMIC_SEQ_CST) > 0 &&
        !__atomic_exchange_n(&lock->posted, true, __ATOMIC_SEQ_CST))
        PyThread_release_lock(lock->gate);
}

/* Not if it is that of a child in which it was given back already. Who comes to wait counts himself
 * first and looks for the owner then, as it is the other way round here: one sees the other. */
void ext_lock_release(struct ext_lock *lock)
{
    uint64_t self = me();
    if (owner_of(lock) != self || --lock->depth > 0)
        return;
    EXT_SET(lock->last, self);
    set_owner(lock, 0);
    ext_lock_wake(lock);
}

/* Shut: whoever gets in has been let in by somebody. 0 or -1 */
static int make_shut(PyThread_type_lock *ret)
{
    PyThread_type_lock none = NULL, made;
    if (__atomic_load_n(ret, __ATOMIC_SEQ_CST))
        return 0;
    if (!(made = PyThread_allocate_lock())) {
        PyErr_NoMemory();
        return -1;
    }
    PyThread_acquire_lock(made, WAIT_LOCK);
    if (!__atomic_compare_exchange_n(ret, &none, made, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        PyThread_free_lock(made);
    return 0;
}

/* Without the GIL. Whether it got in. */
static bool wait_at(PyThread_type_lock gate, int64_t ns)
{
    PyLockStatus got;
    Py_BEGIN_ALLOW_THREADS
    got = PyThread_acquire_lock_timed(gate, (ns + 999) / 1000, 1);
    Py_END_ALLOW_THREADS
    return got == PY_LOCK_ACQUIRED;
}

/* Not at the gate, which is open. */
static bool give_way(struct ext_lock *lock)
{
    if (make_shut(&lock->aside) < 0)
        return false;
    wait_at(lock->aside, ASIDE_NS);
    unsigned more = EXT_GET(lock->hungry);
    if (more > 0)
        EXT_SET(lock->hungry, more - 1);
    return true;
}

bool ext_lock_wait(struct ext_lock *lock, int64_t ns)
{
    bool entered = false;
    if (has_to_give_way(lock))
        return give_way(lock);
    if (make_shut(&lock->gate) < 0)
        return false;
    __atomic_add_fetch(&lock->waiting, 1, __ATOMIC_SEQ_CST);
    if (owner_of(lock) != 0)
        entered = wait_at(lock->gate, ns);
    if (entered)
        __atomic_store_n(&lock->posted, false, __ATOMIC_SEQ_CST);
    if (entered && owner_of(lock) != 0)
        EXT_SET(lock->hungry, PATIENCE);
    __atomic_sub_fetch(&lock->waiting, 1, __ATOMIC_SEQ_CST);
    return true;
}

static void free_one(PyThread_type_lock *lock)
{
    if (*lock)
        PyThread_free_lock(*lock);
    *lock = NULL;
}

void ext_lock_free(struct ext_lock *lock)
{
    free_one(&lock->gate);
    free_one(&lock->aside);
}

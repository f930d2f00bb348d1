/* The lock: a word that is taken by compare-and-swap, and a gate for those who wait. Sits on the
 * interpreter's locks and on csock_forks. Must not know what it is for. */
#include "shared/lock.h"

#include "csock.h"

/* An address in user space has 47 bits, or 52: above it stands which process's thread it is. */
#define FORKS_SHIFT 52

static uint64_t me(void)
{
    return ((uint64_t)csock_forks() << FORKS_SHIFT) ^ PyThread_get_thread_ident();
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
 * back of before is nothing. */
static bool is_of_parent(uint64_t owner)
{
    return owner != 0 && (owner ^ me()) >> FORKS_SHIFT != 0;
}

/* Threads that have waited in the parent do not exist here. */
static void forget_parent(struct ext_lock *lock)
{
    ext_lock_free(lock);
    __atomic_store_n(&lock->waiting, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&lock->posted, false, __ATOMIC_SEQ_CST);
    lock->depth = 0;
    set_owner(lock, 0);
}

bool ext_lock_is_mine(const struct ext_lock *lock)
{
    return owner_of(lock) == me();
}

bool ext_lock_is_others(const struct ext_lock *lock)
{
    uint64_t owner = owner_of(lock);
    return owner != 0 && owner != me() && !is_of_parent(owner);
}

bool ext_lock_try(struct ext_lock *lock)
{
    uint64_t was = 0, self = me();
    if (__atomic_compare_exchange_n(&lock->owner, &was, self, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST) ||
        was == self) {
        lock->depth++;
        return true;
    }
    if (!is_of_parent(was))
        return false;
    forget_parent(lock);
    return ext_lock_try(lock);
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
    if (owner_of(lock) != me() || --lock->depth > 0)
        return;
    set_owner(lock, 0);
    ext_lock_wake(lock);
}

/* Shut: whoever gets in has been let in by somebody. 0 or -1 */
static int make_gate(struct ext_lock *lock)
{
    PyThread_type_lock none = NULL, gate = PyThread_allocate_lock();
    if (!gate) {
        PyErr_NoMemory();
        return -1;
    }
    PyThread_acquire_lock(gate, WAIT_LOCK);
    if (!__atomic_compare_exchange_n(&lock->gate, &none, gate, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        PyThread_free_lock(gate);
    return 0;
}

bool ext_lock_wait(struct ext_lock *lock, int64_t ns)
{
    PyLockStatus got = PY_LOCK_FAILURE;
    if (!__atomic_load_n(&lock->gate, __ATOMIC_SEQ_CST) && make_gate(lock) < 0)
        return false;
    __atomic_add_fetch(&lock->waiting, 1, __ATOMIC_SEQ_CST);
    if (owner_of(lock) != 0) {
        Py_BEGIN_ALLOW_THREADS
        got = PyThread_acquire_lock_timed(lock->gate, (ns + 999) / 1000, 1);
        Py_END_ALLOW_THREADS
    }
    if (got == PY_LOCK_ACQUIRED)
        __atomic_store_n(&lock->posted, false, __ATOMIC_SEQ_CST);
    __atomic_sub_fetch(&lock->waiting, 1, __ATOMIC_SEQ_CST);
    return true;
}

void ext_lock_free(struct ext_lock *lock)
{
    if (lock->gate)
        PyThread_free_lock(lock->gate);
    lock->gate = NULL;
}

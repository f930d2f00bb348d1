/* The chain of deadlines that a thread is in. Sits on the core's clock and on pthread_key_create.
 * Must not know objects, and works without an interpreter. */
#include "shared/deadline.h"

#include <pthread.h>

_Thread_local struct ext_block *ext_innermost;

static bool is_left(const struct ext_block *block)
{
    return __atomic_load_n(&block->left, __ATOMIC_ACQUIRE);
}

static void let_go_of(struct ext_block *block)
{
    if (__atomic_sub_fetch(&block->holders, 1, __ATOMIC_ACQ_REL) == 0)
        PyMem_RawFree(block);
}

/* Takes out what *at is, in this thread's chain. */
static void unlink_block(struct ext_block **at)
{
    struct ext_block *block = *at;
    *at = block->outer;
    __atomic_store_n(&block->left, true, __ATOMIC_RELEASE);
    let_go_of(block);
}

/* Those that other threads have left, or whose objects are gone. */
static void take_out_left(void)
{
    struct ext_block **at = &ext_innermost;
    while (*at)
        if (is_left(*at))
            unlink_block(at);
        else
            at = &(*at)->outer;
}

/* ---- the end of a thread that is in a block */

static pthread_key_t ending_key;
static pthread_once_t ending_once = PTHREAD_ONCE_INIT;
static bool ending_is_told;

static void leave_all(void *unused)
{
    (void)unused;
    while (ext_innermost)
        unlink_block(&ext_innermost);
}

static void ending_init(void)
{
    ending_is_told = pthread_key_create(&ending_key, leave_all) == 0;
}

/* Any value but NULL has leave_all called. */
static bool tell_of_ending(void)
{
    pthread_once(&ending_once, ending_init);
    return ending_is_told &&
           (pthread_getspecific(ending_key) || pthread_setspecific(ending_key, &ending_key) == 0);
}

/* ---- entering and leaving */

struct ext_block *ext_block_enter(struct ext_moment own, bool shields)
{
    struct ext_block *block = tell_of_ending() ? PyMem_RawMalloc(sizeof *block) : NULL;
    if (!block)
        return NULL;
    take_out_left();
    *block = (struct ext_block){.outer = ext_innermost,
                                .own = own,
                                .shields = shields,
                                .holders = 2,
                                .thread = &ext_innermost};
    ext_innermost = block;
    return block;
}

bool ext_block_is_here(const struct ext_block *block)
{
    return block->thread == &ext_innermost && !is_left(block);
}

enum ext_leaving ext_block_leave(struct ext_block *block)
{
    enum ext_leaving how = EXT_LEFT_ELSEWHERE;
    take_out_left();
    if (ext_block_is_here(block))
        how = block == ext_innermost ? EXT_LEFT_INNERMOST : EXT_LEFT_ANOTHER;
    ext_block_drop(block);
    return how;
}

void ext_block_drop(struct ext_block *block)
{
    bool here = ext_block_is_here(block);
    __atomic_store_n(&block->left, true, __ATOMIC_RELEASE);
    if (here)
        take_out_left();
    let_go_of(block);
}

/* ---- what bounds */

struct ext_moment ext_block_bound(const struct ext_block *block)
{
    struct ext_moment bound = {CSOCK_FOREVER, 0};
    bool shielded = false;
    for (; block && !shielded; block = block->outer) {
        if (is_left(block))
            continue;
        if (block->own.at != CSOCK_FOREVER &&
            (bound.at == CSOCK_FOREVER || block->own.at < bound.at))
            bound = block->own;
        shielded = block->shields;
    }
    return bound;
}

struct ext_moment ext_deadline_now(void)
{
    take_out_left();
    return ext_block_bound(ext_innermost);
}

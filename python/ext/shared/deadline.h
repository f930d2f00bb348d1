/* The deadlines of a thread: what `with csock.deadline(…)` leaves where calls that wait find it.
 *
 * Each thread has a chain of the blocks that it is in, the innermost first. The sooner of their
 * moments bounds its calls; one that shields hides those outside it. The chain is of C data alone
 * and refers to no object: a thread may go through several interpreters, and is bounded in all of
 * them; and it is freed when the thread ends, where there may be no interpreter any more. Only its
 * own thread changes a chain. Another one that leaves a block marks it, and it is taken out when
 * its thread next looks. A child of fork(2) keeps the chain of the thread that it goes on with.
 *
 * The objects, and what they raise, are in deadline_type.c; calls on sockets in object/wait.c. */
#ifndef CSOCK_EXT_SHARED_DEADLINE_H
#define CSOCK_EXT_SHARED_DEADLINE_H

#include "shared/python.h"

#include "csock.h"

/* A moment as the core has it, CSOCK_FOREVER for none; and the time that there was until then from
 * the start, in ns, for a message. */
struct ext_moment {
    int64_t at;
    int64_t given;
};

/* A block that a thread is in. */
struct ext_block {
    struct ext_block *outer;
    struct ext_moment own;
    bool shields;
    bool left;          /* taken out, or to be taken out; atomic */
    int holders;        /* its chain and its object; atomic */
    const void *thread; /* whose chain it is in */
};

/* The innermost block of this thread, or NULL: all that a call looks at outside of a deadline.
 * initial-exec saves a call per access; musl cannot load such objects by dlopen(3). */
#ifdef __GLIBC__
extern __attribute__((tls_model("initial-exec"))) _Thread_local struct ext_block *ext_innermost;
#else
extern _Thread_local struct ext_block *ext_innermost;
#endif

/* Enters a block. It belongs to its chain and to the caller, who lets go of it by ext_block_leave
 * or ext_block_drop. NULL: no memory. */
struct ext_block *ext_block_enter(struct ext_moment own, bool shields);

enum ext_leaving { EXT_LEFT_INNERMOST, EXT_LEFT_ANOTHER, EXT_LEFT_ELSEWHERE };
/* Leaves it, wherever it stands: it was the innermost, or another one, or one of another thread.
 * The caller's hold on it ends. */
enum ext_leaving ext_block_leave(struct ext_block *block);
/* For an object that dies while its block is entered. */
void ext_block_drop(struct ext_block *block);

/* Whether it is in this thread's chain, and nobody has left it. */
bool ext_block_is_here(const struct ext_block *block);
/* What bounds calls inside of that block; NULL: of none. For this thread's. */
struct ext_moment ext_block_bound(const struct ext_block *block);
/* What bounds this thread's calls now. */
struct ext_moment ext_deadline_now(void);

static inline bool ext_moment_is_over(struct ext_moment m)
{
    return m.at != CSOCK_FOREVER && csock_now() >= m.at;
}

#endif

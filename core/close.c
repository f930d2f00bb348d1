/* Counting the calls inside a socket, and closing it under them. Sits on wake and sys.
 *
 * `state` is one word, changed by compare-and-swap, and by the subtraction of a user who leaves:
 *
 *     bits 63..40  fork generation in which the users were counted
 *     bit  33      ABANDONED: the closer stopped waiting; the last user closes the descriptor
 *     bit  32      CLOSING: nobody enters any more
 *     bits 31..0   users: calls inside
 *
 * In the child after fork() the users of the parent's other threads do not exist: a word of an
 * older generation counts as "open, no users". */
#include <limits.h>

#include "close.h"
#include "sys.h"
#include "wake.h"

#define USERS ((uint64_t)0xffffffff)
#define CLOSING ((uint64_t)1 << 32)
#define ABANDONED ((uint64_t)1 << 33)
#define GENERATION_SHIFT 40
#define GENERATION_MASK 0xffffffu

#define PATIENCE_NS 1000000000 /* how long close() waits for others */
#define BRIEF_NS 5000000       /* the same, where all of them may be this very thread's calls */
#define YIELDS 20              /* looks at who has left, before it naps */
/* Threads woken at a time: a thousand at once would fight for their caller's lock. */
#define BATCH 16
#define FIRST_NAP_NS 20000
#define LONGEST_NAP_NS 1000000

/* initial-exec saves a call per access; musl cannot load such objects by dlopen(3). */
#ifdef __GLIBC__
__attribute__((tls_model("initial-exec")))
#endif
static _Thread_local struct csock__call *innermost;

static uint64_t fresh_state(void)
{
    return (uint64_t)(csock__generation() & GENERATION_MASK) << GENERATION_SHIFT;
}

/* The word as this process has to read it. */
static uint64_t current(uint64_t state)
{
    uint64_t fresh = fresh_state();
    return (state >> GENERATION_SHIFT) == (fresh >> GENERATION_SHIFT) ? state : fresh;
}

static uint64_t load(const struct csock *s)
{
    return __atomic_load_n(&s->state, __ATOMIC_SEQ_CST);
}

static bool swap(struct csock *s, uint64_t *was, uint64_t to)
{
    return __atomic_compare_exchange_n(&s->state, was, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

void csock__birth(struct csock *s, int fd, int family, int type, int proto, unsigned flags)
{
    *s = (struct csock){.fd = fd,
                        .family = family,
                        .type = type,
                        .proto = proto,
                        .flags = flags,
                        .state = fresh_state()};
}

bool csock__closing(const struct csock *s)
{
    return (current(load(s)) & CLOSING) != 0;
}

int csock_fd(const struct csock *s)
{
    return csock__closing(s) ? -1 : csock__fd(s);
}

static uint64_t users_of(const struct csock *s)
{
    return current(load(s)) & USERS;
}

/* Taking the descriptor out is the last thing that a closer does to *s, or the last user of an
 * abandoned socket. */
bool csock_idle(const struct csock *s)
{
    return users_of(s) == 0 && csock__fd(s) < 0;
}

/* Whoever comes meanwhile finds it closing, until all members are there. */
void csock_renew(struct csock *from, struct csock *to)
{
    __atomic_store_n(&to->state, fresh_state() | CLOSING, __ATOMIC_SEQ_CST);
    to->family = from->family;
    to->type = from->type;
    to->proto = from->proto;
    __atomic_store_n(&to->flags, csock__flags(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->fd, csock__fd(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->state, fresh_state(), __ATOMIC_SEQ_CST);
    *from = (struct csock)CSOCK_INIT;
}

int csock__enter(struct csock__call *call, struct csock *s)
{
    uint64_t was = load(s), now;
    *call = (struct csock__call){.s = s, .outer = innermost, .generation = csock__generation()};
    /* Listed before it is counted: a signal handler that closes the socket has to find itself. */
    innermost = call;
    do {
        now = current(was);
        if ((now & CLOSING) || csock__fd(s) < 0) {
            innermost = call->outer;
            return -EBADF;
        }
    } while (!swap(s, &was, now + 1));
    call->inside = true;
    return 0;
}

/* Takes the descriptor out; whoever gets it, closes it. */
static int take_fd(struct csock *s)
{
    return __atomic_exchange_n(&s->fd, -1, __ATOMIC_SEQ_CST);
}

/* EINTR does not mean that it is still open: close(2), "Dealing with error returns". */
static int close_fd(int fd)
{
    if (fd < 0 || csock__sys->close(fd) == 0 || errno == EINTR)
        return 0;
    return -errno;
}

void csock__leave(struct csock__call *call)
{
    struct csock *s = call->s;
    /* A child of fork() that goes on with its parent's call never counted it. Else the word is of
     * this generation since the call entered, and takes a plain subtraction. */
    bool counted = call->generation == csock__generation();
    call->inside = false;
    uint64_t now = counted ? __atomic_sub_fetch(&s->state, 1, __ATOMIC_SEQ_CST) : 0;
    innermost = call->outer;
    /* Once the count is 0 and no ABANDONED, the closer may free *s: do not touch it again. */
    if ((now & ABANDONED) && (now & USERS) == 0)
        close_fd(take_fd(s));
}

/* Calls on s that this very thread is inside of: those under its signal handler or callback. A
 * call that the handler caught on its way in or out is listed, and may be counted or not. */
static void own_calls(const struct csock *s, uint64_t *ret_counted, uint64_t *ret_listed)
{
    *ret_counted = *ret_listed = 0;
    for (const struct csock__call *c = innermost; c; c = c->outer)
        if (c->s == s && c->generation == csock__generation()) {
            *ret_counted += c->inside;
            ++*ret_listed;
        }
}

/* Marks s as closing. False if it was, or is closed. */
static bool begin_close(struct csock *s)
{
    uint64_t was = load(s);
    do
        if ((current(was) & CLOSING) || csock__fd(s) < 0)
            return false;
    while (!swap(s, &was, current(was) | CLOSING));
    return true;
}

/* Lets the woken leave. Mostly they need no more than a processor, so it naps only if that did
 * not do. */
static void give_way(const struct csock *s, uint64_t until, int64_t nap)
{
    for (int i = 0; i < YIELDS; i++) {
        csock__sys->yield();
        if (users_of(s) <= until)
            return;
    }
    csock__sys->nanosleep(&(struct timespec){.tv_nsec = nap});
}

/* Wakes the other threads inside s again and again until they have left, or until patience ends.
 * Where the users may all be calls of this thread, patience is short. The clock is only read if
 * there is somebody to wait for. False if some could not be woken. */
static bool drain(struct csock *s, int64_t patience)
{
    bool reached = true;
    uint64_t counted, listed, users;
    int64_t nap = FIRST_NAP_NS, start = 0;
    own_calls(s, &counted, &listed);
    while ((users = users_of(s)) > counted) {
        reached = csock__wake(s, BATCH);
        int64_t limit = users <= listed && patience > BRIEF_NS ? BRIEF_NS : patience;
        if (!start)
            start = csock_now();
        else if (csock_now() - start >= limit)
            return csock__wake(s, UINT_MAX);
        give_way(s, counted, nap);
        nap = nap < LONGEST_NAP_NS / 2 ? nap * 2 : LONGEST_NAP_NS;
    }
    return reached;
}

/* What is left to do for calls that did not leave. One of them may be under this signal handler,
 * just about to enter the kernel (or to be restarted there, by SA_RESTART), where nobody would wake
 * it: so the number is made to stand for nothing. One that sleeps on, because no signal could be
 * sent to its thread, ends when the connection does; this is felt by duplicates of the descriptor,
 * too, and so is the last resort. */
static void cut_off(struct csock *s, bool reached)
{
    if (!reached)
        csock__sys->shutdown(csock__fd(s), SHUT_RDWR);
    csock__sys->deaden(csock__fd(s));
}

/* Leaves the closing of the descriptor to the last user, if there is one. Cut off before ABANDONED
 * is set, as the number may be another's after. */
static bool abandon(struct csock *s, bool reached)
{
    uint64_t was = load(s), now;
    if (current(was) & USERS)
        cut_off(s, reached);
    do {
        now = current(was);
        if ((now & USERS) == 0)
            return false;
    } while (!swap(s, &was, now | ABANDONED));
    return true;
}

/* errno is kept: a signal handler that closes must not change it under the code it interrupted. */
int csock_close_within(struct csock *s, int64_t ns)
{
    int before = errno;
    if (!begin_close(s))
        return -EBADF;
    bool reached = drain(s, ns);
    int r = abandon(s, reached) ? 1 : close_fd(take_fd(s));
    errno = before;
    return r;
}

int csock_close(struct csock *s)
{
    return csock_close_within(s, PATIENCE_NS);
}

int csock_detach(struct csock *s)
{
    if (!begin_close(s))
        return -EBADF;
    drain(s, PATIENCE_NS);
    return take_fd(s);
}

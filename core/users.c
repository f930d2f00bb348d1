/* Who is inside a socket. Sits on thread and sys.
 *
 * `state` is one word, changed by compare-and-swap, and by the subtraction of a user who leaves:
 *
 *     bits 63..40  fork generation in which the users were counted
 *     bit  33      ABANDONED: the closer stopped waiting; the last user closes the descriptor
 *     bit  32      CLOSING: nobody enters any more
 *     bits 31..0   users: calls inside
 *
 * In the child after fork() the users of the parent's other threads do not exist: a word of an
 * older generation counts as "open, no users".
 *
 * Two atomic operations for each byte that is received are a lot, so one thread, the socket's
 * `owner`, does without. It writes into its own record where it is, and looks at `state` after; a
 * closer marks `state`, has all threads pass a barrier, and looks at the owner's record after. So
 * one of the two sees the other:
 *
 *     owner     inside = s;  state is open?  ...  inside = NULL;  handed?
 *     closer    state |= CLOSING;  barrier;  inside == s?  count it;  handed = s;  barrier
 *
 * Found inside, the owner is counted by the closer, who says so in `handed`: from then on it is a
 * user as all others, and leaves as one. If it left without having seen this, the closer takes it
 * back. The socket is not touched by an owner who has left; records are never freed. */
#include "quick.h"
#include "sys.h"

#define CLOSING ((uint64_t)1 << 32)
#define ABANDONED ((uint64_t)1 << 33)

static CSOCK__TLS struct csock__call *innermost; /* counted call of this thread */

/* The word as this process has to read it. */
static uint64_t current(uint64_t state)
{
    uint64_t fresh = csock__fresh_state();
    return (state >> CSOCK__GENERATION_SHIFT) == (fresh >> CSOCK__GENERATION_SHIFT) ? state : fresh;
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
                        .state = csock__fresh_state()};
}

bool csock__closing(const struct csock *s)
{
    return (current(load(s)) & CLOSING) != 0;
}

int csock_fd(const struct csock *s)
{
    return csock__closing(s) ? -1 : csock__fd(s);
}

uint32_t csock__users(const struct csock *s)
{
    return (uint32_t)(current(load(s)) & CSOCK__USERS);
}

/* Taking the descriptor out is the last thing that a closer does to *s, or the last user of an
 * abandoned socket. */
bool csock_idle(const struct csock *s)
{
    return csock__users(s) == 0 && csock__fd(s) < 0;
}

/* Whoever comes meanwhile finds it closing, until all members are there. */
void csock_renew(struct csock *from, struct csock *to)
{
    __atomic_store_n(&to->state, csock__fresh_state() | CLOSING, __ATOMIC_SEQ_CST);
    to->family = from->family;
    to->type = from->type;
    to->proto = from->proto;
    __atomic_store_n(&to->flags, csock__flags(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->fd, csock__fd(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->state, csock__fresh_state(), __ATOMIC_SEQ_CST);
    *from = (struct csock)CSOCK_INIT;
}

int csock__take_fd(struct csock *s)
{
    return __atomic_exchange_n(&s->fd, -1, __ATOMIC_SEQ_CST);
}

/* EINTR does not mean that it is still open: close(2), "Dealing with error returns". */
int csock__close_fd(int fd)
{
    if (fd < 0 || csock__sys->close(fd) == 0 || errno == EINTR)
        return 0;
    return -errno;
}

/* Once the count is 0 and no ABANDONED, the closer may free *s: it is not touched again. */
static void uncount(struct csock *s)
{
    uint64_t now = __atomic_sub_fetch(&s->state, 1, __ATOMIC_SEQ_CST);
    if ((now & ABANDONED) && (now & CSOCK__USERS) == 0)
        csock__close_fd(csock__take_fd(s));
}

/* ----------------------------------------------------------------- the owner */

void csock__claim(struct csock *s)
{
    struct csock__thread *nobody = NULL, *me = csock__has_barrier ? csock__thread() : NULL;
    if (me)
        __atomic_compare_exchange_n(&s->owner, &nobody, me, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED);
}

bool csock__leave_as_counted(struct csock__thread *me)
{
    struct csock *s = atomic_exchange(&me->handed, NULL);
    if (s)
        uncount(s);
    return s != NULL;
}

void csock__leave_cancelled(struct csock__thread *gone)
{
    csock__leave_quickly(gone);
}

/* The record's `handed` is free but for a moment: another closer is about to take back what the
 * owner has not seen, or the owner to take it. */
static void hand(struct csock__thread *owner, struct csock *s)
{
    struct csock *none = NULL;
    for (unsigned times = 0; !atomic_compare_exchange_strong(&owner->handed, &none, s); none = NULL)
        csock__give_way(times++);
}

/* By a closer, who has marked s as closing. */
static void count_owner(struct csock *s)
{
    struct csock__thread *owner = __atomic_load_n(&s->owner, __ATOMIC_SEQ_CST);
    if (!owner)
        return;
    if (owner != csock__me)
        csock__barrier();
    if (atomic_load_explicit(&owner->inside, memory_order_acquire) != s)
        return;
    __atomic_add_fetch(&s->state, 1, __ATOMIC_SEQ_CST);
    hand(owner, s);
    if (owner != csock__me)
        csock__barrier();
    struct csock *handed = s;
    if (atomic_load_explicit(&owner->inside, memory_order_acquire) != s &&
        atomic_compare_exchange_strong(&owner->handed, &handed, NULL))
        uncount(s);
}

/* ----------------------------------------------------------------- entering and leaving */

__attribute__((noinline)) static int enter_counted(struct csock__call *call, struct csock *s)
{
    uint64_t was = load(s), now;
    call->counted = false;
    call->outer = innermost;
    call->generation = csock__generation();
    /* Listed before it is counted: a signal handler that closes the socket has to find itself. */
    innermost = call;
    do {
        now = current(was);
        if ((now & CLOSING) || csock__fd(s) < 0) {
            innermost = call->outer;
            return -EBADF;
        }
    } while (!swap(s, &was, now + 1));
    call->counted = true;
    return 0;
}

int csock__enter(struct csock__call *call, struct csock *s)
{
    int r = csock__enter_quickly(s);
    call->s = s;
    call->quick = r == 0;
    return r == CSOCK__NOT_QUICKLY ? enter_counted(call, s) : r;
}

__attribute__((noinline)) static void leave_counted(struct csock__call *call)
{
    /* A child of fork() that goes on with its parent's call never counted it. Else the word is of
     * this generation since the call entered, and takes a plain subtraction. */
    bool counted = call->generation == csock__generation();
    call->counted = false;
    innermost = call->outer;
    if (counted)
        uncount(call->s);
}

void csock__leave(struct csock__call *call)
{
    if (call->quick)
        csock__leave_quickly(csock__me);
    else
        leave_counted(call);
}

/* ----------------------------------------------------------------- for closers */

bool csock__begin_close(struct csock *s, bool *ret_alone)
{
    uint64_t was = load(s);
    do
        if ((current(was) & CLOSING) || csock__fd(s) < 0)
            return false;
    while (!swap(s, &was, current(was) | CLOSING));
    count_owner(s);
    *ret_alone = csock__users(s) == 0;
    return true;
}

void csock__own_calls(const struct csock *s, uint32_t *ret_counted, uint32_t *ret_listed)
{
    *ret_counted = *ret_listed = csock__me && atomic_load(&csock__me->inside) == s;
    for (const struct csock__call *c = innermost; c; c = c->outer)
        if (c->s == s && c->generation == csock__generation()) {
            *ret_counted += c->counted;
            ++*ret_listed;
        }
}

bool csock__abandon(struct csock *s)
{
    uint64_t was = load(s), now;
    do {
        now = current(was);
        if ((now & CSOCK__USERS) == 0)
            return false;
    } while (!swap(s, &was, now | ABANDONED));
    return true;
}

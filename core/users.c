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
 * older generation counts as "open, no users". */
#include "sys.h"
#include "thread.h"
#include "users.h"

#define USERS ((uint64_t)0xffffffff)
#define CLOSING ((uint64_t)1 << 32)
#define ABANDONED ((uint64_t)1 << 33)
#define GENERATION_SHIFT 40
#define GENERATION_MASK 0xffffffu

static CSOCK__TLS struct csock__call *innermost; /* counted call of this thread */

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
    *s = (struct csock){.fd_plus_1 = fd + 1,
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

uint32_t csock__users(const struct csock *s)
{
    return (uint32_t)(current(load(s)) & USERS);
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
    __atomic_store_n(&to->state, fresh_state() | CLOSING, __ATOMIC_SEQ_CST);
    to->family = from->family;
    to->type = from->type;
    to->proto = from->proto;
    __atomic_store_n(&to->flags, csock__flags(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->fd_plus_1, csock__fd(from) + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&to->state, fresh_state(), __ATOMIC_SEQ_CST);
    *from = (struct csock)CSOCK_INIT;
}

int csock__take_fd(struct csock *s)
{
    return __atomic_exchange_n(&s->fd_plus_1, 0, __ATOMIC_SEQ_CST) - 1;
}

/* EINTR does not mean that it is still open: close(2), "Dealing with error returns". */
int csock__close_fd(int fd)
{
    return csock__sys->close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

int csock__let_go(struct csock *s)
{
    int fd = csock__take_fd(s);
    return fd < 0 ? 0 : csock__close_fd(fd);
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
    call->counted = true;
    return 0;
}

void csock__leave(struct csock__call *call)
{
    struct csock *s = call->s;
    /* A child of fork() that goes on with its parent's call never counted it. Else the word is of
     * this generation since the call entered, and takes a plain subtraction. */
    bool counted = call->generation == csock__generation();
    call->counted = false;
    uint64_t now = counted ? __atomic_sub_fetch(&s->state, 1, __ATOMIC_SEQ_CST) : 0;
    innermost = call->outer;
    /* Once the count is 0 and no ABANDONED, the closer may free *s: do not touch it again. */
    if ((now & ABANDONED) && (now & USERS) == 0)
        csock__let_go(s);
}

/* ----------------------------------------------------------------- for closers */

bool csock__begin_close(struct csock *s)
{
    uint64_t was = load(s);
    do
        if ((current(was) & CLOSING) || csock__fd(s) < 0)
            return false;
    while (!swap(s, &was, current(was) | CLOSING));
    return true;
}

void csock__own_calls(const struct csock *s, uint32_t *ret_counted, uint32_t *ret_listed)
{
    *ret_counted = *ret_listed = 0;
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
        if ((now & USERS) == 0)
            return false;
    } while (!swap(s, &was, now | ABANDONED));
    return true;
}

/* Who is inside a socket. Sits on thread and sys.
 *
 * `state` is one word, changed by compare-and-swap, and by the plain additions and subtractions of
 * those who are counted in it:
 *
 *     bits 63..46  fork generation in which the calls were counted
 *     bits 45..24  aside: those of the users whose callback is running
 *     bits 23..2   users: calls inside
 *     bit  1       ABANDONED: the closer stopped waiting; the last user closes the descriptor
 *     bit  0       CLOSING: nobody enters any more
 *
 * (A system has 2^22 threads at most: proc(5), pid_max.) In the child after fork() the users of the
 * parent's other threads do not exist: a word of an older generation counts as "open, no users".
 *
 * The word alone says whether a number may be given back. Beside it each thread lists the sockets
 * that it is inside of, for its own signal handlers: values in its own memory, each at a place of
 * its own, as calls need not end in the order in which they began. A call that is left for good
 * leaves its place behind, which does no harm: a list that is full begins anew, and whoever closes
 * the socket takes it out of the thread's record, without which a call that was asleep counts for
 * nothing, should another socket be at that address then. */
#include "sys/sys.h"
#include "call/thread.h"
#include "call/users.h"

#define CLOSING ((uint64_t)1)
#define ABANDONED ((uint64_t)2)
#define USER ((uint64_t)1 << 2)
#define ASIDE ((uint64_t)1 << 24)
#define USERS (ASIDE - USER)
#define GENERATION_SHIFT 46

#define PLACES 8
#define NOTES (CSOCK__COUNTED | CSOCK__ASLEEP)

static CSOCK__TLS uintptr_t own[PLACES]; /* 0: free */
static CSOCK__TLS unsigned overwritten;

static uint64_t fresh_state(void)
{
    return (uint64_t)csock__generation() << GENERATION_SHIFT;
}

/* The word as a process has to read it whose own fresh one is given. */
static uint64_t as_seen(uint64_t state, uint64_t fresh)
{
    return (state ^ fresh) >> GENERATION_SHIFT ? fresh : state;
}

/* As this process has to. */
static uint64_t current(uint64_t state)
{
    return as_seen(state, fresh_state());
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

void csock__init(struct csock *s, int fd, int family, int type, int proto, unsigned flags)
{
    s->fd_plus_1 = fd + 1; /* `room` is nobody's yet */
    s->family = family;
    s->type = type;
    s->proto = proto;
    s->flags = flags;
    s->state = fresh_state();
}

bool csock__closing(const struct csock *s)
{
    return (current(load(s)) & CLOSING) != 0;
}

int csock_fd(const struct csock *s)
{
    return csock__closing(s) ? -1 : csock__fd(s);
}

static uint32_t users_of(uint64_t state)
{
    return (uint32_t)((state & USERS) / USER);
}

uint32_t csock__users(const struct csock *s)
{
    return users_of(current(load(s)));
}

uint32_t csock__present(const struct csock *s)
{
    uint64_t now = current(load(s));
    return users_of(now) - (uint32_t)(now / ASIDE & USERS / USER);
}

/* Taking the descriptor out is the last thing that a closer does to *s, or the last user of an
 * abandoned socket. */
bool csock_idle(const struct csock *s)
{
    return csock__users(s) == 0 && csock__fd(s) < 0;
}

/* The generation goes with it, the count does not: calls that were left for good are in the old
 * place. */
void csock__move(struct csock *from, struct csock *ret_to)
{
    ret_to->fd_plus_1 = from->fd_plus_1;
    ret_to->family = from->family;
    ret_to->type = from->type;
    ret_to->proto = from->proto;
    ret_to->flags = from->flags;
    ret_to->state = from->state >> GENERATION_SHIFT << GENERATION_SHIFT;
    from->fd_plus_1 = 0;
}

/* Whoever comes meanwhile finds it closing, until all members are there. */
void csock__renew(struct csock *from, struct csock *to)
{
    __atomic_store_n(&to->state, fresh_state() | CLOSING, __ATOMIC_SEQ_CST);
    to->family = from->family;
    to->type = from->type;
    to->proto = from->proto;
    __atomic_store_n(&to->flags, csock_flags(from), __ATOMIC_RELAXED);
    __atomic_store_n(&to->fd_plus_1, csock__fd(from) + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&to->state, fresh_state(), __ATOMIC_SEQ_CST);
    from->fd_plus_1 = 0;
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

/* Signal handlers of this thread look at the list, and nobody else. */
static void note(uintptr_t *place, uintptr_t what)
{
    __atomic_store_n(place, what, __ATOMIC_RELAXED);
}

__attribute__((cold, noinline)) static uintptr_t *another_list_place(void)
{
    for (unsigned i = 1; i < PLACES; i++)
        if (!own[i])
            return &own[i];
    return &own[overwritten++ % PLACES];
}

static uintptr_t *free_place(void)
{
    return own[0] ? another_list_place() : own;
}

/* False if the socket is closed or closing. */
static inline bool add_user(struct csock *s, uint32_t generation)
{
    uint64_t was = load(s), now, fresh = (uint64_t)generation << GENERATION_SHIFT;
    do {
        now = as_seen(was, fresh);
        if ((now & CLOSING) || csock__fd(s) < 0)
            return false;
    } while (!swap(s, &was, now + USER));
    return true;
}

static inline int enter_at(struct csock__call *call, struct csock *s, uintptr_t *place,
                           uint32_t generation)
{
    *call = (struct csock__call){.s = s, .place = place, .generation = generation};
    /* Listed before it is counted: a signal handler that closes the socket has to find itself. */
    note(place, (uintptr_t)s);
    if (!add_user(s, generation)) {
        note(place, 0);
        return -EBADF;
    }
    note(place, (uintptr_t)s | CSOCK__COUNTED);
    return 0;
}

/* Within another call, or as the first in a child. */
__attribute__((cold, noinline)) static int enter_in_full(struct csock__call *call, struct csock *s)
{
    return enter_at(call, s, free_place(), csock__generation());
}

int csock__enter(struct csock__call *call, struct csock *s)
{
    uint32_t mark = csock__known_generation();
    return mark && !own[0] ? enter_at(call, s, own, mark) : enter_in_full(call, s);
}

/* A child of fork() that goes on with its parent's call has not counted it (yet). Else the word is
 * of this generation since the call entered, and takes a plain addition or subtraction. */
static bool is_counted(const struct csock__call *call)
{
    return call->generation == csock__generation();
}

void csock__recount(struct csock__call *call)
{
    uint32_t generation = csock__generation();
    if (call->generation != generation && add_user(call->s, generation))
        call->generation = generation;
}

bool csock__count_in_child(struct csock *s, uint32_t generation)
{
    return add_user(s, generation);
}

__attribute__((cold, noinline)) void csock__settle_in_child(struct csock__call *call, uintptr_t on)
{
    if (on & CSOCK__RECOUNTED)
        call->generation = csock__generation();
    else
        csock__recount(call);
}

void csock__leave(struct csock__call *call)
{
    struct csock *s = call->s;
    uintptr_t *place = call->place;
    note(place, (uintptr_t)s);
    /* Not, either, if the kernel has just wiped the mark. */
    bool counted = call->generation == csock__known_generation();
    uint64_t now = counted ? __atomic_sub_fetch(&s->state, USER, __ATOMIC_SEQ_CST) : 0;
    note(place, 0);
    /* Once the count is 0 and no ABANDONED, the closer may free *s: do not touch it again. */
    if ((now & (USERS | ABANDONED)) == ABANDONED)
        csock__let_go(s);
}

void csock__leave_by_end_of_thread(struct csock *s)
{
    uint64_t was = load(s);
    do
        if (users_of(current(was)) == 0)
            return;
    while (!swap(s, &was, was - USER));
    if (((was - USER) & (USERS | ABANDONED)) == ABANDONED)
        csock__let_go(s);
}

/* Off the list, as the callback may never come back. */
void csock__step_aside(struct csock__call *call)
{
    if (is_counted(call))
        __atomic_add_fetch(&call->s->state, ASIDE, __ATOMIC_SEQ_CST);
    note(call->place, 0);
}

void csock__step_back(struct csock__call *call)
{
    call->place = free_place();
    note(call->place, (uintptr_t)call->s);
    if (is_counted(call))
        __atomic_sub_fetch(&call->s->state, ASIDE, __ATOMIC_SEQ_CST);
    else
        csock__recount(call);
    note(call->place, (uintptr_t)call->s | CSOCK__COUNTED);
}

/* ----------------------------------------------------------------- for closers */

int csock__begin_close(struct csock *s)
{
    uint64_t was = load(s), now, fresh = fresh_state();
    do {
        now = as_seen(was, fresh);
        if ((now & CLOSING) || csock__fd(s) < 0)
            return -EBADF;
    } while (!swap(s, &was, now | CLOSING));
    return (int)users_of(now);
}

void csock__own_calls(const struct csock *s, uint32_t *ret_counted, uint32_t *ret_listed)
{
    const struct csock__thread *me = csock__me();
    bool sleeps = me && csock__sleeps_on(me, s);
    *ret_counted = *ret_listed = 0;
    for (unsigned i = 0; i < PLACES; i++)
        if ((own[i] & ~NOTES) == (uintptr_t)s && (sleeps || !(own[i] & CSOCK__ASLEEP))) {
            *ret_counted += own[i] & CSOCK__COUNTED;
            ++*ret_listed;
        }
    /* Of one that sleeps on many more than the list has room for, all may be. */
    if (*ret_listed == 0 && sleeps)
        *ret_counted = *ret_listed = csock__users(s) > 0;
}

void csock__forget_own_calls(const struct csock *s)
{
    for (unsigned i = 0; i < PLACES; i++)
        if ((own[i] & ~NOTES) == (uintptr_t)s)
            note(&own[i], 0);
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

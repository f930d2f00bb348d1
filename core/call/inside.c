/* Standing inside a socket for somebody else's system calls. Sits on users and wake. Must not wait.
 *
 * What another library does to the descriptor may sleep, whatever it was told: so it is announced
 * as a sleep, and closing wakes it. Mostly it does not: it was told not to. */
#include "call/users.h"
#include "call/wake.h"

/* What a struct csock_inside holds. */
struct inside {
    struct csock__call call;
    struct csock__sleep sleep;
};

_Static_assert(sizeof(struct inside) <= sizeof(struct csock_inside), "its callers have the room");
_Static_assert(_Alignof(struct inside) <= _Alignof(struct csock_inside), "and its alignment");

static struct inside *what_is_in(struct csock_inside *in)
{
    return (struct inside *)(void *)in->room;
}

int csock_enter(struct csock *s, struct csock_inside *ret_in)
{
    struct inside *in = what_is_in(ret_in);
    int r = csock__enter(&in->call, s);
    if (r < 0)
        return r;
    r = csock__sleep_begin(&in->sleep, &in->call, true);
    if (r == 0 && csock__closing(s)) {
        csock__sleep_end(&in->sleep, &in->call);
        r = CSOCK_ECLOSED;
    }
    if (r < 0)
        csock__leave(&in->call);
    return r;
}

void csock_leave(struct csock_inside *in)
{
    csock__sleep_end(&what_is_in(in)->sleep, &what_is_in(in)->call);
    csock__leave(&what_is_in(in)->call);
}

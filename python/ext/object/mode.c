/* Borrowing a descriptor's blocking mode. Sits on the core's csock_get_blocking and
 * csock_set_blocking, which make no thread wait. */
#include "object/mode.h"
#include "object/secured.h"

/* Who borrowed when this process was forked is not here, but for the thread that forked. */
static void forget_parents_borrowers(struct sock_mode *mode, uint16_t own)
{
    uint16_t forks = (uint16_t)csock_forks();
    if (mode->forks == forks)
        return;
    mode->forks = forks;
    __atomic_store_n(&mode->borrowers, own, __ATOMIC_SEQ_CST);
}

void sock_mode_borrow(struct sock_object *s)
{
    struct sock_mode *mode = &s->mode;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    forget_parents_borrowers(mode, 0);
    if (mode->borrowers == 0)
        mode->blocks = csock_get_blocking(&s->core) == 1;
    __atomic_add_fetch(&mode->borrowers, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&mode->loans, 1, __ATOMIC_SEQ_CST);
    Py_END_CRITICAL_SECTION();
}

/* A socket that has been closed meanwhile says so, and has no mode. */
void sock_mode_return(struct sock_object *s)
{
    struct sock_mode *mode = &s->mode;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    forget_parents_borrowers(mode, 1);
    if (mode->borrowers == 1 && mode->blocks && EXT_GET(s->timeout) < 0 && !sock_is_engaged(s))
        csock_set_blocking(&s->core, true);
    __atomic_sub_fetch(&mode->borrowers, 1, __ATOMIC_SEQ_CST);
    Py_END_CRITICAL_SECTION();
}

int sock_mode_set(struct sock_object *s, bool blocking)
{
    struct sock_mode *mode = &s->mode;
    forget_parents_borrowers(mode, 0);
    if (mode->borrowers > 0 && blocking) {
        mode->blocks = true;
        return 0;
    }
    return csock_set_blocking(&s->core, blocking);
}

void sock_mode_settle(struct sock_object *s, int fd)
{
    struct csock core;
    if (!s->mode.blocks || EXT_GET(s->timeout) >= 0 ||
        csock_adopt(&core, fd, EXT_GET(s->family), EXT_GET(s->type), EXT_GET(s->proto), 0) < 0)
        return;
    csock_set_blocking(&core, true);
    csock_detach(&core);
}

/* Beginning and end of what a socket has for TLS. Sits on csock_set_blocking and on mode.c. Must
 * not know _ssl. */
#include "object/secured.h"
#include "object/mode.h"

static struct sock_secured *make(struct sock_object *s)
{
    struct sock_secured *t = PyMem_Calloc(1, sizeof *t);
    if (!t)
        PyErr_NoMemory();
    else
        __atomic_store_n(&s->secured, t, __ATOMIC_RELEASE);
    return t;
}

/* A socket that is closed meanwhile says so. 0 or -errno */
static int take_over(struct sock_object *s, struct sock_secured *t)
{
    int r = csock_set_blocking(&s->core, false);
    if (r < 0)
        return r;
    sock_half_forget(&t->half); /* of another connection, if it is anything */
    EXT_SET(t->waits, false);
    EXT_SET(s->ssl_timeout, sock_shown_timeout(s, true));
    __atomic_store_n(&t->engaged, true, __ATOMIC_RELEASE);
    return 0;
}

struct sock_secured *sock_engage(struct sock_object *s)
{
    struct sock_secured *t;
    int r = 0;
    if (sock_is_engaged(s))
        return s->secured;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    t = s->secured ? s->secured : make(s);
    if (t && !t->engaged)
        r = take_over(s, t);
    Py_END_CRITICAL_SECTION();
    if (t && r < 0) {
        ext_raise_sock(s, "ssl", r);
        return NULL;
    }
    return t;
}

void sock_show_timeout(struct sock_object *s)
{
    bool engaged = sock_is_engaged(s);
    if (engaged && !ext_lock_try(&s->secured->state))
        return;
    EXT_SET(s->ssl_timeout, sock_shown_timeout(s, engaged));
    if (engaged)
        ext_lock_release(&s->secured->state);
}

int sock_disengage(struct sock_object *s)
{
    int r = 0;
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    if (sock_is_engaged(s)) {
        EXT_SET(s->secured->engaged, false);
        EXT_SET(s->ssl_timeout, sock_shown_timeout(s, false));
        r = EXT_GET(s->timeout) < 0 ? sock_mode_set(s, true) : 0;
    }
    Py_END_CRITICAL_SECTION();
    return r;
}

void sock_disengage_detached(struct sock_object *s, int fd)
{
    struct csock core;
    if (!sock_is_engaged(s) || EXT_GET(s->timeout) >= 0 ||
        csock_adopt(&core, fd, csock_family(&s->core), csock_type(&s->core), csock_proto(&s->core),
                    SOCK_AS_STOCK) < 0)
        return;
    csock_set_blocking(&core, true);
    csock_detach(&core);
}

void sock_half_forget(struct sock_half *half)
{
    PyMem_Free(half->data);
    *half = (struct sock_half){.state = HALF_NONE};
}

/* Whoever is writing forgets it himself, as he finds no descriptor. */
void sock_secured_close(struct sock_object *s)
{
    struct sock_secured *t = EXT_GET(s->secured);
    if (!t || !ext_lock_try(&t->writer))
        return;
    sock_half_forget(&t->half);
    ext_lock_release(&t->writer);
}

void sock_secured_free(struct sock_object *s)
{
    struct sock_secured *t = s->secured;
    if (!t)
        return;
    s->secured = NULL;
    sock_half_forget(&t->half);
    Py_CLEAR(t->length);
    ext_lock_free(&t->state);
    ext_lock_free(&t->writer);
    ext_lock_free(&t->reader);
    PyMem_Free(t);
}

/* The counts of one socket and of all: see counts.h. Sits on csock_now. */
#include "object/counts.h"

#ifdef CSOCK_NO_STATS

int sock_census_setup(struct ext_state *st)
{
    (void)st;
    return 0;
}

void sock_census_free(struct ext_state *st)
{
    (void)st;
}

bool sock_counts_get(struct sock_object *s, struct sock_counts *ret)
{
    (void)s, (void)ret;
    return false;
}

bool sock_census_get(struct ext_state *st, struct sock_counts *ret)
{
    (void)st, (void)ret;
    return false;
}

#else

/* All that have had a socket and live, and what the others have left. The one lock that sockets
 * share without a GIL: taken for some instructions when one is made and when it ends, beside system
 * calls which take locks of the process, too. Nothing under it lets the interpreter in, so it is
 * free in a child of os.fork(), which stops other threads where they do that. */
struct sock_census {
    struct sock_object *first;
    struct sock_counts gone; /* since: when the census began */
#ifdef Py_GIL_DISABLED
    PyMutex lock;
#endif
};

#ifdef Py_GIL_DISABLED
#define LOCK(census) PyMutex_Lock(&(census)->lock)
#define UNLOCK(census) PyMutex_Unlock(&(census)->lock)
#else
#define LOCK(census) ((void)(census))
#define UNLOCK(census) ((void)(census))
#endif

/* Adds what `from` has; `since` stays. */
static void add(struct sock_counts *to, const struct sock_counts *from)
{
    to->received += EXT_GET(from->received);
    to->sent += EXT_GET(from->sent);
    to->receives += EXT_GET(from->receives);
    to->sends += EXT_GET(from->sends);
    to->waits += EXT_GET(from->waits);
    to->waited += EXT_GET(from->waited);
}

static void leave_behind(struct sock_census *census, struct sock_counts *c)
{
    add(&census->gone, c);
    EXT_SET(c->received, 0);
    EXT_SET(c->sent, 0);
    EXT_SET(c->receives, 0);
    EXT_SET(c->sends, 0);
    EXT_SET(c->waits, 0);
    EXT_SET(c->waited, 0);
}

static void join(struct sock_census *census, struct sock_object *s)
{
    s->next = census->first;
    EXT_SET(s->link, &census->first);
    if (s->next)
        EXT_SET(s->next->link, &s->next);
    census->first = s;
}

void sock_counts_begin(struct sock_object *s)
{
    struct sock_census *census = s->state->census;
    int64_t now = csock_now();
    LOCK(census);
    if (s->link)
        leave_behind(census, &s->counts);
    else
        join(census, s);
    EXT_SET(s->counts.since, now);
    UNLOCK(census);
}

/* Whoever is in no census has nothing to leave, or its interpreter's state is gone. Neighbours that
 * end meanwhile change which link it is, but not that there is one. */
void sock_counts_end(struct sock_object *s)
{
    if (!EXT_GET(s->link))
        return;
    struct sock_census *census = s->state->census;
    LOCK(census);
    add(&census->gone, &s->counts);
    *s->link = s->next;
    if (s->next)
        EXT_SET(s->next->link, s->link);
    UNLOCK(census);
    s->link = NULL;
}

int sock_census_setup(struct ext_state *st)
{
    st->census = PyMem_Calloc(1, sizeof *st->census);
    if (!st->census) {
        PyErr_NoMemory();
        return -1;
    }
    st->census->gone.since = csock_now();
    return 0;
}

void sock_census_free(struct ext_state *st)
{
    struct sock_census *census = st->census;
    if (!census)
        return;
    for (struct sock_object *s = census->first; s; s = s->next)
        s->link = NULL;
    PyMem_Free(census);
    st->census = NULL;
}

bool sock_counts_get(struct sock_object *s, struct sock_counts *ret)
{
    *ret = (struct sock_counts){.since = EXT_GET(s->counts.since)};
    add(ret, &s->counts);
    return true;
}

bool sock_census_get(struct ext_state *st, struct sock_counts *ret)
{
    struct sock_census *census = st->census;
    LOCK(census);
    *ret = census->gone;
    for (const struct sock_object *s = census->first; s; s = s->next)
        add(ret, &s->counts);
    UNLOCK(census);
    return true;
}

#endif

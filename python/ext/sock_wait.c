/* How a Python call waits: without the GIL, and with Python's signal handlers run in between
 * (PEP 475). Fills the core's struct csock_wait; the waiting itself is the core's.
 *
 * Most calls find what they need there and do not wait at all. Those try with the GIL held, and not
 * even counted among the calls inside the socket (csock_try_…): whoever closes it, detaches it or
 * initialises it anew sets s->fd to -1 while he holds the GIL, and goes to the core after. So a
 * try that has seen s->fd, and holds the GIL until it is over, is done before a closer begins.
 * Without a GIL every call is counted. */
#include "ext.h"

/* A relative timeout, so that the core reads the clock only for a call that has to wait. */
static struct csock_wait wait_of(const struct sock_object *s)
{
    int64_t timeout = EXT_GET(s->timeout);
    if (timeout < 0)
        return (struct csock_wait){.deadline = CSOCK_FOREVER};
    if (timeout == 0)
        return (struct csock_wait){.deadline = CSOCK_NOWAIT};
    return (struct csock_wait){.deadline = CSOCK_FOREVER, .timeout = timeout};
}

size_t ext_weight(const Py_buffer *buffer, size_t n)
{
    PyObject *owner = buffer->obj;
    if (owner && PyMemoryView_Check(owner))
        owner = PyMemoryView_GET_BASE(owner); /* NULL: the buffers of io make such */
    bool known = !owner || PyByteArray_Check(owner) || PyBytes_Check(owner);
    return known || n > EXT_HELD_MAX ? n : EXT_HEAVY;
}

static void drop(struct ext_wait *w)
{
    w->saved = PyEval_SaveThread();
}

/* ---- fairness
 *
 * The interpreter takes the GIL from a thread that does not let go of it after 5 ms. A thread that
 * always finds data would be such a one, and another that comes back from waiting, with a request
 * to answer perhaps, would stand there for so long each time; with stock the GIL is to be had at
 * each call. So what a thread may do on end with the GIL held is limited: little if a thread that
 * is back from waiting in a socket wants it, and more if nobody is known to, because those that
 * wait for something else do not say so here. Then it calls without the GIL, as stock does, for as
 * long as others want it and it does not wait itself.
 *
 * The budget is a hint: an update may be lost between the one who spends and the one who comes. */
#define BUDGET 1000
#define BUDGET_IF_WANTED 4 /* one who has waited: takes a request and answers it */

#ifdef Py_GIL_DISABLED

static void take(struct ext_wait *w)
{
    PyThreadState *saved = w->saved;
    w->saved = NULL;
    PyEval_RestoreThread(saved);
}

#else

static void take(struct ext_wait *w)
{
    PyThreadState *saved = w->saved;
    int *wanted = &w->state->gil_wanted, *budget = &w->state->gil_budget;
    w->saved = NULL;
    __atomic_add_fetch(wanted, 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(budget, __ATOMIC_RELAXED) > BUDGET_IF_WANTED)
        __atomic_store_n(budget, BUDGET_IF_WANTED, __ATOMIC_RELAXED);
    PyEval_RestoreThread(saved);
    int granted = BUDGET;
    if (__atomic_sub_fetch(wanted, 1, __ATOMIC_RELAXED) > 0)
        granted = w->waited ? BUDGET_IF_WANTED : 0;
    __atomic_store_n(budget, granted, __ATOMIC_RELAXED);
}

#endif

static void before_waiting(void *arg)
{
    struct ext_wait *w = arg;
    w->waited = true;
    if (w->held)
        drop(w);
}

static void after_waiting(void *arg)
{
    struct ext_wait *w = arg;
    if (w->held)
        take(w);
}

static int handle_signals(void *arg)
{
    struct ext_wait *w = arg;
    if (!w->held)
        take(w);
    int stop = PyErr_CheckSignals();
    if (!w->held)
        drop(w);
    return stop;
}

void ext_wait_begin(struct ext_wait *w, const struct sock_object *s, bool held)
{
    w->held = held;
    w->waited = false;
    w->state = s->state;
    w->wait = wait_of(s);
    w->wait.interrupted = handle_signals;
    w->wait.pause = before_waiting;
    w->wait.resume = after_waiting;
    w->wait.arg = w;
    if (!held)
        drop(w);
}

void ext_wait_end(struct ext_wait *w)
{
    if (!w->held)
        take(w);
}

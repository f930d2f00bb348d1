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

static void drop(void *arg)
{
    struct ext_wait *w = arg;
    w->saved = PyEval_SaveThread();
}

static void take(void *arg)
{
    struct ext_wait *w = arg;
    PyThreadState *saved = w->saved;
    w->saved = NULL;
    PyEval_RestoreThread(saved);
}

static int handle_signals(void *arg)
{
    (void)arg;
    return PyErr_CheckSignals();
}

static int take_and_handle_signals(void *arg)
{
    take(arg);
    int stop = PyErr_CheckSignals();
    drop(arg);
    return stop;
}

void ext_wait_held(struct ext_wait *w, const struct sock_object *s)
{
    w->saved = NULL;
    w->wait = wait_of(s);
    w->wait.interrupted = handle_signals;
    w->wait.pause = drop;
    w->wait.resume = take;
    w->wait.arg = w;
}

void ext_wait_free_begin(struct ext_wait *w, const struct sock_object *s)
{
    w->wait = wait_of(s);
    w->wait.interrupted = take_and_handle_signals;
    w->wait.arg = w;
    drop(w);
}

void ext_wait_free_end(struct ext_wait *w)
{
    take(w);
}

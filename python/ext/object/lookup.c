/* See lookup.h. Sits on csock_resolve_within and csock_lookups, and on the interpreter. */
#include "object/lookup.h"
#include "shared/args.h"
#include "shared/errors.h"
#include "shared/interp.h"

#include <netdb.h>
#include <stdio.h>

#define WHOM_MAX 700 /* two names of hosts, and some words */

/* ---- waiting */

static int hear_signals(void *arg)
{
    struct ext_lookup *l = arg;
    PyEval_RestoreThread(l->saved);
    int stop = PyErr_CheckSignals();
    l->saved = PyEval_SaveThread();
    return stop;
}

/* Of the deadline and the socket's timeout, the sooner. */
static void bound_lookup(struct ext_lookup *l, const struct sock_object *s)
{
    int64_t timeout = s ? EXT_GET(s->timeout) : -1;
    int64_t own = timeout > 0 ? csock_deadline(timeout) : CSOCK_FOREVER;
    struct ext_moment m = {CSOCK_FOREVER, 0};
    if (timeout == 0) /* an event loop's, which gives addresses in numbers */
        return;
    if (ext_innermost)
        m = ext_deadline_now();
    l->by_timeout = own != CSOCK_FOREVER && (m.at == CSOCK_FOREVER || own < m.at);
    l->timeout = timeout;
    l->wait.deadline = l->by_timeout ? own : m.at;
}

void ext_lookup_begin(struct ext_lookup *l, struct ext_state *st, const struct sock_object *s,
                      const char *host)
{
    *l = (struct ext_lookup){.state = st, .host = host ? host : ""};
    bound_lookup(l, s);
    if (interp_handles_signals())
        l->wait.interrupted = hear_signals;
    l->wait.arg = l;
    l->began = *l->host ? ext_span_begin(st) : 0;
    l->saved = PyEval_SaveThread();
}

static bool is_in_numbers(const char *host)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, *list = NULL;
    if (csock_resolve(host, NULL, &hints, &list) != 0)
        return false;
    csock_resolve_free(list);
    return true;
}

void ext_lookup_is_of_name(struct ext_lookup *l)
{
    if (l->began && is_in_numbers(l->host))
        l->began = 0;
}

/* ---- errors */

/* " of HOST", and what has kept that from beginning. */
static void put_whom(const struct ext_lookup *l, bool no_place, char *ret, size_t size)
{
    struct csock_lookup oldest = {0};
    size_t n = no_place ? csock_lookups(&oldest, 1) : 0;
    double age = (double)(csock_now() - oldest.since) / EXT_NS_PER_SECOND;
    if (n > 0)
        snprintf(ret, size, " of %s (%u others are under way, the oldest of %s for %.1f s)",
                 l->host, (unsigned)n, oldest.host, age);
    else
        snprintf(ret, size, " of %s", l->host);
    ext_make_plain(ret);
}

void ext_lookup_raise_late(const struct ext_lookup *l, bool no_place)
{
    char whom[WHOM_MAX];
    put_whom(l, no_place, whom, sizeof whom);
    if (!l->by_timeout) {
        ext_deadline_raise(&l->state->deadlines, "look-up", whom, true);
        return;
    }
    PyObject *seconds = PyFloat_FromDouble((double)l->timeout / EXT_NS_PER_SECOND);
    if (seconds)
        PyErr_Format(PyExc_TimeoutError, "timed out: look-up%s, %R s", whom, seconds);
    Py_XDECREF(seconds);
}

bool ext_lookup_end(struct ext_lookup *l, int r)
{
    PyEval_RestoreThread(l->saved);
    if (r == CSOCK_ETIMEOUT || r == CSOCK_ELOOKUPS)
        ext_lookup_raise_late(l, r == CSOCK_ELOOKUPS);
    else if (r < 0)
        ext_raise_about(&l->state->errors, r, l->host);
    if (l->began) {
        struct ext_span span = {
            .name = "DNS lookup", .began = l->began, .ended = csock_now(), .host = l->host};
        ext_span_tell(l->state, &span);
    }
    return r >= 0;
}

/* ---- those under way */

static PyStructSequence_Field row_fields[] = {
    {"host", "the name, or the address, that is asked about"},
    {"service", "the service or port, \"\" if there is none"},
    {"family", "AF_UNSPEC, or the one family of addresses that is asked for"},
    {"since", "when it began, in seconds of time.monotonic()"},
    {"waiting", "how many calls wait for it; 0: it was given up"},
    {"thread", "the native id of its thread; 0: that is just starting"},
    {NULL, NULL},
};

static PyStructSequence_Desc row_desc = {
    .name = "csock.Lookup",
    .doc = "A look-up that is under way: see csock.lookups().",
    .fields = row_fields,
    .n_in_sequence = 6,
};

static PyObject *under_way_as_py(PyTypeObject *type, const struct csock_lookup *row)
{
    PyObject *items[] = {PyUnicode_DecodeFSDefault(row->host),
                         PyUnicode_DecodeFSDefault(row->service),
                         PyLong_FromLong(row->family),
                         PyFloat_FromDouble((double)row->since / EXT_NS_PER_SECOND),
                         PyLong_FromUnsignedLong(row->waiting),
                         PyLong_FromLong(row->tid)};
    return ext_row_of(type, items, sizeof items / sizeof *items);
}

/* csock.Lookup, by which pickle finds it. */
static PyObject *core_lookup_class(PyObject *module, PyObject *none)
{
    (void)none;
    return (PyObject *)ext_row_type(&ext_state_of(module)->lookup_type, &row_desc);
}

static PyObject *core_lookups(PyObject *module, PyObject *none)
{
    struct csock_lookup rows[CSOCK_LOOKUPS_MAX];
    size_t n = csock_lookups(rows, CSOCK_LOOKUPS_MAX);
    PyTypeObject *type = (PyTypeObject *)core_lookup_class(module, none);
    PyObject *list = type ? PyList_New(0) : NULL;
    for (size_t i = 0; list && i < n; i++)
        ext_list_add(&list, under_way_as_py(type, &rows[i]));
    Py_XDECREF(type);
    return list;
}

PyDoc_STRVAR(
    lookups_doc,
    "lookups($module, /)\n--\n\n"
    "The look-ups of names that are under way in threads of their own, the oldest first: for\n"
    "each (host, service, family, since, waiting, thread). One that was given up goes on\n"
    "until libc has come to an end with it.");

PyDoc_STRVAR(lookup_class_doc, "lookup_class($module, /)\n--\n\n"
                               "The class of what lookups() returns a list of.");

PyMethodDef lookup_functions[] = {
    {"lookup_class", core_lookup_class, METH_NOARGS, lookup_class_doc},
    {"lookups", core_lookups, METH_NOARGS, lookups_doc},
    {NULL, NULL, 0, NULL},
};

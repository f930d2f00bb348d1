/* The callbacks of csock_dial: an object for each attempt, audit events before it is bound and
 * connected, a resolver of the program's own. Sits on object/init's way to make sockets, and on the
 * files beside it. */
#include "shared/args.h"
#include "object/capture.h"
#include "object/counts.h"
#include "object/known_class.h"
#include "object/span.h"
#include "address/address.h"
#include "dial/dial.h"

static struct sock_object *object_of_attempt(const struct dial_race *race,
                                             const struct csock_dial_attempt *a)
{
    return (struct sock_object *)PyList_GET_ITEM(race->socks, (Py_ssize_t)a->index);
}

static struct sock_object *new_object(struct dial_race *race, const struct csock_dial_attempt *a)
{
    struct ext_state *st = race->state;
    struct sock_object *s = sock_alloc(ext_class(st)->type, st);
    if (!s)
        return NULL;
    if (PySys_Audit("socket.__new__", "Oiii", (PyObject *)s, a->family, a->type, a->proto) < 0 ||
        PyList_Append(race->socks, (PyObject *)s) < 0) {
        Py_DECREF(s);
        return NULL;
    }
    sock_class_init(s);
    Py_DECREF(s); /* the list has it */
    return s;
}

static struct csock *place(void *arg, const struct csock_dial_attempt *a)
{
    struct dial_race *race = arg;
    ext_wait_take(&race->w);
    struct sock_object *s = new_object(race, a);
    ext_wait_drop(&race->w);
    return s ? &s->core : NULL;
}

static int audit(struct sock_object *s, const char *event, const struct sockaddr *addr,
                 socklen_t len)
{
    union csock_addr copy;
    memcpy(&copy, addr, len);
    PyObject *address = addr_as_py(&copy, len, EXT_GET(s->proto));
    int r = address ? PySys_Audit(event, "OO", (PyObject *)s, address) : -1;
    Py_XDECREF(address);
    return r;
}

/* The library has closed it. */
static void end_object(struct sock_object *s)
{
    ext_take_fd(s);
    Py_BEGIN_CRITICAL_SECTION((PyObject *)s);
    if (s->closed)
        sock_slot_set(&s->closed, Py_NewRef(Py_True));
    Py_END_CRITICAL_SECTION();
}

static void note_unbound(struct dial_race *race, const struct csock_dial_attempt *a,
                         struct sock_object *s)
{
    PyObject *kept = PyTuple_Pack(1, (PyObject *)s);
    if (!kept || PyList_SetItem(race->socks, (Py_ssize_t)a->index, kept) < 0)
        PyErr_Clear(); /* its error names another address */
}

static int take_step(struct dial_race *race, const struct csock_dial_attempt *a,
                     enum csock_dial_step at)
{
    struct sock_object *s = object_of_attempt(race, a);
    bool bound = !race->binds;
    race->binds = at == CSOCK_DIAL_BIND;
    if (at == CSOCK_DIAL_END) {
        if (!a->s)
            end_object(s);
        if (!bound)
            note_unbound(race, a, s);
        return 0;
    }
    if (EXT_GET(s->fd) < 0) {
        sock_show(s, race->timeout);
        sock_counts_begin(s);
    }
    return at == CSOCK_DIAL_BIND ? audit(s, "socket.bind", a->source->addr, a->source->len)
                                 : audit(s, "socket.connect", &a->addr.any, a->len);
}

static int step(void *arg, const struct csock_dial_attempt *a, enum csock_dial_step at)
{
    struct dial_race *race = arg;
    if ((Py_ssize_t)a->index >= PyList_GET_SIZE(race->socks))
        return 0; /* it has no object */
    ext_wait_take(&race->w);
    int r = take_step(race, a, at);
    ext_wait_drop(&race->w);
    return r;
}

/* ---- a resolver of the program's own */

/* The address and the family in what a resolver gives: a row of getaddrinfo, or an address alone,
 * whose host says by its colons what it is. */
static PyObject *address_in(PyObject *found, int *ret_family)
{
    *ret_family = AF_INET;
    if (!PyTuple_Check(found) || PyTuple_GET_SIZE(found) < 2)
        return PyErr_Format(PyExc_TypeError, "resolver: an address must be a tuple, not %.200s",
                            Py_TYPE(found)->tp_name);
    if (PyTuple_GET_SIZE(found) == 5)
        return ext_int(PyTuple_GET_ITEM(found, 0), ret_family) ? PyTuple_GET_ITEM(found, 4) : NULL;
    PyObject *host = PyTuple_GET_ITEM(found, 0);
    if (PyUnicode_Check(host) &&
        PyUnicode_FindChar(host, ':', 0, PyUnicode_GET_LENGTH(host), 1) >= 0)
        *ret_family = AF_INET6;
    return found;
}

static int take_found(struct dial_race *race, struct csock_dial_answer *answer, PyObject *found)
{
    union csock_addr addr;
    socklen_t len;
    int family;
    PyObject *address = address_in(found, &family);
    if (!address || !dial_target_address(race, family, "resolver", address, &addr, &len))
        return CSOCK_EINTERRUPTED;
    return csock_dial_found(answer, &addr.any, len);
}

static int take_answers(struct dial_race *race, struct csock_dial_answer *answer, PyObject *list)
{
    PyObject *iterator = list ? PyObject_GetIter(list) : NULL, *found;
    int r = iterator ? 0 : CSOCK_EINTERRUPTED;
    while (r == 0 && (found = PyIter_Next(iterator))) {
        r = take_found(race, answer, found);
        Py_DECREF(found);
    }
    Py_XDECREF(iterator);
    return PyErr_Occurred() ? CSOCK_EINTERRUPTED : r;
}

/* The call's own bound has ended it, and not one around the call. */
static bool ended_by_bound(const struct dial_race *race)
{
    return race->w.ends_by == EXT_BY_TIMEOUT && race->w.wait.deadline != CSOCK_FOREVER &&
           csock_now() >= race->w.wait.deadline &&
           PyErr_ExceptionMatches(race->state->deadlines.exceeded);
}

/* What csock's calls in it wait for is bounded as all of the race is. */
static int ask_resolver(struct dial_race *race, struct csock_dial_answer *answer, int family)
{
    struct ext_moment until = {race->w.wait.deadline, race->bound};
    struct ext_block *block = NULL;
    if (race->bound >= 0 && !(block = ext_block_enter(until, false)))
        return -ENOMEM;
    PyObject *list = PyObject_CallFunction(race->resolver, "OOii", race->host,
                                           race->port ? race->port : Py_None, family, SOCK_STREAM);
    int r = take_answers(race, answer, list);
    Py_XDECREF(list);
    if (block)
        ext_block_leave(block);
    if (r == CSOCK_EINTERRUPTED && ended_by_bound(race)) {
        PyErr_Clear();
        return CSOCK_ETIMEOUT;
    }
    return r;
}

static int resolve(void *arg, struct csock_dial_answer *answer, const char *host,
                   const char *service, int family, const struct csock_wait *w)
{
    struct dial_race *race = arg;
    (void)host, (void)service, (void)w;
    ext_wait_take(&race->w);
    int r = ask_resolver(race, answer, family);
    ext_wait_drop(&race->w);
    return r;
}

/* ---- the race */

static PyObject *winner_of(struct dial_race *race, uint64_t ticks)
{
    const struct csock_dial_attempt *won = &race->report.attempts[race->report.decisive];
    struct sock_object *s = object_of_attempt(race, won);
    if (race->report.elapsed > 0) /* its part of the whole */
        ticks = (uint64_t)((double)ticks * (double)(won->ended - won->began) /
                           (double)race->report.elapsed);
    sock_add_wait(s, ticks);
    if (EXT_GET(s->fd) < 0) /* somebody has closed it meanwhile */
        return Py_NewRef(s);
    sock_show(s, race->timeout);
    sock_capture_new(s);
    if (sock_is_captured(s))
        sock_capture_connected(s, false, sock_capture_now() - (won->ended - won->began), 0, NULL,
                               0);
    return Py_NewRef(s);
}

PyObject *dial_race_run(struct dial_race *race)
{
    race->d.flags = SOCK_AS_STOCK | (race->timeout >= 0 ? CSOCK_NONBLOCK : 0);
    race->d.place = place;
    race->d.step = step;
    race->d.resolve = race->resolver ? resolve : NULL;
    race->d.arg = race;
    if (!(race->socks = PyList_New(0)))
        return NULL;
    if (!ext_wait_begin_alone(&race->w, race->state, dial_time_left(race)))
        return dial_raise(race, EXT_EPASSED);
    if (!interp_handles_signals())
        race->w.wait.interrupted = NULL; /* a look-up without a bound needs no thread then */
    race->began = ext_span_begin(race->state);
    uint64_t ticks = ext_ticks();
    int r = csock_dial(NULL, &race->d, &race->report, &race->w.wait);
    r = (int)ext_wait_end(&race->w, r);
    if (r < 0)
        return dial_raise(race, r);
    PyObject *winner = winner_of(race, ext_ticks() - ticks);
    dial_observe(race, NULL);
    dial_tell_spans(race, NULL);
    return winner;
}

void dial_race_done(struct dial_race *race)
{
    csock_dial_report_free(&race->report);
    Py_CLEAR(race->socks);
    dial_target_done(race);
}

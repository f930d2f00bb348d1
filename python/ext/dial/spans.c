/* A race as spans, once it is over: the look-up, and a connect for each attempt. Sits on
 * object/span.h. */
#include "object/span.h"
#include "address/address.h"
#include "dial/dial.h"

/* A resolver of the program's own is no look-up of csock's. error: that of the race. */
static void tell_look_up(struct dial_race *race, PyObject *error)
{
    const struct csock_dial_report *report = &race->report;
    bool failed = report->stage == CSOCK_DIAL_LOOKUP;
    struct ext_span span = {.name = "DNS lookup", .began = race->began, .host = race->d.host};
    if (race->resolver || !dial_is_name(race->d.host) || (!failed && report->looked_up == 0))
        return;
    span.ended = race->began + (failed ? report->elapsed : report->looked_up);
    span.error = failed ? Py_XNewRef(error) : dial_look_up_error(race);
    if (failed || span.error)
        ext_span_tell(race->state, &span);
    Py_XDECREF(span.error);
}

static void tell_attempt(struct dial_race *race, const struct csock_dial_attempt *a)
{
    struct ext_span span = {
        .name = "socket connect", .began = race->began + a->began, .ended = race->began + a->ended};
    if ((Py_ssize_t)a->index >= PyList_GET_SIZE(race->socks))
        return; /* it has no object */
    span.s = (struct sock_object *)PyList_GET_ITEM(race->socks, (Py_ssize_t)a->index);
    span.peer = addr_as_py(&a->addr, a->len, a->proto);
    span.error = span.peer ? dial_attempt_error(race, a) : NULL;
    if (span.error)
        ext_span_tell(race->state, &span);
    Py_XDECREF(span.error);
    Py_XDECREF(span.peer);
}

void dial_tell_spans(struct dial_race *race, PyObject *error)
{
    if (!race->began)
        return;
    tell_look_up(race, error);
    for (size_t i = 0; i < race->report.n_attempts && !PyErr_Occurred(); i++)
        tell_attempt(race, &race->report.attempts[i]);
    PyErr_Clear(); /* no memory: the rest goes untold */
}

/* What a race that failed raises: the most telling of its errors, the attempts beside it, and a
 * note that a traceback shows; and the observer, who hears of each race. Sits on attempt.c. */
#include "shared/args.h"
#include "object/lookup.h"
#include "dial/dial.h"

#include <errno.h>
#include <stdio.h>

#define MS 1000000
#define TARGET_MAX 300 /* a host and a port as text */

/* Of integers, as the decimal point of a double is the locale's. */
struct span_text {
    char text[32];
};
static struct span_text span(int64_t ns)
{
    struct span_text s;
    long long ms = ns < 0 ? 0 : ns / MS;
    snprintf(s.text, sizeof s.text, "%lld.%03lld s", ms / 1000, ms % 1000);
    return s;
}

/* Whom the race is to connect to, for people. */
static void put_target(const struct dial_race *race, char text[TARGET_MAX])
{
    const struct csock_dial_request *d = &race->d;
    text[0] = '\0';
    if (!d->host && d->n_addrs > 0)
        csock_addr_format(d->addrs->addr, d->addrs->len, text, TARGET_MAX);
    else if (d->host && strchr(d->host, ':'))
        snprintf(text, TARGET_MAX, "[%s]:%s", d->host, d->service ? d->service : "");
    else if (d->host)
        snprintf(text, TARGET_MAX, "%s:%s", d->host, d->service ? d->service : "");
    ext_make_plain(text);
}

/* ---- the note */

static const char *outcome_words(int err)
{
    if (err == CSOCK_ETIMEOUT)
        return "no answer";
    return err == -ECANCELED || err == CSOCK_EINTERRUPTED ? "given up" : csock_strerror(err);
}

static PyObject *attempt_line(const struct csock_dial_attempt *a)
{
    char text[CSOCK_ADDR_TEXT_MAX] = "";
    csock_addr_format(&a->addr.any, a->len, text, sizeof text);
    return PyUnicode_FromFormat("  at %s  %s  %s, after %s", span(a->began).text, text,
                                outcome_words(a->err), span(a->ended - a->began).text);
}

static PyObject *head_line(const struct dial_race *race)
{
    const struct csock_dial_report *report = &race->report;
    char target[TARGET_MAX];
    put_target(race, target);
    if (report->stage == CSOCK_DIAL_LOOKUP)
        return PyUnicode_FromFormat("%s: the look-up has not ended, after %s", target,
                                    span(report->elapsed).text);
    if (report->looked_up == 0)
        return PyUnicode_FromFormat("%s: tried", target);
    return PyUnicode_FromFormat("%s: looked up in %s, tried", target, span(report->looked_up).text);
}

static PyObject *rest_line(const struct csock_dial_report *report)
{
    if (report->n_left_out == 0)
        return PyUnicode_FromFormat("  not tried: %zu more", report->n_untried);
    return PyUnicode_FromFormat("  not tried: %zu more, and %zu of another family",
                                report->n_untried, report->n_left_out);
}

static PyObject *note_of(const struct dial_race *race)
{
    const struct csock_dial_report *report = &race->report;
    PyObject *lines = PyList_New(0), *newline = PyUnicode_FromString("\n"), *text = NULL;
    ext_list_add(&lines, head_line(race));
    for (size_t i = 0; lines && i < report->n_attempts; i++)
        ext_list_add(&lines, attempt_line(&report->attempts[i]));
    if (lines && report->n_untried + report->n_left_out > 0)
        ext_list_add(&lines, rest_line(report));
    if (lines && newline)
        text = PyUnicode_Join(newline, lines);
    Py_XDECREF(lines);
    Py_XDECREF(newline);
    return text;
}

/* One address that has failed is in the error itself. */
static bool is_worth_a_note(const struct csock_dial_report *report, int r)
{
    return report->n_found > 1 || report->n_attempts > 1 || r == CSOCK_ETIMEOUT;
}

/* ---- the exception */

bool dial_is_name(const char *host)
{
    union csock_addr addr;
    socklen_t len;
    return host && csock_addr_from_host(AF_INET, host, 0, &addr, &len) < 0 &&
           csock_addr_from_host(AF_INET6, host, 0, &addr, &len) < 0;
}

static void raise_deadline_of_race(struct dial_race *race, bool begun)
{
    bool looking = race->report.stage == CSOCK_DIAL_LOOKUP && dial_is_name(race->d.host);
    char target[TARGET_MAX], whom[TARGET_MAX + sizeof " to "];
    put_target(race, target);
    snprintf(whom, sizeof whom, looking ? " of %s" : " to %s", looking ? race->d.host : target);
    ext_make_plain(whom);
    ext_deadline_raise(&race->state->deadlines, looking ? "look-up" : "connect", whom, begun);
}

static void raise_late_look_up(const struct dial_race *race, bool no_place)
{
    struct ext_lookup l = {.state = race->state,
                           .host = race->d.host,
                           .by_timeout = race->w.ends_by == EXT_BY_TIMEOUT,
                           .timeout = race->bound};
    ext_lookup_raise_late(&l, no_place);
}

static void raise_one(struct dial_race *race, int r)
{
    const struct csock_dial_report *report = &race->report;
    if (ext_is_deadline(r))
        raise_deadline_of_race(race, r == EXT_EDEADLINE);
    else if (r == CSOCK_ELOOKUPS ||
             (r == CSOCK_ETIMEOUT && report->stage == CSOCK_DIAL_LOOKUP && race->d.host))
        raise_late_look_up(race, r == CSOCK_ELOOKUPS);
    else if (report->stage == CSOCK_DIAL_LOOKUP && race->d.host)
        ext_raise_about(&race->state->errors, r, race->d.host);
    else
        ext_raise(&race->state->errors, r);
    if (report->decisive >= 0 && !ext_is_deadline(r) && r != CSOCK_ETIMEOUT)
        dial_tell_address(race, &report->attempts[report->decisive]);
}

static void raise_group(PyObject *attempts)
{
    PyObject *errors = PyList_New(0), *group = NULL;
    for (Py_ssize_t i = 0; errors && i < PyTuple_GET_SIZE(attempts); i++)
        ext_list_add(&errors,
                     Py_NewRef(PyStructSequence_GetItem(PyTuple_GET_ITEM(attempts, i), 2)));
    if (errors)
        group = PyObject_CallFunction(PyExc_BaseExceptionGroup, "sO", "create_connection failed",
                                      errors);
    if (group)
        PyErr_SetObject((PyObject *)Py_TYPE(group), group);
    Py_XDECREF(group);
    Py_XDECREF(errors);
}

/* A failure here leaves the error without them. */
static void tell_more(struct dial_race *race, PyObject *error, PyObject *attempts, int r)
{
    PyObject *note = NULL, *done = NULL;
    if (PyObject_SetAttrString(error, "attempts", attempts) < 0)
        PyErr_Clear();
    if (is_worth_a_note(&race->report, r) && (note = note_of(race)))
        done = PyObject_CallMethod(error, "add_note", "O", note);
    if (PyErr_Occurred())
        PyErr_Clear();
    Py_XDECREF(note);
    Py_XDECREF(done);
}

/* What ended it, a signal's handler or a hook, has raised already. */
static PyObject *raise_interruption(struct dial_race *race)
{
    PyObject *type, *value, *traceback;
    if (!EXT_GET(race->state->dial_observer) && !race->began)
        return NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    dial_observe(race, value);
    dial_tell_spans(race, value);
    PyErr_Restore(type, value, traceback);
    return NULL;
}

PyObject *dial_raise(struct dial_race *race, int r)
{
    if (r == CSOCK_EINTERRUPTED)
        return raise_interruption(race);
    PyObject *attempts = dial_attempts(race);
    if (!attempts)
        return NULL;
    if (race->all_errors && race->report.n_attempts > 0)
        raise_group(attempts);
    else
        raise_one(race, r);
    PyObject *error = dial_take_exception();
    if (error) {
        tell_more(race, error, attempts, r == EXT_EDEADLINE ? CSOCK_ETIMEOUT : r);
        dial_observe(race, error);
        dial_tell_spans(race, error);
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    Py_DECREF(attempts);
    return NULL;
}

/* ---- the observer */

static PyObject *moment(int64_t ns)
{
    return ns > 0 ? PyFloat_FromDouble((double)ns / EXT_NS_PER_SECOND) : Py_NewRef(Py_None);
}

PyObject *dial_look_up_error(struct dial_race *race)
{
    if (race->report.lookup_err == 0)
        Py_RETURN_NONE;
    ext_raise(&race->state->errors, race->report.lookup_err);
    return dial_take_exception();
}

static PyObject *report_as_py(struct dial_race *race, PyObject *error)
{
    const struct csock_dial_report *report = &race->report;
    char target[TARGET_MAX];
    put_target(race, target);
    return Py_BuildValue("{s:N,s:N,s:N,s:O,s:N,s:n,s:n,s:n,s:O,s:N}", "target",
                         PyUnicode_DecodeFSDefault(target), "looked_up", moment(report->looked_up),
                         "look_up_error", dial_look_up_error(race), "looking_up",
                         report->stage == CSOCK_DIAL_LOOKUP ? Py_True : Py_False, "elapsed",
                         moment(report->elapsed), "found", (Py_ssize_t)report->n_found, "left_out",
                         (Py_ssize_t)report->n_left_out, "untried", (Py_ssize_t)report->n_untried,
                         "error", error ? error : Py_None, "attempts", dial_attempts(race));
}

void dial_observe(struct dial_race *race, PyObject *error)
{
    PyObject *observer = Py_XNewRef(EXT_GET(race->state->dial_observer));
    if (!observer)
        return;
    PyObject *report = report_as_py(race, error);
    PyObject *done = report ? PyObject_CallOneArg(observer, report) : NULL;
    if (!done)
        PyErr_WriteUnraisable(observer);
    Py_XDECREF(done);
    Py_XDECREF(report);
    Py_DECREF(observer);
}

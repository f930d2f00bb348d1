/* Attempts as Python sees them: csock.Attempt, and the exception that each ended with. Sits on
 * PyStructSequence and on the errors of object/socket.h. */
#include "shared/args.h"
#include "object/socket.h"
#include "address/address.h"
#include "dial/dial.h"

#include <errno.h>
#include <stdio.h>

static PyStructSequence_Field fields[] = {
    {"address", "that was tried, as a socket has it"},
    {"elapsed", "seconds from its begin to its end"},
    {"error", "what it failed with, an OSError; None: it has connected"},
    {"began", "seconds from the begin of all to its own"},
    {NULL, NULL},
};

static PyStructSequence_Desc description = {
    .name = "csock.Attempt",
    .doc = "One of the attempts of csock.dial() or csock.create_connection() to connect.",
    .fields = fields,
    .n_in_sequence = 3,
};

PyTypeObject *dial_attempt_type(void)
{
    return PyStructSequence_NewType(&description);
}

PyObject *dial_take_exception(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type)
        PyErr_NormalizeException(&type, &value, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    return value;
}

static void raise_deadline_of_attempt(struct dial_race *race, const struct csock_dial_attempt *a)
{
    char whom[CSOCK_ADDR_TEXT_MAX + sizeof " to "], text[CSOCK_ADDR_TEXT_MAX] = "";
    csock_addr_format(&a->addr.any, a->len, text, sizeof text);
    snprintf(whom, sizeof whom, " to %s", text);
    ext_deadline_raise(&race->state->deadlines, "connect", whom, true);
}

void dial_tell_address(const struct dial_race *race, const struct csock_dial_attempt *a)
{
    Py_ssize_t at = (Py_ssize_t)a->index;
    if (at < PyList_GET_SIZE(race->socks) && PyTuple_Check(PyList_GET_ITEM(race->socks, at)))
        ext_tell_address(a->source->addr, a->source->len);
    else
        ext_tell_address(&a->addr.any, a->len);
}

PyObject *dial_attempt_error(struct dial_race *race, const struct csock_dial_attempt *a)
{
    if (a->err == 0)
        Py_RETURN_NONE;
    if (a->err == CSOCK_EINTERRUPTED) /* what ended all is another's */
        ext_raise(&race->state->errors, -ECANCELED);
    else if (a->err == CSOCK_ETIMEOUT && race->w.ends_by == EXT_BY_DEADLINE)
        raise_deadline_of_attempt(race, a);
    else
        ext_raise(&race->state->errors, a->err);
    if (a->err != CSOCK_ETIMEOUT)
        dial_tell_address(race, a);
    return dial_take_exception();
}

static PyObject *seconds(int64_t ns)
{
    return PyFloat_FromDouble((double)ns / EXT_NS_PER_SECOND);
}

static PyObject *attempt_as_py(struct dial_race *race, const struct csock_dial_attempt *a)
{
    PyObject *items[] = {
        addr_as_py(&a->addr, a->len, a->proto),
        seconds(a->ended - a->began),
        dial_attempt_error(race, a),
        seconds(a->began),
    };
    return ext_row_of(race->state->attempt_type, items, sizeof items / sizeof *items);
}

PyObject *dial_attempts(struct dial_race *race)
{
    Py_ssize_t n = (Py_ssize_t)race->report.n_attempts;
    PyObject *tuple = PyTuple_New(n);
    for (Py_ssize_t i = 0; tuple && i < n; i++) {
        PyObject *item = attempt_as_py(race, &race->report.attempts[i]);
        if (item)
            PyTuple_SET_ITEM(tuple, i, item);
        else
            Py_CLEAR(tuple);
    }
    return tuple;
}

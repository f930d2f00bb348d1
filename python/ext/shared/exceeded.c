/* csock.DeadlineExceeded, and its words. Sits on deadline.c and on the interpreter. Must not know
 * sockets. */
#include "shared/deadline_type.h"

#include <stdio.h>

#define WHOM_MAX 300

/* A double as Python shows it, whatever the locale. */
static PyObject *words_of(const char *what, const char *whom, int64_t given, bool begun)
{
    PyObject *seconds = PyFloat_FromDouble((double)given / EXT_NS_PER_SECOND);
    PyObject *text = seconds ? PyUnicode_FromFormat("%s%s: the deadline of %R s has passed%s", what,
                                                    whom, seconds, begun ? "" : " already")
                             : NULL;
    Py_XDECREF(seconds);
    return text;
}

PyObject *ext_deadline_raise(const struct ext_deadlines *d, const char *what, const char *whom,
                             bool begun)
{
    PyObject *text = words_of(what, whom, ext_deadline_now().given, begun);
    if (text) {
        PyErr_SetObject(d->exceeded ? d->exceeded : PyExc_TimeoutError, text);
        Py_DECREF(text);
    }
    return NULL;
}

bool ext_deadline_leaves_time(const struct ext_deadlines *d, const char *host)
{
    char whom[WHOM_MAX] = "";
    if (!ext_moment_is_over(ext_deadline_now()))
        return true;
    snprintf(whom, sizeof whom, " of %s", host);
    ext_deadline_raise(d, "look-up", whom, false);
    return false;
}

PyDoc_STRVAR(exceeded_doc, "The deadline of a block has passed: see csock.deadline.");

PyObject *ext_deadline_exceeded_new(void)
{
    return PyErr_NewExceptionWithDoc("csock.DeadlineExceeded", exceeded_doc, PyExc_TimeoutError,
                                     NULL);
}

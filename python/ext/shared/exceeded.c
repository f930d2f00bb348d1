/* csock.DeadlineExceeded, and its words. Sits on deadline.c and on the interpreter. Must not know
 * sockets. */
#include "shared/deadline_type.h"

#include <stdio.h>

#define WHOM_MAX 300

/* A double as Python shows it, whatever the locale. A signal's handler may have left the deadline
 * of the call that it came into. */
static PyObject *words_of(const char *what, const char *whom, struct ext_moment m, bool begun)
{
    const char *already = begun ? "" : " already";
    if (m.at == CSOCK_FOREVER)
        return PyUnicode_FromFormat("%s%s: the deadline has passed%s", what, whom, already);
    PyObject *seconds = PyFloat_FromDouble((double)m.given / EXT_NS_PER_SECOND);
    PyObject *text = seconds ? PyUnicode_FromFormat("%s%s: the deadline of %R s has passed%s", what,
                                                    whom, seconds, already)
                             : NULL;
    Py_XDECREF(seconds);
    return text;
}

void ext_make_plain(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

PyObject *ext_deadline_raise(const struct ext_deadlines *d, const char *what, const char *whom,
                             bool begun)
{
    PyObject *text = words_of(what, whom, ext_deadline_now(), begun);
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
    ext_make_plain(whom);
    ext_deadline_raise(d, "look-up", whom, false);
    return false;
}

PyDoc_STRVAR(exceeded_doc, "The deadline of a block has passed: see csock.deadline.");

PyObject *ext_deadline_exceeded_new(void)
{
    return PyErr_NewExceptionWithDoc("csock.DeadlineExceeded", exceeded_doc, PyExc_TimeoutError,
                                     NULL);
}

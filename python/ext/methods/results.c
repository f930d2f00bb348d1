/* The cache of results. Sits on shared/interp.h. Must not touch an object that anybody else refers
 * to.
 *
 * The newest two are kept: a loop still has what it got while it asks for more, and nobody has what
 * it got before that. */
#include "methods/results.h"
#include "shared/interp.h"

#include <string.h>

#define KEPT_MIN 1000 /* malloc has smaller blocks at hand */
#define KEPT_MAX (16 * 1024)

#ifndef INTERP_BYTES_REUSE

PyObject *sock_result(struct ext_state *st, const char *data, size_t n)
{
    (void)st;
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)n);
}

#else

/* The older one, with other contents, if nobody else has it; NULL if somebody has, or if it is of
 * another size. */
static PyObject *used_again(PyObject *older, const char *data, size_t n)
{
    if (!older || (size_t)PyBytes_GET_SIZE(older) != n || !interp_bytes_take(older))
        return NULL;
    memcpy(PyBytes_AS_STRING(older), data, n);
    return older;
}

PyObject *sock_result(struct ext_state *st, const char *data, size_t n)
{
    if (n < KEPT_MIN || n > KEPT_MAX)
        return PyBytes_FromStringAndSize(data, (Py_ssize_t)n);
    PyObject *older = st->results[1], *result = used_again(older, data, n);
    if (!result && (result = PyBytes_FromStringAndSize(data, (Py_ssize_t)n)))
        Py_XDECREF(older);
    if (!result)
        return NULL;
    st->results[1] = st->results[0];
    st->results[0] = result;
    return Py_NewRef(result);
}

#endif

void sock_results_clear(struct ext_state *st)
{
    Py_CLEAR(st->results[0]);
    Py_CLEAR(st->results[1]);
}

/* What is kept of a record that is half sent. Sits on memory. OpenSSL cannot be asked whether it
 * has one: it takes the question for the end of the connection. */
#include "tls/half.h"

#include <string.h>

void tls_half_begins(struct sock_half *half)
{
    half->state = HALF_IN_FLIGHT; /* also if it is kept: no handler may go on with it meanwhile */
}

/* Once: what it holds does not change. */
void tls_half_copies(struct sock_half *half, const char *record, size_t n)
{
    if (half->data)
        return;
    half->data = PyMem_Malloc(n ? n : 1);
    half->n = n;
    if (half->data)
        memcpy(half->data, record, n);
}

void tls_half_ended(struct sock_half *half)
{
    sock_half_forget(half);
}

/* Not against an enemy, who could choose the bytes of both writes anyway: against accident. */
static uint64_t sum_of(const char *data, size_t n)
{
    uint64_t sum = n, word = 0;
    for (; n >= sizeof word; n -= sizeof word, data += sizeof word) {
        memcpy(&word, data, sizeof word);
        sum = (sum ^ word) * 0x9E3779B97F4A7C15;
        sum ^= sum >> 32;
    }
    word = 0;
    memcpy(&word, data, n);
    sum = (sum ^ word) * 0x9E3779B97F4A7C15;
    return sum ^ sum >> 32;
}

void tls_half_keeps(struct sock_half *half, const char *data, size_t done)
{
    half->state = HALF_KEPT;
    half->before = done;
    half->sum = sum_of(data, done);
}

static bool begins_so(const struct sock_half *half, const char *data, size_t n)
{
    return half->data && n >= half->before + half->n &&
           memcmp(half->data, data + half->before, half->n) == 0 &&
           sum_of(data, half->before) == half->sum;
}

/* As OpenSSL's own for this, which comes when the connection has been broken by it. */
static void raise_bad_retry(const struct tls_call *c, const char *text)
{
    PyObject *error = PyObject_CallFunction(c->k->error, "is", 1, text);
    PyObject *reason = PyUnicode_FromString("BAD_WRITE_RETRY");
    PyObject *library = PyUnicode_FromString("SSL");
    if (error && reason && library &&
        PyObject_SetAttr(error, c->k->names[TLS_REASON], reason) == 0 &&
        PyObject_SetAttr(error, c->k->names[TLS_LIBRARY], library) == 0)
        PyErr_SetObject(c->k->error, error);
    Py_XDECREF(error);
    Py_XDECREF(reason);
    Py_XDECREF(library);
}

bool tls_half_resumes(struct tls_call *c, const char *data, size_t n, size_t *ret_done,
                      size_t *ret_next)
{
    struct sock_half *half = &c->t->half;
    *ret_done = *ret_next = 0;
    if (half->state == HALF_NONE)
        return true;
    if (half->state == HALF_KEPT && begins_so(half, data, n)) {
        *ret_done = half->before;
        *ret_next = half->n;
        if (half->n == 0)
            tls_half_ended(half); /* nothing is half sent */
        return true;
    }
    raise_bad_retry(c,
                    half->state == HALF_KEPT
                        ? "an earlier write was not finished: the next has to begin with its data"
                        : "another write on this connection is not finished");
    return false;
}

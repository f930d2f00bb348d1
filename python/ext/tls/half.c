/* What is kept of a record that is half sent. Sits on call.c: whether there is one OpenSSL alone
 * knows, as a handler may have raised before or after the end of the record. */
#include "tls/half.h"

#include <string.h>

void tls_half_begins(struct sock_half *half)
{
    if (half->state == HALF_NONE)
        half->state = HALF_IN_FLIGHT;
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

void tls_half_keeps(struct sock_half *half, const char *data, size_t done, size_t n)
{
    char *copy = PyMem_Malloc(n ? n : 1);
    if (copy)
        memcpy(copy, data + done, n);
    PyMem_Free(half->data);
    *half = (struct sock_half){HALF_KEPT, copy, n, done, sum_of(data, done)};
}

/* Whether OpenSSL has a record half sent: it refuses a write of nothing then, and does nothing
 * about it otherwise. 1, and that error stays set; 0; -1 with another exception. */
static int is_half_sent(struct tls_call *c)
{
    PyObject *nothing = PyBytes_FromStringAndSize(NULL, 0);
    PyObject *args[] = {NULL, nothing};
    PyObject *result = nothing ? tls_try(c, c->k->method_names[TLS_WRITE], args, 2) : NULL;
    Py_XDECREF(nothing);
    Py_XDECREF(result);
    if (result)
        return 0;
    if (tls_wants(c)) { /* of a handshake, say, that comes before */
        PyErr_Clear();
        return 0;
    }
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *reason = value ? PyObject_GetAttr(value, c->k->names[TLS_REASON]) : NULL;
    bool is = reason && PyUnicode_Check(reason) &&
              PyUnicode_CompareWithASCIIString(reason, "BAD_LENGTH") == 0;
    Py_XDECREF(reason);
    PyErr_Restore(type, value, traceback);
    return is ? 1 : -1;
}

static bool begins_so(const struct sock_half *half, const char *data)
{
    return half->data && memcmp(half->data, data + half->before, half->n) == 0 &&
           sum_of(data, half->before) == half->sum;
}

bool tls_half_resumes(struct tls_call *c, const char *data, size_t n, size_t *ret_done,
                      size_t *ret_next)
{
    struct sock_half *half = &c->t->half;
    *ret_done = *ret_next = 0;
    if (half->state == HALF_NONE)
        return true;
    if (half->state == HALF_IN_FLIGHT) {
        PyErr_SetString(PyExc_OSError, "this thread is in the middle of another write on this "
                                       "connection");
        return false;
    }
    int is = is_half_sent(c);
    if (is < 0)
        return false;
    if (is == 0) {
        sock_half_forget(half);
        return true;
    }
    if (n < half->before + half->n)
        return false; /* that error is stock's, too */
    PyErr_Clear();
    if (begins_so(half, data)) {
        *ret_done = half->before;
        *ret_next = half->n;
        return true;
    }
    PyErr_SetString(PyExc_OSError,
                    "an earlier write was not finished: the next has to begin with its data");
    return false;
}

/* See capture.h. Sits on call/tap.h. */
#include "object/capture.h"
#include "object/wait.h"

#include <errno.h>
#include <string.h>

/* A call that writes to a file is one without the GIL, from here to its end. */
static void call_begins(void *arg)
{
    ext_wait_let_go(arg);
}

static void call_failed(void *arg)
{
    ((struct ext_wait *)arg)->waited |= EXT_CAPTURE_FAILED;
}

static void tell_failure(const char *path, int err)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PySys_FormatStderr("csock: no more is captured to %s: %s\n", path, strerror(err));
    PyErr_Restore(type, value, traceback);
}

static const struct csock__tap_hooks hooks = {.begin = call_begins, .failed = call_failed};

int sock_capture(struct sock_object *s, struct csock__pcap *pcap, bool plain)
{
    int r;
    Py_BEGIN_ALLOW_THREADS
    r = csock__tap_begin(&s->core, pcap, plain, &hooks);
    Py_END_ALLOW_THREADS
    return r;
}

void sock_capture_new(struct sock_object *s)
{
    int captures = EXT_GET(s->state->captures);
    if (captures != CAPTURES_NONE)
        csock__tap_begin(&s->core, NULL, captures == CAPTURES_TLS_TOO, &hooks);
}

int64_t sock_capture_now(void)
{
    return csock__pcap_now();
}

/* What fails at the end has nobody after it to tell. */
void sock_capture_end(struct sock_object *s, bool closes)
{
    if (!sock_is_captured(s))
        return;
    sock_capture_shut(s, closes ? SHUT_RDWR : SHUT_RD);
    Py_BEGIN_ALLOW_THREADS
    csock__tap_end(&s->core, closes);
    Py_END_ALLOW_THREADS
}

void sock_capture_free(struct sock_object *s)
{
    csock__tap_free(&s->core);
}

int sock_capture_open(const char *path, const struct csock__about *about, size_t keep, uint32_t seq,
                      struct csock__pcap **ret)
{
    int r;
    Py_BEGIN_ALLOW_THREADS
    r = csock__pcap_open(path, about, keep, csock_forks() + 1, ret); /* thread.h */
    Py_END_ALLOW_THREADS
    if (r == 0 && seq)
        (*ret)->seq = seq;
    return r;
}

void sock_capture_let_go(struct csock__pcap *pcap)
{
    csock__pcap_let_go(pcap);
}

void sock_capture_close(struct csock__pcap *pcap)
{
    Py_BEGIN_ALLOW_THREADS
    csock__pcap_close(pcap);
    Py_END_ALLOW_THREADS
    int err = csock__pcap_failure(pcap);
    if (err)
        tell_failure(pcap->path, err);
}

int sock_capture_all(struct ext_state *st, const char *folder, const struct csock__about *about,
                     bool plain_too)
{
    int r = csock__tap_folder(folder, about);
    if (r == 0)
        EXT_SET(st->captures, plain_too ? CAPTURES_TLS_TOO : CAPTURES_ALL);
    return r;
}

void sock_capture_tell(struct sock_object *s)
{
    char path[4200];
    int err = csock__tap_failure(&s->core, path, sizeof path);
    if (err)
        tell_failure(path, err);
}

void sock_capture_connected(struct sock_object *s, bool by_peer, int64_t began, int r,
                            const struct sockaddr *addr, socklen_t len)
{
    bool goes_on = r == -EINPROGRESS; /* how it ends is not seen, but who has begun it is */
    int err = r == CSOCK_ETIMEOUT ? ETIMEDOUT : r < 0 && !goes_on ? csock_err_errno(r) : 0;
    if (r == -EAGAIN || r == -EISCONN || r == -EALREADY || r < -4095)
        return;
    int64_t ended = goes_on ? 0 : csock__pcap_now();
    Py_BEGIN_ALLOW_THREADS
    csock__tap_connected(&s->core, by_peer, began, ended, err, addr, len);
    Py_END_ALLOW_THREADS
    sock_capture_tell(s);
}

void sock_capture_shut(struct sock_object *s, int how)
{
    Py_BEGIN_ALLOW_THREADS
    csock__tap_shut(&s->core, how);
    Py_END_ALLOW_THREADS
    sock_capture_tell(s);
}

static void write_plain(struct sock_object *s, enum csock__way way, const void *data, size_t n)
{
    Py_BEGIN_ALLOW_THREADS
    csock__tap_plain(&s->core, way, data, n);
    Py_END_ALLOW_THREADS
    sock_capture_tell(s);
}

void sock_capture_read(struct sock_object *s, PyObject *result, PyObject *buffer)
{
    Py_buffer view;
    Py_ssize_t n;
    if (!csock__tap_is_plain(&s->core))
        return;
    if (!buffer) {
        if (PyBytes_CheckExact(result))
            write_plain(s, CSOCK__INWARD, PyBytes_AS_STRING(result),
                        (size_t)PyBytes_GET_SIZE(result));
        return;
    }
    n = PyLong_CheckExact(result) ? PyLong_AsSsize_t(result) : -1;
    if (n < 0 || PyObject_GetBuffer(buffer, &view, PyBUF_SIMPLE) < 0) {
        PyErr_Clear();
        return;
    }
    write_plain(s, CSOCK__INWARD, view.buf, (size_t)(n < view.len ? n : view.len));
    PyBuffer_Release(&view);
}

/* After a write that has failed, too: its exception stays. */
void sock_capture_written(struct sock_object *s, const void *data, size_t n)
{
    if (csock__tap_is_plain(&s->core))
        write_plain(s, CSOCK__OUTWARD, data, n);
}

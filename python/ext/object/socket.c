/* The socket object: how it is made around a socket of the core, how it ends, and what a failed
 * call on it raises. Sits on csock_move and csock_close. Must not know the type's methods, nor how
 * __init__ reads its arguments. */
#include "object/socket.h"
#include "object/capture.h"
#include "object/counts.h"
#include "object/secured.h"
#include "shared/interp.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define AFTER_HEAD(member) (offsetof(struct sock_object, member) - sizeof(PyObject))

static_assert(AFTER_HEAD(fd) == INTERP_SSL_FD && AFTER_HEAD(family) == 4 && AFTER_HEAD(type) == 8 &&
                  AFTER_HEAD(proto) == 12,
              "ssl reads fd from memory");
static_assert(sizeof(void *) != 8 ||
                  (AFTER_HEAD(errorhandler) == 16 &&
                   AFTER_HEAD(ssl_timeout) == INTERP_SSL_TIMEOUT && AFTER_HEAD(state) == 32),
              "ssl reads the timeout from memory");

/* At the interpreter's end a daemon thread that is inside cannot leave any more: it would have to
 * take the GIL for that. Waiting for it would cost a second for each socket. */
int sock_close_core(struct sock_object *s)
{
    int r;
    bool wait = !interp_is_finalizing();
    sock_capture_end(s, true);
    Py_BEGIN_ALLOW_THREADS
    r = wait ? csock_close(&s->core) : csock_close_within(&s->core, 0);
    Py_END_ALLOW_THREADS
    return r;
}

/* What ssl calls after a failed system call of OpenSSL's. */
static PyObject *raise_errno(void)
{
    return PyErr_SetFromErrno(PyExc_OSError);
}

/* No descriptor yet: an object that __init__ never filled has nothing to warn of. What is zero is
 * left alone, the core's socket, too: memory of objects comes as zeros. */
struct sock_object *sock_alloc(PyTypeObject *type, struct ext_state *st)
{
    struct sock_object *s = (struct sock_object *)type->tp_alloc(type, 0);
    if (!s)
        return NULL;
    s->fd = -1;
    s->errorhandler = raise_errno;
    s->timeout = s->ssl_timeout = -1;
    s->state = st;
    return s;
}

void sock_show(struct sock_object *s, int64_t timeout)
{
    EXT_SET(s->family, csock_family(&s->core));
    EXT_SET(s->type, csock_type(&s->core));
    EXT_SET(s->proto, csock_proto(&s->core));
    EXT_SET(s->timeout, timeout);
    EXT_SET(s->ssl_timeout, timeout);
    if (s->secured)
        EXT_SET(s->secured->engaged, false);
    EXT_SET(s->last_received, 0);
    EXT_SET(s->fd, csock_fd(&s->core));
}

void sock_fill(struct sock_object *s, struct csock *core, int64_t timeout)
{
    csock_move(core, &s->core);
    sock_show(s, timeout);
    sock_counts_begin(s);
    sock_capture_new(s);
}

PyObject *sock_from_core(struct ext_state *st, struct csock *core, int64_t timeout)
{
    struct sock_object *s = sock_alloc(st->sock_type, st);
    if (!s) {
        csock_close(core);
        return NULL;
    }
    sock_fill(s, core, timeout);
    return (PyObject *)s;
}

/* The warning comes first: whoever logs it may still ask the socket for its addresses. */
void sock_finalize(PyObject *self)
{
    struct sock_object *s = (struct sock_object *)self;
    PyObject *type, *value, *traceback;
    if (EXT_GET(s->fd) < 0)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    /* Warnings that are turned into errors have nowhere to go; other failures come from an
     * interpreter half gone. */
    if (PyErr_ResourceWarning(self, 1, "unclosed %R", self) < 0) {
        if (PyErr_ExceptionMatches(PyExc_Warning))
            PyErr_WriteUnraisable(self);
        else
            PyErr_Clear();
    }
    if (ext_take_fd(s) >= 0)
        sock_close_core(s);
    PyErr_Restore(type, value, traceback);
}

bool sock_finalized(PyObject *self)
{
    bool nothing_to_do = EXT_GET(((struct sock_object *)self)->fd) < 0 &&
                         Py_TYPE(self)->tp_finalize == sock_finalize;
    return nothing_to_do || PyObject_CallFinalizerFromDealloc(self) == 0;
}

void sock_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    sock_counts_end((struct sock_object *)self);
    sock_secured_free((struct sock_object *)self);
    sock_capture_free((struct sock_object *)self);
    Py_CLEAR(((struct sock_object *)self)->peer);
    Py_CLEAR(((struct sock_object *)self)->io_refs);
    Py_CLEAR(((struct sock_object *)self)->closed);
    type->tp_free(self);
    Py_DECREF(type);
}

#define WHOM_SIZE (CSOCK_ADDR_TEXT_MAX + sizeof " from ")

/* " <word> <address>", or "" if there is none to show. */
static void put_address(const char *word, const struct sockaddr *addr, socklen_t len, char *whom,
                        size_t size)
{
    char text[CSOCK_ADDR_TEXT_MAX];
    whom[0] = '\0';
    if (len > 0 && csock_addr_format(addr, len, text, sizeof text) > 0)
        snprintf(whom, size, " %s %s", word, text);
}

static const char *word_before_peer(const char *what)
{
    static const char *const words[][2] = {
        {"accept", "on"},      {"recv", "from"},   {"read", "from"},
        {"handshake", "with"}, {"unwrap", "with"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(what, words[i][0], strlen(words[i][0])) == 0)
            return words[i][1];
    return "to";
}

/* Who the other end is, or for accept where it listens; "" if nobody knows. */
static void whom_of(struct sock_object *s, const char *what, char *whom, size_t size)
{
    union csock_addr addr;
    socklen_t len;
    bool accepts = strcmp(what, "accept") == 0;
    int r = accepts ? csock_sockname(&s->core, &addr, &len) : csock_peername(&s->core, &addr, &len);
    put_address(word_before_peer(what), &addr.any, r < 0 ? 0 : len, whom, size);
}

/* No system call is made for who was to be called and was not. */
static PyObject *raise_deadline(struct sock_object *s, const char *what, int err)
{
    char whom[WHOM_SIZE] = "";
    if (err == EXT_EDEADLINE)
        whom_of(s, what, whom, sizeof whom);
    return ext_deadline_raise(&s->state->deadlines, what, whom, err == EXT_EDEADLINE);
}

/* How an address reads in an error: a path as the program knows it, all else as the core writes it.
 * New reference; NULL, perhaps with an exception, if there is nothing to show. */
static PyObject *address_as_text(const struct sockaddr *addr, socklen_t len)
{
    char text[CSOCK_ADDR_TEXT_MAX];
    const char *path;
    ssize_t n = csock_addr_path(addr, len, &path);
    if (n > 0 && *path)
        return PyUnicode_DecodeFSDefaultAndSize(path, n);
    int size = csock_addr_format(addr, len, text, sizeof text);
    return size > 0 ? PyUnicode_FromStringAndSize(text, size) : NULL;
}

/* If it fails, the exception goes without. */
void ext_tell_address(const struct sockaddr *addr, socklen_t len)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    PyObject *text = address_as_text(addr, len);
    if (!text || !ext_error_about(value, text))
        PyErr_Clear();
    Py_XDECREF(text);
    PyErr_Restore(type, value, traceback);
}

PyObject *ext_raise_sock_to(struct sock_object *s, const char *what, int err,
                            const struct sockaddr *addr, socklen_t len)
{
    char whom[WHOM_SIZE];
    if (ext_is_deadline(err)) {
        put_address("to", addr, len, whom, sizeof whom);
        return ext_deadline_raise(&s->state->deadlines, what, whom, err == EXT_EDEADLINE);
    }
    ext_raise_sock(s, what, err);
    if (err != CSOCK_EINTERRUPTED && err != CSOCK_ETIMEOUT)
        ext_tell_address(addr, len);
    return NULL;
}

EXT_RARE static PyObject *raise_words(struct sock_object *s, const char *what, int err)
{
    char text[80];
    if (ext_is_deadline(err))
        return raise_deadline(s, what, err);
    snprintf(text, sizeof text, "%s: socket closed by another thread", what);
    return ext_raise_numbered(PyExc_OSError, EBADF, text);
}

PyObject *ext_raise_sock(struct sock_object *s, const char *what, int err)
{
    bool own = err == CSOCK_ECLOSED || ext_is_deadline(err);
    return own ? raise_words(s, what, err) : ext_raise(&s->state->errors, err);
}

/* Receiving: where the bytes go, and who holds the GIL. Sits on csock_recv and csock_recv_from; the
 * methods are in recv.c.
 *
 * What a program asks for says little about what will come: recv(65536) mostly gets some hundred
 * bytes. A buffer of the size asked for would be fitted to its contents afterwards, which is dear.
 * So a receive goes to memory that is there already, and what came is copied out, if that is
 * little. If it is much, or the socket's newest receive was, it goes where it will stay. */
#include "methods/receive.h"
#include "shared/buffers.h"
#include "object/counts.h"
#include "object/wait.h"
#include "methods/results.h"

#include <pthread.h>
#include <string.h>

/* A page on each thread's stack would be memory for a thousand threads that wait. */
#define LITTLE_MAX 512
#define COPY_MAX 4096           /* copying this much costs less than fitting a buffer to it */
#define SPARE_MAX (1024 * 1024) /* larger receive buffers are not kept */
#define SPARE_COPY_MAX (4 * COPY_MAX)
/* Larger blocks come from the kernel, as zeros: mallopt(3). */
#define RECYCLED_MAX (32 * 1024 * 1024)

/* What n bytes of room are likely to take: a large buffer mostly gets little. Where it does not,
 * one transfer copies with the GIL held for a tenth of a millisecond, and the next one knows. */
static size_t likely_size(const struct sock_object *s, size_t n)
{
    size_t newest = EXT_GET(s->last_received);
    return n <= SPARE_MAX && newest <= EXT_HELD_MAX ? newest : n;
}

/* That a receive got all it had room for says nothing of what is still to come: a protocol asks for
 * four bytes, and then for as many as these say. */
static void note_size(struct sock_object *s, size_t size, size_t room)
{
    if (size < room || size > EXT_GET(s->last_received))
        EXT_SET(s->last_received, size);
}

EXT_SHORT ssize_t try_receive(struct sock_object *s, void *buf, size_t n, struct sock_sender *from)
{
    return from ? csock_try_recv_from(&s->core, buf, n, 0, &from->addr, &from->len)
                : csock_try_recv(&s->core, buf, n, 0);
}

/* SO_RCVLOWAT forbids the try, and belongs to all descriptors that are duplicates of each other. So
 * once a program has set it, on whatever socket, each receive asks whether it is its own, too. */
static bool may_try(struct sock_object *s, size_t n, int flags)
{
    return !EXT_GET(s->state->low_water) && ext_may_try(s, n, flags, EXT_IN);
}

/* The core notices what it is told. Not for a call that will not be made. */
EXT_RARE static void ask_for_low_water(struct sock_object *s)
{
    int low;
    if (ext_innermost && ext_is_over(s))
        return;
    csock_opt_get_int(&s->core, SOL_SOCKET, SO_RCVLOWAT, &low);
}

/* A receive that waits by poll brings what is there, MSG_WAITALL or not, as the non-blocking call
 * of stock does. The core would wait for all. */
int sock_recv_flags(struct sock_object *s, int flags)
{
    if (EXT_GET(s->state->low_water) && !(csock_flags(&s->core) & CSOCK_NO_TRY))
        ask_for_low_water(s);
    return EXT_GET(s->timeout) >= 0 ? flags & ~MSG_WAITALL : flags;
}

/* All of a receive but the plain try, of which tried is the result; 0 if there was none. A call
 * that has made one has the GIL, and goes on with it, until it waits, whatever its size. */
EXT_WAITS static ssize_t receive_waiting(struct sock_object *s, void *buf, size_t n, int flags,
                                         struct sock_sender *from, bool light, ssize_t tried)
{
    struct ext_wait w;
    bool held = tried != 0 || (light && ext_may_hold(s, n, EXT_IN));
    flags = sock_recv_flags(s, flags);
    if (!ext_wait_begin(&w, s, held, EXT_IN, flags))
        return EXT_EPASSED;
    ssize_t r = from ? csock_recv_from_tried(&s->core, buf, n, flags, &from->addr, &from->len,
                                             tried, &w.wait)
                     : csock_recv_tried(&s->core, buf, n, flags, tried, &w.wait);
    r = ext_received(&w, ext_wait_end(&w, r));
    if (r >= 0)
        sock_add_taken(s, sock_written(s, r, n, flags), flags);
    return r;
}

/* Into memory that is there. tried: the result of a plain try that was inconclusive, or 0. */
EXT_SHORT ssize_t receive_bytes(struct sock_object *s, void *buf, size_t n, int flags,
                                struct sock_sender *from, ssize_t tried)
{
    if (tried == 0 && may_try(s, likely_size(s, n), flags)) {
        tried = try_receive(s, buf, n, from);
        if (tried >= 0) {
            sock_add_received(s, (size_t)tried);
            return tried;
        }
        if (!ext_inconclusive(tried))
            return tried;
    }
    return receive_waiting(s, buf, n, flags, from, true, tried);
}

ssize_t sock_receive_into(struct sock_object *s, const Py_buffer *into, size_t n, int flags,
                          struct sock_sender *from)
{
    ssize_t r = ext_weight(into, n) == n ? receive_bytes(s, into->buf, n, flags, from, 0)
                                         : receive_waiting(s, into->buf, n, flags, from, false, 0);
    if (r >= 0)
        note_size(s, (size_t)r, n);
    return r;
}

ssize_t sock_receive_own(struct sock_object *s, void *buf, size_t n)
{
    ssize_t r = receive_bytes(s, buf, n, 0, NULL, 0);
    if (r >= 0)
        note_size(s, (size_t)r, n);
    return r;
}

/* How many bytes the receive that gave `count` has written, noted as the newest size. */
static size_t note_written(struct sock_object *s, ssize_t count, size_t n, int flags)
{
    size_t size = (flags & MSG_TRUNC) || (size_t)count > n
                      ? csock_recv_written(&s->core, count, n, flags)
                      : (size_t)count;
    note_size(s, size, n);
    return size;
}

/* Into memory of this call alone: a signal handler that runs meanwhile may receive, too. */
static PyObject *recv_little(struct sock_object *s, const char *what, char buf[LITTLE_MAX],
                             size_t n, int flags, struct sock_sender *from, ssize_t tried)
{
    if (flags & MSG_TRUNC)
        memset(buf, 0, n);
    ssize_t r = receive_bytes(s, buf, n, flags, from, tried);
    if (r < 0)
        return ext_raise_sock(s, what, (int)r);
    return PyBytes_FromStringAndSize(buf, (Py_ssize_t)note_written(s, r, n, flags));
}

static PyObject *fitted(PyObject *bytes, size_t size)
{
    if ((size_t)PyBytes_GET_SIZE(bytes) != size)
        _PyBytes_Resize(&bytes, (Py_ssize_t)size); /* on failure bytes is NULL */
    return bytes;
}

/* With MSG_TRUNC some families count what they do not write, and csock_recv_written has to know
 * which: should it ever be wrong, zeros come out. */
static PyObject *recv_much(struct sock_object *s, const char *what, size_t n, int flags,
                           struct sock_sender *from)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
    if (!bytes)
        return NULL;
    if (flags & MSG_TRUNC)
        memset(PyBytes_AS_STRING(bytes), 0, n < RECYCLED_MAX ? n : RECYCLED_MAX);
    ssize_t r = receive_bytes(s, PyBytes_AS_STRING(bytes), n, flags, from, 0);
    if (r < 0) {
        Py_DECREF(bytes);
        return ext_raise_sock(s, what, (int)r);
    }
    return fitted(bytes, note_written(s, r, n, flags));
}

#ifdef Py_GIL_DISABLED

/* Each thread has a buffer of its own, for a list that all of them share would make processors take
 * turns. It is no bytes object, because a thread may end when its interpreter is gone. */
struct scratch {
    size_t n;
    char data[];
};
static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_kept;

static void scratch_init(void)
{
    scratch_kept = pthread_key_create(&scratch_key, PyMem_RawFree) == 0;
}

/* Nobody else's until it is kept again: a signal handler may receive meanwhile. */
static struct scratch *scratch_take(size_t n)
{
    pthread_once(&scratch_once, scratch_init);
    struct scratch *scratch = scratch_kept ? pthread_getspecific(scratch_key) : NULL;
    if (scratch && scratch->n >= n) {
        pthread_setspecific(scratch_key, NULL);
        return scratch;
    }
    if ((scratch = PyMem_RawMalloc(sizeof *scratch + n)))
        scratch->n = n;
    return scratch;
}

static void scratch_keep(struct scratch *scratch)
{
    struct scratch *other = scratch_kept ? pthread_getspecific(scratch_key) : NULL;
    bool keep = scratch_kept && (!other || other->n < scratch->n) &&
                pthread_setspecific(scratch_key, scratch) == 0;
    PyMem_RawFree(keep ? other : scratch);
}

static PyObject *recv_guessing(struct sock_object *s, const char *what, size_t n, int flags,
                               struct sock_sender *from, ssize_t tried)
{
    struct scratch *scratch = scratch_take(n);
    if (!scratch)
        return PyErr_NoMemory();
    ssize_t r = receive_bytes(s, scratch->data, n, flags, from, tried);
    PyObject *result =
        r < 0 ? ext_raise_sock(s, what, (int)r)
              : PyBytes_FromStringAndSize(scratch->data, (Py_ssize_t)note_written(s, r, n, flags));
    scratch_keep(scratch);
    return result;
}

#else

/* Whether a spare that has received so much is better given away than copied from. */
static bool fills(PyObject *spare, size_t size)
{
    return size > SPARE_COPY_MAX && size > (size_t)PyBytes_GET_SIZE(spare) / 16;
}

/* A bytes object of at least n bytes that nobody else knows: one that was kept, or a new one. */
static PyObject *spare_take(struct ext_state *st, size_t n)
{
    for (int i = EXT_SPARES; i-- > 0;) {
        PyObject *spare = st->spares[i];
        if (spare && (size_t)PyBytes_GET_SIZE(spare) >= n) {
            st->spares[i] = NULL;
            return spare;
        }
    }
    return PyBytes_FromStringAndSize(NULL, (Py_ssize_t)n);
}

/* Kept in the place of nothing, or of the smallest. A larger one stands before the smaller ones,
 * except where one before it is in use. */
static void spare_keep(struct ext_state *st, PyObject *bytes)
{
    for (int i = 0; bytes && i < EXT_SPARES; i++) {
        PyObject *other = st->spares[i];
        if (!other || PyBytes_GET_SIZE(other) < PyBytes_GET_SIZE(bytes)) {
            st->spares[i] = bytes;
            bytes = other;
        }
    }
    Py_XDECREF(bytes);
}

static PyObject *recv_guessing(struct sock_object *s, const char *what, size_t n, int flags,
                               struct sock_sender *from, ssize_t tried)
{
    PyObject *spare = spare_take(s->state, n);
    if (!spare)
        return NULL;
    ssize_t r = receive_bytes(s, PyBytes_AS_STRING(spare), n, flags, from, tried);
    size_t size = r < 0 ? 0 : note_written(s, r, n, flags);
    if (fills(spare, size))
        return fitted(spare, size);
    PyObject *result = r < 0 ? ext_raise_sock(s, what, (int)r)
                             : sock_result(s->state, PyBytes_AS_STRING(spare), size);
    spare_keep(s->state, spare);
    return result;
}

#endif

/* Whether n bytes of room are likely to take a few. */
static bool likely_little(const struct sock_object *s, size_t n)
{
    return n <= SPARE_MAX && EXT_GET(s->last_received) <= COPY_MAX;
}

/* The receive in full. little: memory of the call's own. tried: the result of a plain try that was
 * inconclusive; 0 if there was none. */
EXT_WAITS static PyObject *recv_in_full(struct sock_object *s, const char *what,
                                        char little[LITTLE_MAX], size_t n, int flags,
                                        struct sock_sender *from, ssize_t tried)
{
    if (n <= LITTLE_MAX)
        return recv_little(s, what, little, n, flags, from, tried);
    if ((flags & MSG_TRUNC) || !likely_little(s, n))
        return recv_much(s, what, n, flags, from);
    return recv_guessing(s, what, n, flags, from, tried);
}

#ifndef Py_GIL_DISABLED

/* Memory for n bytes that is there already, for a try: nobody else gets at it while the GIL is
 * held. NULL if there is none, or if it is better not used. */
static char *at_hand(const struct sock_object *s, char little[LITTLE_MAX], size_t n)
{
    PyObject *spare = s->state->spares[0];
    if (n <= LITTLE_MAX)
        return little;
    return spare && (size_t)PyBytes_GET_SIZE(spare) >= n && likely_little(s, n)
               ? PyBytes_AS_STRING(spare)
               : NULL;
}

/* What came into the memory at hand, which was in a spare if n is not little. */
static PyObject *from_hand(struct sock_object *s, const char *room, size_t n, size_t size)
{
    PyObject **spare = &s->state->spares[0], *whole = *spare;
    note_size(s, size, n);
    sock_add_received(s, size);
    if (n <= LITTLE_MAX || !fills(whole, size))
        return sock_result(s->state, room, size);
    *spare = NULL;
    return fitted(whole, size);
}

#endif

/* Most receives have no flags, ask for little or get little, and find it there: they end here,
 * having touched nothing but what they need. */
PyObject *sock_recv_bytes(struct sock_object *s, const char *what, size_t n, int flags,
                          struct sock_sender *from)
{
    char little[LITTLE_MAX];
    ssize_t r = 0;
#ifndef Py_GIL_DISABLED
    char *room;
    if (may_try(s, 0, flags) && (room = at_hand(s, little, n))) {
        r = try_receive(s, room, n, from);
        if (r >= 0)
            return from_hand(s, room, n, (size_t)r < n ? (size_t)r : n);
        if (!ext_inconclusive(r))
            return ext_raise_sock(s, what, (int)r);
    }
#endif
    return recv_in_full(s, what, little, n, flags, from, r);
}

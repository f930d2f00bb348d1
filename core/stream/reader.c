/* A reader: bytes that came too early are kept, bytes that a failing call has received, too. Sits
 * on csock_recv, by way of a function pointer that may as well lead elsewhere. Must not touch what
 * is in it before it knows that a call succeeds.
 *
 * The memory is one block. What is in it moves to the front when the room behind it gets small, and
 * the block doubles when more than half of it is in use: each byte is moved about once. How much is
 * received at once grows while the source fills what it is given, so that a reader of small
 * messages has a small block, and bulk costs few calls. */
#include "csock.h"

#include "sys/sys.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#define CHUNK_MIN (16 * 1024) /* a record of TLS */
#define CHUNK_MAX (64 * 1024)
#define AT_ONCE_MAX (1024 * 1024)  /* more is not set aside before some of it has come */
#define KEPT_MAX (4 * AT_ONCE_MAX) /* an empty block larger than this is let go of */

void csock_reader_init(struct csock_reader *r, struct csock_reader_source source, size_t limit)
{
    *r = (struct csock_reader){.source = source, .limit = limit, .chunk = CHUNK_MIN};
}

static ssize_t recv_of_socket(void *arg, void *buf, size_t n, const struct csock_wait *w)
{
    return csock_recv(arg, buf, n, 0, w);
}

struct csock_reader_source csock_reader_over(struct csock *s)
{
    return (struct csock_reader_source){.recv = recv_of_socket, .arg = s};
}

/* Another block, or none, with nothing in it. */
static void replace_block(struct csock_reader *r, char *block, size_t size)
{
    if (r->buf)
        csock__sys->release(r->buf);
    r->buf = block;
    r->size = size;
}

void csock_reader_free(struct csock_reader *r)
{
    replace_block(r, NULL, 0);
    r->start = r->end = 0;
}

size_t csock_reader_pending(const struct csock_reader *r)
{
    return r->end - r->start;
}

bool csock_reader_at_end(const struct csock_reader *r)
{
    return r->ended && r->start == r->end;
}

size_t csock_reader_overrun(const struct csock_reader *r)
{
    return r->overrun;
}

/* Takes n bytes that are there. */
static inline const char *take_bytes(struct csock_reader *r, size_t n)
{
    const char *data = r->buf + r->start;
    r->start += n;
    return data;
}

size_t csock_reader_skip(struct csock_reader *r, size_t n)
{
    size_t pending = csock_reader_pending(r);
    if (n > pending)
        n = pending;
    r->start += n;
    return n;
}

int csock_reader_unread(struct csock_reader *r, size_t n)
{
    if (n > r->start)
        return -EINVAL;
    r->start -= n;
    return 0;
}

size_t csock_reader_detach(struct csock_reader *r, void **ret_buf)
{
    size_t n = csock_reader_pending(r);
    if (n == 0)
        csock_reader_free(r);
    else
        memmove(r->buf, r->buf + r->start, n);
    *ret_buf = r->buf;
    r->buf = NULL;
    r->size = r->start = r->end = 0;
    return n;
}

/* ---- room */

static int grow_block(struct csock_reader *r, size_t n, size_t want)
{
    size_t size = r->size > SIZE_MAX / 2 ? SIZE_MAX : 2 * r->size;
    if (want > SIZE_MAX - n)
        return -ENOMEM;
    if (size < n + want)
        size = n + want;
    char *block = csock__sys->alloc(size);
    if (!block)
        return -ENOMEM;
    if (n > 0)
        memcpy(block, r->buf + r->start, n);
    replace_block(r, block, size);
    r->start = 0;
    r->end = n;
    return 0;
}

/* Room for `want` bytes behind what is there. On failure all is as it was. */
static int make_room(struct csock_reader *r, size_t want)
{
    size_t n = csock_reader_pending(r);
    if (n == 0)
        r->start = r->end = 0;
    if (r->size - r->end >= want)
        return 0;
    if (r->size - n < want)
        return grow_block(r, n, want);
    memmove(r->buf, r->buf + r->start, n);
    r->start = 0;
    r->end = n;
    return 0;
}

static void drop_large_block(struct csock_reader *r)
{
    if (r->start == r->end && r->size > KEPT_MAX)
        csock_reader_free(r);
}

/* ---- receiving */

/* One receive of what the source has, at most n bytes: the count, 0 at the end. */
static ssize_t receive_once(struct csock_reader *r, void *buf, size_t n, const struct csock_wait *w)
{
    ssize_t got = r->source.recv(r->source.arg, buf, n, w);
    if (got == 0)
        r->ended = true;
    else if ((size_t)got == n && n >= r->chunk / 2 && r->chunk < CHUNK_MAX)
        r->chunk *= 2;
    return got;
}

/* One receive into the block, where `missing` bytes are still to come. 0 or an error. */
static int receive_more(struct csock_reader *r, size_t missing, const struct csock_wait *w)
{
    size_t want = r->start == r->end ? r->chunk : r->chunk / 2;
    if (r->ended)
        return CSOCK_EINCOMPLETE;
    if (want < missing && missing <= AT_ONCE_MAX)
        want = missing;
    drop_large_block(r);
    int err = make_room(r, want);
    if (err < 0)
        return err;
    ssize_t got = receive_once(r, r->buf + r->end, r->size - r->end, w);
    if (got > 0)
        r->end += (size_t)got;
    return got < 0 ? (int)got : 0;
}

/* Until n bytes are there. */
static int await_bytes(struct csock_reader *r, size_t n, const struct csock_wait *w)
{
    int err = 0;
    while (err == 0 && csock_reader_pending(r) < n)
        err = receive_more(r, n - csock_reader_pending(r), w);
    return err;
}

ssize_t csock_reader_peek(struct csock_reader *r, size_t n, const char **ret_data,
                          const struct csock_wait *w)
{
    int err = await_bytes(r, n, w);
    if (err < 0 && err != CSOCK_EINCOMPLETE)
        return err;
    size_t pending = csock_reader_pending(r);
    *ret_data = r->buf ? r->buf + r->start : "";
    return (ssize_t)(n < pending ? n : pending);
}

ssize_t csock_reader_some(struct csock_reader *r, void *buf, size_t n, const struct csock_wait *w)
{
    size_t pending = csock_reader_pending(r);
    if (n == 0)
        return 0;
    if (pending == 0) {
        if (r->ended)
            return 0;
        if (n >= r->chunk)
            return receive_once(r, buf, n, w);
        int err = receive_more(r, 1, w);
        if (err < 0)
            return err;
        pending = csock_reader_pending(r);
    }
    if (n > pending)
        n = pending;
    if (n > 0)
        memcpy(buf, take_bytes(r, n), n);
    return (ssize_t)n;
}

/* Straight into buf what comes behind the bytes that are there, which stay in the block until all
 * has come. Before each receive the block has room for all that it may bring, for the case that a
 * later one fails: memory that is not written to costs next to nothing. */
static ssize_t receive_straight(struct csock_reader *r, char *buf, size_t n,
                                const struct csock_wait *w)
{
    size_t had = csock_reader_pending(r), rest = n - had, got = 0;
    ssize_t err = 0;
    while (got < rest) {
        size_t room = 2 * got < AT_ONCE_MAX ? AT_ONCE_MAX : 2 * got;
        if (room > rest)
            room = rest;
        err = r->ended ? CSOCK_EINCOMPLETE : make_room(r, room);
        if (err == 0)
            err = receive_once(r, buf + had + got, room - got, w);
        if (err < 0)
            break;
        got += (size_t)err;
        err = 0;
    }
    if (err < 0) {
        if (got > 0)
            memcpy(r->buf + r->end, buf + had, got);
        r->end += got;
        return err;
    }
    if (had > 0)
        memcpy(buf, take_bytes(r, had), had);
    return (ssize_t)n;
}

ssize_t csock_reader_exactly(struct csock_reader *r, void *buf, size_t n,
                             const struct csock_wait *w)
{
    size_t pending = csock_reader_pending(r);
    if (n > SSIZE_MAX)
        return -EINVAL;
    if (n > pending) {
        if (n - pending >= r->chunk)
            return receive_straight(r, buf, n, w);
        int err = await_bytes(r, n, w);
        if (err < 0)
            return err;
    }
    if (n > 0)
        memcpy(buf, take_bytes(r, n), n);
    return (ssize_t)n;
}

/* ---- separators */

struct found {
    size_t start, end;
};

static const char *find_bytes(const char *data, size_t n, const struct csock_separator *sep)
{
    return sep->len == 1 ? memchr(data, *(const unsigned char *)sep->data, n)
                         : memmem(data, n, sep->data, sep->len);
}

/* The separator that ends first, from offset on; of those that end there, the shortest. What of the
 * others begins later than that end is of no interest. */
static bool find_first(const struct csock_reader *r, size_t offset,
                       const struct csock_separator *seps, size_t n_seps, struct found *ret)
{
    const char *data = r->buf + r->start;
    size_t end = csock_reader_pending(r);
    bool any = false;
    for (size_t i = 0; i < n_seps && offset < end; i++) {
        const char *at = find_bytes(data + offset, end - offset, &seps[i]);
        if (!at)
            continue;
        size_t start = (size_t)(at - data);
        if (any && start + seps[i].len == end && start < ret->start)
            continue;
        end = start + seps[i].len;
        *ret = (struct found){.start = start, .end = end};
        any = true;
    }
    return any;
}

/* The lengths of the shortest and the longest; false where one is empty. */
static bool measure_separators(const struct csock_separator *seps, size_t n_seps, size_t *ret_min,
                               size_t *ret_max)
{
    *ret_min = SIZE_MAX;
    *ret_max = 0;
    for (size_t i = 0; i < n_seps; i++) {
        if (seps[i].len < *ret_min)
            *ret_min = seps[i].len;
        if (seps[i].len > *ret_max)
            *ret_max = seps[i].len;
    }
    return n_seps > 0 && *ret_min > 0;
}

static int report_overrun(struct csock_reader *r, size_t overrun)
{
    r->overrun = overrun;
    return CSOCK_EOVERRUN;
}

/* What is searched once is not searched again, but for the bytes that may be the beginning of a
 * separator whose end has not come. */
ssize_t csock_reader_until(struct csock_reader *r, const struct csock_separator *seps,
                           size_t n_seps, const char **ret_data, const struct csock_wait *w)
{
    size_t shortest, longest, offset = 0;
    struct found found;
    if (!measure_separators(seps, n_seps, &shortest, &longest))
        return -EINVAL;
    for (;;) {
        size_t pending = csock_reader_pending(r);
        if (pending - offset >= shortest) {
            if (find_first(r, offset, seps, n_seps, &found))
                break;
            offset = pending + 1 > longest ? pending + 1 - longest : 0;
            if (offset > r->limit)
                return report_overrun(r, offset);
        }
        int err = receive_more(r, 1, w);
        if (err < 0)
            return err;
    }
    if (found.start > r->limit)
        return report_overrun(r, found.start);
    *ret_data = take_bytes(r, found.end);
    return (ssize_t)found.end;
}

ssize_t csock_reader_line(struct csock_reader *r, const char **ret_data, const struct csock_wait *w)
{
    static const struct csock_separator newline = {.data = "\n", .len = 1};
    size_t pending = csock_reader_pending(r);
    if (pending > 0) { /* mostly with a line in it */
        const char *data = r->buf + r->start, *at = memchr(data, '\n', pending);
        if (at && (size_t)(at - data) <= r->limit) {
            *ret_data = take_bytes(r, (size_t)(at - data) + 1);
            return at - data + 1;
        }
    }
    ssize_t n = csock_reader_until(r, &newline, 1, ret_data, w);
    if (n != CSOCK_EINCOMPLETE)
        return n;
    n = (ssize_t)csock_reader_pending(r);
    *ret_data = n > 0 ? take_bytes(r, (size_t)n) : "";
    return n;
}

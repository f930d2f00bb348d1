/* Reading a stream in pieces that the program chooses: exactly n bytes, up to a separator, a line.
 *
 * A reader stands between a program and where the bytes come from, and keeps what came too early. A
 * call that fails (the deadline passed, a signal's handler asked to stop, the connection broke) has
 * taken nothing: what came stays for the next call. The source is a function, so that TLS, or
 * anything else that gives bytes, may stand below it; csock_reader_over() makes one of a socket.
 *
 * For one thread at a time; nobody checks. The bytes that a call gives by a pointer stand in the
 * reader's own memory: they are valid until the next call on it, but for those that say that they
 * only look. */
#ifndef CSOCK_READER_H
#define CSOCK_READER_H

#include "csock/socket.h"

CSOCK__BEGIN

/* Where the bytes come from. */
struct csock_reader_source {
    /* Waits for bytes and puts at most n (> 0) into buf: the count, 0 at the end of the stream, or
     * a negative error of this library's kinds, which the reader hands on. w is the caller's. */
    ssize_t (*recv)(void *arg, void *buf, size_t n, const struct csock_wait *w);
    void *arg;
    void *room[2]; /* for later versions: NULL, as an initialiser with names leaves them */
};

/* The members are the library's. Zeroed memory is a reader that csock_reader_init has yet to make
 * one; a reader may be moved in memory, but not copied. */
struct csock_reader {
    struct csock_reader_source source;
    char *buf;
    size_t size, start, end; /* of buf; what has come and is not taken stands from start to end */
    size_t limit, chunk, overrun;
    bool ended;
    void *room[4]; /* for later versions */
};

#define CSOCK_READER_LIMIT 65536 /* a limit that suits most protocols of lines */

/* A reader with nothing in it. Allocates nothing. limit (> 0): what may come before a separator;
 * it does not bound what the program itself asks for by a number. The source, and what it refers
 * to, stay the caller's. */
CSOCK_API void csock_reader_init(struct csock_reader *r, struct csock_reader_source source,
                                 size_t limit);

/* A source that is csock_recv() on *s, which has to live as long as it is used. */
CSOCK_API struct csock_reader_source csock_reader_over(struct csock *s);

/* Frees the reader's memory, with what is in it. The source is not closed. */
CSOCK_API void csock_reader_free(struct csock_reader *r);

/* All that follow and take a struct csock_wait block. It goes to the source as it is, perhaps more
 * than once: a deadline bounds the whole call, a timeout each wait. They return what the source
 * returns when it fails, -ENOMEM where there is no memory to keep what would come (nothing is
 * received then), and
 *   CSOCK_EINCOMPLETE  the stream has ended before all came
 *   CSOCK_EOVERRUN     no separator within the limit
 * each with nothing taken: csock_reader_pending() and csock_reader_peek() have what came. Once the
 * stream has ended, the source is not asked again. */

/* At most n bytes, at least one; 0 at the end. What is there comes at once. With nothing there, a
 * large n is received straight into buf. */
CSOCK_API ssize_t csock_reader_some(struct csock_reader *r, void *buf, size_t n,
                                    const struct csock_wait *w);

/* Exactly n bytes: n. A large rest is received straight into buf, whose contents mean nothing
 * after a failure. (A call that is left for good, as csock.h has it, loses what came straight.) */
CSOCK_API ssize_t csock_reader_exactly(struct csock_reader *r, void *buf, size_t n,
                                       const struct csock_wait *w);

struct csock_separator {
    const void *data;
    size_t len;
};

/* All up to the end of a separator, which is included: the length. Of several, the one that ends
 * first. -EINVAL where there is none, or an empty one. CSOCK_EOVERRUN: a separator stands behind
 * more than `limit` bytes, or there is none in more than that. */
CSOCK_API ssize_t csock_reader_until(struct csock_reader *r, const struct csock_separator *seps,
                                     size_t n_seps, const char **ret_data,
                                     const struct csock_wait *w);

/* The same with one '\n'; but where the stream ends without one, what is left, and then 0. */
CSOCK_API ssize_t csock_reader_line(struct csock_reader *r, const char **ret_data,
                                    const struct csock_wait *w);

/* After CSOCK_EOVERRUN: how many of the bytes that are there come before the separator, or may be
 * taken without cutting one in two if none has come. */
CSOCK_API size_t csock_reader_overrun(const struct csock_reader *r);

/* Looks at the next n bytes without taking them, once so many have come: n; less only at the end of
 * the stream. The pointer holds until the next call that receives. */
CSOCK_API ssize_t csock_reader_peek(struct csock_reader *r, size_t n, const char **ret_data,
                                    const struct csock_wait *w);

/* None of the following receive, or block. */

/* How many bytes have come and are not taken. */
CSOCK_API size_t csock_reader_pending(const struct csock_reader *r);

/* Whether the stream has ended and all of it is taken. */
CSOCK_API bool csock_reader_at_end(const struct csock_reader *r);

/* Takes at most n bytes of those that are there, unseen: how many. */
CSOCK_API size_t csock_reader_skip(struct csock_reader *r, size_t n);

/* Gives back the newest n bytes that were taken: of a call that has given a pointer, or skipped,
 * directly before. 0; -EINVAL where they are not there any more. */
CSOCK_API int csock_reader_unread(struct csock_reader *r, size_t n);

/* Hands over what is there, in memory of its own, to be freed with free(3), NULL if that is
 * nothing: how many bytes. The reader has nothing in it then, and may go on. */
CSOCK_API size_t csock_reader_detach(struct csock_reader *r, void **ret_buf);

CSOCK__END
#endif

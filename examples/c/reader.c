/* Reads messages that come in pieces: a line, then as many bytes as it says. A deadline passes in
 * the middle of one, and nothing is lost. Then the same from something that is no socket. */
#include <csock.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what, ssize_t err)
{
    fprintf(stderr, "reader: %s: %s\n", what, csock_strerror((int)err));
    exit(1);
}

/* Where a connection is in its messages: between two calls, too. */
struct messages {
    struct csock_reader reader;
    bool begun; /* the line of the next one is read, and says: */
    size_t length;
};

/* The next message: its length, or an error; -ENODATA at the end. After CSOCK_ETIMEOUT the same
 * call goes on with it. */
static ssize_t next_message(struct messages *m, char *buf, size_t size, const struct csock_wait *w)
{
    if (!m->begun) {
        const char *line;
        ssize_t n = csock_reader_line(&m->reader, &line, w);
        if (n <= 0)
            return n < 0 ? n : -ENODATA;
        m->length = n > 1 && line[n - 1] == '\n' ? strtoul(line, NULL, 10) : SIZE_MAX;
        m->begun = true;
    }
    if (m->length >= size)
        return -EMSGSIZE;
    ssize_t n = csock_reader_exactly(&m->reader, buf, m->length, w);
    if (n >= 0) {
        buf[n] = '\0';
        m->begun = false;
    }
    return n;
}

/* Gives the text three bytes at a time, as a TLS library gives its records: in its place SSL_read()
 * would stand here. */
static ssize_t recv_text(void *arg, void *buf, size_t n, const struct csock_wait *w)
{
    const char **text = arg;
    (void)w;
    if (n > 3)
        n = 3;
    if (n > strlen(*text))
        n = strlen(*text);
    memcpy(buf, *text, n);
    *text += n;
    return (ssize_t)n;
}

int main(void)
{
    struct csock s[2];
    struct messages m = {.begun = false};
    char message[100];
    ssize_t n = csock_pair(s, AF_UNIX, SOCK_STREAM, 0, 0);
    if (n < 0)
        fail("socketpair", n);
    csock_reader_init(&m.reader, csock_reader_over(&s[0]), CSOCK_READER_LIMIT);

    csock_send_all(&s[1], "5\nhello11\nhe", 12, 0, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        struct csock_wait soon = {.deadline = csock_deadline(50000000)};
        n = next_message(&m, message, sizeof message, &soon);
        if (n == CSOCK_ETIMEOUT) {
            size_t kept = csock_reader_pending(&m.reader);
            printf("(%s, %zu bytes are kept)\n", csock_strerror((int)n), kept);
            csock_send_all(&s[1], "llo again", 9, 0, NULL, NULL);
        } else if (n < 0) {
            fail("read", n);
        } else {
            printf("%s\n", message);
        }
    }
    csock_reader_free(&m.reader);
    csock_close(&s[0]);
    csock_close(&s[1]);

    const char *text = "6\nno net1\n!";
    struct csock_reader_source source = {.recv = recv_text, .arg = &text};
    csock_reader_init(&m.reader, source, CSOCK_READER_LIMIT);
    while ((n = next_message(&m, message, sizeof message, NULL)) >= 0)
        printf("%s\n", message);
    csock_reader_free(&m.reader);
    if (n != -ENODATA)
        fail("read", n);
    return 0;
}

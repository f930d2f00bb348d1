/* Echo client: sends a line to a server and prints what comes back.
 * Usage: echo_client [host [port]], by default localhost 50007. */
#include <csock.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int fail(const char *what, int err)
{
    fprintf(stderr, "echo_client: %s: %s\n", what, csock_strerror(err));
    return 1;
}

/* Tries every address of the host, as getaddrinfo(3) orders them. */
static int dial(struct csock *s, const char *host, const char *port, const struct csock_wait *w)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
    int r = csock_resolve(host, port, &hints, &list);
    if (r < 0)
        return r;
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        if ((r = csock_open(s, a->ai_family, a->ai_socktype, a->ai_protocol, 0)) < 0)
            continue;
        r = csock_connect(s, a->ai_addr, a->ai_addrlen, w);
        if (r == 0)
            break;
        csock_close(s);
    }
    csock_resolve_free(list);
    return r;
}

int main(int argc, char **argv)
{
    const char hello[] = "Hello, world", *host = argc > 1 ? argv[1] : "localhost";
    struct csock_wait soon = {.deadline = csock_deadline(5000000000)}; /* for all of it */
    struct csock s;
    char data[1024];
    size_t got = 0;

    int r = dial(&s, host, argc > 2 ? argv[2] : "50007", &soon);
    if (r < 0)
        return fail(host, r);
    if ((r = csock_send_all(&s, hello, strlen(hello), 0, NULL, &soon)) < 0)
        return fail("send", r);
    while (got < strlen(hello)) {
        ssize_t n = csock_recv(&s, data + got, sizeof data - got, 0, &soon);
        if (n <= 0)
            return fail("recv", n < 0 ? (int)n : -ECONNRESET);
        got += (size_t)n;
    }
    printf("Received %.*s\n", (int)got, data);
    csock_close(&s);
    return 0;
}

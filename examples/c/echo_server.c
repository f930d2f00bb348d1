/* Echo server: sends all data that it receives back to one client, then ends.
 * Usage: echo_server [port], by default 50007. */
#include <csock.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, int err)
{
    fprintf(stderr, "echo_server: %s: %s\n", what, csock_strerror(err));
    return 1;
}

/* 0 at the end of the stream, or what went wrong. */
static int echo(struct csock *conn)
{
    char data[1024];
    ssize_t n;
    while ((n = csock_recv(conn, data, sizeof data, 0, NULL)) > 0) {
        int r = csock_send_all(conn, data, (size_t)n, 0, NULL, NULL);
        if (r < 0)
            return r;
    }
    return (int)n;
}

int main(int argc, char **argv)
{
    struct csock server, conn;
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];
    int r, port = argc > 1 ? atoi(argv[1]) : 50007;

    if ((r = csock_addr_from_host(AF_INET, "", port, &addr, &len)) < 0)
        return fail("address", r);
    if ((r = csock_open(&server, AF_INET, SOCK_STREAM, 0, 0)) < 0)
        return fail("open", r);
    if ((r = csock_bind(&server, &addr.any, len)) < 0)
        return fail("bind", r);
    if ((r = csock_listen(&server, 1)) < 0)
        return fail("listen", r);
    if ((r = csock_accept(&server, &conn, &addr, &len, NULL)) < 0)
        return fail("accept", r);
    if (csock_addr_format(&addr.any, len, text, sizeof text) > 0)
        printf("Connected by %s\n", text);
    if ((r = echo(&conn)) < 0)
        return fail("echo", r);
    csock_close(&conn);
    csock_close(&server);
    return 0;
}

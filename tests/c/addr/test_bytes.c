/* Ports and addresses as bytes: in the wire's order, whatever the machine's. It holds everywhere. A
 * missing htons(3) shows on little-endian machines; a swap by hand, or an int read through a
 * narrower pointer, only on a big-endian one: tests/lab/other-machine.sh s390x. */
#include <csock.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(int right, const char *what)
{
    if (!right) {
        printf("wrong: %s\n", what);
        failures++;
    }
}

/* 0x1234 and 1.2.3.4 in the order of RFC 791 and RFC 793: the most significant byte first. */
static void check_bytes(void)
{
    static const unsigned char port[] = {0x12, 0x34}, host[] = {1, 2, 3, 4};
    static const unsigned char flow[] = {0, 0x0a, 0xbc, 0xde};
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];

    check(csock_addr_parse(AF_INET, "1.2.3.4:4660", &addr, &len) == 0, "parse AF_INET");
    check(memcmp(&addr.in.sin_port, port, 2) == 0, "bytes of an IPv4 port");
    check(memcmp(&addr.in.sin_addr, host, 4) == 0, "bytes of an IPv4 address");
    check(csock_addr_port(&addr.any, len) == 0x1234, "IPv4 port in host order");
    check(csock_addr_format(&addr.any, len, text, sizeof(text)) == 12, "format AF_INET");
    check(strcmp(text, "1.2.3.4:4660") == 0, "text of an IPv4 address");

    check(csock_addr_from_host(AF_INET, "", 1, &addr, &len) == 0, "any address");
    check(addr.in.sin_addr.s_addr == INADDR_ANY, "INADDR_ANY");
    check(csock_addr_from_host(AF_INET, "<broadcast>", 1, &addr, &len) == 0, "broadcast");
    check(addr.in.sin_addr.s_addr == INADDR_BROADCAST, "INADDR_BROADCAST");

    check(csock_addr_parse(AF_INET6, "[fe80::1%7]:4660", &addr, &len) == 0, "parse AF_INET6");
    check(memcmp(&addr.in6.sin6_port, port, 2) == 0, "bytes of an IPv6 port");
    check(addr.in6.sin6_scope_id == 7, "scope id in host order");
    check(csock_addr_port(&addr.any, len) == 0x1234, "IPv6 port in host order");
    memcpy(&addr.in6.sin6_flowinfo, flow, sizeof(flow));
    check(csock_addr_format(&addr.any, len, text, sizeof(text)) > 0, "format AF_INET6");
}

/* The kernel takes the bytes for the same port. */
static void check_kernel(void)
{
    const struct csock_wait soon = {.deadline = csock_deadline(5000000000)};
    struct csock a = CSOCK_INIT, b = CSOCK_INIT;
    union csock_addr to, from;
    socklen_t len, from_len;
    char byte = 0, text[CSOCK_ADDR_TEXT_MAX], peer[CSOCK_ADDR_TEXT_MAX];

    check(csock_open(&a, AF_INET, SOCK_DGRAM, 0, 0) == 0, "open");
    check(csock_open(&b, AF_INET, SOCK_DGRAM, 0, 0) == 0, "open");
    check(csock_addr_from_host(AF_INET, "127.0.0.1", 0, &to, &len) == 0, "loopback");
    check(csock_bind(&a, &to.any, len) == 0, "bind to a free port");
    check(csock_sockname(&a, &to, &len) == 0, "own address");
    int port = csock_addr_port(&to.any, len);
    check(csock_addr_from_host(AF_INET, "127.0.0.1", port, &to, &len) == 0, "address by number");
    check(csock_connect(&b, &to.any, len, NULL) == 0, "connect");
    check(csock_send(&b, "x", 1, 0, NULL) == 1, "send");
    if (csock_recv_from(&a, &byte, 1, 0, &from, &from_len, &soon) != 1) {
        check(0, "recv");
        goto out;
    }
    check(byte == 'x', "the byte received");
    check(csock_sockname(&b, &to, &len) == 0, "own address of the sender");
    csock_addr_format(&to.any, len, text, sizeof(text));
    csock_addr_format(&from.any, from_len, peer, sizeof(peer));
    check(strcmp(text, peer) == 0, "the sender's address as the receiver sees it");
out:
    csock_close(&a);
    csock_close(&b);
}

static void check_services(void)
{
    char name[64];
    int port = csock_service_by_name("http", "tcp");
    if (port == CSOCK_ESERVICE) {
        printf("no /etc/services here: services not looked up\n");
        return;
    }
    check(port == 80, "service by name");
    check(csock_service_by_port(80, "tcp", name, sizeof(name)) == 4, "service by port");
    check(strcmp(name, "http") == 0, "name of port 80");
}

int main(void)
{
    const int one = 1;
    char first;
    memcpy(&first, &one, 1);
    printf("%s-endian machine\n", first ? "little" : "big");
    check_bytes();
    check_kernel();
    check_services();
    printf("%d failures\n", failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

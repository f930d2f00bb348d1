/* AF_INET addresses, ip(7). Sits on addr.h. Must not resolve, and must not make a system call. */
#include "addr/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The strict dotted quad of inet_pton(3), at a fifth of its price: four numbers up to 255, without
 * zeros in front. A server that answers many clients reads one for each answer. */
static inline bool quad_read(const char *p, struct in_addr *ret_quad)
{
    uint32_t quad = 0;
    for (int n = 1;; n++) {
        unsigned value = (unsigned)*p++ - '0', digit;
        if (value > 9)
            return false;
        while (value > 0 && (digit = (unsigned)*p - '0') <= 9) {
            value = value * 10 + digit;
            if (value > 255)
                return false;
            p++;
        }
        quad = quad << 8 | value;
        if (n == 4)
            break;
        if (*p++ != '.')
            return false;
    }
    ret_quad->s_addr = htonl(quad);
    return *p == '\0';
}

/* A dotted quad, or one of the two names of the socket module of 1998. Other numeric spellings
 * ("127.1") are left to getaddrinfo(3). */
static int inet_from_host(const char *host, uint16_t port, union csock_addr *ret_addr,
                          socklen_t *ret_len)
{
    struct in_addr quad;
    if (!quad_read(host, &quad)) {
        if (*host && strcmp(host, "<broadcast>") != 0)
            return CSOCK_EHOST;
        quad.s_addr = htonl(*host ? INADDR_BROADCAST : INADDR_ANY);
    }
    ret_addr->in =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = quad};
    *ret_len = sizeof ret_addr->in;
    return 0;
}

static int inet_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    char host[INET_ADDRSTRLEN];
    const char *colon = strrchr(text, ':');
    if (!colon)
        return CSOCK_ESYNTAX;
    int port = csock__port_parse(colon + 1);
    if (port < 0)
        return port;
    if (csock__text_copy(text, (size_t)(colon - text), host, sizeof host) < 0)
        return CSOCK_EHOST; /* longer than any literal */
    return inet_from_host(host, (uint16_t)port, ret_addr, ret_len);
}

static int inet_host(const union csock_addr *addr, char *text, size_t size)
{
    char host[INET_ADDRSTRLEN];
    int n = csock__quad_text(&addr->in.sin_addr, host);
    return csock__text_copy(host, (size_t)n, text, size);
}

static int inet_port(const union csock_addr *addr)
{
    return ntohs(addr->in.sin_port);
}

static int inet_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    (void)len;
    char host[INET_ADDRSTRLEN];
    char whole[CSOCK_ADDR_TEXT_MAX];
    csock__quad_text(&addr->in.sin_addr, host);
    int n = snprintf(whole, sizeof whole, "%s:%d", host, inet_port(addr));
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_inet = {
    .family = AF_INET,
    .min_len = sizeof(struct sockaddr_in),
    .parse = inet_parse,
    .format = inet_format,
    .from_host = inet_from_host,
    .host = inet_host,
    .port = inet_port,
};

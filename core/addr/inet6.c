/* AF_INET6 addresses with scope, ipv6(7), RFC 4007 and RFC 3986 (brackets). Sits on addr.h. Must
 * not resolve, not even an interface's name, and must not make a system call. */
#include "addr/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* Kernel and inet_pton(3) take an address without sin6_scope_id too, as RFC 2133 had it. */
#define LEN_WITHOUT_SCOPE offsetof(struct sockaddr_in6, sin6_scope_id)

enum { HOST_MAX = INET6_ADDRSTRLEN + sizeof "%4294967295" };

/* The interface's number. Its name takes a system call: that is for the resolver. */
static int scope_parse(const char *text, uint32_t *ret_scope)
{
    uint64_t scope = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && scope <= UINT32_MAX; p++)
        scope = scope * 10 + (uint64_t)(*p - '0');
    if (p == text || *p || scope > UINT32_MAX)
        return CSOCK_EHOST;
    *ret_scope = (uint32_t)scope;
    return 0;
}

static int host_parse(const char *host, struct sockaddr_in6 *in6)
{
    char literal[INET6_ADDRSTRLEN];
    if (!*host) {
        in6->sin6_addr = in6addr_any;
        return 0;
    }
    if (!strcmp(host, "<broadcast>"))
        return CSOCK_EFAMILY; /* IPv6 has none, and no resolver knows better */
    size_t n = strcspn(host, "%");
    if (csock__text_copy(host, n, literal, sizeof literal) < 0 ||
        inet_pton(AF_INET6, literal, &in6->sin6_addr) != 1)
        return CSOCK_EHOST;
    return host[n] ? scope_parse(host + n + 1, &in6->sin6_scope_id) : 0;
}

static int inet6_from_host(const char *host, uint16_t port, union csock_addr *ret_addr,
                           socklen_t *ret_len)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int r = host_parse(host, &in6);
    if (r < 0)
        return r;
    ret_addr->in6 = in6;
    *ret_len = sizeof in6;
    return 0;
}

static int inet6_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    char host[HOST_MAX] = "";
    const char *colon = text;
    const char *end = NULL;
    if (*text == '[') {
        end = strchr(text, ']');
        if (!end || end == text + 1)
            return CSOCK_ESYNTAX;
        colon = end + 1;
    }
    if (*colon != ':')
        return CSOCK_ESYNTAX;
    int port = csock__port_parse(colon + 1);
    if (port < 0)
        return port;
    if (end && csock__text_copy(text + 1, (size_t)(end - text - 1), host, sizeof host) < 0)
        return CSOCK_EHOST; /* longer than any literal */
    return inet6_from_host(host, (uint16_t)port, ret_addr, ret_len);
}

static int inet6_host(const union csock_addr *addr, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    int n = csock__inet6_text(&addr->in6.sin6_addr, host);
    return csock__text_copy(host, (size_t)n, text, size);
}

static int inet6_port(const union csock_addr *addr)
{
    return ntohs(addr->in6.sin6_port);
}

static int inet6_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    char scope[sizeof "%4294967295"] = "";
    char whole[CSOCK_ADDR_TEXT_MAX];
    csock__inet6_text(&addr->in6.sin6_addr, host);
    if (len >= sizeof addr->in6 && addr->in6.sin6_scope_id)
        snprintf(scope, sizeof scope, "%%%u", (unsigned)addr->in6.sin6_scope_id);
    int n = snprintf(whole, sizeof whole, "[%s%s]:%d", host, scope, inet6_port(addr));
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_inet6 = {
    .family = AF_INET6,
    .min_len = LEN_WITHOUT_SCOPE,
    .parse = inet6_parse,
    .format = inet6_format,
    .from_host = inet6_from_host,
    .host = inet6_host,
    .port = inet6_port,
};

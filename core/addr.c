/* Addresses: the list of families, and the calls that go through their rows. Sits on nothing but
 * addr_<family>.c. Must not resolve, and must not make a system call. */
#include "addr.h"

#include <errno.h>
#include <string.h>

static const struct csock__family *const families[] = {
    &csock__family_inet,
    &csock__family_inet6,
    &csock__family_unix,
};

const struct csock__family *csock__family_find(int family)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i]->family == family)
            return families[i];
    return NULL;
}

int csock__port_parse(const char *text)
{
    const char *digits = text + (*text == '-');
    const char *p = digits;
    int port = 0;
    for (; *p >= '0' && *p <= '9'; p++) {
        port = port * 10 + (*p - '0');
        if (port > 65535)
            port = 65536; /* stays too large, and never overflows */
    }
    if (p == digits || *p)
        return CSOCK_ESYNTAX;
    return port > 65535 || digits != text ? CSOCK_EPORT : port;
}

int csock__text_copy(const char *from, size_t n, char *text, size_t size)
{
    if (n >= size)
        return -ENOSPC;
    memcpy(text, from, n);
    text[n] = '\0';
    return (int)n;
}

/* The row of an address that may come from anywhere: its length is checked before its family is
 * read. */
static int row_of(const union csock_addr *addr, socklen_t len, const struct csock__family **ret_row)
{
    if (len < offsetof(struct sockaddr, sa_data) || len > sizeof *addr)
        return CSOCK_EADDRLEN;
    const struct csock__family *row = csock__family_find(addr->any.sa_family);
    if (!row)
        return CSOCK_EFAMILY;
    if (len < row->min_len)
        return CSOCK_EADDRLEN;
    *ret_row = row;
    return 0;
}

int csock_addr_parse(int family, const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    const struct csock__family *row = csock__family_find(family);
    return row ? row->parse(text, ret_addr, ret_len) : CSOCK_EFAMILY;
}

int csock_addr_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    const struct csock__family *row;
    int r = row_of(addr, len, &row);
    return r < 0 ? r : row->format(addr, len, text, size);
}

int csock_addr_from_host(int family, const char *host, long port, union csock_addr *ret_addr,
                         socklen_t *ret_len)
{
    const struct csock__family *row = csock__family_find(family);
    if (!row || !row->from_host)
        return CSOCK_EFAMILY;
    if (port < 0 || port > 65535)
        return CSOCK_EPORT;
    return row->from_host(host, (uint16_t)port, ret_addr, ret_len);
}

int csock_addr_host(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    const struct csock__family *row;
    int r = row_of(addr, len, &row);
    if (r < 0)
        return r;
    return row->host ? row->host(addr, text, size) : CSOCK_EFAMILY;
}

int csock_addr_port(const union csock_addr *addr, socklen_t len)
{
    const struct csock__family *row;
    int r = row_of(addr, len, &row);
    if (r < 0)
        return r;
    return row->port ? row->port(addr) : CSOCK_EFAMILY;
}

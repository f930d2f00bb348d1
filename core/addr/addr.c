/* Addresses: the list of families, and the calls that go through their rows. Sits on nothing but
 * the families' own files. Must not resolve, and must not make a system call. */
#include "addr/addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct csock__family *const families[] = {
    &csock__family_inet,   &csock__family_inet6,   &csock__family_unix, &csock__family_netlink,
    &csock__family_packet, &csock__family_can,     &csock__family_tipc, &csock__family_alg,
    &csock__family_vsock,  &csock__family_qipcrtr, &csock__family_rds,  &csock__family_bluetooth,
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

static int digit(char c, unsigned base)
{
    int value = csock__hex_value(c);
    return value < (int)base ? value : -1;
}

/* Where text goes on after the number, or NULL if there is none, or it is above max, which is no
 * less than a digit can be. */
static const char *number_parse(const char *text, uint64_t max, uint64_t *ret)
{
    uint64_t value = 0;
    unsigned base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
    const char *p = text + (base == 16 ? 2 : 0);
    const char *first = p;
    for (int d; (d = digit(*p, base)) >= 0; p++) {
        if (value > (max - (unsigned)d) / base)
            return NULL;
        value = value * base + (unsigned)d;
    }
    *ret = value;
    return p == first ? NULL : p;
}

int csock__numbers_parse(const char *text, const uint64_t *max, size_t n_max, uint64_t *ret)
{
    for (size_t i = 0; i < n_max; i++) {
        text = number_parse(text, max[i], &ret[i]);
        if (text && !*text)
            return (int)i + 1;
        if (!text || *text++ != ':')
            return 0;
    }
    return 0;
}

int csock__pair_parse(const char *text, uint32_t *ret_first, uint32_t *ret_second)
{
    static const uint64_t max[] = {UINT32_MAX, UINT32_MAX};
    uint64_t n[2];
    if (csock__numbers_parse(text, max, 2, n) != 2)
        return CSOCK_ESYNTAX;
    *ret_first = (uint32_t)n[0];
    *ret_second = (uint32_t)n[1];
    return 0;
}

int csock__pair_format(uint32_t first, uint32_t second, char *text, size_t size)
{
    char whole[sizeof "4294967295:4294967295"];
    int n = snprintf(whole, sizeof whole, "%u:%u", first, second);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const char *csock__after_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    return !strncmp(text, word, n) && text[n] == ':' ? text + n + 1 : NULL;
}

int csock__text_copy(const char *from, size_t n, char *text, size_t size)
{
    if (n >= size)
        return -ENOSPC;
    memcpy(text, from, n);
    text[n] = '\0';
    return (int)n;
}

/* The row of an address that may come from anywhere, and a copy of it, aligned for every family:
 * its length is checked before its family is read. NULL, and why in *ret_error. */
static const struct csock__family *family_of(const struct sockaddr *addr, socklen_t len,
                                             union csock_addr *ret_copy, int *ret_error)
{
    *ret_error = CSOCK_EADDRLEN;
    if (len < offsetof(struct sockaddr, sa_data) || len > sizeof *ret_copy)
        return NULL;
    const struct csock__family *row = csock__family_find(addr->sa_family);
    if (!row)
        *ret_error = CSOCK_EFAMILY;
    if (!row || len < row->min_len)
        return NULL;
    memcpy(ret_copy, addr, len);
    return row;
}

int csock_addr_parse(int family, const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    const struct csock__family *row = csock__family_find(family);
    return row ? row->parse(text, ret_addr, ret_len) : CSOCK_EFAMILY;
}

int csock_addr_format(const struct sockaddr *addr, socklen_t len, char *text, size_t size)
{
    union csock_addr copy;
    int error;
    const struct csock__family *row = family_of(addr, len, &copy, &error);
    return row ? row->format(&copy, len, text, size) : error;
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

int csock_addr_host(const struct sockaddr *addr, socklen_t len, char *text, size_t size)
{
    union csock_addr copy;
    int error;
    const struct csock__family *row = family_of(addr, len, &copy, &error);
    if (!row)
        return error;
    return row->host ? row->host(&copy, text, size) : CSOCK_EFAMILY;
}

int csock_addr_port(const struct sockaddr *addr, socklen_t len)
{
    union csock_addr copy;
    int error;
    const struct csock__family *row = family_of(addr, len, &copy, &error);
    if (!row)
        return error;
    return row->port ? row->port(&copy) : CSOCK_EFAMILY;
}

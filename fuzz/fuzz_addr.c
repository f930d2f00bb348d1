/* Addresses, from text and from the bytes of a sockaddr of any family and length. Text comes back
 * from an address as it was, or as an address that is equal; libc's inet_pton and inet_ntop judge
 * the Internet ones. First byte: what is tried; second byte: the family. */
#include "fuzz.h"

#include "csock.h"

#include <arpa/inet.h>
#include <errno.h>

static const int families[] = {
    AF_INET, AF_INET6, AF_UNIX,    AF_NETLINK, AF_PACKET,    AF_CAN,    AF_TIPC,
    AF_ALG,  AF_VSOCK, AF_QIPCRTR, AF_RDS,     AF_BLUETOOTH, AF_UNSPEC,
};

/* An address in memory of its exact length. */
static void *exact(const union csock_addr *addr, socklen_t len)
{
    void *copy = fuzz_room(len);
    memcpy(copy, addr, len);
    return copy;
}

/* Into all sizes up to the one that is enough: whole, or not at all. */
static void check_sizes(const struct sockaddr *addr, socklen_t len, const char *whole, size_t n)
{
    const size_t sizes[] = {0, 1, n / 2, n, n + 1};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        char *text = fuzz_room(sizes[i]);
        int r = csock_addr_format(addr, len, text, sizes[i]);
        CHECK(r == (n < sizes[i] ? (int)n : -ENOSPC));
        if (r < 0)
            CHECK(fuzz_untouched(text, sizes[i]));
        else
            CHECK(!strcmp(text, whole));
        free(text);
    }
}

/* What the next call finds on its stack where it has not written yet. */
__attribute__((noinline)) static void smear(int byte)
{
    volatile char stack[2048];
    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = (char)byte;
}

/* Its text in text[CSOCK_ADDR_TEXT_MAX]: no longer than promised, and made of the address alone. */
static int format(const struct sockaddr *addr, socklen_t len, char *text)
{
    char again[CSOCK_ADDR_TEXT_MAX];
    smear(0x33);
    int r = csock_addr_format(addr, len, text, CSOCK_ADDR_TEXT_MAX);
    smear(0xcc);
    CHECK(csock_addr_format(addr, len, again, sizeof again) == r);
    CHECK(r != -ENOSPC && r < CSOCK_ADDR_TEXT_MAX);
    if (r >= 0) {
        CHECK(strlen(text) == (size_t)r && !strcmp(text, again));
        check_sizes(addr, len, text, (size_t)r);
    }
    return r;
}

/* As csock_addr_parse, which leaves its outputs alone when it fails. */
static int parse(int family, const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    memset(ret_addr, PATTERN, sizeof *ret_addr);
    memset(ret_len, PATTERN, sizeof *ret_len);
    int r = csock_addr_parse(family, text, ret_addr, ret_len);
    if (r < 0) {
        CHECK(fuzz_untouched(ret_addr, sizeof *ret_addr));
        CHECK(fuzz_untouched(ret_len, sizeof *ret_len));
        return r;
    }
    CHECK(r == 0 && *ret_len <= sizeof *ret_addr);
    CHECK(ret_addr->any.sa_family == (family == AF_RDS ? AF_INET : family));
    return 0;
}

/* Escapes of a name are for reading alone. */
static bool comes_back(int family, const char *text)
{
    for (; family == AF_UNIX && *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

static void try_text(int family, const char *text)
{
    union csock_addr addr, again;
    socklen_t len, len_again;
    char printed[CSOCK_ADDR_TEXT_MAX], printed_again[CSOCK_ADDR_TEXT_MAX];
    if (parse(family, text, &addr, &len) < 0)
        return;
    void *copy = exact(&addr, len);
    CHECK(format(copy, len, printed) >= 0);
    if (comes_back(family, text)) {
        CHECK(parse(family, printed, &again, &len_again) == 0);
        CHECK(len_again == len && !memcmp(&again, copy, len));
        CHECK(format(&again.any, len, printed_again) >= 0 && !strcmp(printed, printed_again));
    }
    free(copy);
}

/* An IPv4 host is what inet_pton takes, or one of the two names of 1998. */
static void try_host(const char *text, long port)
{
    union csock_addr addr;
    socklen_t len;
    struct in_addr quad = {htonl(*text ? INADDR_BROADCAST : INADDR_ANY)};
    bool known = inet_pton(AF_INET, text, &quad) == 1 || !*text || !strcmp(text, "<broadcast>");
    int r = csock_addr_from_host(AF_INET, text, port, &addr, &len);
    if (port < 0 || port > 65535)
        CHECK(r == CSOCK_EPORT);
    else
        CHECK(r == (known ? 0 : CSOCK_EHOST));
    if (r == 0)
        CHECK(len == sizeof addr.in && !memcmp(&addr.in.sin_addr, &quad, sizeof quad) &&
              csock_addr_port(&addr.any, len) == port);
}

/* An IPv6 host is what inet_pton takes, with a scope behind it. */
static void try_host6(const char *text, long port)
{
    union csock_addr addr;
    socklen_t len;
    struct in6_addr oracle = in6addr_any;
    char literal[64];
    size_t n = strcspn(text, "%");
    if (csock_addr_from_host(AF_INET6, text, port, &addr, &len) == 0) {
        CHECK(port >= 0 && port <= 65535 && n < sizeof literal);
        memcpy(literal, text, n);
        literal[n] = '\0';
        CHECK(n == 0 || inet_pton(AF_INET6, literal, &oracle) == 1);
        CHECK(!memcmp(&oracle, &addr.in6.sin6_addr, sizeof oracle));
        CHECK(csock_addr_port(&addr.any, len) == port);
    } else if (port >= 0 && port <= 65535 && !text[n]) {
        CHECK(inet_pton(AF_INET6, text, &oracle) != 1);
    }
}

/* The numeric host is inet_ntop's. */
static void check_host(const struct sockaddr *addr, socklen_t len)
{
    char host[INET6_ADDRSTRLEN], oracle[INET6_ADDRSTRLEN];
    union csock_addr copy;
    int n = csock_addr_host(addr, len, host, sizeof host), port = csock_addr_port(addr, len);
    CHECK((n < 0) == (port < 0) && port <= 65535 && n != -ENOSPC);
    if (n < 0 || addr->sa_family == AF_RDS)
        return;
    memcpy(&copy, addr, len);
    bool four = addr->sa_family == AF_INET;
    CHECK(inet_ntop(addr->sa_family, four ? (void *)&copy.in.sin_addr : &copy.in6.sin6_addr, oracle,
                    sizeof oracle));
    CHECK(!strcmp(host, oracle) && strlen(host) == (size_t)n);
}

static void check_path(const struct sockaddr *addr, socklen_t len)
{
    const char *path = NULL;
    ssize_t n = csock_addr_path(addr, len, &path);
    if (n < 0) {
        CHECK(!path);
        return;
    }
    CHECK(path >= (const char *)addr && path + n <= (const char *)addr + len);
    union csock_addr addr_again;
    socklen_t len_again;
    char *name = fuzz_room((size_t)n);
    memcpy(name, path, (size_t)n);
    if (csock_addr_from_path(name, (size_t)n, &addr_again, &len_again) == 0) {
        const char *again;
        CHECK(csock_addr_path(&addr_again.any, len_again, &again) == n);
        CHECK(!memcmp(again, path, (size_t)n));
    }
    free(name);
}

/* Text from raw bytes that parses is that of the address which it parses to. */
static void try_raw(int family, struct fuzz_input *in)
{
    union csock_addr again;
    socklen_t len_again;
    size_t n;
    char text[CSOCK_ADDR_TEXT_MAX], text_again[CSOCK_ADDR_TEXT_MAX];
    struct sockaddr *addr = fuzz_bytes(in, 2 * sizeof again, &n);
    if (n >= sizeof addr->sa_family && family != AF_UNSPEC)
        addr->sa_family = (sa_family_t)family;
    if (format(addr, (socklen_t)n, text) >= 0 && family != AF_UNIX &&
        parse(addr->sa_family, text, &again, &len_again) == 0)
        CHECK(format(&again.any, len_again, text_again) >= 0 && !strcmp(text, text_again));
    if (n < sizeof(sa_family_t))
        CHECK(csock_addr_port(addr, (socklen_t)n) == CSOCK_EADDRLEN);
    check_host(addr, (socklen_t)n);
    check_path(addr, (socklen_t)n);
    free(addr);
}

static void try_bdaddr(const char *text)
{
    uint8_t bdaddr[6], again[6];
    char printed[18];
    memset(bdaddr, PATTERN, sizeof bdaddr);
    if (csock_bdaddr_parse(text, bdaddr) < 0) {
        CHECK(fuzz_untouched(bdaddr, sizeof bdaddr));
        return;
    }
    CHECK(csock_bdaddr_format(bdaddr, printed, sizeof printed) == 17);
    CHECK(csock_bdaddr_format(bdaddr, printed, sizeof printed - 1) == -ENOSPC);
    CHECK(csock_bdaddr_parse(printed, again) == 0 && !memcmp(bdaddr, again, sizeof again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz_input in = {.at = data, .left = n};
    enum { TEXT, RAW, HOST, BDADDR, KINDS };
    unsigned kind = fuzz_below(&in, KINDS);
    int family = families[fuzz_below(&in, COUNT(families))];
    if (kind == RAW) {
        try_raw(family, &in);
        return 0;
    }
    long port = kind == HOST ? (int16_t)fuzz_u32(&in) * 3L : 0;
    char *text = fuzz_text(&in);
    if (kind == TEXT)
        try_text(family, text);
    else if (kind == BDADDR)
        try_bdaddr(text);
    else if (family == AF_INET6)
        try_host6(text, port);
    else
        try_host(text, port);
    free(text);
    return 0;
}

/* Binary Internet addresses to text: what inet_ntop(3) gives, at a fraction of its price. Servers
 * need one for each datagram and each connection. Sits on nothing. */
#include "addr/addr.h"

#include <string.h>

/* A number up to 255, in decimal. Returns where the text goes on. */
static char *put_byte(char *p, unsigned value)
{
    if (value >= 100)
        *p++ = (char)('0' + value / 100);
    if (value >= 10)
        *p++ = (char)('0' + value / 10 % 10);
    *p++ = (char)('0' + value % 10);
    return p;
}

static char *put_quad(char *p, const uint8_t *bytes)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *p++ = '.';
        p = put_byte(p, bytes[i]);
    }
    *p = '\0';
    return p;
}

int csock__quad_text(const struct in_addr *addr, char *text)
{
    return (int)(put_quad(text, (const uint8_t *)addr) - text);
}

int csock__hex_value(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) & 15 : -1;
}

/* A number up to 0xffff, in hexadecimal without leading zeros. */
static char *put_group(char *p, unsigned value)
{
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 15;
        if (digit || started || shift == 0) {
            *p++ = csock__hex_digit(digit);
            started = true;
        }
    }
    return p;
}

struct run {
    int start, n;
};

static unsigned group(const struct in6_addr *addr, int i)
{
    return (unsigned)addr->s6_addr[2 * i] << 8 | addr->s6_addr[2 * i + 1];
}

/* The first of the longest runs of zero groups. One alone is not shortened: RFC 5952, 4.2.2. */
static struct run longest_zeros(const struct in6_addr *addr)
{
    struct run best = {-1, 1};
    for (int i = 0, n; i < 8; i += n + 1) {
        for (n = 0; i + n < 8 && group(addr, i + n) == 0; n++)
            ;
        if (n > best.n)
            best = (struct run){i, n};
    }
    return best;
}

/* ::192.0.2.1 and ::ffff:192.0.2.1 */
static bool ends_in_quad(const struct in6_addr *addr, struct run zeros)
{
    return zeros.start == 0 && (zeros.n == 6 || (zeros.n == 5 && group(addr, 5) == 0xffff));
}

int csock__inet6_text(const struct in6_addr *addr, char *text)
{
    char *p = text;
    struct run zeros = longest_zeros(addr);
    for (int i = 0; i < 8; i++) {
        if (i == zeros.start) {
            *p++ = ':';
            i += zeros.n - 1;
            if (i == 7)
                *p++ = ':';
            continue;
        }
        if (i > 0)
            *p++ = ':';
        if (i == 6 && ends_in_quad(addr, zeros))
            return (int)(put_quad(p, addr->s6_addr + 12) - text);
        p = put_group(p, group(addr, i));
    }
    *p = '\0';
    return (int)(p - text);
}

/* What an address family is to the rest of the core: one row of functions. A new family is a new
 * file <family>.c with its row, and a line in the list of addr.c. Pure: no system calls. */
#ifndef CSOCK_CORE_ADDR_H
#define CSOCK_CORE_ADDR_H

#include "csock.h"

struct csock__family {
    int family;
    /* Bytes an address has at least. addr.c checks before it calls the functions below; what lies
     * beyond this, they must check against len. */
    socklen_t min_len;
    /* As csock_addr_parse. */
    int (*parse)(const char *text, union csock_addr *ret_addr, socklen_t *ret_len);
    /* As csock_addr_format. */
    int (*format)(const union csock_addr *addr, socklen_t len, char *text, size_t size);
    /* As csock_addr_from_host, csock_addr_host, csock_addr_port. All three NULL in a family
     * without hosts and ports. */
    int (*from_host)(const char *host, uint16_t port, union csock_addr *ret_addr,
                     socklen_t *ret_len);
    int (*host)(const union csock_addr *addr, char *text, size_t size);
    int (*port)(const union csock_addr *addr);
};

extern const struct csock__family csock__family_inet;
extern const struct csock__family csock__family_inet6;
extern const struct csock__family csock__family_unix;
extern const struct csock__family csock__family_netlink;
extern const struct csock__family csock__family_packet;
extern const struct csock__family csock__family_can;
extern const struct csock__family csock__family_tipc;
extern const struct csock__family csock__family_alg;
extern const struct csock__family csock__family_vsock;
extern const struct csock__family csock__family_qipcrtr;
extern const struct csock__family csock__family_rds;
extern const struct csock__family csock__family_bluetooth;

/* NULL if there is no such family. */
const struct csock__family *csock__family_find(int family);

/* A port in decimal: 0 to 65535, CSOCK_EPORT if the number is another, CSOCK_ESYNTAX if it is
 * none. */
int csock__port_parse(const char *text);

/* The text of an address without port and scope, as inet_ntop(3) gives it, which takes printf's
 * detours. text has room for INET_ADDRSTRLEN or INET6_ADDRSTRLEN. The length, without the NUL. */
int csock__quad_text(const struct in_addr *addr, char *text);
int csock__inet6_text(const struct in6_addr *addr, char *text);

/* Numbers, decimal or 0x…, with colons between them, and nothing else: "2:0x800:0". The i-th is at
 * most max[i], and there are at most n_max. Returns how many; 0: it is something else. */
int csock__numbers_parse(const char *text, const uint64_t *max, size_t n_max, uint64_t *ret);

/* Addresses that are two numbers of 32 bits: "2:1024". 0 or CSOCK_ESYNTAX; and the reverse, as
 * csock__text_copy(). */
int csock__pair_parse(const char *text, uint32_t *ret_first, uint32_t *ret_second);
int csock__pair_format(uint32_t first, uint32_t second, char *text, size_t size);

/* Where text goes on after "word:", or NULL if it begins with something else. */
const char *csock__after_word(const char *text, const char *word);

/* Digits of hexadecimal numbers, both ways: -1 if it is none. */
int csock__hex_value(char c);
static inline char csock__hex_digit(unsigned value)
{
    return "0123456789abcdef"[value & 15];
}

/* n bytes and a NUL to text[size]. Returns n, or -ENOSPC and leaves text alone. */
int csock__text_copy(const char *from, size_t n, char *text, size_t size);

#endif

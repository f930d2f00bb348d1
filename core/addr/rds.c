/* AF_RDS: its sockets take the addresses of AF_INET, and hand them out. No address has this family
 * itself. Sits on inet.c. Must not make a system call. */
#include "addr/addr.h"

static int rds_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    return csock__family_inet.parse(text, ret_addr, ret_len);
}

static int rds_from_host(const char *host, uint16_t port, union csock_addr *ret_addr,
                         socklen_t *ret_len)
{
    return csock__family_inet.from_host(host, port, ret_addr, ret_len);
}

static int rds_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    return csock__family_inet.format(addr, len, text, size);
}

static int rds_host(const union csock_addr *addr, char *text, size_t size)
{
    return csock__family_inet.host(addr, text, size);
}

static int rds_port(const union csock_addr *addr)
{
    return csock__family_inet.port(addr);
}

const struct csock__family csock__family_rds = {
    .family = AF_RDS,
    .min_len = sizeof(struct sockaddr_in),
    .parse = rds_parse,
    .format = rds_format,
    .from_host = rds_from_host,
    .host = rds_host,
    .port = rds_port,
};

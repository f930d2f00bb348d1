/* AF_NETLINK addresses, netlink(7): "pid:groups". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_nl) == 12, "as the kernel's");

static int netlink_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_nl nl = {.family = AF_NETLINK};
    int r = csock__pair_parse(text, &nl.pid, &nl.groups);
    if (r < 0)
        return r;
    ret_addr->nl = nl;
    *ret_len = sizeof nl;
    return 0;
}

static int netlink_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[sizeof "4294967295:0xffffffff"];
    (void)len;
    int n = snprintf(whole, sizeof whole, "%u:%#x", addr->nl.pid, addr->nl.groups);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_netlink = {
    .family = AF_NETLINK,
    .min_len = sizeof(struct csock_addr_nl),
    .parse = netlink_parse,
    .format = netlink_format,
};

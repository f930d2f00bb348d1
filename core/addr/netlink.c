/* AF_NETLINK addresses, netlink(7): "pid:groups". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_nl) == 12, "as the kernel's");

static int netlink_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT32_MAX, UINT32_MAX};
    uint64_t n[2];
    if (csock__numbers_parse(text, max, 2, n) != 2)
        return CSOCK_ESYNTAX;
    ret_addr->nl = (struct csock_addr_nl){
        .family = AF_NETLINK,
        .pid = (uint32_t)n[0],
        .groups = (uint32_t)n[1],
    };
    *ret_len = sizeof ret_addr->nl;
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

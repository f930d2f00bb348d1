/* AF_VSOCK addresses, vsock(7): "cid:port". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_vm) == 16, "as the kernel's");

static int vsock_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT32_MAX, UINT32_MAX};
    uint64_t n[2];
    if (csock__numbers_parse(text, max, 2, n) != 2)
        return CSOCK_ESYNTAX;
    ret_addr->vm = (struct csock_addr_vm){
        .family = AF_VSOCK,
        .cid = (uint32_t)n[0],
        .port = (uint32_t)n[1],
    };
    *ret_len = sizeof ret_addr->vm;
    return 0;
}

static int vsock_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[sizeof "4294967295:4294967295"];
    (void)len;
    int n = snprintf(whole, sizeof whole, "%u:%u", addr->vm.cid, addr->vm.port);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_vsock = {
    .family = AF_VSOCK,
    .min_len = sizeof(struct csock_addr_vm),
    .parse = vsock_parse,
    .format = vsock_format,
};

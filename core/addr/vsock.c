/* AF_VSOCK addresses, vsock(7): "cid:port". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>

static_assert(sizeof(struct csock_addr_vm) == 16, "as the kernel's");

static int vsock_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_vm vm = {.family = AF_VSOCK};
    int r = csock__pair_parse(text, &vm.cid, &vm.port);
    if (r < 0)
        return r;
    ret_addr->vm = vm;
    *ret_len = sizeof vm;
    return 0;
}

static int vsock_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    (void)len;
    return csock__pair_format(addr->vm.cid, addr->vm.port, text, size);
}

const struct csock__family csock__family_vsock = {
    .family = AF_VSOCK,
    .min_len = sizeof(struct csock_addr_vm),
    .parse = vsock_parse,
    .format = vsock_format,
};

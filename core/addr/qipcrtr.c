/* AF_QIPCRTR addresses, linux/qrtr.h: "node:port". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>

static_assert(sizeof(struct csock_addr_qrtr) == 12, "as the kernel's");

static int qipcrtr_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_qrtr qrtr = {.family = AF_QIPCRTR};
    int r = csock__pair_parse(text, &qrtr.node, &qrtr.port);
    if (r < 0)
        return r;
    ret_addr->qrtr = qrtr;
    *ret_len = sizeof qrtr;
    return 0;
}

static int qipcrtr_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    (void)len;
    return csock__pair_format(addr->qrtr.node, addr->qrtr.port, text, size);
}

const struct csock__family csock__family_qipcrtr = {
    .family = AF_QIPCRTR,
    .min_len = sizeof(struct csock_addr_qrtr),
    .parse = qipcrtr_parse,
    .format = qipcrtr_format,
};

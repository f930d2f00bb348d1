/* AF_QIPCRTR addresses, linux/qrtr.h: "node:port". Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_qrtr) == 12, "as the kernel's");

static int qipcrtr_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT32_MAX, UINT32_MAX};
    uint64_t n[2];
    if (csock__numbers_parse(text, max, 2, n) != 2)
        return CSOCK_ESYNTAX;
    ret_addr->qrtr = (struct csock_addr_qrtr){
        .family = AF_QIPCRTR,
        .node = (uint32_t)n[0],
        .port = (uint32_t)n[1],
    };
    *ret_len = sizeof ret_addr->qrtr;
    return 0;
}

static int qipcrtr_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[sizeof "4294967295:4294967295"];
    (void)len;
    int n = snprintf(whole, sizeof whole, "%u:%u", addr->qrtr.node, addr->qrtr.port);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_qipcrtr = {
    .family = AF_QIPCRTR,
    .min_len = sizeof(struct csock_addr_qrtr),
    .parse = qipcrtr_parse,
    .format = qipcrtr_format,
};

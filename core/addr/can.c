/* AF_CAN addresses, linux/can.h: an interface's number, and for CAN_ISOTP and CAN_J1939 what that
 * protocol adds. Sits on addr.h. Must not make a system call: interfaces are numbers here. */
#include "addr/addr.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_can) == 24 && offsetof(struct csock_addr_can, u) == 8,
              "as the kernel's");

enum {
    LEN_INTERFACE = 8,
    LEN_ISOTP = 16, /* old kernels want it of CAN_RAW, too */
    LEN_J1939 = sizeof(struct csock_addr_can),
};

static int can_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t isotp[] = {INT32_MAX, UINT32_MAX, UINT32_MAX};
    static const uint64_t j1939[] = {INT32_MAX, UINT64_MAX, UINT32_MAX, UINT8_MAX};
    struct csock_addr_can can = {.family = AF_CAN};
    uint64_t n[4] = {0};
    int count = csock__numbers_parse(text, isotp, 3, n);
    if (count == 3) {
        can.u.tp.rx_id = (uint32_t)n[1];
        can.u.tp.tx_id = (uint32_t)n[2];
    } else if (count != 1) {
        count = csock__numbers_parse(text, j1939, 4, n);
        if (count != 4)
            return CSOCK_ESYNTAX;
        can.u.j1939.name = n[1];
        can.u.j1939.pgn = (uint32_t)n[2];
        can.u.j1939.addr = (uint8_t)n[3];
    }
    can.ifindex = (int32_t)n[0];
    ret_addr->can = can;
    *ret_len = count == 4 ? LEN_J1939 : LEN_ISOTP;
    return 0;
}

static int can_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[CSOCK_ADDR_TEXT_MAX];
    const struct csock_addr_can *can = &addr->can;
    int n;
    if (len >= LEN_J1939)
        n = snprintf(whole, sizeof whole, "%d:0x%" PRIx64 ":0x%x:%u", can->ifindex,
                     can->u.j1939.name, can->u.j1939.pgn, (unsigned)can->u.j1939.addr);
    else if (len >= LEN_ISOTP && (can->u.tp.rx_id || can->u.tp.tx_id))
        n = snprintf(whole, sizeof whole, "%d:0x%x:0x%x", can->ifindex, can->u.tp.rx_id,
                     can->u.tp.tx_id);
    else
        n = snprintf(whole, sizeof whole, "%d", can->ifindex);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_can = {
    .family = AF_CAN,
    .min_len = LEN_INTERFACE,
    .parse = can_parse,
    .format = can_format,
};

/* That the structures of addresses are the kernel's, where its headers are there: by their members,
 * and by what the kernel takes and gives. */
#include "util.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netpacket/packet.h>

#if __has_include(<linux/netlink.h>)
#include <linux/netlink.h>
static_assert(sizeof(struct sockaddr_nl) == sizeof(struct csock_addr_nl) &&
                  offsetof(struct sockaddr_nl, nl_pid) == offsetof(struct csock_addr_nl, pid) &&
                  offsetof(struct sockaddr_nl, nl_groups) == offsetof(struct csock_addr_nl, groups),
              "");
#endif
static_assert(
    sizeof(struct sockaddr_ll) == sizeof(struct csock_addr_ll) &&
        offsetof(struct sockaddr_ll, sll_protocol) == offsetof(struct csock_addr_ll, protocol) &&
        offsetof(struct sockaddr_ll, sll_ifindex) == offsetof(struct csock_addr_ll, ifindex) &&
        offsetof(struct sockaddr_ll, sll_hatype) == offsetof(struct csock_addr_ll, hatype) &&
        offsetof(struct sockaddr_ll, sll_pkttype) == offsetof(struct csock_addr_ll, pkttype) &&
        offsetof(struct sockaddr_ll, sll_halen) == offsetof(struct csock_addr_ll, halen) &&
        offsetof(struct sockaddr_ll, sll_addr) == offsetof(struct csock_addr_ll, addr),
    "");
#if __has_include(<linux/can.h>)
#include <linux/can.h>
static_assert(offsetof(struct sockaddr_can, can_ifindex) ==
                      offsetof(struct csock_addr_can, ifindex) &&
                  offsetof(struct sockaddr_can, can_addr.tp.rx_id) ==
                      offsetof(struct csock_addr_can, u.tp.rx_id) &&
                  offsetof(struct sockaddr_can, can_addr.tp.tx_id) ==
                      offsetof(struct csock_addr_can, u.tp.tx_id),
              "");
#ifdef CAN_J1939
static_assert(sizeof(struct sockaddr_can) == sizeof(struct csock_addr_can) &&
                  offsetof(struct sockaddr_can, can_addr.j1939.name) ==
                      offsetof(struct csock_addr_can, u.j1939.name) &&
                  offsetof(struct sockaddr_can, can_addr.j1939.pgn) ==
                      offsetof(struct csock_addr_can, u.j1939.pgn) &&
                  offsetof(struct sockaddr_can, can_addr.j1939.addr) ==
                      offsetof(struct csock_addr_can, u.j1939.addr),
              "");
#endif
#endif
#if __has_include(<linux/tipc.h>)
#include <linux/tipc.h>
static_assert(sizeof(struct sockaddr_tipc) == sizeof(struct csock_addr_tipc) &&
                  offsetof(struct sockaddr_tipc, addrtype) ==
                      offsetof(struct csock_addr_tipc, addrtype) &&
                  offsetof(struct sockaddr_tipc, scope) ==
                      offsetof(struct csock_addr_tipc, scope) &&
                  offsetof(struct sockaddr_tipc, addr.id.node) ==
                      offsetof(struct csock_addr_tipc, u.id.node) &&
                  offsetof(struct sockaddr_tipc, addr.nameseq.upper) ==
                      offsetof(struct csock_addr_tipc, u.seq.upper) &&
                  offsetof(struct sockaddr_tipc, addr.name.name.instance) ==
                      offsetof(struct csock_addr_tipc, u.name.instance) &&
                  offsetof(struct sockaddr_tipc, addr.name.domain) ==
                      offsetof(struct csock_addr_tipc, u.name.domain),
              "");
#endif
#if __has_include(<linux/if_alg.h>)
#include <linux/if_alg.h>
static_assert(sizeof(struct sockaddr_alg) == sizeof(struct csock_addr_alg) &&
                  offsetof(struct sockaddr_alg, salg_feat) ==
                      offsetof(struct csock_addr_alg, feat) &&
                  offsetof(struct sockaddr_alg, salg_mask) ==
                      offsetof(struct csock_addr_alg, mask) &&
                  offsetof(struct sockaddr_alg, salg_name) == offsetof(struct csock_addr_alg, name),
              "");
#endif
#if __has_include(<linux/vm_sockets.h>)
#include <linux/vm_sockets.h>
static_assert(sizeof(struct sockaddr_vm) == sizeof(struct csock_addr_vm) &&
                  offsetof(struct sockaddr_vm, svm_port) == offsetof(struct csock_addr_vm, port) &&
                  offsetof(struct sockaddr_vm, svm_cid) == offsetof(struct csock_addr_vm, cid),
              "");
#endif
#if __has_include(<linux/qrtr.h>)
#include <linux/qrtr.h>
static_assert(sizeof(struct sockaddr_qrtr) == sizeof(struct csock_addr_qrtr) &&
                  offsetof(struct sockaddr_qrtr, sq_node) ==
                      offsetof(struct csock_addr_qrtr, node) &&
                  offsetof(struct sockaddr_qrtr, sq_port) == offsetof(struct csock_addr_qrtr, port),
              "");
#endif

/* The members that the texts speak of stand where the kernel looks for them. */
static void members_are_in_place(void **state)
{
    union csock_addr addr;
    socklen_t len;
    (void)state;
    assert_int_equal(csock_addr_parse(AF_PACKET, "7:0x0800:4:772:0102", &addr, &len), 0);
    const struct sockaddr_ll *ll = (const struct sockaddr_ll *)&addr;
    assert_int_equal(ll->sll_ifindex, 7);
    assert_int_equal(ll->sll_protocol, htons(0x800));
    assert_int_equal(ll->sll_pkttype, 4);
    assert_int_equal(ll->sll_hatype, 772);
    assert_int_equal(ll->sll_halen, 2);
    assert_memory_equal(ll->sll_addr, "\1\2\0\0\0\0\0\0", 8);
    assert_int_equal(csock_addr_parse(AF_VSOCK, "2:1234", &addr, &len), 0);
    assert_int_equal(addr.vm.cid, 2);
    assert_int_equal(addr.vm.port, 1234);
    assert_int_equal(csock_addr_parse(AF_BLUETOOTH, "l2cap:1:2:3:4:5:6:258:3", &addr, &len), 0);
    assert_memory_equal((const char *)&addr + 2, "\2\1\6\5\4\3\2\1\3\0\0\0", 12);
    assert_int_equal(csock_addr_parse(AF_TIPC, "id:1:2:3", &addr, &len), 0);
    assert_int_equal(addr.tipc.u.id.node, 1);
    assert_int_equal(addr.tipc.u.id.ref, 2);
}

/* The kernel takes them, and names the socket so. */
static void kernel_agrees(void **state)
{
    union csock_addr addr;
    socklen_t len;
    struct csock s = CSOCK_INIT;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_open(&s, AF_NETLINK, SOCK_RAW, 0, 0), 0);
    assert_int_equal(csock_addr_parse(AF_NETLINK, "0:1", &addr, &len), 0);
    assert_int_equal(csock_bind(&s, &addr.any, len), 0);
    assert_int_equal(csock_sockname(&s, &addr, &len), 0);
    assert_true(csock_addr_format(&addr.any, len, text, sizeof text) > 0);
    assert_non_null(strstr(text, ":0x1"));
    csock_close(&s);
    if (csock_open(&s, AF_PACKET, SOCK_RAW, 0, 0) < 0)
        return; /* takes a capability */
    unsigned lo;
    assert_int_equal(csock_iface_index(&s, "lo", &lo), 0);
    snprintf(text, sizeof text, "%u:0x0800", lo);
    assert_int_equal(csock_addr_parse(AF_PACKET, text, &addr, &len), 0);
    assert_int_equal(csock_bind(&s, &addr.any, len), 0);
    assert_int_equal(csock_sockname(&s, &addr, &len), 0);
    snprintf(text, sizeof text, "%u:0x0800:0:772:000000000000", lo);
    char name[CSOCK_ADDR_TEXT_MAX];
    assert_true(csock_addr_format(&addr.any, len, name, sizeof name) > 0);
    assert_string_equal(name, text);
    csock_close(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(members_are_in_place),
        TEST(kernel_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

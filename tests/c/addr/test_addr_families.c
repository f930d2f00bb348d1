/* Addresses of the families beside AF_INET, AF_INET6 and AF_UNIX: text to address and back, bad
 * texts, odd lengths. */
#include "util.h"

#include <assert.h>
#include <netpacket/packet.h>

/* A text, and what format makes of it: NULL for the text itself. */
static const struct good {
    int family;
    socklen_t len;
    const char *text, *back;
} good[] = {
    {AF_NETLINK, 12, "0:0", NULL},
    {AF_NETLINK, 12, "1234:3", "1234:0x3"},
    {AF_NETLINK, 12, "4294967295:0xffffffff", NULL},
    {AF_PACKET, 20, "2:0x0800", NULL},
    {AF_PACKET, 20, "0:3", "0:0x0003"},
    {AF_PACKET, 20, "2147483647:0xffff:255:65535", NULL},
    {AF_PACKET, 20, "2:0x0800:4:772:0011223344aa", NULL},
    {AF_PACKET, 20, "2:0x0800:0:0:FFfF010203040506", "2:0x0800:0:0:ffff010203040506"},
    {AF_CAN, 16, "3", NULL},
    {AF_CAN, 16, "3:0x123:0x456", NULL},
    {AF_CAN, 16, "0:2147483649:0", "0:0x80000001:0x0"},
    {AF_CAN, 16, "3:0:0", "3"},
    {AF_CAN, 24, "3:0xffffffffffffffff:0x40000:255", NULL},
    {AF_CAN, 24, "0:0:0:0", "0:0x0:0x0:0"},
    {AF_TIPC, 16, "seq:18888:0:4294967295:2", NULL},
    {AF_TIPC, 16, "name:18888:17", "name:18888:17:2"},
    {AF_TIPC, 16, "name:18888:17:127", NULL},
    {AF_TIPC, 16, "id:1:2:3", NULL},
    {AF_ALG, 88, "hash:sha256", NULL},
    {AF_ALG, 88, "aead:rfc4106(gcm(aes)):x", NULL},
    {AF_ALG, 88,
     "1234567890123:"
     "123456789012345678901234567890123456789012345678901234567890123",
     NULL},
    {AF_VSOCK, 16, "2:1234", NULL},
    {AF_VSOCK, 16, "0xffffffff:4294967295", "4294967295:4294967295"},
    {AF_QIPCRTR, 12, "1:0xfffffffe", "1:4294967294"},
    {AF_RDS, 16, "192.0.2.1:80", NULL},
    {AF_BLUETOOTH, 14, "l2cap:00:11:22:33:44:55:4097", NULL},
    {AF_BLUETOOTH, 14, "l2cap:AA:bb:CC:dd:EE:ff:1:4", "l2cap:AA:BB:CC:DD:EE:FF:1:4"},
    {AF_BLUETOOTH, 14, "l2cap:0:1:2:3:4:5:0x81:0:2", "l2cap:00:01:02:03:04:05:129:0:2"},
    {AF_BLUETOOTH, 10, "rfcomm:00:11:22:33:44:55:30", NULL},
    {AF_BLUETOOTH, 6, "hci:0", NULL},
    {AF_BLUETOOTH, 6, "hci:65535:3", NULL},
    {AF_BLUETOOTH, 8, "sco:00:11:22:33:44:55", NULL},
};

static const struct bad {
    int family;
    const char *text;
} bad[] = {
    {AF_NETLINK, ""},
    {AF_NETLINK, "1"},
    {AF_NETLINK, "1:"},
    {AF_NETLINK, ":1"},
    {AF_NETLINK, "1:2:3"},
    {AF_NETLINK, "-1:0"},
    {AF_NETLINK, "4294967296:0"},
    {AF_NETLINK, "18446744073709551617:0"},
    {AF_NETLINK, "0x:0"},
    {AF_NETLINK, "0xg:0"},
    {AF_NETLINK, "1 :0"},
    {AF_NETLINK, " 1:0"},
    {AF_NETLINK, "1:0 "},
    {AF_NETLINK, "a:0"},
    {AF_PACKET, "lo:0x800"},
    {AF_PACKET, "2"},
    {AF_PACKET, "2:65536"},
    {AF_PACKET, "2147483648:0"},
    {AF_PACKET, "2:0:0"},
    {AF_PACKET, "2:0:256:0"},
    {AF_PACKET, "2:0:0:65536"},
    {AF_PACKET, "2:0:0:0:"},
    {AF_PACKET, "2:0:0:0:0"},
    {AF_PACKET, "2:0:0:0:0g"},
    {AF_PACKET, "2:0:0:0:g0"},
    {AF_PACKET, "2:0:0:0:00:11"},
    {AF_PACKET, "2:0:0:0:001122334455667788"},
    {AF_PACKET, "::::00"},
    {AF_PACKET, "0000000000000000000000000000000000000000000000000000000000000000000002:0"},
    {AF_CAN, ""},
    {AF_CAN, "can0"},
    {AF_CAN, "3:1"},
    {AF_CAN, "3:1:2:256"},
    {AF_CAN, "3:1:2:3:4"},
    {AF_CAN, "3:4294967296:0"},
    {AF_CAN, "3:0x10000000000000000:0:0"},
    {AF_CAN, "3:18446744073709551616:0:0"},
    {AF_TIPC, ""},
    {AF_TIPC, "name"},
    {AF_TIPC, "name:"},
    {AF_TIPC, "name:1"},
    {AF_TIPC, "name:1:2:128"},
    {AF_TIPC, "name:1:2:3:4"},
    {AF_TIPC, "seq:1:2"},
    {AF_TIPC, "seq:1:2:3:4:5"},
    {AF_TIPC, "nam:1:2"},
    {AF_TIPC, "1:2:3:4"},
    {AF_ALG, ""},
    {AF_ALG, "hash"},
    {AF_ALG, "hash:"},
    {AF_ALG, ":sha256"},
    {AF_ALG, "12345678901234:sha256"},
    {AF_ALG, "hash:1234567890123456789012345678901234567890123456789012345678901234"},
    {AF_VSOCK, "2"},
    {AF_VSOCK, "2:4294967296"},
    {AF_VSOCK, "*:1"},
    {AF_QIPCRTR, ""},
    {AF_QIPCRTR, "1:2:3"},
    {AF_RDS, "192.0.2.1"},
    {AF_BLUETOOTH, ""},
    {AF_BLUETOOTH, "00:11:22:33:44:55"},
    {AF_BLUETOOTH, "iso:00:11:22:33:44:55"},
    {AF_BLUETOOTH, "l2cap:00:11:22:33:44:55"},
    {AF_BLUETOOTH, "l2cap:00:11:22:33:44:55:"},
    {AF_BLUETOOTH, "l2cap:00:11:22:33:44:55:65536"},
    {AF_BLUETOOTH, "l2cap:00:11:22:33:44:55:1:2:3:4"},
    {AF_BLUETOOTH, "l2cap:00:11:22:33:44:1"},
    {AF_BLUETOOTH, "rfcomm:00:11:22:33:44:55:256"},
    {AF_BLUETOOTH, "rfcomm:00:11:22:33:44:55:1:2"},
    {AF_BLUETOOTH, "rfcomm:00:11:22:33:44:155:1"},
    {AF_BLUETOOTH, "hci:65536"},
    {AF_BLUETOOTH, "hci:"},
    {AF_BLUETOOTH, "hci:1:2:3"},
    {AF_BLUETOOTH, "sco:00:11:22:33:44"},
    {AF_BLUETOOTH, "sco:00:11:22:33:44:55:66"},
    {AF_BLUETOOTH, "sco:00:11:22:33:44:"},
};

static void texts_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        union csock_addr addr, again;
        socklen_t len, len_again;
        char text[CSOCK_ADDR_TEXT_MAX];
        const char *back = good[i].back ? good[i].back : good[i].text;
        memset(&addr, 0xa5, sizeof addr);
        assert_int_equal(csock_addr_parse(good[i].family, good[i].text, &addr, &len), 0);
        assert_int_equal(len, good[i].len);
        assert_int_equal(addr.any.sa_family, good[i].family == AF_RDS ? AF_INET : good[i].family);
        assert_int_equal(csock_addr_format(&addr.any, len, text, sizeof text), strlen(back));
        assert_string_equal(text, back);
        assert_int_equal(csock_addr_parse(good[i].family, text, &again, &len_again), 0);
        assert_int_equal(len_again, len);
        assert_int_equal(csock_addr_format(&again.any, len, text, strlen(back)), -ENOSPC);
    }
}

/* Fills the stack that the next call will use. */
static void __attribute__((noinline)) poison_stack(int fill)
{
    char junk[4096];
    memset(junk, fill, sizeof junk);
    __asm__ volatile("" : : "r"(junk) : "memory");
}

static socklen_t parse_over(int fill, int family, const char *text, union csock_addr *ret_addr)
{
    socklen_t len;
    memset(ret_addr, fill, sizeof *ret_addr);
    poison_stack(fill);
    assert_int_equal(csock_addr_parse(family, text, ret_addr, &len), 0);
    return len;
}

/* All len bytes go to the kernel, what stands between the members, too. */
static void every_byte_is_written(void **state)
{
    static const struct {
        int family;
        const char *text;
    } more[] = {{AF_INET, "192.0.2.1:80"}, {AF_INET6, "[fe80::1%2]:80"},
                {AF_INET6, "[::1]:80"},    {AF_UNIX, "/run/x"},
                {AF_UNIX, "@x"},           {AF_UNIX, ""}};
    (void)state;
    for (size_t i = 0; i < COUNT(good) + COUNT(more); i++) {
        int family = i < COUNT(good) ? good[i].family : more[i - COUNT(good)].family;
        const char *text = i < COUNT(good) ? good[i].text : more[i - COUNT(good)].text;
        union csock_addr a, b;
        socklen_t len = parse_over(0xa5, family, text, &a);
        assert_int_equal(parse_over(0x5a, family, text, &b), len);
        assert_memory_equal(&a, &b, len);
    }
}

/* An initialiser alone does the same: padding has a name, and `= {0}` is the whole union. */
static void __attribute__((noinline))
initialise(struct csock_addr_qrtr *ret_qrtr, struct csock_addr_can *ret_can,
           struct csock_addr_tipc *ret_tipc, union csock_addr *ret_all)
{
    struct csock_addr_qrtr qrtr = {.family = AF_QIPCRTR};
    struct csock_addr_can can = {.family = AF_CAN};
    struct csock_addr_tipc tipc = {.family = AF_TIPC};
    union csock_addr all = {0};
    memcpy(ret_qrtr, &qrtr, sizeof qrtr);
    memcpy(ret_can, &can, sizeof can);
    memcpy(ret_tipc, &tipc, sizeof tipc);
    memcpy(ret_all, &all, sizeof all);
}

static bool all_zeros(const void *bytes, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (((const char *)bytes)[i])
            return false;
    return true;
}

static void an_initialiser_leaves_no_byte(void **state)
{
    struct csock_addr_qrtr qrtr;
    struct csock_addr_can can;
    struct csock_addr_tipc tipc;
    union csock_addr all;
    (void)state;
    poison_stack(0xa5);
    initialise(&qrtr, &can, &tipc, &all);
    assert_true(all_zeros(&qrtr, 2, sizeof qrtr));
    assert_true(all_zeros(&can, 2, sizeof can));
    assert_true(all_zeros(&tipc, 2, sizeof tipc));
    assert_true(all_zeros(&all, 0, sizeof all));
    /* No hole between members that have names, in any compiler. */
    static_assert(offsetof(struct csock_addr_qrtr, node) == 2 * sizeof(uint16_t), "");
    static_assert(offsetof(struct csock_addr_can, ifindex) == 2 * sizeof(uint16_t), "");
    static_assert(sizeof can.u == sizeof can.u.j1939 &&
                      sizeof can.u == 8 + 4 + 1 + sizeof can.u.j1939.pad,
                  "");
    static_assert(sizeof tipc.u == sizeof tipc.u.seq, "");
    static_assert(sizeof(struct csock_addr_l2) == 2 + 2 + 6 + 2 + 1 + 1, "");
    static_assert(sizeof(struct csock_addr_rc) == 2 + 6 + 1 + 1, "");
    static_assert(sizeof(union csock_addr) == sizeof(struct sockaddr_storage), "");
}

static void bad_texts_change_nothing(void **state)
{
    union csock_addr untouched;
    (void)state;
    memset(&untouched, 0x5a, sizeof untouched);
    for (size_t i = 0; i < COUNT(bad); i++) {
        union csock_addr addr = untouched;
        socklen_t len = 12345;
        assert_int_equal(csock_addr_parse(bad[i].family, bad[i].text, &addr, &len), CSOCK_ESYNTAX);
        assert_memory_equal(&addr, &untouched, sizeof addr);
        assert_int_equal(len, 12345);
    }
}

/* In a block of just len bytes, so that ASan sees a read beyond it. */
static int format_cut(const union csock_addr *addr, socklen_t len)
{
    union csock_addr *cut = malloc(len ? len : 1);
    char text[CSOCK_ADDR_TEXT_MAX] = "before";
    assert_non_null(cut);
    memcpy(cut, addr, len);
    int r = csock_addr_format(&cut->any, len, text, sizeof text);
    if (r < 0)
        assert_string_equal(text, "before");
    else
        assert_int_equal(r, strlen(text));
    free(cut);
    return r;
}

static void any_bytes_of_any_length(void **state)
{
    static const struct {
        int family;
        socklen_t min_len;
    } rows[] = {{AF_NETLINK, 12}, {AF_PACKET, 12}, {AF_CAN, 8},      {AF_ALG, 88},
                {AF_VSOCK, 16},   {AF_RDS, 16},    {AF_QIPCRTR, 12}, {AF_TIPC, 16}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int fill = 0; fill < 256; fill += 3) {
            union csock_addr addr;
            memset(&addr, fill, sizeof addr);
            addr.any.sa_family = (sa_family_t)rows[i].family;
            if (rows[i].family == AF_TIPC)
                addr.tipc.addrtype = (uint8_t)(1 + fill % 3);
            for (socklen_t len = 0; len <= sizeof addr; len++) {
                int r = format_cut(&addr, len);
                if (len < rows[i].min_len)
                    assert_int_equal(r, CSOCK_EADDRLEN);
                else
                    assert_true(r > 0);
            }
        }
    }
    union csock_addr addr = {.tipc = {.family = AF_TIPC, .addrtype = 9}};
    assert_int_equal(format_cut(&addr, sizeof addr.tipc), CSOCK_EFAMILY);
}

static void bluetooth_goes_by_length(void **state)
{
    union csock_addr addr;
    (void)state;
    memset(&addr, 0xff, sizeof addr);
    addr.any.sa_family = AF_BLUETOOTH;
    for (socklen_t len = 0; len <= sizeof addr; len++) {
        int r = format_cut(&addr, len);
        if (len == 6 || len == 8 || len == 10 || len == 14)
            assert_true(r > 0);
        else
            assert_int_equal(r, CSOCK_EADDRLEN);
    }
}

/* Texts with characters changed: the address that one gives, if it gives any, comes back the same
 * from its own text. */
static void changed_texts(void **state)
{
    static const char characters[] = "0123456789abcdefxX:-+ .g\xff";
    unsigned seed = 1;
    (void)state;
    for (size_t round = 0; round < 20000; round++) {
        const struct good *from = &good[round % COUNT(good)];
        union csock_addr addr, again;
        socklen_t len, len_again;
        char text[CSOCK_ADDR_TEXT_MAX];
        strcpy(text, from->text);
        for (int k = 0; k < 2; k++) {
            seed = seed * 1103515245 + 12345;
            text[(seed >> 16) % strlen(from->text)] = characters[(seed >> 8) % 25];
        }
        if (csock_addr_parse(from->family, text, &addr, &len) < 0 || from->family == AF_RDS)
            continue;
        assert_true(csock_addr_format(&addr.any, len, text, sizeof text) > 0);
        assert_int_equal(csock_addr_parse(from->family, text, &again, &len_again), 0);
        assert_int_equal(len_again, len);
        assert_memory_equal(&again, &addr, len);
    }
}

static void device_addresses(void **state)
{
    uint8_t bdaddr[6] = {'b', 'e', 'f', 'o', 'r', 'e'};
    char text[18] = "before";
    (void)state;
    assert_int_equal(csock_bdaddr_parse("0:1:2:3:4", bdaddr), CSOCK_ESYNTAX);
    assert_int_equal(csock_bdaddr_parse("", bdaddr), CSOCK_ESYNTAX);
    assert_int_equal(csock_bdaddr_parse("0:1:2:3:4:5 ", bdaddr), CSOCK_ESYNTAX);
    assert_memory_equal(bdaddr, "before", 6);
    assert_int_equal(csock_bdaddr_parse("0:0x1: 2:+3:04:fF", bdaddr), 0);
    assert_memory_equal(bdaddr, "\xff\4\3\2\1\0", 6);
    assert_int_equal(csock_bdaddr_format(bdaddr, text, 17), -ENOSPC);
    assert_string_equal(text, "before");
    assert_int_equal(csock_bdaddr_format(bdaddr, text, 18), 17);
    assert_string_equal(text, "00:01:02:03:04:FF");
}

static void rds_has_hosts(void **state)
{
    union csock_addr addr;
    socklen_t len;
    (void)state;
    assert_int_equal(csock_addr_from_host(AF_RDS, "192.0.2.1", 80, &addr, &len), 0);
    assert_int_equal(addr.any.sa_family, AF_INET);
    assert_int_equal(csock_addr_port(&addr.any, len), 80);
    assert_int_equal(csock_addr_from_host(AF_VSOCK, "2", 80, &addr, &len), CSOCK_EFAMILY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(texts_and_back),
        TEST(every_byte_is_written),
        TEST(an_initialiser_leaves_no_byte),
        TEST(bad_texts_change_nothing),
        TEST(any_bytes_of_any_length),
        TEST(bluetooth_goes_by_length),
        TEST(changed_texts),
        TEST(device_addresses),
        TEST(rds_has_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

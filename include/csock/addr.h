/* Addresses: of each family in binary form, as text, and in parts. No resolving, no system call.
 *
 * union csock_addr has room for an address of any family. Calls that take one take any sockaddr and
 * its length, as bind(2) does; calls that give one fill such a union. */
#ifndef CSOCK_ADDR_H
#define CSOCK_ADDR_H

#include <netinet/in.h>
#include <sys/un.h>

#include "csock/base.h"

CSOCK__BEGIN

/* Addresses of Linux whose headers a machine may lack: bit for bit those of the kernel. The first
 * member is the family, AF_…; the manual pages say what the others mean. Padding has a name, `pad`,
 * and a union its largest member first: so an initialiser leaves no byte as it happened to be. */
struct csock_addr_nl { /* netlink(7) */
    sa_family_t family;
    uint16_t pad;
    uint32_t pid, groups;
};
struct csock_addr_ll { /* packet(7) */
    sa_family_t family;
    uint16_t protocol; /* network order */
    int32_t ifindex;
    uint16_t hatype;
    uint8_t pkttype, halen, addr[8]; /* an address of the kernel's may go on beyond addr */
};
struct csock_addr_can { /* linux/can.h: CAN_RAW and CAN_BCM look at the interface alone */
    sa_family_t family;
    uint16_t pad;
    int32_t ifindex;
    union {
        struct {
            uint64_t name;
            uint32_t pgn;
            uint8_t addr, pad[3];
        } j1939; /* CAN_J1939 */
        struct {
            uint32_t rx_id, tx_id;
        } tp; /* CAN_ISOTP */
    } u;
};
struct csock_addr_tipc { /* linux/tipc.h */
    sa_family_t family;
    uint8_t addrtype; /* 1: seq, 2: name, 3: id */
    int8_t scope;
    union {
        struct {
            uint32_t type, lower, upper;
        } seq;
        struct {
            uint32_t ref, node;
        } id;
        struct {
            uint32_t type, instance, domain;
        } name;
    } u;
};
struct csock_addr_alg { /* linux/if_alg.h */
    sa_family_t family;
    char type[14];
    uint32_t feat, mask;
    char name[64];
};
struct csock_addr_vm { /* vsock(7) */
    sa_family_t family;
    uint16_t reserved;
    uint32_t port, cid;
    uint8_t flags, zero[3];
};
struct csock_addr_qrtr { /* linux/qrtr.h */
    sa_family_t family;
    uint16_t pad;
    uint32_t node, port;
};
/* AF_BLUETOOTH, by protocol. A device's address stands backwards: its last byte is bdaddr[0]. */
struct csock_addr_l2 { /* psm and cid: little-endian */
    sa_family_t family;
    uint16_t psm;
    uint8_t bdaddr[6];
    uint16_t cid;
    uint8_t bdaddr_type, pad;
};
struct csock_addr_rc {
    sa_family_t family;
    uint8_t bdaddr[6];
    uint8_t channel, pad;
};
struct csock_addr_hci {
    sa_family_t family;
    uint16_t dev, channel;
};
struct csock_addr_sco {
    sa_family_t family;
    uint8_t bdaddr[6];
};

/* Room for any address; each goes with its length, as in bind(2). Whoever takes an address takes it
 * as bind(2) does, aligned as its family has it: a struct sockaddr_in of the caller's needs no
 * copy. `= {0}` makes all of it zeros. */
union csock_addr {
    struct sockaddr_storage storage;
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct csock_addr_nl nl;
    struct csock_addr_ll ll;
    struct csock_addr_can can;
    struct csock_addr_tipc tipc;
    struct csock_addr_alg alg;
    struct csock_addr_vm vm;
    struct csock_addr_qrtr qrtr;
    struct csock_addr_l2 l2;
    struct csock_addr_rc rc;
    struct csock_addr_hci hci;
    struct csock_addr_sco sco;
};

#define CSOCK_ADDR_TEXT_MAX 448 /* enough for any text of csock_addr_format, with its NUL */

/* Text to address, without resolving and without a system call.
 *   AF_INET   "192.0.2.1:80", ":80" (any address), "<broadcast>:80"
 *   AF_INET6  "[2001:db8::1]:80", "[fe80::1%2]:80" (numeric scope), ":80"
 *   AF_UNIX   "/run/x.sock"; "@name" is the abstract name; "" is unnamed
 *   AF_NETLINK    "pid:groups"
 *   AF_PACKET     "interface:protocol[:pkttype:hatype[:0011223344aa]]", the interface's number
 *   AF_CAN        "interface" (CAN_RAW, CAN_BCM), "interface:rx:tx" (CAN_ISOTP),
 *                 "interface:name:pgn:addr" (CAN_J1939)
 *   AF_TIPC       "seq:type:lower:upper[:scope]", "name:type:instance[:scope]",
 *                 "id:node:ref[:scope]"
 *   AF_ALG        "type:name", such as "hash:sha256"
 *   AF_VSOCK      "cid:port"
 *   AF_QIPCRTR    "node:port"
 *   AF_RDS        as AF_INET, which is also the family of the address that comes out
 *   AF_BLUETOOTH  "l2cap:00:11:22:33:44:55:psm[:cid[:type]]", "rfcomm:00:11:22:33:44:55:channel",
 *                 "hci:device[:channel]", "sco:00:11:22:33:44:55"
 * The port is required, in decimal. Other numbers are decimal or 0x…. Flow info, and the feat and
 * mask of AF_ALG, have no text form. An AF_UNIX text is taken as it is: there are no escapes. The
 * length tells the forms of AF_CAN apart (24 bytes: J1939), and those of AF_BLUETOOTH.
 * Errors: CSOCK_EFAMILY, CSOCK_EHOST, CSOCK_EPORT, CSOCK_EPATH, CSOCK_ESYNTAX. inet_pton(3),
 * unix(7). */
CSOCK_API int csock_addr_parse(int family, const char *text, union csock_addr *ret_addr,
                               socklen_t *ret_len);

/* The same form back: NUL-terminated into text[size]; bytes of an AF_UNIX name other than printable
 * ASCII come as \xNN, and a path that starts with "@" as "./@…". Never reads beyond len. Returns
 * the length without the NUL, or -ENOSPC, CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API int csock_addr_format(const struct sockaddr *addr, socklen_t len, char *text,
                                size_t size);

/* AF_INET or AF_INET6 from a numeric host: "" is the any address, "<broadcast>" (AF_INET only)
 * the broadcast address. An AF_INET host is a dotted quad of four decimal numbers; other spellings
 * ("127.1") are for a resolver. An AF_INET6 host may end in "%N" with N the interface's number.
 * port in host order. Errors: CSOCK_EHOST if it takes a resolver, CSOCK_EPORT, CSOCK_EFAMILY. */
CSOCK_API int csock_addr_from_host(int family, const char *host, long port,
                                   union csock_addr *ret_addr, socklen_t *ret_len);

/* The numeric host alone, without port and scope: "192.0.2.1", "2001:db8::1". Returns as
 * csock_addr_format. */
CSOCK_API int csock_addr_host(const struct sockaddr *addr, socklen_t len, char *text, size_t size);

/* Port in host order, or CSOCK_EFAMILY for a family that has none, or CSOCK_EADDRLEN. */
CSOCK_API int csock_addr_port(const struct sockaddr *addr, socklen_t len);

/* AF_UNIX from a name of n bytes: empty is unnamed; a leading NUL makes it abstract (108 bytes at
 * most, NULs allowed); else a path (107 bytes at most, no NUL). Errors: CSOCK_EPATH, CSOCK_ENUL. */
CSOCK_API int csock_addr_from_path(const void *path, size_t n, union csock_addr *ret_addr,
                                   socklen_t *ret_len);

/* The name of an AF_UNIX address, as a view into *addr: *ret_path is not NUL-terminated and stays
 * valid as long as *addr. Abstract names keep their leading NUL; unnamed has length 0. A path ends
 * before its first NUL. Returns the length, or CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API ssize_t csock_addr_path(const struct sockaddr *addr, socklen_t len,
                                  const char **ret_path);

/* A Bluetooth device's address: six hexadecimal numbers, "00:11:22:33:44:55", to the bytes of a
 * bdaddr and back. 0 or CSOCK_ESYNTAX; the length as csock_addr_format. */
CSOCK_API int csock_bdaddr_parse(const char *text, uint8_t ret_bdaddr[6]);
CSOCK_API int csock_bdaddr_format(const uint8_t bdaddr[6], char *text, size_t size);

CSOCK__END
#endif

/* Bytes of a pcapng file: its head, and packets with made-up IP and TCP or UDP headers. Pure: what
 * goes where is the caller's matter. What the fields mean: draft-ietf-opsawg-pcapng, RFC 791, 768,
 * 8200, 9293.
 *
 * All numbers of the file are in this machine's byte order, which its head tells. Packets begin
 * with the IP header: LINKTYPE_RAW. */
#ifndef CSOCK_CORE_PACKET_H
#define CSOCK_CORE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* What the file's head says, each NULL or text. */
struct csock__about {
    const char *hardware, *os, *application;
};
#define CSOCK__FILE_HEAD_MAX 512

/* Into buf[CSOCK__FILE_HEAD_MAX]; texts that are too long are cut. The length. */
size_t csock__file_head(uint8_t *buf, const struct csock__about *about);

enum csock__way { CSOCK__OUTWARD, CSOCK__INWARD };

enum csock__tcp_flag {
    CSOCK__FIN = 1,
    CSOCK__SYN = 2,
    CSOCK__RST = 4,
    CSOCK__PSH = 8,
    CSOCK__ACK = 16,
};

/* One of the two ends. */
struct csock__end {
    uint8_t addr[16]; /* 4 of them, or all */
    uint16_t port;
    uint32_t seq; /* of its next byte */
};

struct csock__packet {
    bool v6, tcp;
    enum csock__way way;
    const struct csock__end *from, *to;
    uint8_t flags; /* of TCP */
    uint16_t id;   /* of IPv4 */
    int64_t time;  /* ns since 1970 */
    const void *data;
    size_t size, kept; /* kept: of these bytes, how many are in the file */
    const char *comment;
};

/* What there can be in one: IP counts in 16 bits. */
size_t csock__packet_max(bool v6, bool tcp);

#define CSOCK__COMMENT_MAX 200
/* What stands in the file before the data and after it. */
struct csock__wrapping {
    uint8_t head[96], tail[CSOCK__COMMENT_MAX + 40];
    size_t head_size, tail_size;
};
void csock__wrap(struct csock__wrapping *ret, const struct csock__packet *p);

#endif

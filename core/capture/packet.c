/* The bytes: see packet.h. Sits on nothing. */
#include "capture/packet.h"

#include <string.h>

#define SECTION_BLOCK 0x0A0D0D0Au
#define INTERFACE_BLOCK 1u
#define PACKET_BLOCK 6u
#define BYTE_ORDER_MAGIC 0x1A2B3C4Du
#define LINKTYPE_RAW 101u

enum option { END = 0, COMMENT = 1, HARDWARE = 2, OS = 3, APPLICATION = 4 };
enum { IF_NAME = 2, IF_TSRESOL = 9, EPB_FLAGS = 2 };

#define TTL 64
#define DONT_FRAGMENT 0x4000
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define TCP_SIZE 20
#define UDP_SIZE 8
#define SYN_OPTIONS 8
#define IP_MAX 65535
#define COUNTED_MAX 4096

/* A place that is written from its beginning to its end. */
struct out {
    uint8_t *at;
};

static void put(struct out *o, const void *bytes, size_t n)
{
    memcpy(o->at, bytes, n);
    o->at += n;
}

static void put16(struct out *o, uint16_t value)
{
    put(o, &value, sizeof value);
}

static void put32(struct out *o, uint32_t value)
{
    put(o, &value, sizeof value);
}

/* In the network's order. */
static void put16_net(struct out *o, size_t value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    put(o, bytes, sizeof bytes);
}

static void put32_net(struct out *o, uint32_t value)
{
    put16_net(o, value >> 16);
    put16_net(o, value & 0xffff);
}

static size_t padding(size_t n)
{
    return (4 - n % 4) % 4;
}

static void put_option(struct out *o, unsigned code, const void *value, size_t n)
{
    put16(o, (uint16_t)code);
    put16(o, (uint16_t)n);
    put(o, value, n);
    put(o, "\0\0\0", padding(n));
}

static void put_text(struct out *o, unsigned code, const char *text, size_t most)
{
    if (text && *text)
        put_option(o, code, text, strnlen(text, most));
}

static void put_end(struct out *o)
{
    put_option(o, END, "", 0);
}

/* The length stands before and after what is in a block. */
static void end_block(struct out *o, uint8_t *start)
{
    uint32_t size = (uint32_t)(o->at - start) + 4;
    memcpy(start + 4, &size, sizeof size);
    put32(o, size);
}

static void put_section(struct out *o, const struct csock__about *about)
{
    uint8_t *start = o->at;
    const uint64_t unknown = UINT64_MAX; /* how much there will be */
    put32(o, SECTION_BLOCK);
    put32(o, 0);
    put32(o, BYTE_ORDER_MAGIC);
    put16(o, 1);
    put16(o, 0);
    put(o, &unknown, sizeof unknown);
    put_text(o, HARDWARE, about->hardware, 64);
    put_text(o, OS, about->os, 128);
    put_text(o, APPLICATION, about->application, 160);
    put_end(o);
    end_block(o, start);
}

static void put_interface(struct out *o)
{
    uint8_t *start = o->at;
    const uint8_t nanoseconds = 9;
    put32(o, INTERFACE_BLOCK);
    put32(o, 0);
    put16(o, LINKTYPE_RAW);
    put16(o, 0);
    put32(o, 0); /* packets of any size */
    put_text(o, IF_NAME, "csock", 8);
    put_option(o, IF_TSRESOL, &nanoseconds, 1);
    put_end(o);
    end_block(o, start);
}

size_t csock__file_head(uint8_t *buf, const struct csock__about *about)
{
    struct out o = {buf};
    put_section(&o, about);
    put_interface(&o);
    return (size_t)(o.at - buf);
}

size_t csock__packet_max(bool v6, bool tcp)
{
    return IP_MAX - (v6 ? 0u : 20u) - (tcp ? (size_t)TCP_SIZE : UDP_SIZE);
}

/* ---- checksums: of 16-bit words in this machine's order, which is that of the result, too */

static uint64_t with_carry(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

static uint16_t folded(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* Four sums at a time, which do not wait for each other. */
static uint64_t checksum_words(const void *data, size_t n)
{
    const uint8_t *at = data;
    uint64_t sums[4] = {0}, word;
    for (; n >= 4 * sizeof word; n -= 4 * sizeof word)
        for (size_t i = 0; i < 4; i++, at += sizeof word) {
            memcpy(&word, at, sizeof word);
            sums[i] = with_carry(sums[i], word);
        }
    for (; n > 0; n -= n < sizeof word ? n : sizeof word, at += sizeof word) {
        word = 0;
        memcpy(&word, at, n < sizeof word ? n : sizeof word);
        sums[0] = with_carry(sums[0], word);
    }
    return with_carry(with_carry(sums[0], sums[1]), with_carry(sums[2], sums[3]));
}

static void put_checksum(uint8_t *at, uint64_t sum)
{
    uint16_t value = (uint16_t)~folded(sum);
    memcpy(at, &value, sizeof value);
}

/* What TCP and UDP count of the IP header. */
static uint64_t pseudo_header(const struct csock__packet *p, size_t size)
{
    uint8_t bytes[40] = {0};
    struct out o = {bytes};
    size_t n = p->v6 ? 16 : 4;
    put(&o, p->from->addr, n);
    put(&o, p->to->addr, n);
    put16_net(&o, p->tcp ? PROTOCOL_TCP : PROTOCOL_UDP);
    put16_net(&o, size);
    return checksum_words(bytes, sizeof bytes);
}

/* ---- headers */

static void put_ip(struct out *o, const struct csock__packet *p, size_t size)
{
    uint8_t *start = o->at, protocol = p->tcp ? PROTOCOL_TCP : PROTOCOL_UDP;
    const uint8_t ttl_protocol[] = {TTL, protocol}, next_ttl[] = {protocol, TTL};
    if (p->v6) {
        put32_net(o, 6u << 28);
        put16_net(o, size);
        put(o, next_ttl, 2);
        put(o, p->from->addr, 16);
        put(o, p->to->addr, 16);
        return;
    }
    put16_net(o, 0x4500);
    put16_net(o, 20 + size);
    put16_net(o, p->id);
    put16_net(o, DONT_FRAGMENT);
    put(o, ttl_protocol, 2);
    put16_net(o, 0);
    put(o, p->from->addr, 4);
    put(o, p->to->addr, 4);
    put_checksum(start + 10, checksum_words(start, 20));
}

/* The largest segment, and a window of 2^30 bytes, so that no sender ever seems to be held up. */
static void put_syn_options(struct out *o, const struct csock__packet *p)
{
    const uint8_t scale[] = {1, 3, 3, 14};
    put16_net(o, 0x0204);
    put16_net(o, csock__packet_max(p->v6, true));
    put(o, scale, sizeof scale);
}

static void put_tcp(struct out *o, const struct csock__packet *p)
{
    size_t size = TCP_SIZE + (p->flags & CSOCK__SYN ? SYN_OPTIONS : 0);
    put16_net(o, p->from->port);
    put16_net(o, p->to->port);
    put32_net(o, p->from->seq);
    put32_net(o, p->flags & CSOCK__ACK ? p->to->seq : 0);
    put16_net(o, size / 4 << 12 | p->flags);
    put16_net(o, 0xffff);
    put32_net(o, 0);
    if (p->flags & CSOCK__SYN)
        put_syn_options(o, p);
}

static void put_udp(struct out *o, const struct csock__packet *p)
{
    put16_net(o, p->from->port);
    put16_net(o, p->to->port);
    put16_net(o, UDP_SIZE + p->size);
    put16_net(o, 0);
}

/* As a network card that counts the rest gets it, of data that is not known as a whole, and of
 * much: to count a gigabyte takes a third of the time that it takes to write it. For UDP over IPv6
 * there has to be one. */
static void checksum_of(uint8_t *header, uint8_t *end, const struct csock__packet *p)
{
    size_t n = (size_t)(end - header);
    uint8_t *at = header + (p->tcp ? 16 : 6);
    if ((!p->data && p->size > 0) || (p->tcp && p->size > COUNTED_MAX)) {
        uint16_t partial = folded(pseudo_header(p, n + p->size));
        memcpy(at, &partial, sizeof partial);
        return;
    }
    uint64_t sum = with_carry(pseudo_header(p, n + p->size), checksum_words(header, n));
    put_checksum(at, with_carry(sum, checksum_words(p->data, p->size)));
    if (!p->tcp && at[0] == 0 && at[1] == 0) /* which would mean: none */
        memset(at, 0xff, 2);
}

static size_t ip_size(const struct csock__packet *p)
{
    return p->v6 ? 40 : 20;
}

static size_t transport_size(const struct csock__packet *p)
{
    return !p->tcp ? UDP_SIZE : TCP_SIZE + (p->flags & CSOCK__SYN ? SYN_OPTIONS : 0);
}

static void put_tail(struct out *o, const struct csock__packet *p, size_t captured)
{
    const uint32_t flags = p->way == CSOCK__INWARD ? 1 : 2;
    put(o, "\0\0\0", padding(captured));
    put_option(o, EPB_FLAGS, &flags, sizeof flags);
    put_text(o, COMMENT, p->comment, CSOCK__COMMENT_MAX);
    put_end(o);
}

void csock__wrap(struct csock__wrapping *ret, const struct csock__packet *p)
{
    size_t headers = ip_size(p) + transport_size(p), captured = headers + p->kept;
    struct out head = {ret->head}, tail = {ret->tail};
    put_tail(&tail, p, captured);
    uint32_t total = (uint32_t)(28 + captured + (size_t)(tail.at - ret->tail) + 4);
    put32(&tail, total);
    put32(&head, PACKET_BLOCK);
    put32(&head, total);
    put32(&head, 0); /* the interface */
    put32(&head, (uint32_t)((uint64_t)p->time >> 32));
    put32(&head, (uint32_t)p->time);
    put32(&head, (uint32_t)captured);
    put32(&head, (uint32_t)(headers + p->size));
    put_ip(&head, p, transport_size(p) + p->size);
    uint8_t *transport = head.at;
    if (p->tcp)
        put_tcp(&head, p);
    else
        put_udp(&head, p);
    checksum_of(transport, head.at, p);
    ret->head_size = (size_t)(head.at - ret->head);
    ret->tail_size = (size_t)(tail.at - ret->tail);
}

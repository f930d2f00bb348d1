/* AF_PACKET addresses, packet(7): "interface:protocol[:pkttype:hatype[:hardware address]]". Sits on
 * addr.h. Must not make a system call: interfaces are numbers here. */
#include "addr/addr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define HEAD offsetof(struct csock_addr_ll, addr)

enum { HARDWARE_MAX = sizeof(((struct csock_addr_ll *)0)->addr) };

static_assert(sizeof(struct csock_addr_ll) == 20 && HEAD == 12, "as the kernel's");

/* "0011223344aa" to bytes. Returns how many, or CSOCK_ESYNTAX. */
static int hardware_parse(const char *text, uint8_t ret[HARDWARE_MAX])
{
    size_t n = strlen(text);
    if (n == 0 || n % 2 || n > 2 * HARDWARE_MAX)
        return CSOCK_ESYNTAX;
    for (size_t i = 0; i < n / 2; i++) {
        int high = csock__hex_value(text[2 * i]);
        int low = csock__hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return CSOCK_ESYNTAX;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return (int)(n / 2);
}

/* The text after its fourth colon, or NULL if it has fewer. */
static const char *fifth_part(const char *text)
{
    for (int i = 0; text && i < 4; i++) {
        const char *colon = strchr(text, ':');
        text = colon ? colon + 1 : NULL;
    }
    return text;
}

static int packet_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {INT32_MAX, UINT16_MAX, UINT8_MAX, UINT16_MAX};
    char numbers[64]; /* longer ones are out of range, but for zeros in front */
    uint64_t n[4] = {0};
    struct csock_addr_ll ll = {.family = AF_PACKET};
    const char *hardware = fifth_part(text);
    size_t length = hardware ? (size_t)(hardware - text) - 1 : strlen(text);
    if (csock__text_copy(text, length, numbers, sizeof numbers) < 0)
        return CSOCK_ESYNTAX;
    int count = csock__numbers_parse(numbers, max, 4, n);
    if (count != 2 && count != 4)
        return CSOCK_ESYNTAX;
    int bytes = hardware ? hardware_parse(hardware, ll.addr) : 0;
    if (bytes < 0)
        return bytes;
    ll.ifindex = (int32_t)n[0];
    ll.protocol = htons((uint16_t)n[1]);
    ll.pkttype = (uint8_t)n[2];
    ll.hatype = (uint16_t)n[3];
    ll.halen = (uint8_t)bytes;
    ret_addr->ll = ll;
    *ret_len = sizeof ll;
    return 0;
}

/* The hardware address is as long as halen says, and no longer than what came. */
static int packet_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[CSOCK_ADDR_TEXT_MAX];
    const struct csock_addr_ll *ll = &addr->ll;
    size_t at = (size_t)snprintf(whole, sizeof whole, "%d:0x%04x", ll->ifindex,
                                 (unsigned)ntohs(ll->protocol));
    size_t bytes = ll->halen < len - HEAD ? ll->halen : len - HEAD;
    const uint8_t *hardware = (const uint8_t *)addr + HEAD;
    if (bytes > 0 || ll->pkttype || ll->hatype)
        at += (size_t)snprintf(whole + at, sizeof whole - at, ":%u:%u", (unsigned)ll->pkttype,
                               (unsigned)ll->hatype);
    for (size_t i = 0; i < bytes; i++)
        at += (size_t)snprintf(whole + at, sizeof whole - at, "%s%02x", i ? "" : ":",
                               (unsigned)hardware[i]);
    return csock__text_copy(whole, at, text, size);
}

const struct csock__family csock__family_packet = {
    .family = AF_PACKET,
    .min_len = HEAD,
    .parse = packet_parse,
    .format = packet_format,
};

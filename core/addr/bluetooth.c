/* AF_BLUETOOTH addresses: four structures, one for each protocol, which only their length tells
 * apart. Laid out as the kernel has them (include/net/bluetooth), so no BlueZ header is needed.
 * Sits on addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct csock_addr_l2) == 14 && sizeof(struct csock_addr_rc) == 10 &&
                  sizeof(struct csock_addr_hci) == 6 && sizeof(struct csock_addr_sco) == 8,
              "as the kernel's, and each of another size");

#define BDADDR_TEXT sizeof "00:11:22:33:44:55"

/* One number of a device's address: blanks, a plus and 0x in front are let pass, as programs have
 * always got them past scanf(3). Where the text goes on, or NULL. */
static const char *byte_parse(const char *text, uint8_t *ret)
{
    unsigned value = 0;
    const char *p = text + strspn(text, " \t\n\v\f\r");
    p += *p == '+';
    p += p[0] == '0' && (p[1] == 'x' || p[1] == 'X') ? 2 : 0;
    const char *first = p;
    for (int digit; (digit = csock__hex_value(*p)) >= 0; p++)
        if ((value = value * 16 + (unsigned)digit) > UINT8_MAX)
            return NULL;
    *ret = (uint8_t)value;
    return p == first ? NULL : p;
}

/* Where text goes on after a device's address, or NULL. */
static const char *bdaddr_parse(const char *text, uint8_t bdaddr[6])
{
    for (int i = 5; text && i >= 0; i--) {
        text = byte_parse(text, &bdaddr[i]);
        if (text && i > 0 && *text++ != ':')
            return NULL;
    }
    return text;
}

int csock_bdaddr_parse(const char *text, uint8_t ret_bdaddr[6])
{
    uint8_t bdaddr[6];
    const char *end = bdaddr_parse(text, bdaddr);
    if (!end || *end)
        return CSOCK_ESYNTAX;
    memcpy(ret_bdaddr, bdaddr, sizeof bdaddr);
    return 0;
}

int csock_bdaddr_format(const uint8_t bdaddr[6], char *text, size_t size)
{
    char whole[BDADDR_TEXT];
    int n = snprintf(whole, sizeof whole, "%02X:%02X:%02X:%02X:%02X:%02X", bdaddr[5], bdaddr[4],
                     bdaddr[3], bdaddr[2], bdaddr[1], bdaddr[0]);
    return csock__text_copy(whole, (size_t)n, text, size);
}

static int l2_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT16_MAX, UINT16_MAX, UINT8_MAX};
    struct csock_addr_l2 l2 = {.family = AF_BLUETOOTH};
    uint64_t n[3] = {0};
    text = bdaddr_parse(text, l2.bdaddr);
    if (!text || *text != ':' || !csock__numbers_parse(text + 1, max, 3, n))
        return CSOCK_ESYNTAX;
    l2.psm = htole16((uint16_t)n[0]);
    l2.cid = htole16((uint16_t)n[1]);
    l2.bdaddr_type = (uint8_t)n[2];
    ret_addr->l2 = l2;
    *ret_len = sizeof l2;
    return 0;
}

static int rc_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT8_MAX};
    struct csock_addr_rc rc = {.family = AF_BLUETOOTH};
    uint64_t n;
    text = bdaddr_parse(text, rc.bdaddr);
    if (!text || *text != ':' || !csock__numbers_parse(text + 1, max, 1, &n))
        return CSOCK_ESYNTAX;
    rc.channel = (uint8_t)n;
    ret_addr->rc = rc;
    *ret_len = sizeof rc;
    return 0;
}

static int hci_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const uint64_t max[] = {UINT16_MAX, UINT16_MAX};
    uint64_t n[2] = {0};
    if (!csock__numbers_parse(text, max, 2, n))
        return CSOCK_ESYNTAX;
    ret_addr->hci = (struct csock_addr_hci){
        .family = AF_BLUETOOTH,
        .dev = (uint16_t)n[0],
        .channel = (uint16_t)n[1],
    };
    *ret_len = sizeof ret_addr->hci;
    return 0;
}

static int sco_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_sco sco = {.family = AF_BLUETOOTH};
    int r = csock_bdaddr_parse(text, sco.bdaddr);
    if (r < 0)
        return r;
    ret_addr->sco = sco;
    *ret_len = sizeof sco;
    return 0;
}

static int bluetooth_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    static const struct {
        const char *word;
        int (*parse)(const char *text, union csock_addr *ret_addr, socklen_t *ret_len);
    } forms[] = {{"l2cap", l2_parse}, {"rfcomm", rc_parse}, {"hci", hci_parse}, {"sco", sco_parse}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *rest = csock__after_word(text, forms[i].word);
        if (rest)
            return forms[i].parse(rest, ret_addr, ret_len);
    }
    return CSOCK_ESYNTAX;
}

static int l2_format(const struct csock_addr_l2 *l2, char *whole, size_t size)
{
    char device[BDADDR_TEXT];
    unsigned psm = le16toh(l2->psm), cid = le16toh(l2->cid);
    csock_bdaddr_format(l2->bdaddr, device, sizeof device);
    if (l2->bdaddr_type)
        return snprintf(whole, size, "l2cap:%s:%u:%u:%u", device, psm, cid,
                        (unsigned)l2->bdaddr_type);
    return cid ? snprintf(whole, size, "l2cap:%s:%u:%u", device, psm, cid)
               : snprintf(whole, size, "l2cap:%s:%u", device, psm);
}

static int bluetooth_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[CSOCK_ADDR_TEXT_MAX];
    char device[BDADDR_TEXT];
    int n;
    switch (len) {
    case sizeof addr->l2:
        n = l2_format(&addr->l2, whole, sizeof whole);
        break;
    case sizeof addr->rc:
        csock_bdaddr_format(addr->rc.bdaddr, device, sizeof device);
        n = snprintf(whole, sizeof whole, "rfcomm:%s:%u", device, (unsigned)addr->rc.channel);
        break;
    case sizeof addr->sco:
        csock_bdaddr_format(addr->sco.bdaddr, device, sizeof device);
        n = snprintf(whole, sizeof whole, "sco:%s", device);
        break;
    case sizeof addr->hci:
        n = snprintf(whole, sizeof whole, addr->hci.channel ? "hci:%u:%u" : "hci:%u",
                     (unsigned)addr->hci.dev, (unsigned)addr->hci.channel);
        break;
    default:
        return CSOCK_EADDRLEN;
    }
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_bluetooth = {
    .family = AF_BLUETOOTH,
    .min_len = sizeof(struct csock_addr_hci),
    .parse = bluetooth_parse,
    .format = bluetooth_format,
};

/* AF_ALG addresses, linux/if_alg.h: what kind of algorithm, and which: "hash:sha256". Sits on
 * addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct csock_addr_alg) == 88, "as the kernel's");

static int alg_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    struct csock_addr_alg alg = {.family = AF_ALG};
    const char *colon = strchr(text, ':');
    if (!colon)
        return CSOCK_ESYNTAX;
    if (csock__text_copy(text, (size_t)(colon - text), alg.type, sizeof alg.type) <= 0 ||
        csock__text_copy(colon + 1, strlen(colon + 1), alg.name, sizeof alg.name) <= 0)
        return CSOCK_ESYNTAX;
    ret_addr->alg = alg;
    *ret_len = sizeof alg;
    return 0;
}

static int alg_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[sizeof addr->alg.type + sizeof addr->alg.name + 2];
    (void)len;
    int n = snprintf(whole, sizeof whole, "%.*s:%.*s", (int)sizeof addr->alg.type, addr->alg.type,
                     (int)sizeof addr->alg.name, addr->alg.name);
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_alg = {
    .family = AF_ALG,
    .min_len = sizeof(struct csock_addr_alg),
    .parse = alg_parse,
    .format = alg_format,
};

/* AF_TIPC addresses, linux/tipc.h: a range of names, a name, or the identity of a port. Sits on
 * addr.h. Must not make a system call. */
#include "addr/addr.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(struct csock_addr_tipc) == 16, "as the kernel's");

enum { SEQ = 1, NAME = 2, ID = 3, CLUSTER_SCOPE = 2 };

static const struct form {
    const char *word;
    uint8_t type;
    int n_numbers; /* without the scope */
} forms[] = {{"seq", SEQ, 3}, {"name", NAME, 2}, {"id", ID, 2}};

static const struct form *form_of(const char *text, const char **ret_numbers)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
        if ((*ret_numbers = csock__after_word(text, forms[i].word)))
            return &forms[i];
    return NULL;
}

static void fill(struct csock_addr_tipc *tipc, const uint64_t n[3])
{
    switch (tipc->addrtype) {
    case SEQ:
        tipc->u.seq.type = (uint32_t)n[0];
        tipc->u.seq.lower = (uint32_t)n[1];
        tipc->u.seq.upper = (uint32_t)n[2];
        break;
    case NAME:
        tipc->u.name.type = (uint32_t)n[0];
        tipc->u.name.instance = (uint32_t)n[1];
        break;
    default:
        tipc->u.id.node = (uint32_t)n[0];
        tipc->u.id.ref = (uint32_t)n[1];
    }
}

static int tipc_parse(const char *text, union csock_addr *ret_addr, socklen_t *ret_len)
{
    const char *numbers;
    const struct form *form = form_of(text, &numbers);
    if (!form)
        return CSOCK_ESYNTAX;
    uint64_t max[4] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    uint64_t n[4] = {0};
    max[form->n_numbers] = INT8_MAX;
    int count = csock__numbers_parse(numbers, max, (size_t)form->n_numbers + 1, n);
    if (count < form->n_numbers)
        return CSOCK_ESYNTAX;
    struct csock_addr_tipc tipc = {.family = AF_TIPC, .addrtype = form->type};
    tipc.scope = count > form->n_numbers ? (int8_t)n[form->n_numbers] : CLUSTER_SCOPE;
    fill(&tipc, n);
    ret_addr->tipc = tipc;
    *ret_len = sizeof tipc;
    return 0;
}

static int tipc_format(const union csock_addr *addr, socklen_t len, char *text, size_t size)
{
    char whole[CSOCK_ADDR_TEXT_MAX];
    const struct csock_addr_tipc *tipc = &addr->tipc;
    int n;
    (void)len;
    if (tipc->addrtype == SEQ)
        n = snprintf(whole, sizeof whole, "seq:%u:%u:%u:%d", tipc->u.seq.type, tipc->u.seq.lower,
                     tipc->u.seq.upper, tipc->scope);
    else if (tipc->addrtype == NAME)
        n = snprintf(whole, sizeof whole, "name:%u:%u:%d", tipc->u.name.type, tipc->u.name.instance,
                     tipc->scope);
    else if (tipc->addrtype == ID)
        n = snprintf(whole, sizeof whole, "id:%u:%u:%d", tipc->u.id.node, tipc->u.id.ref,
                     tipc->scope);
    else
        return CSOCK_EFAMILY; /* none that this library knows */
    return csock__text_copy(whole, (size_t)n, text, size);
}

const struct csock__family csock__family_tipc = {
    .family = AF_TIPC,
    .min_len = sizeof(struct csock_addr_tipc),
    .parse = tipc_parse,
    .format = tipc_format,
};

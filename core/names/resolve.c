/* getaddrinfo(3) and getnameinfo(3), for as long as libc takes. Sits on sys. */
#include "sys/sys.h"
#include "names/question.h"

#include <assert.h>
#include <string.h>

static int resolver_error(int code)
{
    return code == EAI_SYSTEM && errno > 0 ? -errno : CSOCK_EAI(code);
}

/* In the ai_flags of a list's first entry: it is one block of ours, and not libc's. No libc has
 * that flag: getaddrinfo(3) refuses hints with one that it does not know. */
#define OWN_BLOCK (1 << 30)

/* One entry of a list, and its address. */
struct found {
    struct addrinfo info;
    union csock_addr addr;
};

static_assert(sizeof(struct found) % _Alignof(struct found) == 0, "an array of them, then text");

static socklen_t addr_room(const struct addrinfo *info)
{
    socklen_t most = sizeof(union csock_addr);
    return info->ai_addrlen < most ? info->ai_addrlen : most;
}

static size_t name_room(const struct addrinfo *info)
{
    return info->ai_canonname ? strlen(info->ai_canonname) + 1 : 0;
}

/* text: where its name goes. */
static void found_copy(const struct addrinfo *from, struct found *to, char *text)
{
    to->info = *from;
    to->info.ai_next = from->ai_next ? &(to + 1)->info : NULL;
    to->info.ai_addrlen = addr_room(from);
    to->info.ai_addr = &to->addr.any;
    memcpy(&to->addr, from->ai_addr, to->info.ai_addrlen);
    to->info.ai_canonname = from->ai_canonname ? text : NULL;
    if (from->ai_canonname)
        memcpy(text, from->ai_canonname, name_room(from));
}

struct addrinfo *csock__list_copy(const struct addrinfo *list)
{
    size_t n = 0, texts = 0;
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        n++;
        texts += name_room(at);
    }
    struct found *copy = csock__sys->alloc(n * sizeof *copy + texts);
    if (!copy)
        return NULL;
    struct found *to = copy;
    char *text = (char *)(copy + n);
    for (const struct addrinfo *at = list; at; at = at->ai_next) {
        found_copy(at, to++, text);
        text += name_room(at);
    }
    copy->info.ai_flags |= OWN_BLOCK;
    return &copy->info;
}

int csock__resolve(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **ret_list)
{
    struct addrinfo *list = NULL;
    int code = csock__sys->getaddrinfo(host, service, hints, &list);
    if (code)
        return resolver_error(code);
    *ret_list = list;
    return 0;
}

void csock_resolve_free(struct addrinfo *list)
{
    if (!list)
        return;
    if (list->ai_flags & OWN_BLOCK)
        csock__sys->release(list);
    else
        csock__sys->freeaddrinfo(list);
}

int csock__names_give(const struct csock__names *names, char *host, size_t host_size, char *service,
                      size_t service_size)
{
    size_t host_len = strlen(names->host) + 1, service_len = strlen(names->service) + 1;
    bool has_host = host && host_size, has_service = service && service_size;
    if ((has_host && host_len > host_size) || (has_service && service_len > service_size))
        return CSOCK_EAI(EAI_OVERFLOW);
    if (has_host)
        memcpy(host, names->host, host_len);
    if (has_service)
        memcpy(service, names->service, service_len);
    return 0;
}

int csock__resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host, size_t host_size,
                           char *service, size_t service_size, int flags)
{
    /* libc may fill one and then fail with the other: the caller's stay as they are until both are
     * known. Longer names than these do not exist in DNS, nor in a services(5) one could write. */
    struct csock__names names;
    size_t host_room = host_size < sizeof names.host ? host_size : sizeof names.host;
    size_t service_room = service_size < sizeof names.service ? service_size : sizeof names.service;
    names.host[0] = names.service[0] = '\0';
    int code =
        csock__sys->getnameinfo(addr, len, host ? names.host : NULL, (socklen_t)host_room,
                                service ? names.service : NULL, (socklen_t)service_room, flags);
    return code ? resolver_error(code)
                : csock__names_give(&names, host, host_size, service, service_size);
}

/* The calls: each is a question, and what is given of the answer. Sits on resolver and lookup. */
#include "names/files.h"
#include "names/lookup.h"

static struct csock__question addresses_of(const char *host, const char *service,
                                           const struct addrinfo *hints)
{
    struct csock__question q = {
        .what = CSOCK__ADDRESSES, .host = host, .service = service, .has_hints = hints != NULL};
    if (hints) {
        q.family = hints->ai_family;
        q.type = hints->ai_socktype;
        q.proto = hints->ai_protocol;
        q.flags = hints->ai_flags;
    }
    return q;
}

int csock_resolve_for(struct csock *s, const char *host, const char *service,
                      const struct addrinfo *hints, struct addrinfo **ret_list,
                      const struct csock_wait *w)
{
    struct csock__question q = addresses_of(host, service, hints);
    struct csock__answer answer;
    int r = csock__ask_within(s, &q, w, &answer);
    if (r < 0)
        return r;
    if (answer.result == 0)
        *ret_list = answer.list;
    return answer.result;
}

int csock_resolve_within(const char *host, const char *service, const struct addrinfo *hints,
                         struct addrinfo **ret_list, const struct csock_wait *w)
{
    return csock_resolve_for(NULL, host, service, hints, ret_list, w);
}

int csock_resolve(const char *host, const char *service, const struct addrinfo *hints,
                  struct addrinfo **ret_list)
{
    return csock_resolve_for(NULL, host, service, hints, ret_list, NULL);
}

int csock_resolve_reverse_within(const struct sockaddr *addr, socklen_t len, char *host,
                                 size_t host_size, char *service, size_t service_size, int flags,
                                 const struct csock_wait *w)
{
    struct csock__question q = {.what = CSOCK__NAMES,
                                .flags = flags,
                                .addr = addr,
                                .len = len,
                                .wants_host = host && host_size,
                                .wants_service = service && service_size};
    struct csock__answer answer;
    if (csock__is_local(&q) || len > sizeof(union csock_addr))
        return csock__resolve_reverse(addr, len, host, host_size, service, service_size, flags);
    int r = csock__ask_within(NULL, &q, w, &answer);
    if (r < 0)
        return r;
    r = answer.result;
    if (r == 0)
        r = csock__names_give(answer.names, host, host_size, service, service_size);
    csock__answer_clear(&answer);
    return r;
}

int csock_resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host, size_t host_size,
                          char *service, size_t service_size, int flags)
{
    return csock_resolve_reverse_within(addr, len, host, host_size, service, service_size, flags,
                                        NULL);
}

static int ask_for_host(const struct csock__question *q, struct csock_host **ret_host,
                        const struct csock_wait *w)
{
    struct csock__answer answer;
    int r = csock__ask_within(NULL, q, w, &answer);
    if (r < 0)
        return r;
    if (answer.result == 0)
        *ret_host = answer.host;
    return answer.result;
}

int csock_host_by_name_within(const char *name, int family, struct csock_host **ret_host,
                              const struct csock_wait *w)
{
    struct csock__question q = {.what = CSOCK__HOST_BY_NAME, .host = name, .family = family};
    return ask_for_host(&q, ret_host, w);
}

int csock_host_by_addr_within(const struct sockaddr *addr, socklen_t len,
                              struct csock_host **ret_host, const struct csock_wait *w)
{
    struct csock__question q = {.what = CSOCK__HOST_BY_ADDR, .addr = addr, .len = len};
    if (len > sizeof(union csock_addr))
        q.len = sizeof(union csock_addr);
    return ask_for_host(&q, ret_host, w);
}

int csock_host_by_name(const char *name, int family, struct csock_host **ret_host)
{
    return csock_host_by_name_within(name, family, ret_host, NULL);
}

int csock_host_by_addr(const struct sockaddr *addr, socklen_t len, struct csock_host **ret_host)
{
    return csock_host_by_addr_within(addr, len, ret_host, NULL);
}

bool csock__lookup_is_local(const char *host, const char *service, const struct addrinfo *hints)
{
    struct csock__question q = addresses_of(host, service, hints);
    return csock__in_hosts_file(&q);
}

int csock__lookup_begin(const char *host, const char *service, const struct addrinfo *hints,
                        int event, struct csock__lookup **ret_lookup)
{
    struct csock__question q = addresses_of(host, service, hints);
    bool started;
    return csock__lookup_start(&q, event, ret_lookup, &started);
}

int csock__lookup_take(struct csock__lookup *lookup, struct addrinfo **ret_list)
{
    struct csock__answer answer;
    int r = csock__lookup_answer(lookup, &answer);
    if (r < 0)
        return r;
    if (answer.result == 0)
        *ret_list = answer.list;
    return answer.result;
}

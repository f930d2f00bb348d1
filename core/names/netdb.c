/* Names: hosts, services, protocols, this machine. Blocks for as long as libc does. Sits on sys,
 * which has the reentrant calls only. Their buffers grow here until the answer fits. */
#include "sys/sys.h"
#include "names/question.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

/* The largest answer that is taken: a host of 10,000 addresses fits many times. */
enum { ANSWER_MIN = 1024, ANSWER_MAX = 4 << 20 };

/* One look-up: what to ask, and what came. */
struct query {
    const char *name;
    const char *proto;
    const void *addr;
    socklen_t len;
    int family;
    int port; /* in network order */
    int herr;
    union {
        struct hostent host;
        struct servent serv;
        struct protoent proto;
    } entry;
    struct hostent *host;
    struct servent *serv;
    struct protoent *protocol;
    char *buf; /* what the entry points into */
};

static int ask_host_name(struct query *q, size_t size)
{
    return csock__sys->gethostbyname2_r(q->name, q->family, &q->entry.host, q->buf, size, &q->host,
                                        &q->herr);
}

static int ask_host_addr(struct query *q, size_t size)
{
    return csock__sys->gethostbyaddr_r(q->addr, q->len, q->family, &q->entry.host, q->buf, size,
                                       &q->host, &q->herr);
}

static int ask_service_name(struct query *q, size_t size)
{
    return csock__sys->getservbyname_r(q->name, q->proto, &q->entry.serv, q->buf, size, &q->serv);
}

static int ask_service_port(struct query *q, size_t size)
{
    return csock__sys->getservbyport_r(q->port, q->proto, &q->entry.serv, q->buf, size, &q->serv);
}

static int ask_protocol(struct query *q, size_t size)
{
    return csock__sys->getprotobyname_r(q->name, &q->entry.proto, q->buf, size, &q->protocol);
}

/* Asks with a larger buffer for as long as the answer does not fit. Returns what ask does: 0 or an
 * errno, and after 0 the entry may still be NULL. q->buf is to be released in any case. */
static int query_run(struct query *q, int (*ask)(struct query *q, size_t size))
{
    int r = ERANGE;
    for (size_t size = ANSWER_MIN; r == ERANGE && size <= ANSWER_MAX; size *= 4) {
        csock__sys->release(q->buf);
        q->buf = csock__sys->alloc(size);
        if (!q->buf)
            return ENOMEM;
        r = ask(q, size);
    }
    return r == ERANGE ? ENOMEM : r;
}

/* The error of a query whose entry is NULL. Some libc report "not found" as ENOENT, and as EINVAL
 * where the protocol of a service is none. */
static int query_error(int r, int not_found)
{
    return r == 0 || r == ENOENT || r == EINVAL ? not_found : -r;
}

static size_t list_count(char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    return n;
}

static char *append(char **at, const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

static union csock_addr host_addr(int family, const char *bytes)
{
    union csock_addr addr = {0};
    if (family == AF_INET) {
        addr.in.sin_family = AF_INET;
        memcpy(&addr.in.sin_addr, bytes, sizeof addr.in.sin_addr);
    } else {
        addr.in6.sin6_family = AF_INET6;
        memcpy(&addr.in6.sin6_addr, bytes, sizeof addr.in6.sin6_addr);
    }
    return addr;
}

static_assert(sizeof(struct csock_host) % _Alignof(union csock_addr) == 0, "for new_host");

/* One block: the struct, its addresses, its alias list, all text. What is not text is filled in by
 * the caller. */
static struct csock_host *new_host(int family, const char *name, char *const *aliases,
                                   size_t n_addrs)
{
    size_t n_aliases = list_count(aliases);
    size_t size = sizeof(struct csock_host) + n_addrs * sizeof(union csock_addr) +
                  (n_aliases + 1) * sizeof(char *) + strlen(name) + 1;
    for (size_t i = 0; i < n_aliases; i++)
        size += strlen(aliases[i]) + 1;
    struct csock_host *host = csock__sys->alloc(size);
    if (!host)
        return NULL;
    host->family = family;
    host->n_addrs = n_addrs;
    host->addrs = (union csock_addr *)(host + 1);
    host->aliases = (char **)(host->addrs + n_addrs);
    char *text = (char *)(host->aliases + n_aliases + 1);
    host->name = append(&text, name);
    for (size_t i = 0; i < n_aliases; i++)
        host->aliases[i] = append(&text, aliases[i]);
    return host;
}

/* libc's entry as one block of our own. */
static int host_of(const struct hostent *ent, struct csock_host **ret_host)
{
    if (ent->h_addrtype != AF_INET && ent->h_addrtype != AF_INET6)
        return CSOCK_EFAMILY;
    struct csock_host *host =
        new_host(ent->h_addrtype, ent->h_name, ent->h_aliases, list_count(ent->h_addr_list));
    if (!host)
        return -ENOMEM;
    for (size_t i = 0; i < host->n_addrs; i++)
        host->addrs[i] = host_addr(ent->h_addrtype, ent->h_addr_list[i]);
    *ret_host = host;
    return 0;
}

struct csock_host *csock__host_copy(const struct csock_host *host)
{
    struct csock_host *copy = new_host(host->family, host->name, host->aliases, host->n_addrs);
    if (copy)
        memcpy(copy->addrs, host->addrs, host->n_addrs * sizeof *host->addrs);
    return copy;
}

static int host_query(struct query *q, int (*ask)(struct query *q, size_t size),
                      struct csock_host **ret_host)
{
    int r = query_run(q, ask);
    if (q->host && r == 0)
        r = host_of(q->host, ret_host);
    else if (q->herr > 0 && r != ENOMEM)
        r = CSOCK_EHERR(q->herr);
    else
        r = query_error(r, CSOCK_EHERR(HOST_NOT_FOUND));
    csock__sys->release(q->buf);
    return r;
}

int csock__host_by_name(const char *name, int family, struct csock_host **ret_host)
{
    struct query q = {.name = name, .family = family};
    if (family != AF_INET && family != AF_INET6)
        return CSOCK_EFAMILY;
    return host_query(&q, ask_host_name, ret_host);
}

int csock__host_by_addr(const struct sockaddr *addr, socklen_t len, struct csock_host **ret_host)
{
    struct query q = {0};
    union csock_addr copy; /* aligned for every family */
    if (len < offsetof(struct sockaddr, sa_data))
        return CSOCK_EADDRLEN;
    memcpy(&copy, addr, len < sizeof copy ? len : sizeof copy);
    q.family = copy.any.sa_family;
    if (q.family == AF_INET) {
        q.addr = &copy.in.sin_addr;
        q.len = sizeof copy.in.sin_addr;
    } else if (q.family == AF_INET6) {
        q.addr = &copy.in6.sin6_addr;
        q.len = sizeof copy.in6.sin6_addr;
    } else {
        return CSOCK_EFAMILY;
    }
    if (len < (size_t)((const char *)q.addr - (const char *)&copy) + q.len)
        return CSOCK_EADDRLEN;
    return host_query(&q, ask_host_addr, ret_host);
}

void csock_host_free(struct csock_host *host)
{
    csock__sys->release(host);
}

int csock_service_by_name(const char *name, const char *proto)
{
    struct query q = {.name = name, .proto = proto};
    int r = query_run(&q, ask_service_name);
    r = q.serv ? ntohs((uint16_t)q.serv->s_port) : query_error(r, CSOCK_ESERVICE);
    csock__sys->release(q.buf);
    return r;
}

int csock_service_by_port(long port, const char *proto, char *name, size_t size)
{
    struct query q = {.proto = proto};
    if (port < 0 || port > 65535)
        return CSOCK_EPORT;
    q.port = htons((uint16_t)port);
    int r = query_run(&q, ask_service_port);
    if (q.serv) {
        size_t n = strlen(q.serv->s_name);
        r = n < size ? (int)n : -ENOSPC;
        if (r >= 0)
            memcpy(name, q.serv->s_name, n + 1);
    } else {
        r = query_error(r, CSOCK_ESERVICE);
    }
    csock__sys->release(q.buf);
    return r;
}

int csock_protocol_by_name(const char *name)
{
    struct query q = {.name = name};
    int r = query_run(&q, ask_protocol);
    r = q.protocol ? q.protocol->p_proto : query_error(r, CSOCK_EPROTOCOL);
    csock__sys->release(q.buf);
    return r;
}

int csock_hostname(char *name, size_t size)
{
    char whole[256] = ""; /* Linux: 64 */
    if (csock__sys->gethostname(whole, sizeof whole) < 0)
        return -errno;
    size_t n = strnlen(whole, sizeof whole);
    if (n == sizeof whole || n >= size)
        return -ENAMETOOLONG;
    memcpy(name, whole, n + 1);
    return 0;
}

int csock_hostname_set(const char *name, size_t n)
{
    return (int)csock__ret(csock__sys->sethostname(name, n));
}

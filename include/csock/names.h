/* Names of hosts, services, protocols, and of this machine.
 *
 * All of these may read files and ask servers: they block. Those that take a struct csock_wait do
 * so for as long as that says; the others for as long as libc does, up to 40 s with silent servers,
 * and cannot be woken. They use the reentrant calls of libc only. */
#ifndef CSOCK_NAMES_H
#define CSOCK_NAMES_H

#include "csock/addr.h"
#include "csock/time.h"

CSOCK__BEGIN

/* Host and service to addresses, by getaddrinfo(3). hints may be NULL. *ret_list is the caller's: a
 * copy of libc's list, to be freed with csock_resolve_free, and not with freeaddrinfo(3). Errors:
 * CSOCK_EAI(…), or -errno where libc says EAI_SYSTEM; -ENOMEM. */
struct addrinfo;
struct csock;
CSOCK_API int csock_resolve(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list);
CSOCK_API void csock_resolve_free(struct addrinfo *list);

/* Address to names, by getnameinfo(3). Either buffer may be NULL with size 0. NI_… flags. */
CSOCK_API int csock_resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host,
                                    size_t host_size, char *service, size_t service_size,
                                    int flags);

/* The same, ended by w: at its deadline (CSOCK_ETIMEOUT) or by its `interrupted`
 * (CSOCK_EINTERRUPTED), which is called when a signal came. libc is then asked in a thread of its
 * own, made by the caller and with all signals blocked; given up, that lives on for as long as
 * libc takes. In the caller's own thread, and not ended by anything, where w is NULL, or has
 * neither a deadline nor `interrupted`; where host is in numbers, or NULL; where there is no thread
 * to be had; and, without a deadline, where CSOCK_LOOKUPS_MAX are under way. With a deadline a
 * place among those is waited for until it (CSOCK_ELOOKUPS). The same look-up, if it is under way
 * in the same namespaces, is waited for, and not begun once more. Once the deadline has passed, or
 * with CSOCK_NOWAIT (-EAGAIN), only hosts in numbers are answered. w->pause and w->resume are
 * called around the waiting, and around what is done in the caller's own thread, too, unless the
 * host is in numbers. */
CSOCK_API int csock_resolve_within(const char *host, const char *service,
                                   const struct addrinfo *hints, struct addrinfo **ret_list,
                                   const struct csock_wait *w);
CSOCK_API int csock_resolve_reverse_within(const struct sockaddr *addr, socklen_t len, char *host,
                                           size_t host_size, char *service, size_t service_size,
                                           int flags, const struct csock_wait *w);

/* csock_resolve_within as part of a call on *s, whose closing ends it, too (CSOCK_ECLOSED). So it
 * always has a thread, unless none is to be had. -EBADF if *s is closed. */
CSOCK_API int csock_resolve_for(struct csock *s, const char *host, const char *service,
                                const struct addrinfo *hints, struct addrinfo **ret_list,
                                const struct csock_wait *w);

/* A look-up that is under way in a thread of its own. */
struct csock_lookup {
    int64_t since;    /* csock_now() when it began */
    unsigned waiting; /* calls that wait for it; 0: given up, and not yet ended by libc */
    pid_t tid;        /* its thread; 0: just being started */
    int family;       /* AF_UNSPEC: of any */
    char host[256];   /* the name, or the address as text, that was asked about; NUL-terminated */
    char service[64]; /* "": none */
    uint64_t room[4]; /* for later versions: 0 */
};

/* So many may be under way at once. */
#define CSOCK_LOOKUPS_MAX 64

/* Those under way now, the oldest first, at most max of them. Returns how many there are. Does not
 * block. */
CSOCK_API size_t csock_lookups(struct csock_lookup *ret_lookups, size_t max);

/* A host's official name, its other names and its addresses. gethostbyname(3), hosts(5). */
struct csock_host {
    int family;
    char *name;
    char **aliases; /* NULL-terminated */
    size_t n_addrs;
    union csock_addr *addrs; /* port 0 */
};

/* By name (AF_INET or AF_INET6), or by address. *ret_host is the caller's: csock_host_free.
 * Errors: CSOCK_EHERR(…), -ENOMEM and other -errno, CSOCK_EFAMILY, CSOCK_EADDRLEN. _within: ended
 * as csock_resolve_within is. */
CSOCK_API int csock_host_by_name(const char *name, int family, struct csock_host **ret_host);
CSOCK_API int csock_host_by_addr(const struct sockaddr *addr, socklen_t len,
                                 struct csock_host **ret_host);
CSOCK_API int csock_host_by_name_within(const char *name, int family, struct csock_host **ret_host,
                                        const struct csock_wait *w);
CSOCK_API int csock_host_by_addr_within(const struct sockaddr *addr, socklen_t len,
                                        struct csock_host **ret_host, const struct csock_wait *w);
CSOCK_API void csock_host_free(struct csock_host *host);

/* services(5), protocols(5). proto NULL: any. Ports in host order, 0 to 65535. The returned value
 * is the port or protocol number; by_port fills name[size] and returns its length, -ENOSPC if it
 * does not fit. Errors: CSOCK_ESERVICE, CSOCK_EPROTOCOL, CSOCK_EPORT, -ENOMEM and other -errno. */
CSOCK_API int csock_service_by_name(const char *name, const char *proto);
CSOCK_API int csock_service_by_port(long port, const char *proto, char *name, size_t size);
CSOCK_API int csock_protocol_by_name(const char *name);

/* The machine's own name, NUL-terminated, into name[size]. gethostname(2). -ENAMETOOLONG if it
 * does not fit. */
CSOCK_API int csock_hostname(char *name, size_t size);

/* Gives the machine (its UTS namespace) another name, of n bytes. sethostname(2). 0 or -errno. */
CSOCK_API int csock_hostname_set(const char *name, size_t n);

CSOCK__END
#endif

/* Names of hosts, services, protocols, and of this machine.
 *
 * All of these may read files and ask servers: they block, for as long as libc does, and cannot
 * be woken. They use the reentrant calls of libc only. */
#ifndef CSOCK_NAMES_H
#define CSOCK_NAMES_H

#include "csock/addr.h"

CSOCK__BEGIN

/* Host and service to addresses, by getaddrinfo(3). hints may be NULL. *ret_list is libc's list:
 * free it with csock_resolve_free. Errors: CSOCK_EAI(…), or -errno where libc says EAI_SYSTEM. */
struct addrinfo;
CSOCK_API int csock_resolve(const char *host, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list);
CSOCK_API void csock_resolve_free(struct addrinfo *list);

/* Address to names, by getnameinfo(3). Either buffer may be NULL with size 0. NI_… flags. */
CSOCK_API int csock_resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host,
                                    size_t host_size, char *service, size_t service_size,
                                    int flags);

/* A host's official name, its other names and its addresses. gethostbyname(3), hosts(5). */
struct csock_host {
    int family;
    char *name;
    char **aliases; /* NULL-terminated */
    size_t n_addrs;
    union csock_addr *addrs; /* port 0 */
};

/* By name (AF_INET or AF_INET6), or by address. *ret_host is the caller's: csock_host_free.
 * Errors: CSOCK_EHERR(…), -ENOMEM and other -errno, CSOCK_EFAMILY, CSOCK_EADDRLEN. */
CSOCK_API int csock_host_by_name(const char *name, int family, struct csock_host **ret_host);
CSOCK_API int csock_host_by_addr(const struct sockaddr *addr, socklen_t len,
                                 struct csock_host **ret_host);
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

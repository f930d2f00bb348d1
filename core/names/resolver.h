/* Look-ups that end: libc's getaddrinfo(3) and its like in a thread of their own, so that whoever
 * asks may stop waiting at a deadline, at a signal, or because the socket was closed that it is
 * for. libc's call itself cannot be ended: a look-up that was given up goes on to its end, up to
 * 40 s with silent servers, and frees what it has.
 *
 * A thread to a look-up, made by the caller, so that it has the caller's namespaces, credentials
 * and affinity; with all signals blocked, and with copies of what was asked. The one that gets its
 * answer joins it, the last one to give it up detaches it. The same look-up that is under way
 * already is shared. The list of those under way has a lock, which is held with all signals blocked
 * and never across a callback; a child of fork(2) begins with an empty one.
 *
 * Of the calls that wait here, declared in csock/names.h, resolver.c says how they do. This is for
 * those who wait for sockets at the same time. Sits on call and sys. */
#ifndef CSOCK_CORE_NAMES_RESOLVER_H
#define CSOCK_CORE_NAMES_RESOLVER_H

#include "csock.h"

#include <netdb.h>

/* One asker's part in a look-up that is under way, or has ended. */
struct csock__lookup;

/* Begins csock_resolve(host, service, hints) in a thread, or takes part in the same one, and does
 * not block. What is given is copied. When the answer is there, the eventfd(2) event is written to;
 * by a duplicate, so that the caller may close his at any time. -1: nobody is told. Hosts in
 * numbers get a thread as well: ask csock_resolve for those. *ret_lookup is the caller's, for
 * csock__lookup_drop. Errors, with nothing begun: CSOCK_ELOOKUPS if as many are under way as there
 * may be; -EAGAIN if there is no thread to be had, -EMFILE and the like no descriptor, -ENOMEM.
 * After any of them csock_resolve_within does what can be done. */
int csock__lookup_begin(const char *host, const char *service, const struct addrinfo *hints,
                        int event, struct csock__lookup **ret_lookup);

/* The answer, without blocking: 0 and a list, which is the caller's (csock_resolve_free), each time
 * another one; or what csock_resolve says; -EAGAIN while it is under way; -ESTALE in a child of
 * fork(2), where its thread is not: begin again. */
int csock__lookup_take(struct csock__lookup *lookup, struct addrinfo **ret_list);

/* Gives up what is under way, and frees. NULL: nothing. After this nothing is written to the event.
 * Does not wait for libc; for the end of a thread that has its answer, it does. */
void csock__lookup_drop(struct csock__lookup *lookup);

/* Whether csock_resolve(host, service, hints) finds a name in hosts(5), and asks no server. */
bool csock__lookup_is_local(const char *host, const char *service, const struct addrinfo *hints);

/* Whether the text is an address, in any form that libc takes for one, and no name. Pure. NULL is
 * one. */
bool csock__host_is_numeric(const char *host);

#endif

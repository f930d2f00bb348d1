/* What libc's resolver is asked, and what it has said, as data that may go from one thread to
 * another: all of it copies. Asking blocks for as long as libc does. Sits on sys. */
#ifndef CSOCK_CORE_NAMES_QUESTION_H
#define CSOCK_CORE_NAMES_QUESTION_H

#include "csock.h"

#include <netdb.h>

enum csock__asked { CSOCK__ADDRESSES, CSOCK__NAMES, CSOCK__HOST_BY_NAME, CSOCK__HOST_BY_ADDR };

/* Of one kind, as the calls in csock/names.h. What a kind does not use is 0. */
struct csock__question {
    enum csock__asked what;
    const char *host, *service; /* may be NULL */
    bool has_hints;
    int family, type, proto, flags;
    const struct sockaddr *addr; /* no longer than union csock_addr */
    socklen_t len;
    bool wants_host, wants_service; /* CSOCK__NAMES */
};

/* Whether they ask for the same. */
bool csock__same_question(const struct csock__question *a, const struct csock__question *b);

/* A copy in one block, for release(): the struct, and all that it points to. NULL: no memory. */
struct csock__question *csock__question_copy(const struct csock__question *q);

struct csock__names {
    char host[NI_MAXHOST];
    char service[NI_MAXHOST];
};

/* The result, and one of the others. */
struct csock__answer {
    int result; /* 0 or an error */
    struct addrinfo *list;
    struct csock_host *host;
    struct csock__names *names;
};

/* Whether libc answers without asking anybody, or but files. */
bool csock__is_local(const struct csock__question *q);

/* libc's calls, plainly: in this thread, and shown to nobody. Results as of those without the
 * second underscore. */
int csock__resolve(const char *host, const char *service, const struct addrinfo *hints,
                   struct addrinfo **ret_list);
int csock__resolve_reverse(const struct sockaddr *addr, socklen_t len, char *host, size_t host_size,
                           char *service, size_t service_size, int flags);
int csock__host_by_name(const char *name, int family, struct csock_host **ret_host);
int csock__host_by_addr(const struct sockaddr *addr, socklen_t len, struct csock_host **ret_host);

/* Asks libc. *ret is the caller's, for csock__answer_clear. */
void csock__ask(const struct csock__question *q, struct csock__answer *ret);
void csock__answer_clear(struct csock__answer *answer);
/* Its result is -ENOMEM where there is no memory. */
void csock__answer_copy(const struct csock__answer *answer, struct csock__answer *ret);

/* Texts that were asked for as long as they may be, into buffers as csock_resolve_reverse has
 * them. */
int csock__names_give(const struct csock__names *names, char *host, size_t host_size, char *service,
                      size_t service_size);

/* One block each; NULL: no memory. A list is freed by csock_resolve_free, as libc's are. */
struct addrinfo *csock__list_copy(const struct addrinfo *list);
struct csock_host *csock__host_copy(const struct csock_host *host);

#endif

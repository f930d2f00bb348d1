/* What libc's resolver is asked, and what it has said, as data that may go from one thread to
 * another: all of it copies. Asking blocks for as long as libc does. Sits on sys. */
#ifndef CSOCK_CORE_NAMES_QUESTION_H
#define CSOCK_CORE_NAMES_QUESTION_H

#include "csock.h"

#include <netdb.h>

enum csock__asked { CSOCK__ADDRESSES, CSOCK__NAMES, CSOCK__HOST_BY_NAME, CSOCK__HOST_BY_ADDR };

/* Of one kind: csock_resolve, csock_resolve_reverse, csock_host_by_name, csock_host_by_addr. What a
 * kind does not use is 0. */
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

/* Asks libc. *ret is the caller's, for csock__answer_clear. */
void csock__ask(const struct csock__question *q, struct csock__answer *ret);
void csock__answer_clear(struct csock__answer *answer);
/* Its result is -ENOMEM where there is no memory. */
void csock__answer_copy(const struct csock__answer *answer, struct csock__answer *ret);

/* Texts that were asked for as long as they may be, into buffers as csock_resolve_reverse has
 * them. */
int csock__names_give(const struct csock__names *names, char *host, size_t host_size, char *service,
                      size_t service_size);

/* One block each; NULL: no memory. */
struct addrinfo *csock__list_copy(const struct addrinfo *list);
struct csock_host *csock__host_copy(const struct csock_host *host);

#endif

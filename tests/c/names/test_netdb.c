/* Names: what libc answers, and every way in which it can fail to. Answers that need files or
 * servers are scripted here; those of the machine are asked too, where it has the files. */
#include "csock.h"
#include "fake.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    (void)state;
    fake_install();
    return 0;
}

/* Whatever a test did, nothing may be left allocated. */
static int teardown(void **state)
{
    (void)state;
    fake_remove();
    return fake_live();
}

/* Scripted answers of libc. They take as much room as a real one of that size. */

enum { N_ALIASES = 300, N_ADDRS = 200, ENTRY_ROOM = 5000 };

static int answer_family; /* of the scripted host */

struct room {
    char *at;
    size_t left;
};

static void *take(struct room *room, size_t n)
{
    size_t padded = (n + 15) & ~(size_t)15;
    void *memory = room->at;
    if (padded > room->left)
        return NULL;
    room->at += padded;
    room->left -= padded;
    return memory;
}

static bool fill_host(struct hostent *ent, struct room *room)
{
    ent->h_addrtype = answer_family;
    ent->h_length = answer_family == AF_INET ? 4 : 16;
    ent->h_name = take(room, 64);
    ent->h_aliases = take(room, (N_ALIASES + 1) * sizeof(char *));
    ent->h_addr_list = take(room, (N_ADDRS + 1) * sizeof(char *));
    if (!ent->h_name || !ent->h_aliases || !ent->h_addr_list)
        return false;
    strcpy(ent->h_name, "official.example");
    for (int i = 0; i < N_ALIASES; i++) {
        if (!(ent->h_aliases[i] = take(room, 32)))
            return false;
        snprintf(ent->h_aliases[i], 32, "alias-%d.example", i);
    }
    for (int i = 0; i < N_ADDRS; i++) {
        if (!(ent->h_addr_list[i] = take(room, 16)))
            return false;
        memset(ent->h_addr_list[i], i + 1, 16);
    }
    ent->h_aliases[N_ALIASES] = NULL;
    ent->h_addr_list[N_ADDRS] = NULL;
    return true;
}

static int answer_host(struct hostent *ent, char *buf, size_t size, struct hostent **ret_ent,
                       int *ret_herr)
{
    struct room room = {buf, size};
    bool fits = fill_host(ent, &room);
    *ret_ent = fits ? ent : NULL;
    *ret_herr = fits ? 0 : NETDB_INTERNAL;
    return fits ? 0 : ERANGE;
}

static int answer_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                          struct hostent **ret_ent, int *ret_herr)
{
    (void)name;
    (void)family;
    return answer_host(ent, buf, size, ret_ent, ret_herr);
}

static unsigned char asked_addr[16];
static socklen_t asked_len;

static int answer_by_addr(const void *addr, socklen_t len, int family, struct hostent *ent,
                          char *buf, size_t size, struct hostent **ret_ent, int *ret_herr)
{
    (void)family;
    memcpy(asked_addr, addr, len);
    asked_len = len;
    return answer_host(ent, buf, size, ret_ent, ret_herr);
}

static int answer_service(const char *proto, struct servent *ent, char *buf, size_t size,
                          struct servent **ret_ent)
{
    *ret_ent = NULL;
    if (size < ENTRY_ROOM)
        return ERANGE;
    if (proto && strcmp(proto, "udp") != 0)
        return 0;
    ent->s_name = strcpy(buf + size - 8, "oracle");
    ent->s_port = htons(65000);
    *ret_ent = ent;
    return 0;
}

static int answer_service_name(const char *name, const char *proto, struct servent *ent, char *buf,
                               size_t size, struct servent **ret_ent)
{
    assert_string_equal(name, "oracle");
    return answer_service(proto, ent, buf, size, ret_ent);
}

static int answer_service_port(int port, const char *proto, struct servent *ent, char *buf,
                               size_t size, struct servent **ret_ent)
{
    assert_int_equal(port, htons(65000));
    return answer_service(proto, ent, buf, size, ret_ent);
}

static int answer_protocol(const char *name, struct protoent *ent, char *buf, size_t size,
                           struct protoent **ret_ent)
{
    *ret_ent = NULL;
    if (size < ENTRY_ROOM)
        return ERANGE;
    ent->p_name = strcpy(buf + size - 32, name);
    ent->p_proto = 143;
    *ret_ent = ent;
    return 0;
}

static void script_answers(void)
{
    answer_family = AF_INET;
    fake_under()->gethostbyname2_r = answer_by_name;
    fake_under()->gethostbyaddr_r = answer_by_addr;
    fake_under()->getservbyname_r = answer_service_name;
    fake_under()->getservbyport_r = answer_service_port;
    fake_under()->getprotobyname_r = answer_protocol;
}

/* getaddrinfo and getnameinfo */

static void resolve_takes_literals(void **state)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    (void)state;
    assert_int_equal(csock_resolve("192.0.2.1", "80", &hints, &list), 0);
    assert_int_equal(list->ai_family, AF_INET);
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)list->ai_addr;
    assert_int_equal(in->sin_addr.s_addr, htonl(0xc0000201));
    assert_int_equal(in->sin_port, htons(80));
    assert_null(list->ai_next);
    csock_resolve_free(list);
    assert_int_equal(csock_resolve("::1", NULL, NULL, &list), 0);
    assert_int_equal(list->ai_family, AF_INET6);
    csock_resolve_free(list);
    assert_int_equal(csock_resolve("127.1", NULL, NULL, &list), 0); /* stock's spelling */
    csock_resolve_free(list);
    csock_resolve_free(NULL);
}

static int system_error_without_errno(const char *host, const char *service,
                                      const struct addrinfo *hints, struct addrinfo **ret_list)
{
    (void)host;
    (void)service;
    (void)hints;
    *ret_list = (struct addrinfo *)(void *)&errno; /* POSIX leaves it unspecified */
    errno = 0;
    return EAI_SYSTEM;
}

static void resolve_failures(void **state)
{
    static const int codes[] = {EAI_AGAIN, EAI_FAIL, EAI_MEMORY, EAI_NONAME, EAI_SERVICE};
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST}, wrong = {.ai_family = AF_MAX};
    struct addrinfo *list = &hints;
    char name[4000];
    (void)state;
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(csock_resolve("localhost", NULL, &hints, &list), CSOCK_EAI(EAI_NONAME));
    assert_int_equal(csock_resolve("a..b", NULL, &hints, &list), CSOCK_EAI(EAI_NONAME));
    assert_int_equal(csock_resolve("b\xc3\xbc"
                                   "cher",
                                   NULL, &hints, &list),
                     CSOCK_EAI(EAI_NONAME));
    assert_int_equal(csock_resolve(name, NULL, &hints, &list), CSOCK_EAI(EAI_NONAME));
    assert_int_equal(csock_resolve(NULL, NULL, NULL, &list), CSOCK_EAI(EAI_NONAME));
    assert_int_equal(csock_resolve("::1", NULL, &wrong, &list), CSOCK_EAI(EAI_FAMILY));
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fake_fail(FAKE_GETADDRINFO, 1, codes[i]);
        assert_int_equal(csock_resolve("x", NULL, NULL, &list), CSOCK_EAI(codes[i]));
    }
    fake_fail(FAKE_GETADDRINFO, 1, EMFILE);
    assert_int_equal(csock_resolve("x", NULL, NULL, &list), -EMFILE);
    fake_under()->getaddrinfo = system_error_without_errno;
    assert_int_equal(csock_resolve("x", NULL, NULL, &list), CSOCK_EAI(EAI_SYSTEM));
    assert_ptr_equal(list, &hints);
}

static void reverse_gives_numbers(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char host[64] = "before", service[64] = "before";
    const int flags = NI_NUMERICHOST | NI_NUMERICSERV;
    (void)state;
    assert_int_equal(csock_addr_parse(AF_INET, "192.0.2.1:8080", &addr, &len), 0);
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 64, service, 64, flags), 0);
    assert_string_equal(host, "192.0.2.1");
    assert_string_equal(service, "8080");
    assert_int_equal(csock_addr_parse(AF_INET6, "[2001:db8::1]:81", &addr, &len), 0);
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 12, NULL, 0, flags), 0);
    assert_string_equal(host, "2001:db8::1");
    assert_string_equal(service, "8080");
    assert_int_equal(csock_resolve_reverse(&addr.any, len, NULL, 0, service, 3, flags), 0);
    assert_string_equal(host, "2001:db8::1");
    assert_string_equal(service, "81");
    assert_int_equal(
        csock_resolve_reverse(&addr.any, len, host, SIZE_MAX, service, SIZE_MAX, flags), 0);
}

static void reverse_failures(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char host[64] = "before", service[64] = "before";
    const int flags = NI_NUMERICHOST | NI_NUMERICSERV;
    (void)state;
    assert_int_equal(csock_addr_parse(AF_INET, "192.0.2.1:8080", &addr, &len), 0);
    /* the host fits and the service does not, and the reverse: neither may be written */
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 64, service, 4, flags),
                     CSOCK_EAI(EAI_OVERFLOW));
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 9, service, 64, flags),
                     CSOCK_EAI(EAI_OVERFLOW));
#ifdef __GLIBC__ /* others have nothing to do then */
    assert_int_equal(csock_resolve_reverse(&addr.any, len, NULL, 0, NULL, 0, NI_NAMEREQD),
                     CSOCK_EAI(EAI_NONAME));
#endif
    assert_int_equal(csock_resolve_reverse(&addr.any, len - 1, host, 64, service, 64, flags),
                     CSOCK_EAI(EAI_FAMILY));
    assert_int_equal(csock_resolve_reverse(&addr.any, 0, host, 64, service, 64, flags),
                     CSOCK_EAI(EAI_FAMILY));
    addr.any.sa_family = AF_MAX;
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 64, service, 64, flags),
                     CSOCK_EAI(EAI_FAMILY));
    fake_fail(FAKE_GETNAMEINFO, 1, EAI_AGAIN);
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 64, service, 64, 0),
                     CSOCK_EAI(EAI_AGAIN));
    fake_fail(FAKE_GETNAMEINFO, 1, ENFILE);
    assert_int_equal(csock_resolve_reverse(&addr.any, len, host, 64, service, 64, 0), -ENFILE);
    assert_string_equal(host, "before");
    assert_string_equal(service, "before");
}

/* Hosts */

static void host_of_a_literal(void **state)
{
    struct csock_host *host = NULL;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_host_by_name("192.0.2.1", AF_INET, &host), 0);
    assert_int_equal(host->family, AF_INET);
    assert_string_equal(host->name, "192.0.2.1");
#ifdef __GLIBC__ /* others name it twice */
    assert_null(host->aliases[0]);
#endif
    assert_int_equal(host->n_addrs, 1);
    assert_true(csock_addr_format(&host->addrs[0].any, sizeof host->addrs[0].in, text, 128) > 0);
    assert_string_equal(text, "192.0.2.1:0");
    csock_host_free(host);
    assert_int_equal(csock_host_by_name("2001:db8::1", AF_INET6, &host), 0);
    assert_int_equal(host->family, AF_INET6);
    assert_int_equal(host->n_addrs, 1);
    assert_true(csock_addr_format(&host->addrs[0].any, sizeof host->addrs[0].in6, text, 128) > 0);
    assert_string_equal(text, "[2001:db8::1]:0");
    csock_host_free(host);
    csock_host_free(NULL);
}

static void assert_scripted_host(const struct csock_host *host)
{
    unsigned char bytes[16];
    char alias[32];
    assert_int_equal(host->family, answer_family);
    assert_string_equal(host->name, "official.example");
    for (int i = 0; i < N_ALIASES; i++) {
        snprintf(alias, sizeof alias, "alias-%d.example", i);
        assert_string_equal(host->aliases[i], alias);
    }
    assert_null(host->aliases[N_ALIASES]);
    assert_int_equal(host->n_addrs, N_ADDRS);
    for (int i = 0; i < N_ADDRS; i++) {
        memset(bytes, i + 1, sizeof bytes);
        assert_int_equal(host->addrs[i].any.sa_family, answer_family);
        if (answer_family == AF_INET) {
            assert_memory_equal(&host->addrs[i].in.sin_addr, bytes, 4);
            assert_int_equal(host->addrs[i].in.sin_port, 0);
        } else {
            assert_memory_equal(&host->addrs[i].in6.sin6_addr, bytes, 16);
            assert_int_equal(host->addrs[i].in6.sin6_port, 0);
        }
    }
}

static void host_with_many_names_grows_the_buffer(void **state)
{
    union csock_addr addr;
    socklen_t len;
    struct csock_host *host;
    (void)state;
    script_answers();
    assert_int_equal(csock_host_by_name("big.example", AF_INET, &host), 0);
    assert_true(fake_calls(FAKE_GETHOSTBYNAME2_R) > 1);
    assert_scripted_host(host);
    csock_host_free(host);

    assert_int_equal(csock_addr_parse(AF_INET, "192.0.2.1:5", &addr, &len), 0);
    assert_int_equal(csock_host_by_addr(&addr.any, len, &host), 0);
    assert_int_equal(asked_len, 4);
    assert_memory_equal(asked_addr, &addr.in.sin_addr, 4);
    assert_scripted_host(host);
    csock_host_free(host);

    answer_family = AF_INET6;
    assert_int_equal(csock_addr_parse(AF_INET6, "[2001:db8::1]:5", &addr, &len), 0);
    assert_int_equal(csock_host_by_addr(&addr.any, 24, &host), 0); /* RFC 2133: no scope */
    assert_int_equal(asked_len, 16);
    assert_memory_equal(asked_addr, &addr.in6.sin6_addr, 16);
    assert_scripted_host(host);
    csock_host_free(host);
}

static int again_by_name(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                         struct hostent **ret_ent, int *ret_herr)
{
    (void)name;
    (void)family;
    (void)ent;
    (void)buf;
    (void)size;
    *ret_ent = NULL;
    *ret_herr = TRY_AGAIN;
    return EAGAIN; /* glibc gives both */
}

static int too_small_try_again(const char *name, int family, struct hostent *ent, char *buf,
                               size_t size, struct hostent **ret_ent, int *ret_herr)
{
    again_by_name(name, family, ent, buf, size, ret_ent, ret_herr);
    return ERANGE;
}

/* The reason of an earlier try must not stand for the lack of memory in the next. */
static void host_without_memory_is_no_answer(void **state)
{
    struct csock_host *host = NULL;
    (void)state;
    fake_under()->gethostbyname2_r = too_small_try_again;
    fake_fail(FAKE_ALLOC, 2, ENOMEM);
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), -ENOMEM);
    assert_null(host);
}

static void host_failures(void **state)
{
    static const int codes[] = {HOST_NOT_FOUND, TRY_AGAIN, NO_RECOVERY, NO_DATA};
    union csock_addr addr = {.in.sin_family = AF_INET};
    struct csock_host *host = (struct csock_host *)(void *)&addr;
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fake_fail(FAKE_GETHOSTBYNAME2_R, 1, -codes[i]);
        assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(codes[i]));
        fake_fail(FAKE_GETHOSTBYADDR_R, 1, -codes[i]);
        assert_int_equal(csock_host_by_addr(&addr.any, 16, &host), CSOCK_EHERR(codes[i]));
    }
    fake_fail(FAKE_GETHOSTBYNAME2_R, 1, EMFILE);
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), -EMFILE);
    fake_fail(FAKE_GETHOSTBYADDR_R, 1, ENOMEM);
    assert_int_equal(csock_host_by_addr(&addr.any, 16, &host), -ENOMEM);
    fake_fail(FAKE_GETHOSTBYNAME2_R, 1, 0); /* no entry and no reason */
    fake_under()->gethostbyname2_r = again_by_name;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(HOST_NOT_FOUND));
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(TRY_AGAIN));
    script_answers();
    answer_family = AF_APPLETALK;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EFAMILY);
    assert_ptr_equal(host, &addr);
}

static void host_bad_arguments(void **state)
{
    union csock_addr addr = {.in6.sin6_family = AF_INET6};
    struct csock_host *host = (struct csock_host *)(void *)&addr;
    char name[4000];
    (void)state;
    assert_int_equal(csock_host_by_name("x", AF_UNIX, &host), CSOCK_EFAMILY);
    assert_int_equal(csock_host_by_name("x", AF_UNSPEC, &host), CSOCK_EFAMILY);
    void *cut = malloc(1); /* ASan sees a family read out of one byte */
    assert_non_null(cut);
    assert_int_equal(csock_host_by_addr(cut, 0, &host), CSOCK_EADDRLEN);
    assert_int_equal(csock_host_by_addr(cut, 1, &host), CSOCK_EADDRLEN);
    free(cut);
    assert_int_equal(csock_host_by_addr(&addr.any, 23, &host), CSOCK_EADDRLEN);
    addr.any.sa_family = AF_INET;
    assert_int_equal(csock_host_by_addr(&addr.any, 7, &host), CSOCK_EADDRLEN);
    addr.any.sa_family = AF_UNIX;
    assert_int_equal(csock_host_by_addr(&addr.any, 110, &host), CSOCK_EFAMILY);
    assert_int_equal(fake_calls(FAKE_GETHOSTBYNAME2_R), 0);
    assert_int_equal(fake_calls(FAKE_GETHOSTBYADDR_R), 0);
    memset(name, 'a', sizeof name); /* longer than DNS allows: no server is asked */
    name[sizeof name - 1] = '\0';
    assert_true(csock_host_by_name(name, AF_INET, &host) < 0);
    assert_ptr_equal(host, &addr);
}

/* Services and protocols */

static void services_grow_the_buffer(void **state)
{
    char name[16] = "before";
    (void)state;
    script_answers();
    assert_int_equal(csock_service_by_name("oracle", NULL), 65000);
    assert_int_equal(csock_service_by_name("oracle", "udp"), 65000);
    assert_int_equal(csock_service_by_name("oracle", "tcp"), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(65000, "tcp", name, sizeof name), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(65000, "udp", name, 0), -ENOSPC);
    assert_int_equal(csock_service_by_port(65000, "udp", name, 6), -ENOSPC);
    assert_string_equal(name, "before");
    assert_int_equal(csock_service_by_port(65000, NULL, name, 7), 6);
    assert_string_equal(name, "oracle");
    assert_int_equal(csock_protocol_by_name("experiment"), 143);
    assert_true(fake_calls(FAKE_GETPROTOBYNAME_R) > 1);
}

static void service_failures(void **state)
{
    static const long bad[] = {-1, 65536, LONG_MAX, LONG_MIN};
    char name[16] = "before";
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(csock_service_by_port(bad[i], NULL, name, 16), CSOCK_EPORT);
    assert_int_equal(fake_calls(FAKE_GETSERVBYPORT_R), 0);
    for (int err = 0; err <= ENOENT; err += ENOENT) { /* glibc's "not found", and musl's */
        fake_fail(FAKE_GETSERVBYNAME_R, 1, err);
        assert_int_equal(csock_service_by_name("x", NULL), CSOCK_ESERVICE);
        fake_fail(FAKE_GETSERVBYPORT_R, 1, err);
        assert_int_equal(csock_service_by_port(1, NULL, name, 16), CSOCK_ESERVICE);
        fake_fail(FAKE_GETPROTOBYNAME_R, 1, err);
        assert_int_equal(csock_protocol_by_name("x"), CSOCK_EPROTOCOL);
    }
    fake_fail(FAKE_GETSERVBYNAME_R, 1, EMFILE);
    assert_int_equal(csock_service_by_name("x", NULL), -EMFILE);
    fake_fail(FAKE_GETSERVBYPORT_R, 1, EMFILE);
    assert_int_equal(csock_service_by_port(1, NULL, name, 16), -EMFILE);
    fake_fail(FAKE_GETPROTOBYNAME_R, 1, EMFILE);
    assert_int_equal(csock_protocol_by_name("x"), -EMFILE);
    assert_string_equal(name, "before");
}

static void services_of_this_machine(void **state)
{
    char name[64];
    (void)state;
    if (access("/etc/services", R_OK) != 0) {
        print_message("no /etc/services here\n");
        skip();
    }
    assert_int_equal(csock_service_by_name("http", "tcp"), 80);
    assert_int_equal(csock_service_by_name("domain", NULL), 53);
    assert_int_equal(csock_service_by_name("http", "no-such-protocol"), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_name("no-such-service", NULL), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_name("", NULL), CSOCK_ESERVICE);
    assert_int_equal(csock_service_by_port(80, "tcp", name, sizeof name), 4);
    assert_string_equal(name, "http");
    assert_int_equal(csock_service_by_port(0, NULL, name, sizeof name), CSOCK_ESERVICE);
    assert_string_equal(name, "http");
}

static void protocols_of_this_machine(void **state)
{
    (void)state;
    if (access("/etc/protocols", R_OK) != 0) {
        print_message("no /etc/protocols here\n");
        skip();
    }
    assert_int_equal(csock_protocol_by_name("icmp"), 1);
    assert_int_equal(csock_protocol_by_name("tcp"), 6);
    assert_int_equal(csock_protocol_by_name("no-such-protocol"), CSOCK_EPROTOCOL);
    assert_int_equal(csock_protocol_by_name(""), CSOCK_EPROTOCOL);
}

/* Memory */

/* Each look-up as one call, for the tests that fail all of them alike. Frees what it gets. */
static int look_up(int which)
{
    union csock_addr addr = {.in.sin_family = AF_INET};
    struct csock_host *host;
    char name[16];
    int r;
    switch (which) {
    case 0:
        if ((r = csock_host_by_name("x", AF_INET, &host)) == 0)
            csock_host_free(host);
        return r;
    case 1:
        if ((r = csock_host_by_addr(&addr.any, sizeof addr.in, &host)) == 0)
            csock_host_free(host);
        return r;
    case 2:
        return csock_service_by_name("oracle", NULL);
    case 3:
        return csock_service_by_port(65000, NULL, name, sizeof name);
    default:
        return csock_protocol_by_name("x");
    }
}

static void no_memory_at_any_allocation(void **state)
{
    (void)state;
    for (int which = 0; which < 5; which++) {
        unsigned failed = 0;
        for (unsigned nth = 1;; nth++) {
            fake_install();
            script_answers();
            fake_fail(FAKE_ALLOC, nth, ENOMEM);
            int r = look_up(which);
            assert_int_equal(fake_live(), 0);
            if (r >= 0)
                break;
            assert_int_equal(r, -ENOMEM);
            failed++;
        }
        assert_true(failed >= 3 && failed <= 10); /* growing, and for hosts the copy */
    }
}

static void growth_is_bounded(void **state)
{
    static const enum fake_entry entries[] = {
        FAKE_GETHOSTBYNAME2_R, FAKE_GETHOSTBYADDR_R,  FAKE_GETSERVBYNAME_R,
        FAKE_GETSERVBYPORT_R,  FAKE_GETPROTOBYNAME_R,
    };
    (void)state;
    for (int which = 0; which < 5; which++) {
        fake_fail(entries[which], FAKE_EVERY, ERANGE);
        assert_int_equal(look_up(which), -ENOMEM);
        assert_true(fake_calls(entries[which]) >= 2 && fake_calls(entries[which]) <= 20);
        assert_int_equal(fake_live(), 0);
    }
}

/* This machine */

static void hostname_is_the_kernels(void **state)
{
    char expected[256] = "", name[256] = "before";
    (void)state;
    assert_int_equal(gethostname(expected, sizeof expected - 1), 0);
    size_t n = strlen(expected);
    assert_int_equal(csock_hostname(name, n), -ENAMETOOLONG);
    assert_int_equal(csock_hostname(name, 0), -ENAMETOOLONG);
    fake_fail(FAKE_GETHOSTNAME, 1, EFAULT);
    assert_int_equal(csock_hostname(name, sizeof name), -EFAULT);
    assert_string_equal(name, "before");
    assert_int_equal(csock_hostname(name, n + 1), 0);
    assert_string_equal(name, expected);
}

static int endless_hostname(char *name, size_t size)
{
    memset(name, 'n', size); /* POSIX: whether there is a NUL is unspecified */
    return 0;
}

static void hostname_without_end(void **state)
{
    char name[1000] = "before";
    (void)state;
    fake_under()->gethostname = endless_hostname;
    assert_int_equal(csock_hostname(name, sizeof name), -ENAMETOOLONG);
    assert_string_equal(name, "before");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(resolve_takes_literals),
        TEST(resolve_failures),
        TEST(reverse_gives_numbers),
        TEST(reverse_failures),
        TEST(host_of_a_literal),
        TEST(host_with_many_names_grows_the_buffer),
        TEST(host_failures),
        TEST(host_without_memory_is_no_answer),
        TEST(host_bad_arguments),
        TEST(services_grow_the_buffer),
        TEST(service_failures),
        TEST(services_of_this_machine),
        TEST(protocols_of_this_machine),
        TEST(no_memory_at_any_allocation),
        TEST(growth_is_bounded),
        TEST(hostname_is_the_kernels),
        TEST(hostname_without_end),
    };
    return cmocka_run_group_tests_name("netdb", tests, NULL, NULL);
}

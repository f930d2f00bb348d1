/* getaddrinfo and getnameinfo, and how they can fail; and the name of this machine. */
#include "answers.h"
#include "record.h"

#include <arpa/inet.h>
#include <netdb.h>

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAMES_TEST(resolve_takes_literals),  NAMES_TEST(resolve_failures),
        NAMES_TEST(reverse_gives_numbers),   NAMES_TEST(reverse_failures),
        NAMES_TEST(hostname_is_the_kernels), NAMES_TEST(hostname_without_end),
    };
    return cmocka_run_group_tests_name("resolve", tests, make_record, NULL);
}

/* Look-ups at their limits: the longest answers, the last port, buffers of no size, entries that
 * libc gives without saying why there is none. Every block of memory stands between guards. */
#include "record.h"

#include <netdb.h>

static int setup(void **state)
{
    util_setup(state);
    fake_guard();
    return 0;
}

static int teardown(void **state)
{
    return util_teardown(state) || fake_live();
}

/* One address and two aliases: the copy has its parts next to each other. */
static int small_host(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                      struct hostent **ret_ent, int *ret_herr)
{
    static char official[] = "a", first[] = "bc", second[] = "def", addr[] = {127, 0, 0, 1};
    static char *aliases[] = {first, second, NULL}, *addrs[] = {addr, NULL};
    (void)name, (void)buf, (void)size;
    *ent = (struct hostent){.h_name = official,
                            .h_aliases = aliases,
                            .h_addrtype = family,
                            .h_length = 4,
                            .h_addr_list = addrs};
    *ret_ent = ent;
    *ret_herr = 0;
    return 0;
}

static void a_host_is_one_block(void **state)
{
    struct csock_host *host;
    (void)state;
    fake_under()->gethostbyname2_r = small_host;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), 0);
    assert_int_equal(fake_live(), 1);
    assert_string_equal(host->name, "a");
    assert_string_equal(host->aliases[0], "bc");
    assert_string_equal(host->aliases[1], "def");
    assert_null(host->aliases[2]);
    assert_int_equal(host->n_addrs, 1);
    assert_int_equal(host->addrs[0].in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    csock_host_free(host);
}

/* An answer that needs all the room there is to be had. */
static int only_in_4_mib(const char *name, int family, struct hostent *ent, char *buf, size_t size,
                         struct hostent **ret_ent, int *ret_herr)
{
    *ret_ent = NULL;
    *ret_herr = NETDB_INTERNAL;
    return size < 4 << 20 ? ERANGE : small_host(name, family, ent, buf, size, ret_ent, ret_herr);
}

static void the_largest_answer_is_4_mib(void **state)
{
    struct csock_host *host;
    (void)state;
    fake_under()->gethostbyname2_r = only_in_4_mib;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), 0);
    csock_host_free(host);
    assert_int_equal(fake_calls(FAKE_GETHOSTBYNAME2_R), 7); /* 1 KiB, and four times as much each */
}

static int no_entry_and_no_reason(const char *name, int family, struct hostent *ent, char *buf,
                                  size_t size, struct hostent **ret_ent, int *ret_herr)
{
    (void)name, (void)family, (void)ent, (void)buf, (void)size;
    *ret_ent = NULL;
    *ret_herr = 0;
    return 0;
}

static void no_entry_without_a_reason_is_not_found(void **state)
{
    struct csock_host *host = NULL;
    (void)state;
    fake_under()->gethostbyname2_r = no_entry_and_no_reason;
    assert_int_equal(csock_host_by_name("x", AF_INET, &host), CSOCK_EHERR(HOST_NOT_FOUND));
    assert_null(host);
}

static void the_family_is_all_that_a_shortest_address_has(void **state)
{
    union csock_addr addr = {.any.sa_family = AF_UNIX};
    struct csock_host *host = NULL;
    (void)state;
    assert_int_equal(csock_host_by_addr(&addr.any, sizeof addr.any.sa_family, &host),
                     CSOCK_EFAMILY);
    assert_int_equal(csock_host_by_addr(&addr.any, 1, &host), CSOCK_EADDRLEN);
    assert_null(host);
}

static void a_part_that_is_not_asked_for_may_have_a_size(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char text[64] = "before";
    const int flags = NI_NUMERICHOST | NI_NUMERICSERV;
    (void)state;
    assert_int_equal(csock_addr_parse(AF_INET, "192.0.2.1:8080", &addr, &len), 0);
    assert_int_equal(csock_resolve_reverse(&addr.any, len, NULL, 64, text, 64, flags), 0);
    assert_string_equal(text, "8080");
    assert_int_equal(csock_resolve_reverse(&addr.any, len, text, 64, NULL, 64, flags), 0);
    assert_string_equal(text, "192.0.2.1");
}

static int nameless_service(int port, const char *proto, struct servent *ent, char *buf,
                            size_t size, struct servent **ret_ent)
{
    (void)proto, (void)buf, (void)size;
    static char none[1];
    *ent = (struct servent){.s_name = none, .s_port = port};
    *ret_ent = ntohs((uint16_t)port) == 65535 ? ent : NULL;
    return 0;
}

static void the_last_port_may_have_a_service(void **state)
{
    char name[4] = "?";
    (void)state;
    fake_under()->getservbyport_r = nameless_service;
    assert_int_equal(csock_service_by_port(65534, NULL, name, sizeof name), CSOCK_ESERVICE);
    assert_string_equal(name, "?");
    assert_int_equal(csock_service_by_port(65535, NULL, name, sizeof name), 0);
    assert_string_equal(name, "");
}

int main(void)
{
#define GUARDED(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    static const struct CMUnitTest tests[] = {
        GUARDED(a_host_is_one_block),
        GUARDED(the_largest_answer_is_4_mib),
        GUARDED(no_entry_without_a_reason_is_not_found),
        GUARDED(the_family_is_all_that_a_shortest_address_has),
        GUARDED(a_part_that_is_not_asked_for_may_have_a_size),
        GUARDED(the_last_port_may_have_a_service),
    };
    return cmocka_run_group_tests(tests, make_record, NULL);
}

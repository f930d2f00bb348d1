/* Addresses from hosts and ports, and from paths; and the paths of addresses. */
#include "untouched.h"

#include <arpa/inet.h>
#include <limits.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)

/* A dotted quad is what inet_pton(3) takes for one, and means the same. */
static void check_quad(const char *text)
{
    struct in_addr expected;
    union csock_addr addr = untouched;
    socklen_t len = LEN_BEFORE;
    int r = csock_addr_from_host(AF_INET, text, 7, &addr, &len);
    if (inet_pton(AF_INET, text, &expected) == 1) {
        assert_int_equal(r, 0);
        assert_int_equal(addr.in.sin_addr.s_addr, expected.s_addr);
    } else {
        assert_int_equal(r, CSOCK_EHOST);
        assert_memory_equal(&addr, &untouched, sizeof addr);
    }
}

static void from_host_reads_quads_as_libc_does(void **state)
{
    static const char *const parts[] = {"0",   "00",  "01",   "1",   "9",         "10",  "99",
                                        "100", "199", "249",  "250", "255",       "256", "260",
                                        "300", "999", "1000", "-1",  "+1",        " 1",  "1 ",
                                        "",    "a",   "0x1",  "1a",  "4294967297"};
    char text[100];
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++)
        for (size_t j = 0; j < COUNT(parts); j++) {
            for (int place = 0; place < 4; place++) {
                const char *quad[] = {"1", "20", "255", "0"};
                quad[place] = parts[i];
                quad[(place + 1) % 4] = parts[j];
                snprintf(text, sizeof text, "%s.%s.%s.%s", quad[0], quad[1], quad[2], quad[3]);
                check_quad(text);
            }
            snprintf(text, sizeof text, "%s.%s.%s", parts[i], parts[j], parts[i]);
            check_quad(text);
            snprintf(text, sizeof text, "%s.%s.%s.%s.1", parts[i], parts[j], parts[i], parts[j]);
            check_quad(text);
        }
    for (int c = 1; c < 256; c++)
        for (size_t at = 0; at <= strlen("10.20.30.40"); at++) { /* in it, or behind it */
            memset(text, 0, sizeof text);
            memcpy(text, "10.20.30.40", strlen("10.20.30.40"));
            text[at] = (char)c;
            check_quad(text);
        }
}

static void from_host_ports(void **state)
{
    static const long bad[] = {-1, 65536, 65536 + 80, LONG_MAX, LONG_MIN};
    union csock_addr addr = untouched;
    socklen_t len = LEN_BEFORE;
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(csock_addr_from_host(AF_INET, "", bad[i], &addr, &len), CSOCK_EPORT);
        assert_int_equal(csock_addr_from_host(AF_INET6, "", bad[i], &addr, &len), CSOCK_EPORT);
        assert_untouched(&addr, len);
    }
    for (int port = 0; port <= 65535; port++) {
        assert_int_equal(csock_addr_from_host(AF_INET, "192.0.2.1", port, &addr, &len), 0);
        assert_int_equal(csock_addr_port(&addr.any, len), port);
        assert_int_equal(csock_addr_from_host(AF_INET6, "::1", port, &addr, &len), 0);
        assert_int_equal(csock_addr_port(&addr.any, len), port);
    }
}

static void from_host_special_names(void **state)
{
    union csock_addr addr;
    socklen_t len = 0;
    (void)state;
    assert_int_equal(csock_addr_from_host(AF_INET, "", 1, &addr, &len), 0);
    assert_int_equal(len, sizeof addr.in);
    assert_int_equal(addr.in.sin_addr.s_addr, htonl(INADDR_ANY));
    assert_int_equal(csock_addr_from_host(AF_INET, "<broadcast>", 1, &addr, &len), 0);
    assert_int_equal(addr.in.sin_addr.s_addr, htonl(INADDR_BROADCAST));
    assert_int_equal(csock_addr_from_host(AF_INET6, "", 258, &addr, &len), 0);
    assert_int_equal(len, sizeof addr.in6);
    assert_memory_equal(&addr.in6.sin6_addr, &in6addr_any, sizeof in6addr_any);
    assert_int_equal(addr.in6.sin6_port, htons(258));
    assert_int_equal(addr.in6.sin6_flowinfo, 0);
    assert_int_equal(addr.in6.sin6_scope_id, 0);
    assert_int_equal(csock_addr_from_host(AF_INET6, "fe80::1%7", 1, &addr, &len), 0);
    assert_int_equal(addr.in6.sin6_scope_id, 7);
}

static void from_host_rejects(void **state)
{
    static const char *const names[] = {"localhost", "127.1", "1.2.3", "1.2.3.4.", "1.2.3.4 ",
                                        "::1%lo",    "a..b",  "%1",    "::g",      "b\374cher"};
    char name[4000];
    union csock_addr addr = untouched;
    socklen_t len = LEN_BEFORE;
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(csock_addr_from_host(AF_INET, names[i], 1, &addr, &len), CSOCK_EHOST);
        assert_int_equal(csock_addr_from_host(AF_INET6, names[i], 1, &addr, &len), CSOCK_EHOST);
    }
    memset(name, '1', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(csock_addr_from_host(AF_INET, name, 1, &addr, &len), CSOCK_EHOST);
    assert_int_equal(csock_addr_from_host(AF_INET6, name, 1, &addr, &len), CSOCK_EHOST);
    assert_int_equal(csock_addr_from_host(AF_INET, "::1", 1, &addr, &len), CSOCK_EHOST);
    assert_int_equal(csock_addr_from_host(AF_INET6, "1.2.3.4", 1, &addr, &len), CSOCK_EHOST);
    assert_int_equal(csock_addr_from_host(AF_INET6, "<broadcast>", 1, &addr, &len), CSOCK_EFAMILY);
    assert_int_equal(csock_addr_from_host(AF_UNIX, "1.2.3.4", 1, &addr, &len), CSOCK_EFAMILY);
    assert_int_equal(csock_addr_from_host(AF_PACKET, "1.2.3.4", 1, &addr, &len), CSOCK_EFAMILY);
    assert_untouched(&addr, len);
}

static void host_is_numeric(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char text[INET6_ADDRSTRLEN] = "before";
    (void)state;
    assert_int_equal(csock_addr_from_host(AF_INET, "192.0.2.1", 80, &addr, &len), 0);
    assert_int_equal(csock_addr_host(&addr.any, len, text, 9), -ENOSPC);
    assert_string_equal(text, "before");
    assert_int_equal(csock_addr_host(&addr.any, len, text, 10), 9);
    assert_string_equal(text, "192.0.2.1");
    assert_int_equal(csock_addr_from_host(AF_INET6, "fe80::1%9", 80, &addr, &len), 0);
    assert_int_equal(csock_addr_host(&addr.any, len, text, sizeof text), 7);
    assert_string_equal(text, "fe80::1");
    assert_int_equal(csock_addr_from_path("/x", 2, &addr, &len), 0);
    assert_int_equal(csock_addr_host(&addr.any, len, text, sizeof text), CSOCK_EFAMILY);
    assert_int_equal(csock_addr_port(&addr.any, len), CSOCK_EFAMILY);
    assert_int_equal(csock_addr_host(&addr.any, 1, text, sizeof text), CSOCK_EADDRLEN);
    assert_int_equal(csock_addr_port(&addr.any, 1), CSOCK_EADDRLEN);
    assert_string_equal(text, "fe80::1");
}

static void from_path_lengths(void **state)
{
    char name[200];
    const char *view;
    (void)state;
    for (size_t n = 0; n < sizeof name; n++) {
        for (int abstract = 0; abstract <= 1; abstract++) {
            union csock_addr addr = untouched;
            socklen_t len = LEN_BEFORE;
            memset(name, 'p', sizeof name);
            name[0] = abstract ? '\0' : 'p';
            int r = csock_addr_from_path(name, n, &addr, &len);
            if (n > (abstract ? 108 : 107)) {
                assert_int_equal(r, CSOCK_EPATH);
                assert_untouched(&addr, len);
                continue;
            }
            assert_int_equal(r, 0);
            assert_int_equal(len, HEAD + n + (n > 0 && !abstract));
            assert_int_equal(csock_addr_path(&addr.any, len, &view), n);
            assert_memory_equal(view, name, n);
        }
    }
}

static void from_path_nul(void **state)
{
    union csock_addr addr = untouched;
    socklen_t len = LEN_BEFORE;
    const char *view;
    (void)state;
    assert_int_equal(csock_addr_from_path("/a\0b", 4, &addr, &len), CSOCK_ENUL);
    assert_int_equal(csock_addr_from_path("/a\0", 3, &addr, &len), CSOCK_ENUL);
    assert_untouched(&addr, len);
    assert_int_equal(csock_addr_from_path("\0a\0b\0", 5, &addr, &len), 0);
    assert_int_equal(len, HEAD + 5);
    assert_int_equal(csock_addr_path(&addr.any, len, &view), 5);
    assert_memory_equal(view, "\0a\0b\0", 5);
    assert_int_equal(csock_addr_from_path(NULL, 0, &addr, &len), 0);
    assert_int_equal(len, HEAD);
}

static void path_of_others(void **state)
{
    union csock_addr addr = {.any.sa_family = AF_INET};
    const char *view = "before";
    (void)state;
    assert_int_equal(csock_addr_path(&addr.any, sizeof addr.in, &view), CSOCK_EFAMILY);
    addr.any.sa_family = AF_UNIX;
    assert_int_equal(csock_addr_path(&addr.any, 0, &view), CSOCK_EADDRLEN);
    assert_int_equal(csock_addr_path(&addr.any, 1, &view), CSOCK_EADDRLEN);
    assert_int_equal(csock_addr_path(&addr.any, HEAD + 110, &view), CSOCK_EADDRLEN);
    assert_string_equal(view, "before");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_host_reads_quads_as_libc_does),
        cmocka_unit_test(from_host_ports),
        cmocka_unit_test(from_host_special_names),
        cmocka_unit_test(from_host_rejects),
        cmocka_unit_test(host_is_numeric),
        cmocka_unit_test(from_path_lengths),
        cmocka_unit_test(from_path_nul),
        cmocka_unit_test(path_of_others),
        cmocka_unit_test(no_system_call_was_made),
    };
    return cmocka_run_group_tests_name("addr_from", tests, setup, NULL);
}

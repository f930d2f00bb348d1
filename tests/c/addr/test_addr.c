/* Addresses: text to address and back, odd lengths, bad input; and that the kernel agrees. */
#include "csock.h"
#include "fake.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)
#define COUNT(list) (sizeof(list) / sizeof *(list))

/* What an output must still hold after a failure. */
static union csock_addr untouched;
static const socklen_t LEN_BEFORE = 12345;

static int setup(void **state)
{
    (void)state;
    memset(&untouched, 0x5a, sizeof untouched);
    return 0;
}

static void assert_untouched(const union csock_addr *addr, socklen_t len)
{
    assert_memory_equal(addr, &untouched, sizeof untouched);
    assert_int_equal(len, LEN_BEFORE);
}

static void parse_gives_format_back(void **state)
{
    static const struct {
        int family;
        const char *text;
        const char *back;
    } rows[] = {
        {AF_INET, "192.0.2.1:80", "192.0.2.1:80"},
        {AF_INET, ":80", "0.0.0.0:80"},
        {AF_INET, "<broadcast>:67", "255.255.255.255:67"},
        {AF_INET, "0.0.0.0:0", "0.0.0.0:0"},
        {AF_INET, "127.0.0.1:65535", "127.0.0.1:65535"},
        {AF_INET, "127.0.0.1:00080", "127.0.0.1:80"},
        {AF_INET6, "[2001:db8::1]:80", "[2001:db8::1]:80"},
        {AF_INET6, "[2001:DB8:0:0::0.0.0.1]:80", "[2001:db8::1]:80"},
        {AF_INET6, ":80", "[::]:80"},
        {AF_INET6, "[::]:0", "[::]:0"},
        {AF_INET6, "[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.1]:1"},
        {AF_INET6, "[fe80::1%2]:80", "[fe80::1%2]:80"},
        {AF_INET6, "[fe80::1%0]:80", "[fe80::1]:80"},
        {AF_INET6, "[ff02::1%4294967295]:65535", "[ff02::1%4294967295]:65535"},
        {AF_INET6, "[1111:2222:3333:4444:5555:6666:255.255.255.255%4294967295]:65535",
         "[1111:2222:3333:4444:5555:6666:ffff:ffff%4294967295]:65535"},
        {AF_UNIX, "/run/x.sock", "/run/x.sock"},
        {AF_UNIX, "x", "x"},
        {AF_UNIX, "@name", "@name"},
        {AF_UNIX, "@", "@"},
        {AF_UNIX, "", ""},
        {AF_UNIX, "a b\\x41", "a b\\x41"},
        {AF_UNIX, "\x01\x7f\xc3\xa4~", "\\x01\\x7f\\xc3\\xa4~"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        union csock_addr addr;
        socklen_t len;
        char text[CSOCK_ADDR_TEXT_MAX];
        assert_int_equal(csock_addr_parse(rows[i].family, rows[i].text, &addr, &len), 0);
        assert_int_equal(addr.any.sa_family, rows[i].family);
        assert_int_equal(csock_addr_format(&addr.any, len, text, sizeof text),
                         strlen(rows[i].back));
        assert_string_equal(text, rows[i].back);
    }
}

static void parse_rejects(void **state)
{
    static const struct {
        int family;
        const char *text;
        int error;
    } rows[] = {
        {AF_INET, "", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:http", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:80 ", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1: 80", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:+80", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:-", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:0x50", CSOCK_ESYNTAX},
        {AF_INET, "192.0.2.1:-1", CSOCK_EPORT},
        {AF_INET, "192.0.2.1:65536", CSOCK_EPORT},
        {AF_INET, "192.0.2.1:4294967376", CSOCK_EPORT},
        {AF_INET, "192.0.2.1:1180591620717411303424", CSOCK_EPORT},
        {AF_INET, "127.1:80", CSOCK_EHOST},
        {AF_INET, "0x7f.0.0.1:80", CSOCK_EHOST},
        {AF_INET, "2130706433:80", CSOCK_EHOST},
        {AF_INET, "127.0.0.01:80", CSOCK_EHOST},
        {AF_INET, "127.0.0.256:80", CSOCK_EHOST},
        {AF_INET, " 127.0.0.1:80", CSOCK_EHOST},
        {AF_INET, "localhost:80", CSOCK_EHOST},
        {AF_INET, "255.255.255.2555:80", CSOCK_EHOST},
        {AF_INET, "::1:80", CSOCK_EHOST},
        {AF_INET, "<BROADCAST>:80", CSOCK_EHOST},
        {AF_INET6, "", CSOCK_ESYNTAX},
        {AF_INET6, "::1", CSOCK_ESYNTAX},
        {AF_INET6, "2001:db8::1:80", CSOCK_ESYNTAX},
        {AF_INET6, "[]:80", CSOCK_ESYNTAX},
        {AF_INET6, "[::1]", CSOCK_ESYNTAX},
        {AF_INET6, "[::1", CSOCK_ESYNTAX},
        {AF_INET6, "[::1]80", CSOCK_ESYNTAX},
        {AF_INET6, "[::1]:", CSOCK_ESYNTAX},
        {AF_INET6, "[::1]:-1", CSOCK_EPORT},
        {AF_INET6, "[::1]:65536", CSOCK_EPORT},
        {AF_INET6, "[192.0.2.1]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%lo]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%1x]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%-1]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%4294967296]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%18446744073709551617]:80", CSOCK_EHOST},
        {AF_INET6, "[::1%1%1]:80", CSOCK_EHOST},
        {AF_INET6, "[1:2:3:4:5:6:7:8:9]:80", CSOCK_EHOST},
        {AF_INET6, "[0001:0002:0003:0004:0005:0006:0007:0008:0009:000a:000b:000c:000d]:80",
         CSOCK_EHOST},
        {AF_INET6, "[<broadcast>]:80", CSOCK_EFAMILY},
        {AF_UNSPEC, "192.0.2.1:80", CSOCK_EFAMILY},
        {AF_KEY, "", CSOCK_EFAMILY},
        {-1, "", CSOCK_EFAMILY},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        union csock_addr addr = untouched;
        socklen_t len = LEN_BEFORE;
        assert_int_equal(csock_addr_parse(rows[i].family, rows[i].text, &addr, &len),
                         rows[i].error);
        assert_untouched(&addr, len);
    }
}

static void parse_unix_lengths(void **state)
{
    union csock_addr addr = untouched;
    socklen_t len = LEN_BEFORE;
    char text[200];
    (void)state;
    memset(text, 'p', sizeof text);
    for (size_t n = 108; n < sizeof text; n++) {
        text[0] = 'p';
        text[n] = '\0';
        assert_int_equal(csock_addr_parse(AF_UNIX, text, &addr, &len), CSOCK_EPATH);
        text[0] = '@';
        assert_int_equal(csock_addr_parse(AF_UNIX, text, &addr, &len), n == 108 ? 0 : CSOCK_EPATH);
        if (n == 108) {
            assert_int_equal(len, HEAD + 108);
            addr = untouched;
            len = LEN_BEFORE;
        }
        assert_untouched(&addr, len);
        text[n] = 'p';
    }
    text[0] = 'p';
    text[107] = '\0';
    assert_int_equal(csock_addr_parse(AF_UNIX, text, &addr, &len), 0);
    assert_int_equal(len, HEAD + 108);
}

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

static void format_marks_at_files(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_addr_from_path("@x", 2, &addr, &len), 0);
    assert_int_equal(csock_addr_format(&addr.any, len, text, sizeof text), 4);
    assert_string_equal(text, "./@x");
}

/* As programs have them: aligned as their own type asks, which is less than the union does. */
static void a_plain_sockaddr_will_do(void **state)
{
    struct {
        _Alignas(8) uint32_t before;
        struct sockaddr_in in;
    } odd = {.in = {.sin_family = AF_INET,
                    .sin_port = htons(9),
                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    const struct sockaddr *addr = (const struct sockaddr *)&odd.in;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal((uintptr_t)addr % 8, 4);
    assert_int_equal(csock_addr_format(addr, sizeof odd.in, text, sizeof text), 11);
    assert_string_equal(text, "127.0.0.1:9");
    assert_int_equal(csock_addr_host(addr, sizeof odd.in, text, sizeof text), 9);
    assert_int_equal(csock_addr_port(addr, sizeof odd.in), 9);
}

/* An address in a block of just len bytes, so that ASan sees a read beyond it. */
static void format_cut(const union csock_addr *addr, socklen_t len, int expected_error)
{
    union csock_addr *cut = malloc(len ? len : 1);
    char text[CSOCK_ADDR_TEXT_MAX] = "before";
    assert_non_null(cut);
    memcpy(cut, addr, len);
    int r = csock_addr_format(&cut->any, len, text, sizeof text);
    if (expected_error) {
        assert_int_equal(r, expected_error);
        assert_string_equal(text, "before");
    } else {
        assert_int_equal(r, strlen(text));
    }
    free(cut);
}

static void format_never_reads_beyond_len(void **state)
{
    const socklen_t whole = sizeof(union csock_addr);
    (void)state;
    for (socklen_t len = 0; len <= whole; len++) {
        union csock_addr addr;
        memset(&addr, 'x', sizeof addr);
        addr.any.sa_family = AF_INET;
        format_cut(&addr, len, len < 16 ? CSOCK_EADDRLEN : 0);
        addr.any.sa_family = AF_INET6;
        format_cut(&addr, len, len < 24 ? CSOCK_EADDRLEN : 0);
        addr.any.sa_family = AF_UNIX; /* 111: a path of 108 bytes and its NUL */
        format_cut(&addr, len, len < 2 || len > 111 ? CSOCK_EADDRLEN : 0);
        addr.any.sa_family = AF_MAX;
        format_cut(&addr, len, len < 2 ? CSOCK_EADDRLEN : CSOCK_EFAMILY);
    }
    union csock_addr addr = {.in.sin_family = AF_INET};
    char text[CSOCK_ADDR_TEXT_MAX];
    assert_int_equal(csock_addr_format(&addr.any, whole + 1, text, sizeof text), CSOCK_EADDRLEN);
    assert_int_equal(csock_addr_format(&addr.any, (socklen_t)-1, text, sizeof text),
                     CSOCK_EADDRLEN);
}

static void format_scope_only_if_given(void **state)
{
    union csock_addr addr = {.in6.sin6_family = AF_INET6, .in6.sin6_scope_id = 3};
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_addr_format(&addr.any, 28, text, sizeof text), 8);
    assert_string_equal(text, "[::%3]:0");
    assert_int_equal(csock_addr_format(&addr.any, 27, text, sizeof text), 6);
    assert_string_equal(text, "[::]:0");
}

static void format_longest_fits(void **state)
{
    union csock_addr addr;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    memset(&addr, 0xff, sizeof addr);
    addr.any.sa_family = AF_UNIX;
    assert_int_equal(csock_addr_format(&addr.any, HEAD + 109, text, sizeof text), 4 * 109);
    addr.any.sa_family = AF_INET6;
    assert_true(csock_addr_format(&addr.any, sizeof addr.in6, text, sizeof text) > 0);
    assert_string_equal(text, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    addr.any.sa_family = AF_INET;
    assert_int_equal(csock_addr_format(&addr.any, sizeof addr.in, text, sizeof text), 21);
}

static void format_needs_room(void **state)
{
    static const struct {
        int family;
        const char *text;
    } rows[] = {
        {AF_INET, "192.0.2.1:80"}, {AF_INET6, "[fe80::1%2]:80"}, {AF_UNIX, "@name"}, {AF_UNIX, ""}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        union csock_addr addr;
        socklen_t len;
        size_t n = strlen(rows[i].text);
        assert_int_equal(csock_addr_parse(rows[i].family, rows[i].text, &addr, &len), 0);
        for (size_t size = 0; size <= n + 1; size++) {
            char *text = malloc(size + 1); /* one byte of "untouched" */
            assert_non_null(text);
            memset(text, 'z', size + 1);
            int r = csock_addr_format(&addr.any, len, text, size);
            assert_int_equal(r, size <= n ? -ENOSPC : (int)n);
            assert_int_equal(text[size <= n ? 0 : size], 'z');
            free(text);
        }
    }
}

static uint32_t random32(void)
{
    static uint64_t x = 88172645463325252u;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return (uint32_t)(x >> 16);
}

/* Half the bytes are zero, so that the "::" of IPv6 is met in all places. */
static void random_bytes(void *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((unsigned char *)to)[i] = random32() & 1 ? 0 : (unsigned char)random32();
}

static void assert_round_trip(const union csock_addr *addr, socklen_t len)
{
    char text[CSOCK_ADDR_TEXT_MAX];
    union csock_addr back;
    socklen_t back_len;
    assert_true(csock_addr_format(&addr->any, len, text, sizeof text) >= 0);
    assert_int_equal(csock_addr_parse(addr->any.sa_family, text, &back, &back_len), 0);
    assert_int_equal(back_len, len);
    assert_memory_equal(&back, addr, len);
}

static void any_address_survives_a_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 50000; i++) {
        union csock_addr in = {.in.sin_family = AF_INET};
        union csock_addr in6 = {.in6.sin6_family = AF_INET6};
        union csock_addr un;
        char name[108];
        socklen_t len;
        in.in.sin_port = (in_port_t)random32();
        in.in.sin_addr.s_addr = random32();
        assert_round_trip(&in, sizeof in.in);

        in6.in6.sin6_port = (in_port_t)random32();
        random_bytes(&in6.in6.sin6_addr, sizeof in6.in6.sin6_addr);
        in6.in6.sin6_scope_id = random32() & 1 ? random32() : 0;
        assert_round_trip(&in6, sizeof in6.in6);

        size_t n = random32() % 108;
        for (size_t k = 0; k < n; k++)
            name[k] = (char)(' ' + random32() % 95);
        if (n && (name[0] == '@' || random32() & 1))
            name[0] = '\0';
        assert_int_equal(csock_addr_from_path(name, n, &un, &len), 0);
        assert_round_trip(&un, len);
    }
}

/* No text whatever makes parse crash, and what it takes it gives back in a form it takes again. */
static void any_text_is_parsed_or_refused(void **state)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    static const char alphabet[] = "0123456789abcdef::::....[]%<>@-/x";
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[40];
        size_t n = random32() % sizeof text;
        for (size_t k = 0; k < n; k++)
            text[k] = alphabet[random32() % (sizeof alphabet - 1)];
        text[n] = '\0';
        union csock_addr addr = untouched;
        socklen_t len = LEN_BEFORE;
        int r = csock_addr_parse(families[random32() % 3], text, &addr, &len);
        if (r < 0)
            assert_untouched(&addr, len);
        else
            assert_round_trip(&addr, len);
    }
}

/* Binds fd to the text and expects the kernel to call it so. */
static void assert_kernel_agrees(int family, const char *text)
{
    union csock_addr addr;
    socklen_t len;
    char back[CSOCK_ADDR_TEXT_MAX];
    int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EAFNOSUPPORT)
        return; /* a kernel without IPv6 */
    assert_true(fd >= 0);
    assert_int_equal(csock_addr_parse(family, text, &addr, &len), 0);
    assert_int_equal(bind(fd, &addr.any, len), 0);
    len = sizeof addr;
    assert_int_equal(getsockname(fd, &addr.any, &len), 0);
    assert_true(csock_addr_format(&addr.any, len, back, sizeof back) > 0);
    close(fd);
    if (family == AF_UNIX) {
        assert_string_equal(back, text);
    } else {
        int port = csock_addr_port(&addr.any, len);
        assert_true(port > 0);
        assert_int_equal(csock_addr_parse(family, back, &addr, &len), 0);
        assert_int_equal(csock_addr_port(&addr.any, len), port);
    }
}

static void kernel_agrees(void **state)
{
    char name[109];
    char dir[] = "/tmp/csock-addr-XXXXXX";
    (void)state;
    assert_kernel_agrees(AF_INET, "127.0.0.1:0");
    assert_kernel_agrees(AF_INET6, ":0");
    memset(name, 'n', sizeof name);
    snprintf(name, 40, "@csock-test-%d-", (int)getpid());
    name[strlen(name)] = 'n';
    name[108] = '\0';
    assert_kernel_agrees(AF_UNIX, name);

    assert_non_null(mkdtemp(dir));
    memset(name, 'n', sizeof name);
    memcpy(name, dir, sizeof dir - 1);
    name[sizeof dir - 1] = '/';
    name[107] = '\0';
    assert_kernel_agrees(AF_UNIX, name);
    unlink(name);
    rmdir(dir);
}

/* unix(7), "BUGS": Linux takes 108 bytes without a NUL, and gives them back with one. */
static void kernel_gives_unterminated_path(void **state)
{
    char dir[] = "/tmp/csock-addr-XXXXXX";
    union csock_addr addr = {.un.sun_family = AF_UNIX};
    const char *view;
    char path[109] = "";
    (void)state;
    assert_non_null(mkdtemp(dir));
    memset(addr.un.sun_path, 'n', 108);
    memcpy(addr.un.sun_path, dir, sizeof dir - 1);
    addr.un.sun_path[sizeof dir - 1] = '/';
    memcpy(path, addr.un.sun_path, 108);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &addr.any, sizeof addr.un), 0);
    socklen_t len = sizeof addr;
    assert_int_equal(getsockname(fd, &addr.any, &len), 0);
    close(fd);
    unlink(path);
    rmdir(dir);
    assert_int_equal(len, 111);
    assert_int_equal(csock_addr_path(&addr.any, len, &view), 108);
    assert_memory_equal(view, path, 108);
}

/* Everything above ran on the scripted table: not one of its entries may have been called. */
static void no_system_call_was_made(void **state)
{
    (void)state;
    for (int entry = 0; entry < FAKE_N; entry++)
        assert_int_equal(fake_calls((enum fake_entry)entry), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_gives_format_back),
        cmocka_unit_test(parse_rejects),
        cmocka_unit_test(parse_unix_lengths),
        cmocka_unit_test(from_host_reads_quads_as_libc_does),
        cmocka_unit_test(from_host_ports),
        cmocka_unit_test(from_host_special_names),
        cmocka_unit_test(from_host_rejects),
        cmocka_unit_test(host_is_numeric),
        cmocka_unit_test(from_path_lengths),
        cmocka_unit_test(from_path_nul),
        cmocka_unit_test(path_of_others),
        cmocka_unit_test(format_marks_at_files),
        cmocka_unit_test(format_never_reads_beyond_len),
        cmocka_unit_test(a_plain_sockaddr_will_do),
        cmocka_unit_test(format_scope_only_if_given),
        cmocka_unit_test(format_longest_fits),
        cmocka_unit_test(format_needs_room),
        cmocka_unit_test(any_address_survives_a_round_trip),
        cmocka_unit_test(any_text_is_parsed_or_refused),
        cmocka_unit_test(kernel_agrees),
        cmocka_unit_test(kernel_gives_unterminated_path),
        cmocka_unit_test(no_system_call_was_made),
    };
    fake_install();
    return cmocka_run_group_tests_name("addr", tests, setup, NULL);
}

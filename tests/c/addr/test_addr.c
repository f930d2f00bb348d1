/* Addresses: text to address and back, odd lengths, bad input. */
#include "untouched.h"

#include <arpa/inet.h>

#define HEAD offsetof(struct sockaddr_un, sun_path)

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

/* What follows those bytes in memory is the scope, which is 0, too. */
static void zeros_end_with_the_address(void **state)
{
    static const struct {
        const char *text, *host;
    } rows[] = {
        {"[::]:0", "::"},
        {"[1::]:0", "1::"},
        {"[1:2:3:4:5:6::]:0", "1:2:3:4:5:6::"},
        {"[1:2:3:4:5:6:7:0]:0", "1:2:3:4:5:6:7:0"},
        {"[1:0:0:2:3:4:0:0]:0", "1::2:3:4:0:0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        union csock_addr addr;
        socklen_t len;
        char text[CSOCK_ADDR_TEXT_MAX];
        assert_int_equal(csock_addr_parse(AF_INET6, rows[i].text, &addr, &len), 0);
        assert_int_equal(addr.in6.sin6_scope_id, 0);
        assert_int_equal(csock_addr_host(&addr.any, len, text, sizeof text), strlen(rows[i].host));
        assert_string_equal(text, rows[i].host);
    }
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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_gives_format_back),
        cmocka_unit_test(parse_rejects),
        cmocka_unit_test(parse_unix_lengths),
        cmocka_unit_test(format_marks_at_files),
        cmocka_unit_test(format_never_reads_beyond_len),
        cmocka_unit_test(a_plain_sockaddr_will_do),
        cmocka_unit_test(format_scope_only_if_given),
        cmocka_unit_test(zeros_end_with_the_address),
        cmocka_unit_test(format_longest_fits),
        cmocka_unit_test(format_needs_room),
        cmocka_unit_test(no_system_call_was_made),
    };
    return cmocka_run_group_tests_name("addr", tests, setup, NULL);
}

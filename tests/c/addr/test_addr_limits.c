/* Addresses at the limits of their texts: runs of zeros, embedded quads, digits in capitals, and
 * lengths that the address itself claims. */
#include "util.h"

/* Fills the stack that the next call will use: what lies beyond an address there. */
static void __attribute__((noinline)) poison_stack(int fill)
{
    char junk[4096];
    memset(junk, fill, sizeof junk);
    __asm__ volatile("" : : "r"(junk) : "memory");
}

static void expect_text(int family, const char *from, const char *to)
{
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];
    assert_int_equal(csock_addr_parse(family, from, &addr, &len), 0);
    poison_stack(0);
    assert_int_equal(csock_addr_format(&addr.any, len, text, sizeof text), strlen(to));
    assert_string_equal(text, to);
}

/* RFC 5952, 4.2: the longest run, of those the first, and never a single one. RFC 4291, 2.5.5: a
 * quad behind ::ffff: and, but for :: and ::1, behind ::. */
static void zeros_are_shortened_by_the_rules(void **state)
{
    static const char *const rows[][2] = {
        {"0:0:0:0:0:0:0:0", "::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"0:0:0:0:0:0:102:304", "::1.2.3.4"},
        {"0:0:0:0:0:ffff:102:304", "::ffff:1.2.3.4"},
        {"0:0:0:0:0:fffe:102:304", "::fffe:102:304"},
        {"0:0:0:0:5:ffff:102:304", "::5:ffff:102:304"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"1:0:0:0:0:0:0:2", "1::2"},
        {"1:0:0:0:0:0:0:0", "1::"},
        {"1:2:0:0:0:0:0:0", "1:2::"},
        {"1:0:0:0:0:0:7:8", "1::7:8"},
        {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
        {"1:0:0:2:0:0:0:4", "1:0:0:2::4"},
        {"0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"1:0:3:0:5:0:7:0", "1:0:3:0:5:0:7:0"},
        {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
        {"10:100:1000:ffff:0:a0:b00:c000", "10:100:1000:ffff:0:a0:b00:c000"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char from[64], to[64];
        snprintf(from, sizeof from, "[%s]:1", rows[i][0]);
        snprintf(to, sizeof to, "[%s]:1", rows[i][1]);
        expect_text(AF_INET6, from, to);
    }
}

static void numbers_may_have_capitals(void **state)
{
    (void)state;
    expect_text(AF_NETLINK, "0xABCDEF:0XFEDCBA", "11259375:0xfedcba");
    expect_text(AF_NETLINK, "0xabcdef:0x09", "11259375:0x9");
}

static void an_unnamed_unix_address_has_no_text(void **state)
{
    union csock_addr addr;
    char text[CSOCK_ADDR_TEXT_MAX] = "before";
    (void)state;
    addr.un.sun_family = AF_UNIX;
    poison_stack('@');
    assert_int_equal(csock_addr_format(&addr.any, sizeof addr.un.sun_family, text, sizeof text), 0);
    assert_string_equal(text, "");
}

/* It says how long its hardware address is; what came may be shorter. */
static void a_hardware_address_ends_with_what_came(void **state)
{
    union csock_addr addr;
    socklen_t len;
    char text[CSOCK_ADDR_TEXT_MAX];
    (void)state;
    assert_int_equal(csock_addr_parse(AF_PACKET, "2:3:4:5:0011223344556677", &addr, &len), 0);
    for (socklen_t cut = 0; cut <= 8; cut++) {
        assert_true(csock_addr_format(&addr.any, len - cut, text, sizeof text) > 0);
        char expected[] = "2:0x0003:4:5:0011223344556677";
        expected[sizeof expected - 1 - 2 * cut - (cut == 8)] = '\0'; /* with its colon */
        assert_string_equal(text, expected);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(zeros_are_shortened_by_the_rules),
        TEST(numbers_may_have_capitals),
        TEST(an_unnamed_unix_address_has_no_text),
        TEST(a_hardware_address_ends_with_what_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Addresses: random ones and random texts; and that the kernel agrees. */
#include "untouched.h"

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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_address_survives_a_round_trip),
        cmocka_unit_test(any_text_is_parsed_or_refused),
        cmocka_unit_test(kernel_agrees),
        cmocka_unit_test(kernel_gives_unterminated_path),
        cmocka_unit_test(no_system_call_was_made),
    };
    return cmocka_run_group_tests_name("addr_any", tests, setup, NULL);
}

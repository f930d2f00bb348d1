/* Options on real sockets, and how failures come back. */
#include "util.h"

#include <netinet/tcp.h>

static struct csock tcp;

static int setup(void **state)
{
    (void)state;
    fake_install();
    tcp = (struct csock)CSOCK_INIT;
    return csock_open(&tcp, AF_INET, SOCK_STREAM, 0, 0);
}

static int teardown(void **state)
{
    (void)state;
    csock_close(&tcp);
    fake_remove();
    return 0;
}

static void ints_are_set_and_read(void **state)
{
    int value = -1;
    (void)state;
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, SO_REUSEADDR, &value), 0);
    assert_int_equal(value, 0);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, SO_REUSEADDR, &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, SO_TYPE, &value), 0);
    assert_int_equal(value, SOCK_STREAM);
}

static void buffers_are_set_and_read(void **state)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 7};
    struct linger back = {0};
    socklen_t len = sizeof back;
    char name[64] = "";
    (void)state;
    assert_int_equal(csock_opt_set(&tcp, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_LINGER, &back, &len), 0);
    assert_int_equal(len, sizeof back);
    assert_memory_equal(&back, &linger, sizeof back);
    csock_opt_set(&tcp, SOL_SOCKET, SO_LINGER, &(struct linger){0}, sizeof linger);
    util_not_emulated("SO_LINGER is written whole, most others as an int, whatever the length");
    len = 2; /* no more than there is room for */
    memset(name, 'z', sizeof name);
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_LINGER, name, &len), 0);
    assert_int_equal(len, 2);
    assert_int_equal(name[2], 'z');
    len = sizeof name;
    memset(name, 0, sizeof name);
    assert_int_equal(csock_opt_get(&tcp, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
    assert_true(len >= 1 && len <= sizeof name);
    assert_true(strlen(name) > 0);
}

/* A bound device's name is empty here: the kernel writes nothing, which reads as 0. */
static void int_of_an_option_that_fills_less(void **state)
{
    int value = -1;
    (void)state;
    util_not_emulated("it writes a byte that the kernel did not");
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, SO_BINDTODEVICE, &value), 0);
    assert_int_equal(value, 0);
}

static int seen_level, seen_name;
static const void *seen_value;
static socklen_t seen_len;

static int record_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    (void)fd;
    seen_level = level;
    seen_name = name;
    seen_value = value;
    seen_len = len;
    return 0;
}

/* AF_ALG is not in every kernel: what matters is what would reach it. */
static void absent_value_reaches_the_kernel(void **state)
{
    (void)state;
    seen_value = &tcp;
    fake_under()->setsockopt = record_setsockopt;
    assert_int_equal(csock_opt_set_absent(&tcp, 279, 5, 16), 0);
    assert_int_equal(seen_level, 279);
    assert_int_equal(seen_name, 5);
    assert_null(seen_value);
    assert_int_equal(seen_len, 16);
    /* no value to look at, although the name is the one that is looked at */
    assert_int_equal(csock_opt_set_absent(&tcp, SOL_SOCKET, SO_RCVLOWAT, sizeof(int)), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0);
}

/* valgrind would rightly miss the memory that the length promises. */
static void a_length_below_0_is_einval(void **state)
{
    char buf[8] = "before";
    socklen_t len = (socklen_t)-1;
    (void)state;
    if (getenv("CSOCK_VALGRIND"))
        skip();
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_REUSEADDR, buf, &len), -EINVAL);
    assert_int_equal(len, (socklen_t)-1);
    assert_string_equal(buf, "before");
}

static void kernel_errors_come_back(void **state)
{
    int value = 42;
    char buf[8] = "before";
    socklen_t len = sizeof buf;
    (void)state;
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, 9999, &value), -ENOPROTOOPT);
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, 9999, buf, &len), -ENOPROTOOPT);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
    assert_int_equal(csock_opt_set(&tcp, SOL_SOCKET, SO_REUSEADDR, buf, 1), -EINVAL);
    fake_fail(FAKE_GETSOCKOPT, 1, ENOMEM);
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_REUSEADDR, buf, &len), -ENOMEM);
    fake_fail(FAKE_SETSOCKOPT, 1, EPERM);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_MARK, 1), -EPERM);
    assert_int_equal(value, 42);
    assert_string_equal(buf, "before");
    assert_int_equal(len, sizeof buf);
}

static int say_more(int fd, int level, int name, void *value, socklen_t *len)
{
    (void)fd, (void)level, (void)name;
    seen_len = *len;
    memset(value, 1, *len);
    *len = 100;
    return 0;
}

/* As NETLINK_LIST_MEMBERSHIPS and SO_GET_FILTER do. */
static void no_more_is_returned_than_was_written(void **state)
{
    char buf[24];
    socklen_t len = sizeof buf;
    (void)state;
    fake_under()->getsockopt = say_more;
    assert_int_equal(csock_opt_get(&tcp, 270, 9, buf, &len), 0);
    assert_int_equal(seen_len, sizeof buf);
    assert_int_equal(len, sizeof buf);
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_GET_FILTER, buf, &len), 0);
    assert_int_equal(seen_len, 3);
    assert_int_equal(len, sizeof buf);
    len = 7;
    assert_int_equal(csock_opt_get(&tcp, SOL_SOCKET, SO_GET_FILTER, buf, &len), 0);
    assert_int_equal(seen_len, 0);
    assert_int_equal(len, 0);
}

/* A send that begins the connection waits for it, which a try would not: tcp(7). */
static void fast_open_is_not_tried(void **state)
{
    (void)state;
    assert_int_equal(csock_opt_set_int(&tcp, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0);
    assert_int_equal(csock_opt_set_int(&tcp, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, CSOCK_NO_TRY);
}

/* Receives must not be tried first while SO_RCVLOWAT is in force. */
static void low_water_mark_is_noticed(void **state)
{
    int two[2] = {64, 0};
    (void)state;
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, 10), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, CSOCK_NO_TRY);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, 1), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, -1), 0); /* INT_MAX */
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, CSOCK_NO_TRY);
    assert_int_equal(csock_opt_set(&tcp, SOL_SOCKET, SO_RCVLOWAT, two, sizeof two), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, CSOCK_NO_TRY);
    fake_fail(FAKE_SETSOCKOPT, 1, EINVAL); /* not changed, so not forgotten */
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, 0), -EINVAL);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, CSOCK_NO_TRY);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, 0), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0);
    /* the same number at another level is another option */
    assert_int_equal(csock_opt_set_int(&tcp, IPPROTO_IP, IP_TTL, 64), 0);
    fake_under()->setsockopt = record_setsockopt;
    assert_int_equal(csock_opt_set_int(&tcp, IPPROTO_IP, SO_RCVLOWAT, 64), 0);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0);
}

/* On a duplicate it is set without a word to the others; who asks knows. */
static void low_water_mark_of_a_duplicate_is_found(void **state)
{
    struct csock copy;
    int value;
    (void)state;
    assert_int_equal(csock_opt_get_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, &value), 0);
    assert_int_equal(value, 1);
    assert_int_equal(csock_flags(&tcp) & CSOCK_NO_TRY, 0); /* that is what a try gives, too */
    assert_int_equal(csock_dup(&tcp, &copy), 0);
    assert_int_equal(csock_opt_set_int(&tcp, SOL_SOCKET, SO_RCVLOWAT, 10), 0);
    assert_int_equal(csock_flags(&copy) & CSOCK_NO_TRY, 0);
    assert_int_equal(csock_opt_get_int(&copy, SOL_SOCKET, SO_TYPE, &value), 0);
    assert_int_equal(csock_flags(&copy) & CSOCK_NO_TRY, 0);
    assert_int_equal(csock_opt_get_int(&copy, SOL_SOCKET, SO_RCVLOWAT, &value), 0);
    assert_int_equal(value, 10);
    assert_int_equal(csock_flags(&copy) & CSOCK_NO_TRY, CSOCK_NO_TRY);
    assert_int_equal(csock_close(&copy), 0);
}

static void closed_socket_is_ebadf(void **state)
{
    struct csock s = CSOCK_INIT;
    int value = 42;
    socklen_t len = sizeof value;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_DGRAM, 0, 0), 0);
    assert_int_equal(csock_close(&s), 0);
    unsigned gets = fake_calls(FAKE_GETSOCKOPT), sets = fake_calls(FAKE_SETSOCKOPT);
    assert_int_equal(csock_opt_get_int(&s, SOL_SOCKET, SO_TYPE, &value), -EBADF);
    assert_int_equal(csock_opt_get(&s, SOL_SOCKET, SO_TYPE, &value, &len), -EBADF);
    assert_int_equal(csock_opt_set_int(&s, SOL_SOCKET, SO_REUSEADDR, 1), -EBADF);
    assert_int_equal(csock_opt_set(&s, SOL_SOCKET, SO_REUSEADDR, &value, len), -EBADF);
    assert_int_equal(csock_opt_set_absent(&s, SOL_SOCKET, SO_REUSEADDR, len), -EBADF);
    assert_int_equal(value, 42);
    assert_int_equal(len, sizeof value);
    assert_int_equal(fake_calls(FAKE_GETSOCKOPT), gets);
    assert_int_equal(fake_calls(FAKE_SETSOCKOPT), sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ints_are_set_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(buffers_are_set_and_read, setup, teardown),
        cmocka_unit_test_setup_teardown(int_of_an_option_that_fills_less, setup, teardown),
        cmocka_unit_test_setup_teardown(absent_value_reaches_the_kernel, setup, teardown),
        cmocka_unit_test_setup_teardown(a_length_below_0_is_einval, setup, teardown),
        cmocka_unit_test_setup_teardown(kernel_errors_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_is_returned_than_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(low_water_mark_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(low_water_mark_of_a_duplicate_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(fast_open_is_not_tried, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_socket_is_ebadf, setup, teardown),
    };
    return cmocka_run_group_tests_name("opt", tests, NULL, NULL);
}

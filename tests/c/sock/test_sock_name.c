/* Calls that do not wait: names, shutdown, backlog, blocking mode. */
#include "util.h"

static void names_of_both_ends(void **state)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    (void)state;
    for (unsigned i = 0; i < COUNT(families); i++) {
        struct csock listener, client, conn;
        union csock_addr addr, name;
        socklen_t len, l = 999;
        util_listener(&listener, families[i], 1, &addr, &len);
        assert_int_equal(csock_peername(&listener, &name, &l), -ENOTCONN);
        assert_int_equal(l, 999); /* untouched */
        assert_int_equal(csock_open(&client, families[i], SOCK_STREAM, 0, 0), 0);
        assert_int_equal(csock_connect(&client, &addr.any, len, NULL), 0);
        assert_int_equal(csock_peername(&client, &name, &l), 0);
        assert_int_equal(l, len);
        assert_memory_equal(&name, &addr, len);
        union csock_addr peer;
        socklen_t peer_len;
        assert_int_equal(csock_accept(&listener, &conn, &peer, &peer_len, NULL), 0);
        assert_int_equal(csock_sockname(&client, &name, &l), 0);
        assert_int_equal(peer_len, l);
        assert_memory_equal(&peer, &name, l);
        util_close(&conn);
        util_close(&client);
        util_close(&listener);
    }
}

static int too_long(int fd, struct sockaddr *addr, socklen_t *len)
{
    (void)fd;
    addr->sa_family = AF_PACKET;
    *len = 5000; /* getsockname(2): "the value may be larger than was supplied" */
    return 0;
}

static void a_name_longer_than_any_address_is_cut(void **state)
{
    struct csock s;
    union csock_addr name;
    socklen_t len;
    (void)state;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    fake_under()->getsockname = too_long;
    assert_int_equal(csock_sockname(&s, &name, &len), 0);
    assert_int_equal(len, sizeof name);
    util_close(&s);
}

static void shutdown_ends_one_direction(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    util_pair(s, AF_INET, SOCK_STREAM);
    assert_int_equal(csock_shutdown(&s[0], SHUT_WR), 0);
    assert_int_equal(csock_recv(&s[1], &byte, 1, 0, NULL), 0);
    assert_int_equal(csock_send(&s[1], "x", 1, 0, NULL), 1);
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, NULL), 1);
    assert_int_equal(csock_shutdown(&s[0], 77), -EINVAL);
    util_close(&s[0]);
    util_close(&s[1]);
}

static int last_backlog;

static int note_backlog(int fd, int backlog)
{
    last_backlog = backlog;
    return csock__sys_linux.listen(fd, backlog);
}

static void a_backlog_below_zero_counts_as_zero(void **state)
{
    struct csock s;
    (void)state;
    fake_under()->listen = note_backlog;
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    assert_int_equal(csock_listen(&s, -5), 0);
    assert_int_equal(last_backlog, 0);
    assert_int_equal(csock_listen(&s, 7), 0);
    assert_int_equal(last_backlog, 7);
    util_close(&s);
}

static void the_mode_is_the_descriptors_own(void **state)
{
    struct csock s[2];
    char byte;
    (void)state;
    util_pair(s, AF_UNIX, SOCK_STREAM);
    assert_int_equal(csock_set_blocking(&s[0], false), 0);
    assert_true(util_is_nonblocking(&s[0]));
    assert_int_equal(csock_recv(&s[0], &byte, 1, 0, WITHIN(MS)), CSOCK_ETIMEOUT);
    assert_int_equal(csock_set_blocking(&s[0], true), 0);
    assert_false(util_is_nonblocking(&s[0]));
    /* Behind the library's back: test_shared_mode.c has what a call makes of it. */
    fcntl(csock_fd(&s[0]), F_SETFL, O_NONBLOCK);
    assert_int_equal(csock_get_blocking(&s[0]), false);
    fake_fail(FAKE_SET_NONBLOCK, 1, EIO);
    assert_int_equal(csock_set_blocking(&s[0], false), -EIO);
    assert_int_equal(s[0].flags & CSOCK_NONBLOCK, 0);
    fake_fail(FAKE_GET_NONBLOCK, 1, EIO);
    assert_int_equal(csock_get_blocking(&s[0]), -EIO);
    util_close(&s[0]);
    util_close(&s[1]);
}

/* EINTR of calls that do not wait comes back, once, and the socket is as it was: bind can. */
static void eintr_of_calls_that_do_not_wait(void **state)
{
    struct csock s;
    union csock_addr addr;
    socklen_t len;
    (void)state;
    assert_int_equal(csock_addr_parse(AF_INET, "127.0.0.1:0", &addr, &len), 0);
    assert_int_equal(csock_open(&s, AF_INET, SOCK_STREAM, 0, 0), 0);
    static const enum fake_entry entries[] = {FAKE_BIND,        FAKE_LISTEN,
                                              FAKE_SHUTDOWN,    FAKE_GETSOCKNAME,
                                              FAKE_GETPEERNAME, FAKE_SET_NONBLOCK};
    for (unsigned i = 0; i < COUNT(entries); i++)
        fake_fail(entries[i], 1, EINTR);
    assert_int_equal(csock_bind(&s, &addr.any, len), -EINTR);
    assert_int_equal(csock_bind(&s, &addr.any, len), 0);
    assert_int_equal(csock_listen(&s, 1), -EINTR);
    assert_int_equal(csock_listen(&s, 1), 0);
    assert_int_equal(csock_sockname(&s, &addr, &len), -EINTR);
    assert_int_equal(csock_sockname(&s, &addr, &len), 0);
    assert_int_equal(csock_peername(&s, &addr, &len), -EINTR);
    assert_int_equal(csock_set_blocking(&s, false), -EINTR);
    assert_int_equal(csock_set_blocking(&s, false), 0);
    assert_int_equal(csock_shutdown(&s, SHUT_RD), -EINTR);
    assert_int_equal(csock_shutdown(&s, SHUT_RD), 0);
    util_close(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(names_of_both_ends),
        TEST(a_name_longer_than_any_address_is_cut),
        TEST(shutdown_ends_one_direction),
        TEST(a_backlog_below_zero_counts_as_zero),
        TEST(the_mode_is_the_descriptors_own),
        TEST(eintr_of_calls_that_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
